#include "stream.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace updraft::bench {

TlsClient::TlsClient() : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                         SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                         SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);
}

void Stream::open(int port, int epoll, void* owner, const TlsClient* tls, int receive_buffer) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (socket_ < 0) {
        throw std::runtime_error(std::strerror(errno));
    }
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (receive_buffer > 0) {
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    if (tls != nullptr) {
        ssl_ = std::shared_ptr<SSL>(SSL_new(tls->context()), SSL_free);
        SSL_set_fd(ssl_.get(), socket_);
        SSL_set_connect_state(ssl_.get());
    }
    epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.ptr = owner}};
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket_, &event);
}

void Stream::close() {
    ssl_.reset();
    if (socket_ >= 0) {
        ::close(socket_);
        socket_ = -1;
    }
    pending_.clear();
}

void Stream::send(std::string_view bytes) {
    pending_ += bytes;
    flush();
}

void Stream::flush() {
    while (!pending_.empty() && is_open()) {
        ERR_clear_error();
        const auto sent =
            ssl_ ? SSL_write(ssl_.get(), pending_.data(), static_cast<int>(pending_.size()))
                 : ::send(socket_, pending_.data(), pending_.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return;  // what went wrong shows when reading
        }
        pending_.erase(0, static_cast<std::size_t>(sent));
    }
}

std::size_t Stream::receive_tls(std::span<char> room) {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), room.data(), static_cast<int>(room.size()));
    if (got > 0) {
        return static_cast<std::size_t>(got);
    }
    const int why = SSL_get_error(ssl_.get(), got);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
        throw std::runtime_error("the server closed the TLS connection");
    }
    return 0;
}

std::size_t Stream::receive(std::span<char> room) {
    if (ssl_) {
        return receive_tls(room);
    }
    const ssize_t got = ::recv(socket_, room.data(), room.size(), 0);
    if (got == 0) {
        throw std::runtime_error("the server closed the connection");
    }
    if (got < 0) {
        if (errno != EAGAIN && errno != EINPROGRESS && errno != ENOTCONN) {
            throw std::runtime_error(std::strerror(errno));
        }
        return 0;
    }
    return static_cast<std::size_t>(got);
}

}  // namespace updraft::bench
