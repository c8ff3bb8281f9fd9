#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "transport/net/byte_stream.hpp"

namespace updraft::net {

namespace {

using Executor = asio::io_context::executor_type;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using SteadyClock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>, Executor>;
using Token = asio::use_awaitable_t<Executor>;

/// Long enough that a full table of descriptors costs no CPU, short enough that nobody notices.
constexpr std::chrono::milliseconds pause_without_descriptors{100};
constexpr int backlog = 4096;

asio::ip::tcp::endpoint resolve(asio::io_context& loop, std::string host, std::uint16_t port) {
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    boost::system::error_code error;
    asio::ip::basic_resolver<asio::ip::tcp, Executor> resolver(loop);
    const auto found =
        resolver.resolve(host, std::to_string(port), asio::ip::resolver_base::passive, error);
    if (error || found.empty()) {
        throw std::system_error(std::make_error_code(std::errc::address_not_available),
                                fmt::format("cannot listen on {}:{}", host, port));
    }
    return found.begin()->endpoint();
}

void require(const boost::system::error_code& error, const asio::ip::tcp::endpoint& where) {
    if (error) {
        throw std::system_error(
            std::error_code(error.value(), std::generic_category()),
            fmt::format("cannot listen on {}:{}", where.address().to_string(), where.port()));
    }
}

}  // namespace

struct Listener::State {
    State(EventLoops& all_loops, std::shared_ptr<SSL_CTX> tls_context, Accepted on_accepted)
        : loops(all_loops),
          home(all_loops.next()),
          acceptor(home),
          pause(home),
          tls(std::move(tls_context)),
          accepted(std::move(on_accepted)) {}

    EventLoops& loops;
    asio::io_context& home;
    Acceptor acceptor;
    Timer pause;
    std::shared_ptr<SSL_CTX> tls;
    Accepted accepted;
    asio::ip::tcp::endpoint local;
    bool stopping = false;  ///< on the home loop only
    std::atomic<bool> ended = false;
    std::atomic<int> handing_over = 0;  ///< connections on their way to their loop

    static void hand_over(const std::shared_ptr<State>& state, asio::io_context& loop,
                          Socket socket) {
        ++state->handing_over;
        asio::dispatch(loop, [state, &loop, socket = std::move(socket)]() mutable {
            struct Arrived {
                std::atomic<int>& count;
                ~Arrived() { --count; }
            };
            const Arrived arrived{state->handing_over};
            state->accepted(state->make_stream(loop, std::move(socket)));
        });
    }

    std::unique_ptr<ByteStream> make_stream(asio::io_context& loop, Socket socket) const {
        return tls ? tls_stream(loop, std::move(socket), *tls)
                   : plain_stream(loop, std::move(socket));
    }

    static awaitable<void> accept_until_stopped(std::shared_ptr<State> state) {
        while (!state->stopping) {
            asio::io_context& loop = state->loops.next();
            boost::system::error_code error;
            Socket socket =
                co_await state->acceptor.async_accept(loop, asio::redirect_error(Token{}, error));
            if (!error) {
                hand_over(state, loop, std::move(socket));
                continue;
            }
            if (state->stopping) {
                break;
            }
            const bool exhausted = error.value() == EMFILE || error.value() == ENFILE ||
                                   error.value() == ENOBUFS || error.value() == ENOMEM;
            if (exhausted) {
                log::warn("net", "accept paused address={}:{} what={}",
                          state->local.address().to_string(), state->local.port(), error.message());
                state->pause.expires_after(pause_without_descriptors);
                boost::system::error_code ignored;
                co_await state->pause.async_wait(asio::redirect_error(Token{}, ignored));
            }
        }
        state->ended = true;
    }
};

Listener::Listener(EventLoops& loops, const std::string& host, std::uint16_t port,
                   std::shared_ptr<SSL_CTX> tls, Accepted accepted)
    : state_(std::make_shared<State>(loops, std::move(tls), std::move(accepted))) {
    const asio::ip::tcp::endpoint where = resolve(state_->home, host, port);
    boost::system::error_code error;
    Acceptor& acceptor = state_->acceptor;
    acceptor.open(where.protocol(), error);
    require(error, where);
    acceptor.set_option(Acceptor::reuse_address(true), error);
    if (where.address().is_v6()) {
        acceptor.set_option(asio::ip::v6_only(false), error);
    }
    acceptor.bind(where, error);
    require(error, where);
    acceptor.listen(backlog, error);
    require(error, where);
    state_->local = acceptor.local_endpoint(error);
    require(error, where);
    spawn(state_->home, "accept " + address(), State::accept_until_stopped(state_));
}

Listener::~Listener() {
    stop();
}

std::uint16_t Listener::port() const {
    return state_->local.port();
}

std::string Listener::address() const {
    const std::string host = state_->local.address().to_string();
    return state_->local.address().is_v6() ? fmt::format("[{}]:{}", host, port())
                                           : fmt::format("{}:{}", host, port());
}

void Listener::stop() {
    asio::post(state_->home, [state = state_] {
        state->stopping = true;
        boost::system::error_code error;
        state->acceptor.close(error);
        state->pause.cancel();
    });
    // A stopped loop will never run what was posted; then there is nobody to wait for.
    while ((!state_->ended || state_->handing_over > 0) && !state_->home.stopped()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

}  // namespace updraft::net
