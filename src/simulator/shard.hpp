#pragma once

#include <cstddef>
#include <deque>

#include "client/task_group.hpp"

namespace updraft::simulator {

using client::Pause;
using client::SteadyClock;
using client::StopHook;
using client::Timer;
using net::awaitable;
using std::chrono::milliseconds;

/// The devices of one event loop: what they share, and how they are stopped. All calls are made on
/// the loop, unless said otherwise.
class Shard : public client::TaskGroup {
public:
    /// `downloads_max`: how many files come in at the same time. `connects_per_second` 0: no limit.
    Shard(boost::asio::io_context& loop, std::size_t downloads_max, double connects_per_second);

    /// How long the next connection has to wait for its turn; takes the turn.
    [[nodiscard]] milliseconds take_connect_turn();

    /// Waits for one of the places for downloads; false if the shard is stopping (then none was
    /// taken).
    awaitable<bool> enter_download();
    void leave_download();

private:
    std::deque<Pause*> download_queue_;
    std::size_t downloads_free_;
    SteadyClock::duration connect_interval_{};
    SteadyClock::time_point next_connect_{};
};

}  // namespace updraft::simulator
