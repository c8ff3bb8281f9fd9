#include "simulator/shard.hpp"

#include <algorithm>

namespace updraft::simulator {

Shard::Shard(boost::asio::io_context& loop, std::size_t downloads_max, double connects_per_second)
    : TaskGroup(loop), downloads_free_(std::max<std::size_t>(downloads_max, 1)) {
    if (connects_per_second > 0) {
        const std::chrono::duration<double> interval(1.0 / connects_per_second);
        connect_interval_ = std::chrono::duration_cast<SteadyClock::duration>(interval);
    }
}

milliseconds Shard::take_connect_turn() {
    const auto now = SteadyClock::now();
    const auto turn = std::max(now, next_connect_);
    next_connect_ = turn + connect_interval_;
    return std::chrono::duration_cast<milliseconds>(turn - now);
}

awaitable<bool> Shard::enter_download() {
    if (downloads_free_ > 0 && !stopping()) {
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
