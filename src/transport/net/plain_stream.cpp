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
        return write(bytes, deadline, 0);
    }

    awaitable<IoResult> write_head(std::string_view bytes,
                                   std::chrono::milliseconds deadline) override {
        return write(bytes, deadline, MSG_MORE);
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
            } else if (sent < 0 && errno == EAGAIN) {
                status = co_await wait_writable(deadline);
                co_await turns_.next();
            } else if (sent == 0) {
                status = IoStatus::failed;  // the file is shorter than it was
            } else if (errno != EINTR) {
                status = status_of_errno(errno);
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
                              int flags) {
        std::size_t done = 0;
        while (done < bytes.size()) {
            if (!open_) {
                co_return IoResult{IoStatus::closed, done};
            }
            const ssize_t sent = ::send(socket_.native_handle(), bytes.data() + done,
                                        bytes.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT | flags);
            IoStatus status = IoStatus::ok;
            if (sent >= 0) {
                done += static_cast<std::size_t>(sent);
            } else if (errno == EAGAIN) {
                status = co_await wait_writable(deadline);
            } else if (errno != EINTR) {
                status = status_of_errno(errno);
            }
            if (status != IoStatus::ok) {
                co_return IoResult{status, done};
            }
        }
        co_return IoResult{IoStatus::ok, done};
    }
};

}  // namespace

std::unique_ptr<ByteStream> plain_stream(asio::io_context& loop, Socket socket) {
    return std::make_unique<PlainStream>(loop, std::move(socket));
}

}  // namespace updraft::net
