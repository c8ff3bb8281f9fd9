#include "simulator/shard.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <vector>

namespace updraft::simulator {

namespace asio = boost::asio;
using Token = asio::use_awaitable_t<asio::io_context::executor_type>;

StopHook::StopHook(Shard& shard, std::function<void()> wake)
    : shard_(shard), wake_(std::move(wake)) {
    shard_.hooks_.insert(this);
}

StopHook::~StopHook() {
    shard_.hooks_.erase(this);
}

Pause::Pause(Shard& shard)
    : shard_(shard), timer_(shard.loop()), hook_(shard, [this] { wake(); }) {}

awaitable<bool> Pause::wait(milliseconds duration) {
    if (shard_.stopping()) {
        co_return false;
    }
    if (duration.count() > 0) {
        boost::system::error_code ignored;  // only says that wake() ended the wait
        timer_.expires_after(duration);
        co_await timer_.async_wait(asio::redirect_error(Token{}, ignored));
    }
    co_return !shard_.stopping();
}

void Pause::wake() {
    timer_.cancel();
}

Shard::Shard(asio::io_context& loop, std::size_t downloads_max, double connects_per_second)
    : loop_(loop), downloads_free_(std::max<std::size_t>(downloads_max, 1)) {
    if (connects_per_second > 0) {
        const std::chrono::duration<double> interval(1.0 / connects_per_second);
        connect_interval_ = std::chrono::duration_cast<SteadyClock::duration>(interval);
    }
}

void Shard::start(std::string name, awaitable<void> task) {
    ++running_;
    net::spawn(loop_, std::move(name), counted(std::move(task)));
}

awaitable<void> Shard::counted(awaitable<void> task) {
    struct Leave {
        std::atomic<std::size_t>& running;
        ~Leave() {
            --running;
            running.notify_all();
        }
    };
    const Leave leave{running_};
    co_await std::move(task);
}

void Shard::stop() {
    stopping_ = true;
    const std::vector<StopHook*> hooks(hooks_.begin(), hooks_.end());
    for (StopHook* const hook : hooks) {
        hook->wake_();
    }
}

void Shard::wait_until_idle() const {
    for (std::size_t left = running_.load(); left > 0; left = running_.load()) {
        running_.wait(left);
    }
}

milliseconds Shard::take_connect_turn() {
    const auto now = SteadyClock::now();
    const auto turn = std::max(now, next_connect_);
    next_connect_ = turn + connect_interval_;
    return std::chrono::duration_cast<milliseconds>(turn - now);
}

awaitable<bool> Shard::enter_download() {
    if (downloads_free_ > 0 && !stopping_) {
        --downloads_free_;
        co_return true;
    }
    Pause pause(*this);
    download_queue_.push_back(&pause);
    const bool go_on = co_await pause.wait(std::chrono::hours(24));
    // leave_download() takes its waiter out of the queue and hands it the place.
    const auto queued = std::find(download_queue_.begin(), download_queue_.end(), &pause);
    if (queued != download_queue_.end()) {
        download_queue_.erase(queued);
        co_return false;
    }
    if (!go_on) {
        leave_download();
    }
    co_return go_on;
}

void Shard::leave_download() {
    if (download_queue_.empty()) {
        ++downloads_free_;
        return;
    }
    Pause* const next = download_queue_.front();
    download_queue_.pop_front();
    next->wake();
}

}  // namespace updraft::simulator
