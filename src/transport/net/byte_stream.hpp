#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "transport/net/event_loops.hpp"

typedef struct ssl_ctx_st SSL_CTX;

namespace updraft::net {

using Socket = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

/// Why a wait on a peer ended.
enum class IoStatus : std::uint8_t { ok, closed, timed_out, failed };

struct IoResult {
    IoStatus status = IoStatus::ok;
    std::size_t bytes = 0;
};

/// One connection, plain TCP or TLS, with a deadline on every wait. Lives on one event loop; every
/// call is made there. Several coroutines of that loop may use it: one reader and one writer at a
/// time.
class ByteStream {
public:
    virtual ~ByteStream() = default;

    /// For TLS the handshake; nothing to do on plain TCP.
    virtual awaitable<IoResult> handshake(std::chrono::milliseconds deadline) = 0;
    /// Reads at least one byte, or says why not. A deadline of zero waits for ever (only for peers
    /// whose silence is bounded elsewhere).
    virtual awaitable<IoResult> read_some(std::span<char> into,
                                          std::chrono::milliseconds deadline) = 0;
    /// Writes everything; the deadline starts anew whenever bytes move.
    virtual awaitable<IoResult> write_all(std::string_view bytes,
                                          std::chrono::milliseconds deadline) = 0;
    /// Sends `length` bytes of an open file from `offset`: sendfile on plain TCP, streamed under
    /// TLS through a scratch buffer of the thread. The deadline starts anew whenever bytes move.
    virtual awaitable<IoResult> send_file(int file, std::int64_t offset, std::int64_t length,
                                          std::chrono::milliseconds deadline) = 0;
    /// As write_all, and says that more follows at once: the kernel waits for it to fill its
    /// packets.
    virtual awaitable<IoResult> write_head(std::string_view bytes,
                                           std::chrono::milliseconds deadline) {
        return write_all(bytes, deadline);
    }
    /// Tells the peer that nothing more will be written; reading goes on.
    virtual void finish_writing() {}
    /// A peer that has acknowledged nothing for so long, though something was sent to it or it was
    /// asked for a sign of life, has gone (half-open connections). Zero: as the system has it.
    virtual void detect_loss(std::chrono::milliseconds /*after*/) {}
    /// The kernel takes no more than that beyond what is on its way to the peer. Zero: as the
    /// system has it.
    virtual void limit_unsent(std::size_t /*bytes_max*/) {}
    /// Tells the peer and closes; pending waits end with `closed`. Idempotent.
    virtual void close() = 0;
    [[nodiscard]] virtual bool is_open() const = 0;
    [[nodiscard]] virtual bool is_tls() const = 0;
    /// "192.0.2.7:4711"
    [[nodiscard]] virtual std::string remote_address() const = 0;
    [[nodiscard]] virtual asio::io_context& loop() = 0;
};

[[nodiscard]] std::unique_ptr<ByteStream> plain_stream(asio::io_context& loop, Socket socket);
/// TLS with OpenSSL on the socket's descriptor. `context` must outlive the stream.
[[nodiscard]] std::unique_ptr<ByteStream> tls_stream(asio::io_context& loop, Socket socket,
                                                     SSL_CTX& context);

/// A server-side TLS context: TLS 1.2 and 1.3 (Mozilla's intermediate profile), tickets on.
struct TlsOptions {
    std::string certificate_file;  ///< PEM, with chain
    std::string key_file;          ///< PEM
};
/// Throws std::runtime_error with the file and OpenSSL's reason.
[[nodiscard]] std::shared_ptr<SSL_CTX> make_tls_context(const TlsOptions& options);

/// Listens on `host:port` (port 0: a free one) and hands each accepted connection, already bound to
/// its loop, to `accepted` on that loop. Pauses for a moment when file descriptors run out.
class Listener {
public:
    using Accepted = std::function<void(std::unique_ptr<ByteStream>)>;
    /// Throws std::system_error when the address cannot be bound, naming it.
    Listener(EventLoops& loops, const std::string& host, std::uint16_t port,
             std::shared_ptr<SSL_CTX> tls, Accepted accepted);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] std::string address() const;  ///< "127.0.0.1:8848"
    /// Stops accepting and waits until no accept is under way. Not from an event loop.
    void stop();

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace updraft::net
