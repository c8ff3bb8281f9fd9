#include "transport/net/loop_signal.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace updraft::net {

void LoopSignal::notify() {
    notified_ = true;
    timer_.cancel();
}

awaitable<bool> LoopSignal::wait(std::chrono::milliseconds timeout) {
    using Token = asio::use_awaitable_t<asio::io_context::executor_type>;
    if (!notified_) {
        if (timeout.count() > 0) {
            timer_.expires_after(timeout);
        } else {
            timer_.expires_at(SteadyClock::time_point::max());
        }
        boost::system::error_code ignored;
        co_await timer_.async_wait(asio::redirect_error(Token{}, ignored));
    }
    const bool was = notified_;
    notified_ = false;
    co_return was;
}

}  // namespace updraft::net
