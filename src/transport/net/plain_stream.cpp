#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <utility>

#include "transport/net/socket_stream.hpp"

namespace updraft::net {

namespace {

/// So much of a file goes out before other connections of the loop have a turn: large enough that
/// the turn costs nothing, small enough that one fast client does not starve the rest.
constexpr std::int64_t send_file_chunk_bytes = std::int64_t{2} << 20;

class PlainStream final : public SocketStream {
public:
    PlainStream(asio::io_context& loop, Socket socket) : SocketStream(loop, std::move(socket)) {}

    awaitable<IoResult> handshake(std::chrono::milliseconds /*deadline*/) override {
        co_return IoResult{};
    }

    awaitable<IoResult> read_some(std::span<char> into,
                                  std::chrono::milliseconds deadline) override {
        if (!open_) {
            co_return IoResult{IoStatus::closed, 0};
        }
        const asio::mutable_buffer buffer(into.data(), into.size());
        read_deadline_.start(deadline);
        for (;;) {
            boost::system::error_code error;
            const std::size_t bytes =
                co_await socket_.async_receive(buffer, asio::redirect_error(Token{}, error));
            if (!open_) {
                co_return IoResult{IoStatus::closed, 0};
            }
            if (!error) {
                read_deadline_.stop();
                co_return IoResult{IoStatus::ok, bytes};
            }
            if (read_deadline_.passed()) {
                co_return IoResult{IoStatus::timed_out, 0};
            }
            if (error != asio::error::operation_aborted) {
                read_deadline_.stop();
                const bool ended = error == asio::error::eof;
                co_return IoResult{ended ? IoStatus::closed : status_of_errno(error.value()), 0};
            }
        }
    }

    awaitable<IoResult> write_all(std::string_view bytes,
                                  std::chrono::milliseconds deadline) override {
        return write(bytes, deadline, More::none);
    }

    awaitable<IoResult> write_head(std::string_view bytes,
                                   std::chrono::milliseconds deadline) override {
        return write(bytes, deadline, More::follows);
    }

    awaitable<IoResult> send_file(int file, std::int64_t offset, std::int64_t length,
                                  std::chrono::milliseconds deadline) override {
        off_t position = offset;
        const std::int64_t end = offset + length;
        while (position < end) {
            if (!open_) {
                co_return IoResult{IoStatus::closed, static_cast<std::size_t>(position - offset)};
            }
            const std::int64_t chunk =
                std::min<std::int64_t>(end - position, send_file_chunk_bytes);
            const ssize_t sent = ::sendfile(socket_.native_handle(), file, &position,
                                            static_cast<std::size_t>(chunk));
            IoStatus status = IoStatus::ok;
            if (sent > 0) {
                if (position < end && sent == chunk) {
                    co_await give_way();
                }
            } else if (sent == 0) {
                status = IoStatus::failed;  // the file is shorter than it was
            } else {
                status = co_await after(errno, deadline);
                co_await turns_.next();
            }
            if (status != IoStatus::ok) {
                co_return IoResult{status, static_cast<std::size_t>(position - offset)};
            }
        }
        co_return IoResult{IoStatus::ok, static_cast<std::size_t>(length)};
    }

    [[nodiscard]] bool is_tls() const override { return false; }

private:
    awaitable<IoResult> write(std::string_view bytes, std::chrono::milliseconds deadline,
                              More more) {
        const int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (more == More::follows ? MSG_MORE : 0);
        return write_by(
            bytes, more,
            [this, flags](std::string_view rest) -> std::int64_t {
                return ::send(socket_.native_handle(), rest.data(), rest.size(), flags);
            },
            [this, deadline](std::int64_t) { return after(errno, deadline); });
    }

    /// What to do after a call that moved nothing: waits for the socket, or says why not.
    awaitable<IoStatus> after(int error, std::chrono::milliseconds deadline) {
        if (error == EAGAIN) {
            return wait_writable(deadline);
        }
        return settled(error == EINTR ? IoStatus::ok : status_of_errno(error));
    }
};

}  // namespace

std::unique_ptr<ByteStream> plain_stream(asio::io_context& loop, Socket socket) {
    return std::make_unique<PlainStream>(loop, std::move(socket));
}

}  // namespace updraft::net
