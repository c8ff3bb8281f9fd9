#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <new>
#include <utility>

#include "transport/net/socket_stream.hpp"

namespace updraft::net {

namespace {

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, FreeSsl>;

/// Four TLS records. Shared by all connections of a thread: it is filled and handed to SSL_write
/// without a wait in between, and filled anew after one.
constexpr std::size_t scratch_bytes = 64 * 1024;
std::span<char> thread_scratch() {
    thread_local std::array<char, scratch_bytes> scratch;
    return scratch;
}

/// OpenSSL on the socket's descriptor, so that kernel TLS can be used where the kernel has it, and
/// no connection needs buffers of its own (SSL_MODE_RELEASE_BUFFERS).
class TlsStream final : public SocketStream {
public:
    TlsStream(asio::io_context& loop, Socket socket, SSL_CTX& context)
        : SocketStream(loop, std::move(socket)), ssl_(SSL_new(&context)) {
        if (!ssl_) {
            throw std::bad_alloc();
        }
        SSL_set_fd(ssl_.get(), static_cast<int>(socket_.native_handle()));
        SSL_set_accept_state(ssl_.get());
        SSL_set_mode(ssl_.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    }

    awaitable<IoResult> handshake(std::chrono::milliseconds deadline) override {
        for (;;) {
            if (!open_) {
                co_return IoResult{IoStatus::closed, 0};
            }
            ERR_clear_error();
            const int done = SSL_do_handshake(ssl_.get());
            if (done == 1) {
                co_return IoResult{};
            }
            const IoStatus status = co_await after(done, errno, deadline);
            if (status != IoStatus::ok) {
                co_return IoResult{status, 0};
            }
        }
    }

    awaitable<IoResult> read_some(std::span<char> into,
                                  std::chrono::milliseconds deadline) override {
        for (;;) {
            if (!open_) {
                co_return IoResult{IoStatus::closed, 0};
            }
            ERR_clear_error();
            const int size = static_cast<int>(std::min<std::size_t>(into.size(), 1 << 20));
            const int got = SSL_read(ssl_.get(), into.data(), size);
            if (got > 0) {
                co_return IoResult{IoStatus::ok, static_cast<std::size_t>(got)};
            }
            const IoStatus status = co_await after(got, errno, deadline);
            if (status != IoStatus::ok) {
                co_return IoResult{status, 0};
            }
        }
    }

    awaitable<IoResult> write_all(std::string_view bytes,
                                  std::chrono::milliseconds deadline) override {
        return write(bytes, deadline, More::none);
    }

    awaitable<IoResult> write_head(std::string_view bytes,
                                   std::chrono::milliseconds deadline) override {
        hold_back(true);
        return write(bytes, deadline, More::follows);
    }

    awaitable<IoResult> send_file(int file, std::int64_t offset, std::int64_t length,
                                  std::chrono::milliseconds deadline) override {
        hold_back(true);  // one packet for several records, where the network has such large ones
        const bool kernel_tls = BIO_get_ktls_send(SSL_get_wbio(ssl_.get())) != 0;
        std::int64_t position = offset;
        const std::int64_t end = offset + length;
        std::int64_t since_turn = 0;
        while (position < end) {
            if (!open_) {
                co_return IoResult{IoStatus::closed, static_cast<std::size_t>(position - offset)};
            }
            const std::int64_t before = position;
            const int sent = kernel_tls ? send_by_kernel(file, position, end)
                                        : send_through_scratch(file, position, end);
            since_turn += position - before;
            IoStatus status = IoStatus::ok;
            if (sent > 0) {
                if (since_turn >= turn_bytes && position < end) {
                    since_turn = 0;
                    co_await give_way();
                }
            } else if (sent == file_ended) {
                status = IoStatus::failed;
            } else {
                status = co_await after(sent, errno, deadline);
                co_await turns_.next();
            }
            if (status != IoStatus::ok) {
                co_return IoResult{status, static_cast<std::size_t>(position - offset)};
            }
        }
        hold_back(false);
        co_return IoResult{IoStatus::ok, static_cast<std::size_t>(length)};
    }

    void finish_writing() override {
        if (open_ && SSL_is_init_finished(ssl_.get()) != 0) {
            ERR_clear_error();
            SSL_shutdown(ssl_.get());
        }
        SocketStream::finish_writing();
    }

    void close() override {
        if (open_ && SSL_is_init_finished(ssl_.get()) != 0) {
            ERR_clear_error();
            SSL_shutdown(ssl_.get());  // says goodbye if the socket takes it; waits for nothing
        }
        SocketStream::close();
    }

    [[nodiscard]] bool is_tls() const override { return true; }

private:
    awaitable<IoResult> write(std::string_view bytes, std::chrono::milliseconds deadline,
                              More more) {
        return write_by(
            bytes, more,
            [this](std::string_view rest) -> std::int64_t {
                ERR_clear_error();
                const int size = static_cast<int>(std::min<std::size_t>(rest.size(), 1 << 20));
                return SSL_write(ssl_.get(), rest.data(), size);
            },
            [this, deadline](std::int64_t result) {
                return after(static_cast<int>(result), errno, deadline);
            });
    }

    static constexpr int file_ended = -1000;
    static constexpr std::int64_t turn_bytes = 256 * 1024;

    // Both move `position` past what went out, and answer what OpenSSL said last.

    int send_by_kernel(int file, std::int64_t& position, std::int64_t end) {
        ERR_clear_error();
        const auto size =
            static_cast<std::size_t>(std::min<std::int64_t>(end - position, turn_bytes));
        const auto sent = static_cast<int>(SSL_sendfile(ssl_.get(), file, position, size, 0));
        position += std::max(sent, 0);
        return sent;
    }

    int send_through_scratch(int file, std::int64_t& position, std::int64_t end) {
        const std::span<char> scratch = thread_scratch();
        const auto size = static_cast<std::size_t>(
            std::min<std::int64_t>(end - position, static_cast<std::int64_t>(scratch.size())));
        const auto got = static_cast<int>(::pread(file, scratch.data(), size, position));
        if (got <= 0) {
            return file_ended;
        }
        int done = 0;
        while (done < got) {
            ERR_clear_error();
            const int sent = SSL_write(ssl_.get(), scratch.data() + done, got - done);  // a record
            if (sent <= 0) {
                return sent;
            }
            done += sent;
            position += sent;
        }
        return got;
    }

    /// What to do after an OpenSSL call that moved nothing: waits for the socket, or says why not.
    awaitable<IoStatus> after(int result, int error_number, std::chrono::milliseconds deadline) {
        switch (SSL_get_error(ssl_.get(), result)) {
            case SSL_ERROR_WANT_READ:
                return wait_readable(deadline);
            case SSL_ERROR_WANT_WRITE:
                return wait_writable(deadline);
            case SSL_ERROR_ZERO_RETURN:
                return settled(IoStatus::closed);
            case SSL_ERROR_SYSCALL:
                return settled(error_number == 0 ? IoStatus::closed
                                                 : status_of_errno(error_number));
            default: {
                const bool cut =
                    ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
                return settled(cut ? IoStatus::closed : IoStatus::failed);
            }
        }
    }

    SslPtr ssl_;
};

}  // namespace

std::unique_ptr<ByteStream> tls_stream(asio::io_context& loop, Socket socket, SSL_CTX& context) {
    return std::make_unique<TlsStream>(loop, std::move(socket), context);
}

}  // namespace updraft::net
