#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/histogram.hpp"
#include "base/result.hpp"
#include "transport/http/router.hpp"
#include "transport/net/byte_stream.hpp"
#include "transport/net/memory_budget.hpp"
#include "transport/net/worker_pool.hpp"

namespace updraft::http {

/// Every limit of the HTTP server. All are keys of the configuration under [http].
struct ServerOptions {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8848;     ///< 0: a free one
    std::shared_ptr<SSL_CTX> tls;  ///< null: plain
    std::int64_t header_bytes_max = 16 * 1024;
    std::int64_t body_bytes_max = 4 * 1024 * 1024;           ///< of a body that is read whole
    std::int64_t upload_bytes_max = std::int64_t{16} << 30;  ///< of a streamed body
    std::chrono::milliseconds header_timeout{10'000};
    std::chrono::milliseconds body_timeout{30'000};   ///< without a byte moving
    std::chrono::milliseconds idle_timeout{75'000};   ///< keep-alive between requests
    std::chrono::milliseconds write_timeout{30'000};  ///< without a byte moving
    /// A body that comes slower than so many bytes a second for `body_timeout` in all is given up.
    std::int64_t body_rate_min = 512;
    /// A peer that acknowledges nothing for so long has gone.
    std::chrono::milliseconds loss_after{120'000};
    std::size_t connections_max = 10'000;
    /// Of one remote address, at one listener; 0: any number (devices share one behind NAT).
    std::size_t connections_per_address_max = 0;
    std::size_t ranges_max = 16;  ///< more in one request: the whole file is sent
    /// Of an answer, in the kernel and not yet on its way; 0: as the system has it. Where it is
    /// megabytes, ten thousand slow readers fill the memory that the kernel has for TCP, and then
    /// everybody waits; and a reader has to take that much within `write_timeout`.
    std::size_t unsent_bytes_max = 64 * 1024;
    std::size_t open_files_max = 256;  ///< of downloads, shared by their connections
    /// Undelivered events of one SSE or WebSocket client. Holds a whole round of live events
    /// ([live] records_max and device_events_max), which come at once.
    std::size_t event_queue_max = 8'192;
    std::size_t websocket_message_bytes_max = 256 * 1024;
    /// A silent WebSocket is asked for a sign of life after that; twice that and it is gone.
    std::chrono::milliseconds websocket_ping_after{30'000};
    /// What connections may hold together; null: any amount. Outlives the server's connections.
    std::shared_ptr<net::MemoryBudget> buffers;
};

/// Turns a refusal that the server itself makes (404, 405, 413, 500, 503 ...) into an answer, so
/// that it has the API's envelope and language.
using Refuse = std::function<Response(const Error&, Language, const Request*)>;

/// HTTP/1.1 over the event loops: keep-alive, pipelining in order, chunked answers, files with
/// ranges, server-sent events, WebSocket, gzip for large texts. CORS as spec 2.1. Paths work with
/// and without `/api` and with a trailing slash.
class Server {
public:
    /// Starts listening; `workers` run ordinary handlers, `uploads` the handlers of streaming
    /// routes, which block for long. Throws std::system_error when the address cannot be bound.
    Server(net::EventLoops& loops, net::WorkerPool& workers, net::WorkerPool& uploads,
           const Router& router, Refuse refuse, ServerOptions options);
    ~Server();

    [[nodiscard]] std::string address() const;
    /// Stops accepting, lets running requests end for `grace`, then closes. Not from an event loop.
    void stop(std::chrono::milliseconds grace);

    struct Counters {
        std::uint64_t connections_open = 0;
        std::uint64_t connections_total = 0;
        std::uint64_t requests_total = 0;
        std::uint64_t refused_total = 0;
        std::uint64_t bytes_sent_total = 0;
        std::uint64_t file_bytes_sent_total = 0;            ///< of these, of files
        std::array<std::uint64_t, 6> responses_by_class{};  ///< [2] = 2xx ...
        /// Seconds from a request's head to its answer being ready to be sent, by Router::groups().
        std::vector<Histogram::Snapshot> latencies;

        /// Adds what another server of the same router has counted.
        void add(const Counters& other);
    };
    [[nodiscard]] Counters counters() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace updraft::http
