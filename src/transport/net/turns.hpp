#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>

#include "transport/net/event_loops.hpp"

namespace updraft::net {

/// The downloads of a loop that can go on, one after the other: between two of them the loop looks
/// at its sockets again. So a request waits for a piece of one download, not for a piece of each of
/// the hundred whose peers have just made room. Used on its loop only.
class Turns final : public asio::execution_context::service {
public:
    using key_type = Turns;
    inline static asio::execution_context::id id;

    explicit Turns(asio::execution_context& loop)
        : service(loop), loop_(static_cast<asio::io_context&>(loop)) {}
    [[nodiscard]] static Turns& of(asio::io_context& loop) {
        return asio::use_service<Turns>(loop);
    }

    /// Waits for a turn.
    [[nodiscard]] awaitable<void> next();

private:
    using Waiter = asio::any_completion_handler<void()>;

    void give_one();
    void shutdown() override { waiting_.clear(); }

    asio::io_context& loop_;
    std::deque<Waiter> waiting_;  ///< at most one for each connection
    bool giving_ = false;
};

}  // namespace updraft::net
