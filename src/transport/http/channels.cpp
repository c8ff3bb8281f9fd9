#include "transport/http/channels.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace updraft::http {

namespace asio = net::asio;

UploadChannel::UploadChannel(asio::io_context& loop, std::optional<std::int64_t> length)
    : changed(loop), loop_(loop), length_(length) {}

std::string UploadChannel::read() {
    std::unique_lock lock(mutex_);
    if (!std::exchange(asked_, true)) {
        wake();
    }
    more_.wait(lock, [this] { return !chunks_.empty() || finished_ || cut_; });
    if (cut_) {
        throw BodyCut();
    }
    if (chunks_.empty()) {
        return {};
    }
    const bool was_full = chunks_.size() >= chunks_max;
    std::string chunk = std::move(chunks_.front());
    chunks_.pop_front();
    if (was_full) {
        wake();
    }
    return chunk;
}

bool UploadChannel::asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
}

bool UploadChannel::full() const {
    const std::lock_guard lock(mutex_);
    return chunks_.size() >= chunks_max;
}

void UploadChannel::push(std::string chunk) {
    const std::lock_guard lock(mutex_);
    constexpr std::size_t small_bytes = 4096;
    if (chunk.size() <= small_bytes && !chunks_.empty() &&
        chunks_.back().size() + chunk.size() <= chunk_bytes) {
        chunks_.back().append(chunk);  // what comes byte by byte does not fill it
    } else {
        chunks_.push_back(std::move(chunk));
    }
    more_.notify_one();
}

void UploadChannel::finish() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    more_.notify_one();
}

void UploadChannel::cut() {
    const std::lock_guard lock(mutex_);
    if (!finished_) {
        cut_ = true;
        more_.notify_one();
    }
}

void UploadChannel::wake() {
    asio::post(loop_, [self = shared_from_this()] { self->changed.notify(); });
}

bool AnswerChannel::write(std::string_view bytes) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return bytes_.size() < bytes_max || abandoned_; });
    if (abandoned_) {
        return false;
    }
    const bool was_empty = bytes_.empty();
    bytes_.append(bytes);
    if (was_empty && !bytes.empty()) {
        wake();
    }
    return true;
}

void AnswerChannel::end(End how) {
    const std::lock_guard lock(mutex_);
    end_ = how;
    if (!abandoned_) {
        wake();
    }
}

AnswerChannel::Taken AnswerChannel::take() {
    const std::lock_guard lock(mutex_);
    room_.notify_one();
    return {std::exchange(bytes_, {}), end_};
}

void AnswerChannel::abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    room_.notify_one();
}

void AnswerChannel::wake() {
    asio::post(loop_, [self = shared_from_this()] { self->changed.notify(); });
}

OutQueue::OutQueue(asio::io_context& loop, std::size_t frames_max, net::MemoryBudget* budget,
                   std::function<void()> on_overflow)
    : changed(loop),
      loop_(loop),
      frames_max_(frames_max),
      on_overflow_(std::move(on_overflow)),
      held_(budget) {}

bool OutQueue::push(std::string frame) {
    constexpr std::size_t bytes_max = std::size_t{4} << 20;
    const std::lock_guard lock(mutex_);
    if (finished_ || overflowed_ || left_) {
        return false;
    }
    if (frames_.size() >= frames_max_ || bytes_ + frame.size() > bytes_max ||
        !held_.resize(taken_bytes_ + bytes_ + frame.size())) {
        overflowed_ = true;
        wake();
        return false;
    }
    bytes_ += frame.size();
    frames_.push_back(std::move(frame));
    if (frames_.size() == 1) {
        wake();
    }
    return true;
}

void OutQueue::finish(std::string last) {
    const std::lock_guard lock(mutex_);
    if (finished_ || left_) {
        return;
    }
    finished_ = true;
    if (!last.empty()) {
        frames_.push_back(std::move(last));
    }
    wake();
}

std::vector<std::string> OutQueue::take() {
    const std::lock_guard lock(mutex_);
    taken_bytes_ = std::exchange(bytes_, 0);
    (void)held_.resize(taken_bytes_);
    return std::exchange(frames_, {});
}

bool OutQueue::finished() const {
    const std::lock_guard lock(mutex_);
    return finished_;
}

void OutQueue::leave() {
    const std::lock_guard lock(mutex_);
    left_ = true;
    on_overflow_ = nullptr;
}

void OutQueue::wake() {
    asio::post(loop_, [self = shared_from_this()] {
        self->changed.notify();
        std::function<void()> give_up;
        {
            const std::lock_guard lock(self->mutex_);
            if (self->overflowed_ && !self->left_) {
                give_up = self->on_overflow_;
            }
        }
        if (give_up) {
            give_up();
        }
    });
}

}  // namespace updraft::http
