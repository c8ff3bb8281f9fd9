#pragma once

#include <boost/asio/basic_waitable_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <set>
#include <string>

#include "transport/net/event_loops.hpp"

namespace updraft::client {

using net::awaitable;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;
using Timer = boost::asio::basic_waitable_timer<SteadyClock, boost::asio::wait_traits<SteadyClock>,
                                                boost::asio::io_context::executor_type>;

class TaskGroup;

/// Something that waits and must be let go when the group stops. `wake` is called on the loop, at
/// most until this object is gone.
class StopHook {
public:
    StopHook(TaskGroup& group, std::function<void()> wake);
    ~StopHook();
    StopHook(const StopHook&) = delete;
    StopHook& operator=(const StopHook&) = delete;

private:
    friend class TaskGroup;
    TaskGroup& group_;
    std::function<void()> wake_;
};

/// A wait that can be ended early: by wake(), or because the group stops. For one coroutine at a
/// time.
class Pause {
public:
    explicit Pause(TaskGroup& group);

    /// Waits; false if the group is stopping.
    awaitable<bool> wait(milliseconds duration);
    /// Ends the wait under way, if there is one.
    void wake();

private:
    TaskGroup& group_;
    Timer timer_;
    StopHook hook_;
};

/// The client coroutines of one event loop, which are stopped together. All calls are made on the
/// loop, unless said otherwise.
class TaskGroup {
public:
    explicit TaskGroup(boost::asio::io_context& loop) : loop_(loop) {}
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    [[nodiscard]] boost::asio::io_context& loop() const { return loop_; }
    [[nodiscard]] bool stopping() const { return stopping_; }

    /// Starts a coroutine and counts it until it ends. Safe from every thread before stop().
    void start(std::string name, awaitable<void> task);
    /// Lets every wait go; the coroutines then end by themselves.
    void stop();
    /// Returns once every coroutine has ended. From a thread that is no event loop.
    void wait_until_idle() const;

private:
    friend class StopHook;
    awaitable<void> counted(awaitable<void> task);

    boost::asio::io_context& loop_;
    std::set<StopHook*> hooks_;
    std::atomic<std::size_t> running_{0};
    bool stopping_ = false;
};

}  // namespace updraft::client
