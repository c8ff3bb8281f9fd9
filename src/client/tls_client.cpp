#include "client/tls_client.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <new>
#include <stdexcept>
#include <utility>

#include "client/connection.hpp"
#include "transport/net/socket_stream.hpp"

namespace updraft::client {

namespace {

using net::IoResult;
using net::IoStatus;

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};

class TlsClientStream final : public net::SocketStream {
public:
    TlsClientStream(boost::asio::io_context& loop, net::Socket socket, SSL_CTX& context,
                    const std::string& host)
        : SocketStream(loop, std::move(socket)), ssl_(SSL_new(&context)) {
        if (!ssl_) {
            throw std::bad_alloc();
        }
        SSL_set_fd(ssl_.get(), static_cast<int>(socket_.native_handle()));
        SSL_set_connect_state(ssl_.get());
        SSL_set_mode(ssl_.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
        name_the_server(host);
    }

    net::awaitable<IoResult> handshake(milliseconds deadline) override {
        const auto step = [this] { return SSL_do_handshake(ssl_.get()); };
        return repeat(step, deadline);
    }

    net::awaitable<IoResult> read_some(std::span<char> into, milliseconds deadline) override {
        const int size = static_cast<int>(std::min<std::size_t>(into.size(), 1 << 20));
        const auto step = [this, into, size] { return SSL_read(ssl_.get(), into.data(), size); };
        return repeat(step, deadline);
    }

    net::awaitable<IoResult> write_all(std::string_view bytes, milliseconds deadline) override {
        std::size_t done = 0;
        while (done < bytes.size()) {
            const std::string_view rest = bytes.substr(done);
            const int size = static_cast<int>(std::min<std::size_t>(rest.size(), 1 << 20));
            const auto step = [this, rest, size] {
                return SSL_write(ssl_.get(), rest.data(), size);
            };
            const IoResult sent = co_await repeat(step, deadline);
            if (sent.status != IoStatus::ok) {
                co_return IoResult{sent.status, done};
            }
            done += sent.bytes;
        }
        co_return IoResult{IoStatus::ok, done};
    }

    /// A device sends no files.
    net::awaitable<IoResult> send_file(int /*file*/, std::int64_t /*offset*/,
                                       std::int64_t /*length*/,
                                       milliseconds /*deadline*/) override {
        co_return IoResult{IoStatus::failed, 0};
    }

    [[nodiscard]] bool is_tls() const override { return true; }

private:
    /// Server name indication (names only, RFC 6066 3), and what the certificate has to be for.
    void name_the_server(const std::string& host) {
        boost::system::error_code no_address;
        boost::asio::ip::make_address(host, no_address);
        if (no_address) {
            SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
            SSL_set1_host(ssl_.get(), host.c_str());
        } else {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
        }
    }

    /// Calls `step` until it moves something; waits in between for what OpenSSL asks for. The step
    /// is taken by value: the coroutine starts after its caller's statement.
    template <class Step>
    net::awaitable<IoResult> repeat(Step step, milliseconds deadline) {
        for (;;) {
            if (!open_) {
                co_return IoResult{IoStatus::closed, 0};
            }
            ERR_clear_error();
            const int moved = step();
            const int error_number = errno;
            if (moved > 0) {
                co_return IoResult{IoStatus::ok, static_cast<std::size_t>(moved)};
            }
            const int why = SSL_get_error(ssl_.get(), moved);
            IoStatus status = IoStatus::failed;
            if (why == SSL_ERROR_WANT_READ) {
                status = co_await wait_readable(deadline);
            } else if (why == SSL_ERROR_WANT_WRITE) {
                status = co_await wait_writable(deadline);
            } else if (why == SSL_ERROR_ZERO_RETURN) {
                status = IoStatus::closed;
            } else if (why == SSL_ERROR_SYSCALL) {
                status = error_number == 0 ? IoStatus::closed : net::status_of_errno(error_number);
            }
            if (status != IoStatus::ok) {
                co_return IoResult{status, 0};
            }
        }
    }

    std::unique_ptr<SSL, FreeSsl> ssl_;
};

}  // namespace

std::unique_ptr<net::ByteStream> tls_client_stream(boost::asio::io_context& loop,
                                                   net::Socket socket, SSL_CTX& context,
                                                   const std::string& host) {
    return std::make_unique<TlsClientStream>(loop, std::move(socket), context, host);
}

std::shared_ptr<SSL_CTX> make_client_tls_context(const std::string& ca_file, Verify verify) {
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    if (!context) {
        throw std::runtime_error("cannot set up TLS");
    }
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    const int trusted =
        ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get())
                        : SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr);
    if (trusted != 1) {
        throw std::runtime_error(fmt::format("cannot read certificates to trust from {}", ca_file));
    }
    SSL_CTX_set_verify(context.get(), verify == Verify::peer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       nullptr);
    return context;
}

}  // namespace updraft::client
