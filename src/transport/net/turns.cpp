#include "transport/net/turns.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace updraft::net {

awaitable<void> Turns::next() {
    using Token = asio::use_awaitable_t<asio::io_context::executor_type>;
    const Token token;
    co_await asio::async_initiate<const Token, void()>(
        [this](auto waiter) {
            waiting_.emplace_back(std::move(waiter));
            if (!std::exchange(giving_, true)) {
                asio::post(loop_, [this] { give_one(); });
            }
        },
        token);
}

/// Posted, not called: a loop looks at its sockets before it comes to what was posted to it.
void Turns::give_one() {
    Waiter waiter = std::move(waiting_.front());
    waiting_.pop_front();
    std::move(waiter)();
    giving_ = !waiting_.empty();
    if (giving_) {
        asio::post(loop_, [this] { give_one(); });
    }
}

}  // namespace updraft::net
