#include "transport/net/socket_stream.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <limits>
#include <utility>

namespace updraft::net {

IoStatus status_of_errno(int error) {
    switch (error) {
        case EPIPE:
        case ECONNRESET:
        case ENOTCONN:
        case ECONNABORTED:
            return IoStatus::closed;
        case ETIMEDOUT:
            return IoStatus::timed_out;
        default:
            return IoStatus::failed;
    }
}

SocketStream::SocketStream(asio::io_context& loop, Socket socket)
    : loop_(loop),
      turns_(Turns::of(loop)),
      socket_(std::move(socket)),
      read_deadline_(loop, [this] { cancel(); }) {
    boost::system::error_code error;
    peer_ = socket_.remote_endpoint(error);
    socket_.native_non_blocking(true, error);
    socket_.set_option(asio::ip::tcp::no_delay(true), error);
}

std::string SocketStream::remote_address() const {
    const std::string host = peer_.address().to_string();
    return peer_.address().is_v6() ? fmt::format("[{}]:{}", host, peer_.port())
                                   : fmt::format("{}:{}", host, peer_.port());
}

void SocketStream::finish_writing() {
    boost::system::error_code error;
    socket_.shutdown(Socket::shutdown_send, error);
}

void SocketStream::detect_loss(std::chrono::milliseconds after) {
    if (after.count() <= 0) {
        return;
    }
    constexpr int probes = 4;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(after).count();
    const int silence_s = static_cast<int>(std::max<std::int64_t>(seconds / 2, 1));
    const int fd = socket_.native_handle();
    const auto set = [fd](int level, int option, int value) {
        (void)::setsockopt(fd, level, option, &value, sizeof value);
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, silence_s);
    set(IPPROTO_TCP, TCP_KEEPINTVL, std::max(silence_s / probes, 1));
    set(IPPROTO_TCP, TCP_KEEPCNT, probes);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(after.count()));
}

void SocketStream::limit_unsent(std::size_t bytes_max) {
    if (bytes_max == 0) {
        return;
    }
    const auto value =
        static_cast<unsigned>(std::min<std::size_t>(bytes_max, std::numeric_limits<int>::max()));
    (void)::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &value,
                       sizeof value);
}

void SocketStream::hold_back(bool held) {
    if (!open_ || held == held_back_) {
        return;
    }
    held_back_ = held;
    const int value = held ? 1 : 0;
    (void)::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_CORK, &value, sizeof value);
}

void SocketStream::close() {
    if (!open_) {
        return;
    }
    open_ = false;
    boost::system::error_code error;
    socket_.shutdown(Socket::shutdown_both, error);
    socket_.close(error);
}

void SocketStream::cancel() {
    boost::system::error_code error;
    socket_.cancel(error);
}

awaitable<IoStatus> SocketStream::wait_readable(std::chrono::milliseconds deadline) {
    return wait(Socket::wait_read, read_deadline_, deadline);
}

awaitable<IoStatus> SocketStream::wait_writable(std::chrono::milliseconds deadline) {
    if (!write_deadline_) {
        write_deadline_ = std::make_unique<Deadline>(loop_, [this] { cancel(); });
    }
    return wait(Socket::wait_write, *write_deadline_, deadline);
}

awaitable<IoStatus> SocketStream::wait(Socket::wait_type what, Deadline& timer,
                                       std::chrono::milliseconds deadline) {
    if (!open_) {
        co_return IoStatus::closed;
    }
    timer.start(deadline);
    for (;;) {
        boost::system::error_code error;
        co_await socket_.async_wait(what, asio::redirect_error(Token{}, error));
        if (!open_) {
            co_return IoStatus::closed;
        }
        if (!error) {
            timer.stop();
            co_return IoStatus::ok;
        }
        if (timer.passed()) {
            co_return IoStatus::timed_out;
        }
        if (error != asio::error::operation_aborted) {
            timer.stop();
            co_return IoStatus::failed;
        }
        // The other direction's deadline cancelled both: wait on.
    }
}

awaitable<void> SocketStream::give_way() {
    const auto executor = loop_.get_executor();
    co_await asio::post(executor, Token{});
}

}  // namespace updraft::net
