#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>

#include "transport/net/event_loops.hpp"

namespace updraft::net {

/// One coroutine waits, others of the same loop wake it. A notification without a waiter is kept
/// for the next wait. Not thread-safe: other threads post notify() to the loop.
class LoopSignal {
public:
    explicit LoopSignal(asio::io_context& loop) : timer_(loop) {}

    void notify();
    /// True when notified, false when `timeout` passed; zero waits for ever.
    awaitable<bool> wait(std::chrono::milliseconds timeout = std::chrono::milliseconds::zero());

private:
    using SteadyClock = std::chrono::steady_clock;
    asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>,
                               asio::io_context::executor_type>
        timer_;
    bool notified_ = false;
};

}  // namespace updraft::net
