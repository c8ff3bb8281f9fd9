#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace updraft::net {

/// The deadline of one direction of waiting. Cheap to start and stop for every wait: the timer
/// stays armed and looks, when it fires, whether the deadline has moved on meanwhile. Lives on one
/// loop.
class Deadline {
public:
    /// `expired` is called on the loop when a started deadline passes; never after destruction.
    Deadline(boost::asio::io_context& loop, std::function<void()> expired);
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    /// Starts anew from now. Zero means no deadline.
    void start(std::chrono::milliseconds after);
    /// Called when the wait ended.
    void stop();
    /// True if the deadline passed since the last start.
    [[nodiscard]] bool passed() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace updraft::net
