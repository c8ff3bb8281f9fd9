#include "client/connection.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <vector>

#include "client/tls_client.hpp"
#include "transport/net/deadline.hpp"

namespace updraft::client {

namespace asio = boost::asio;
using asio::ip::tcp;
using Token = asio::use_awaitable_t<asio::io_context::executor_type>;
using Resolver = asio::ip::basic_resolver<tcp, asio::io_context::executor_type>;

namespace {

/// The addresses behind a name; an address stands for itself, without a thread for getaddrinfo.
awaitable<std::vector<tcp::endpoint>> resolve(asio::io_context& loop, Endpoint endpoint) {
    std::vector<tcp::endpoint> found;
    boost::system::error_code error;
    const asio::ip::address address = asio::ip::make_address(endpoint.host, error);
    if (!error) {
        found.emplace_back(address, endpoint.port);
        co_return found;
    }
    Resolver resolver(loop);
    const std::string port = std::to_string(endpoint.port);
    const auto results =
        co_await resolver.async_resolve(endpoint.host, port, asio::redirect_error(Token{}, error));
    for (const auto& result : results) {
        found.push_back(result.endpoint());
    }
    co_return found;
}

}  // namespace

awaitable<std::unique_ptr<net::ByteStream>> connect_to(TaskGroup& group, Endpoint endpoint,
                                                       SSL_CTX* tls, milliseconds deadline) {
    const std::string host = endpoint.host;
    const std::vector<tcp::endpoint> addresses =
        co_await resolve(group.loop(), std::move(endpoint));

    net::Socket socket(group.loop());
    const auto give_up = [&socket] {
        boost::system::error_code ignored;
        socket.close(ignored);
    };
    bool connected = false;
    {
        net::Deadline limit(group.loop(), give_up);
        const StopHook hook(group, give_up);
        limit.start(deadline);
        for (const tcp::endpoint& address : addresses) {
            boost::system::error_code error;
            if (group.stopping() || limit.passed()) {
                break;
            }
            co_await socket.async_connect(address, asio::redirect_error(Token{}, error));
            connected = !error && socket.is_open();
            if (connected) {
                break;
            }
            give_up();
        }
    }
    if (!connected || group.stopping()) {
        co_return nullptr;
    }
    if (tls == nullptr) {
        co_return net::plain_stream(group.loop(), std::move(socket));
    }
    std::unique_ptr<net::ByteStream> stream =
        tls_client_stream(group.loop(), std::move(socket), *tls, host);
    net::IoResult shaken;
    {
        const StopHook hook(group, [&stream] { stream->close(); });
        shaken = co_await stream->handshake(deadline);
    }
    if (shaken.status != net::IoStatus::ok) {
        stream->close();
        co_return nullptr;
    }
    co_return stream;
}

}  // namespace updraft::client
