#pragma once

#include <boost/asio/basic_waitable_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "transport/net/event_loops.hpp"

namespace updraft::simulator {

using net::awaitable;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;
using Timer = boost::asio::basic_waitable_timer<SteadyClock, boost::asio::wait_traits<SteadyClock>,
                                                boost::asio::io_context::executor_type>;

class Shard;

/// Something that waits and must be let go when the shard stops. `wake` is called on the loop, at
/// most until this object is gone.
class StopHook {
public:
    StopHook(Shard& shard, std::function<void()> wake);
    ~StopHook();
    StopHook(const StopHook&) = delete;
    StopHook& operator=(const StopHook&) = delete;

private:
    friend class Shard;
    Shard& shard_;
    std::function<void()> wake_;
};

/// A wait that can be ended early: by wake(), or because the shard stops. For one coroutine at a
/// time.
class Pause {
public:
    explicit Pause(Shard& shard);

    /// Waits; false if the shard is stopping.
    awaitable<bool> wait(milliseconds duration);
    /// Ends the wait under way, if there is one.
    void wake();

private:
    Shard& shard_;
    Timer timer_;
    StopHook hook_;
};

/// The devices of one event loop: what they share, and how they are stopped. All calls are made on
/// the loop, unless said otherwise.
class Shard {
public:
    /// `downloads_max`: how many files come in at the same time. `connects_per_second` 0: no limit.
    Shard(boost::asio::io_context& loop, std::size_t downloads_max, double connects_per_second);

    [[nodiscard]] boost::asio::io_context& loop() const { return loop_; }
    [[nodiscard]] bool stopping() const { return stopping_; }

    /// Starts a coroutine and counts it until it ends. Safe from every thread before stop().
    void start(std::string name, awaitable<void> task);
    /// Lets every wait go; the coroutines then end by themselves.
    void stop();
    /// Returns once every coroutine has ended. From a thread that is no event loop.
    void wait_until_idle() const;

    /// How long the next connection has to wait for its turn; takes the turn.
    [[nodiscard]] milliseconds take_connect_turn();

    /// Waits for one of the places for downloads; false if the shard is stopping (then none was
    /// taken).
    awaitable<bool> enter_download();
    void leave_download();

private:
    friend class StopHook;
    awaitable<void> counted(awaitable<void> task);

    boost::asio::io_context& loop_;
    std::set<StopHook*> hooks_;
    std::deque<Pause*> download_queue_;
    std::size_t downloads_free_;
    SteadyClock::duration connect_interval_{};
    SteadyClock::time_point next_connect_{};
    std::atomic<std::size_t> running_{0};
    bool stopping_ = false;
};

}  // namespace updraft::simulator
