#include "transport/http/server.hpp"

#include <boost/asio/post.hpp>
#include <thread>
#include <utility>

#include "base/log.hpp"
#include "transport/http/session.hpp"

namespace updraft::http {

namespace asio = net::asio;

namespace {

/// So many connections above the limit get a proper 503; beyond that they are closed at once.
constexpr std::size_t turned_away_max = 64;
constexpr std::chrono::milliseconds parting_max{5000};

/// "192.0.2.7" of "192.0.2.7:4711".
std::string host_of(const std::string& address) {
    return address.substr(0, address.rfind(':'));
}

void start_session(const std::shared_ptr<ServerShared>& shared,
                   std::unique_ptr<net::ByteStream> stream) {
    std::string host = host_of(stream->remote_address());
    const bool admitted = shared->admit(host);
    if (shared->stopping || (!admitted && shared->turned_away >= turned_away_max)) {
        if (admitted) {
            shared->discharge(host);
        }
        ++shared->refused_total;
        stream->close();
        return;
    }
    stream->detect_loss(shared->options.loss_after);
    stream->limit_unsent(shared->options.unsent_bytes_max);
    asio::io_context& loop = stream->loop();
    const auto place = admitted ? Session::Place::inside : Session::Place::at_the_door;
    const auto session =
        std::make_shared<Session>(shared, std::move(stream), std::move(host), place);
    net::spawn(loop, "http session",
               admitted ? Session::run(session) : Session::turn_away(session));
}

}  // namespace

bool ServerShared::admit(const std::string& host) {
    const std::lock_guard lock(mutex);
    if (admitted >= options.connections_max) {
        return false;
    }
    if (options.connections_per_address_max != 0) {
        std::size_t& of_host = per_host[host];
        if (of_host >= options.connections_per_address_max) {
            return false;
        }
        ++of_host;
    }
    ++admitted;
    return true;
}

void ServerShared::discharge(const std::string& host) {
    const std::lock_guard lock(mutex);
    --admitted;
    const auto of_host = per_host.find(host);
    if (of_host != per_host.end() && --of_host->second == 0) {
        per_host.erase(of_host);
    }
}

struct Server::State {
    std::shared_ptr<ServerShared> shared;
    std::unique_ptr<net::Listener> listener;

    /// Calls `action` for every session on its loop.
    void on_every_session(void (Session::*action)()) const {
        std::vector<std::shared_ptr<Session>> sessions;
        {
            const std::lock_guard lock(shared->mutex);
            for (const auto& [address, weak] : shared->sessions) {
                sessions.push_back(weak.lock());
            }
        }
        for (std::shared_ptr<Session>& session : sessions) {
            if (session) {
                // Moved, so that the last owner is on the loop: a session ends nowhere else.
                asio::io_context& loop = session->loop();
                asio::post(loop,
                           [session = std::move(session), action] { (session.get()->*action)(); });
            }
        }
    }

    [[nodiscard]] bool all_ended_within(std::chrono::milliseconds limit) const {
        const auto until = std::chrono::steady_clock::now() + limit;
        while (shared->connections_open > 0) {
            if (std::chrono::steady_clock::now() >= until) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return true;
    }
};

Server::Server(net::EventLoops& loops, net::WorkerPool& workers, net::WorkerPool& uploads,
               const Router& router, Refuse refuse, ServerOptions options)
    : state_(std::make_shared<State>()) {
    state_->shared = std::make_shared<ServerShared>(workers, uploads, router, std::move(refuse),
                                                    std::move(options));
    for (std::size_t i = 0; i < router.groups().size(); ++i) {
        state_->shared->latencies.push_back(std::make_unique<Histogram>(latency_bounds()));
    }
    const ServerOptions& kept = state_->shared->options;
    state_->listener = std::make_unique<net::Listener>(
        loops, kept.host, kept.port, kept.tls,
        [shared = state_->shared](std::unique_ptr<net::ByteStream> stream) {
            start_session(shared, std::move(stream));
        });
}

Server::~Server() {
    stop(std::chrono::milliseconds::zero());
}

std::string Server::address() const {
    return state_->listener->address();
}

void Server::stop(std::chrono::milliseconds grace) {
    state_->shared->stopping = true;
    state_->listener->stop();
    state_->on_every_session(&Session::stop);
    if (state_->all_ended_within(grace)) {
        return;
    }
    state_->on_every_session(&Session::cut);
    if (!state_->all_ended_within(parting_max)) {
        log::warn("http", "connections still open after stop count={}",
                  state_->shared->connections_open.load());
    }
}

Server::Counters Server::counters() const {
    const ServerShared& shared = *state_->shared;
    Counters counters{shared.connections_open,
                      shared.connections_total,
                      shared.requests_total,
                      shared.refused_total,
                      shared.bytes_sent_total,
                      shared.file_bytes_sent_total,
                      {},
                      {}};
    for (std::size_t i = 0; i < shared.responses_by_class.size(); ++i) {
        counters.responses_by_class[i] = shared.responses_by_class[i];
    }
    for (const auto& latency : shared.latencies) {
        counters.latencies.push_back(latency->snapshot());
    }
    return counters;
}

void Server::Counters::add(const Counters& other) {
    connections_open += other.connections_open;
    connections_total += other.connections_total;
    requests_total += other.requests_total;
    refused_total += other.refused_total;
    bytes_sent_total += other.bytes_sent_total;
    file_bytes_sent_total += other.file_bytes_sent_total;
    for (std::size_t i = 0; i < responses_by_class.size(); ++i) {
        responses_by_class[i] += other.responses_by_class[i];
    }
    for (std::size_t i = 0; i < latencies.size(); ++i) {
        latencies[i].add(other.latencies[i]);
    }
}

}  // namespace updraft::http
