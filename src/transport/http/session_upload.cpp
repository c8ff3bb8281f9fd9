#include <utility>

#include "transport/http/session.hpp"

namespace updraft::http {

using net::awaitable;
using net::IoResult;
using net::IoStatus;

namespace {

constexpr std::chrono::milliseconds parting_max{6000};  ///< a little more than draining takes

}  // namespace

/// The handler runs on the uploads pool while run_pump() moves the body from the socket into the
/// channel. Whichever ends first tells the other: the channel is cut, or the pump drains and
/// leaves.
awaitable<Session::Next> Session::serve_upload(const Route* route) {
    std::optional<std::int64_t> length;
    if (!head_.chunked) {
        length = head_.content_length;
    }
    const std::int64_t limit = body_limit(*route);
    if (!held_.resize(UploadChannel::bytes_max)) {
        const Next refused = co_await refuse(busy());
        co_return refused;
    }
    const auto channel = std::make_shared<UploadChannel>(loop(), length);
    const auto joined = std::make_shared<net::LoopSignal>(loop());
    request_.stream = channel.get();
    handler_ended_ = false;
    pump_running_ = true;
    upload_state_ = BodyState::complete;
    uploaded_bytes_ = 0;

    net::spawn(loop(), "http upload", run_pump(shared_from_this(), channel, limit, joined));
    std::optional<Answer> answer;
    std::function<void()> work = [this, route, &answer] {
        try {
            answer = run_handler(*route);
        } catch (const BodyCut&) {
            answer.reset();  // nobody is left to answer, unless the body broke a rule
        }
    };
    const bool ran = co_await server_->uploads.run(std::move(work));
    handler_ended_ = true;
    channel->changed.notify();
    if (!ran) {
        ++server_->refused_total;
        answer = prepare_answer(request_, busy(), {server_->refuse, 1});
    } else if (!answer) {
        answer = refuse_broken_upload(limit);
    }
    Next next = Next::close;
    if (answer) {
        next = co_await send(*std::move(answer));
    }
    if (next == Next::close && pump_running_) {
        if (answer) {
            stream_->finish_writing();
            co_await joined->wait(parting_max);
        }
        stream_->close();
    }
    while (pump_running_) {
        co_await joined->wait();
    }
    request_.stream = nullptr;
    co_return next;
}

/// The answer to a body that was cut because of what was in it; nothing if the client has gone.
std::optional<Answer> Session::refuse_broken_upload(std::int64_t limit) {
    if (upload_state_ == BodyState::gone || upload_state_ == BodyState::complete) {
        return std::nullopt;
    }
    ++server_->refused_total;
    return prepare_answer(request_, refuse_body(upload_state_, limit), {server_->refuse, 1});
}

awaitable<void> Session::run_pump(std::shared_ptr<Session> self,
                                  std::shared_ptr<UploadChannel> channel, std::int64_t limit,
                                  std::shared_ptr<net::LoopSignal> joined) {
    struct Leave {  // also when an exception ends the pump
        Session& session;
        UploadChannel& body;
        net::LoopSignal& signal;
        ~Leave() {
            session.pump_running_ = false;
            body.cut();
            signal.notify();
        }
    };
    const Leave leave{*self, *channel, *joined};
    co_await self->pump_upload(channel, limit);
}

awaitable<void> Session::pump_upload(std::shared_ptr<UploadChannel> channel, std::int64_t limit) {
    while (!decoder_.done()) {
        if (handler_ended_) {
            co_await drain();
            co_return;
        }
        if (channel->full()) {
            co_await channel->changed.wait();
            continue;
        }
        if (head_.expects_continue && !said_continue_ && received_.empty()) {
            if (!channel->asked()) {
                co_await channel->changed.wait();
                continue;
            }
            said_continue_ = true;
            const bool said = co_await write("HTTP/1.1 100 Continue\r\n\r\n", More::none);
            if (!said) {
                upload_state_ = BodyState::gone;
                co_return;
            }
        }
        const bool moved = co_await pump_chunk(channel);
        if (uploaded_bytes_ > limit) {
            upload_state_ = BodyState::too_large;
        }
        if (!moved || upload_state_ != BodyState::complete) {
            channel->cut();
            if (upload_state_ != BodyState::gone) {
                co_await drain();
            }
            co_return;
        }
    }
    channel->finish();
}

/// Moves what there is, at least a byte unless it is framing. False when the body can go no
/// further.
awaitable<bool> Session::pump_chunk(std::shared_ptr<UploadChannel> channel) {
    std::string chunk;
    if (!received_.empty()) {
        const std::size_t used = decoder_.decode(received_, chunk, UploadChannel::chunk_bytes);
        received_.erase(0, used);
        if (decoder_.failed()) {
            upload_state_ = BodyState::malformed;
            co_return false;
        }
    } else if (decoder_.raw_bytes_left() > 0) {
        const auto room = static_cast<std::size_t>(std::min<std::int64_t>(
            decoder_.raw_bytes_left(), static_cast<std::int64_t>(UploadChannel::chunk_bytes)));
        chunk.resize_and_overwrite(room, [](char*, std::size_t size) { return size; });
        const auto before = std::chrono::steady_clock::now();
        const IoResult result = co_await stream_->read_some(chunk, pace_.deadline());
        chunk.resize(result.status == IoStatus::ok ? result.bytes : 0);
        pace_.came(chunk.size(), std::chrono::steady_clock::now() - before);
        if (result.status != IoStatus::ok || pace_.is_over()) {
            upload_state_ = BodyState::gone;
            co_return false;
        }
        decoder_.took_raw(static_cast<std::int64_t>(chunk.size()));
    } else {
        const bool more = co_await receive_body();
        if (!more) {
            upload_state_ = BodyState::gone;
        }
        co_return more;
    }
    uploaded_bytes_ += static_cast<std::int64_t>(chunk.size());
    if (!chunk.empty()) {
        channel->push(std::move(chunk));
    }
    co_return true;
}

}  // namespace updraft::http
