#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace updraft::bench {

/// What all TLS connections of a tool share. Trusts every server: the peer is on this machine.
class TlsClient {
public:
    TlsClient();
    [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

private:
    std::shared_ptr<SSL_CTX> context_;
};

/// A non-blocking connection to this machine, edge-triggered in an epoll; plain, or TLS if it is
/// given a TlsClient. Throws std::runtime_error when the peer hangs up.
class Stream {
public:
    Stream() = default;
    ~Stream() { close(); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// `owner` comes back with the epoll's events; a receive buffer of 0 is the kernel's default.
    void open(int port, int epoll, void* owner, const TlsClient* tls, int receive_buffer = 0);
    void close();
    [[nodiscard]] bool is_open() const { return socket_ >= 0; }

    /// Sends what it can now; the rest goes with flush().
    void send(std::string_view bytes);
    void flush();
    /// Bytes read into `room`; 0: nothing for now.
    [[nodiscard]] std::size_t receive(std::span<char> room);

private:
    [[nodiscard]] std::size_t receive_tls(std::span<char> room);

    int socket_ = -1;
    std::shared_ptr<SSL> ssl_;
    std::string pending_;
};

}  // namespace updraft::bench
