#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "transport/http/answer.hpp"
#include "transport/http/body_decoder.hpp"
#include "transport/http/channels.hpp"
#include "transport/http/request_head.hpp"
#include "transport/http/server.hpp"

namespace updraft::http {

class Session;

/// What all connections of one server share. Outlives them.
struct ServerShared {
    net::WorkerPool& workers;
    net::WorkerPool& uploads;
    const Router& router;
    const Refuse refuse;
    const ServerOptions options;
    OpenFiles files{options.open_files_max};

    std::atomic<bool> stopping = false;
    std::atomic<std::uint64_t> connections_open = 0;
    std::atomic<std::uint64_t> connections_total = 0;
    std::atomic<std::uint64_t> requests_total = 0;
    std::atomic<std::uint64_t> refused_total = 0;
    std::atomic<std::uint64_t> bytes_sent_total = 0;
    std::atomic<std::uint64_t> file_bytes_sent_total = 0;
    std::array<std::atomic<std::uint64_t>, 6> responses_by_class{};
    std::vector<std::unique_ptr<Histogram>> latencies{};  ///< by Router::groups(); never changes

    /// Counts a connection from `host`; false if a limit forbids it.
    [[nodiscard]] bool admit(const std::string& host);
    /// The connection from `host` that was admitted has ended.
    void discharge(const std::string& host);
    std::atomic<std::size_t> turned_away = 0;  ///< open ones that were not admitted

    std::mutex mutex;  ///< guards what follows
    std::unordered_map<Session*, std::weak_ptr<Session>> sessions{};
    std::size_t admitted = 0;
    std::unordered_map<std::string, std::size_t> per_host{};  ///< empty without that limit
};

/// The patience with a body: its time-out, used up by waiting and won back by bytes at the slowest
/// rate that is borne. What the server itself takes does not count.
class BodyPace {
public:
    BodyPace(std::chrono::milliseconds timeout, std::int64_t bytes_per_second_min)
        : timeout_(timeout), left_(timeout), rate_(bytes_per_second_min) {}

    /// At least a millisecond: a wait of zero would be one without end.
    [[nodiscard]] std::chrono::milliseconds deadline() const {
        return std::max(std::chrono::ceil<std::chrono::milliseconds>(left_),
                        std::chrono::milliseconds(1));
    }
    [[nodiscard]] bool is_over() const { return left_.count() <= 0; }
    void came(std::size_t bytes, std::chrono::nanoseconds after) {
        const std::chrono::nanoseconds won =
            rate_ <= 0 ? timeout_
                       : std::chrono::nanoseconds(static_cast<std::int64_t>(bytes) * 1'000'000'000 /
                                                  rate_);
        left_ = std::min<std::chrono::nanoseconds>(timeout_, left_ - after + won);
    }

private:
    std::chrono::nanoseconds timeout_;
    std::chrono::nanoseconds left_;
    std::int64_t rate_;
};

/// One connection: reads requests, runs their handlers on worker threads, writes the answers in
/// order. Lives on its stream's loop; owned by the coroutine run().
class Session : public std::enable_shared_from_this<Session> {
public:
    /// Whether it is one of the connections that the limits allow, or gets no more than a refusal.
    enum class Place : std::uint8_t { inside, at_the_door };
    Session(std::shared_ptr<ServerShared> server, std::unique_ptr<net::ByteStream> stream,
            std::string host, Place place);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Serves the connection until it ends.
    static net::awaitable<void> run(std::shared_ptr<Session> self);
    /// Answers 503 to whatever comes, for a connection above the limit.
    static net::awaitable<void> turn_away(std::shared_ptr<Session> self);

    [[nodiscard]] net::asio::io_context& loop() { return stream_->loop(); }
    /// On the loop: ends the connection as soon as no request is being answered.
    void stop();
    /// On the loop: ends it now.
    void cut() { stream_->close(); }

private:
    enum class Next : std::uint8_t { keep, close };
    enum class HeadState : std::uint8_t { complete, gone, refused };
    enum class BodyState : std::uint8_t { complete, too_large, malformed, gone, no_room };

    // session.cpp: reading requests
    net::awaitable<void> serve();
    net::awaitable<HeadState> read_head();
    net::awaitable<Next> serve_request();
    net::awaitable<Next> serve_route(const Route* route);
    net::awaitable<BodyState> read_body(std::int64_t bytes_max);
    net::awaitable<bool> receive(std::chrono::milliseconds deadline);
    net::awaitable<bool> receive_body();
    [[nodiscard]] bool has_small_body() const;
    Response refuse_body(BodyState body, std::int64_t limit);
    net::awaitable<void> refuse_head(HeadRefusal refusal_of_head);
    void begin_refusal_of_head();
    std::optional<Response> build_request();
    Response preflight(const std::vector<Method>& allowed) const;
    Response refusal(ErrorCode code, Text message);
    Response busy();
    Response refuse_path(const std::vector<Method>& allowed);
    Response too_large(std::int64_t limit);
    [[nodiscard]] std::int64_t body_limit(const Route& route) const;
    Answer run_handler(const Route& route);
    std::optional<Answer> answer_at_once(const Route& route);

    // session_answer.cpp: writing answers
    enum class More : std::uint8_t { none, follows };
    net::awaitable<bool> write(std::string_view bytes, More more);
    net::awaitable<Next> refuse(Response response);
    net::awaitable<Next> send(Answer answer);
    net::awaitable<bool> send_text(const Answer& answer, std::string head);
    net::awaitable<bool> send_file(const Answer& answer, std::string head);
    std::shared_ptr<AnswerChannel> start_producer(Answer& answer);
    net::awaitable<bool> pump_answer(std::shared_ptr<AnswerChannel> channel, bool chunked,
                                     bool gzip);
    net::awaitable<void> drain();
    bool take_rest_of_body();
    void note_latency() const;
    [[nodiscard]] std::string loggable_path() const;
    void log_access(int status) const;

    // session_upload.cpp: streamed request bodies
    net::awaitable<Next> serve_upload(const Route* route);
    net::awaitable<void> pump_upload(std::shared_ptr<UploadChannel> channel, std::int64_t limit);
    static net::awaitable<void> run_pump(std::shared_ptr<Session> self,
                                         std::shared_ptr<UploadChannel> channel, std::int64_t limit,
                                         std::shared_ptr<net::LoopSignal> joined);
    std::optional<Answer> refuse_broken_upload(std::int64_t limit);
    net::awaitable<bool> pump_chunk(std::shared_ptr<UploadChannel> channel);

    // session_events.cpp: server-sent events
    net::awaitable<bool> send_events(const EventStream& events, std::string head, bool chunked);
    net::awaitable<void> pump_events(std::shared_ptr<OutQueue> queue, bool chunked);
    static net::awaitable<void> watch_peer(std::shared_ptr<Session> self,
                                           std::shared_ptr<OutQueue> queue,
                                           std::shared_ptr<net::LoopSignal> joined);

    // session_websocket.cpp
    net::awaitable<Next> serve_websocket(const Route* route);
    net::awaitable<void> read_frames(std::shared_ptr<WebSocketHandler> handler,
                                     std::shared_ptr<OutQueue> queue);
    net::awaitable<void> until_room(std::shared_ptr<WebSocketHandler> handler);
    static net::awaitable<void> write_frames(std::shared_ptr<Session> self,
                                             std::shared_ptr<OutQueue> queue,
                                             std::shared_ptr<net::LoopSignal> joined);

    const std::shared_ptr<ServerShared> server_;
    const std::unique_ptr<net::ByteStream> stream_;
    const std::string host_;
    const Place place_;
    net::MemoryShare held_;  ///< what the request and its answer hold
    std::string received_;   ///< bytes not taken yet
    bool reading_head_ = true;
    bool stopping_ = false;
    bool read_ended_ = false;           ///< of a WebSocket
    std::function<void()> end_stream_;  ///< set while events or WebSocket frames flow

    // The request that is being served.
    RequestHead head_;
    Request request_;
    BodyDecoder decoder_{RequestHead{}};
    bool said_continue_ = false;
    BodyPace pace_{{}, 0};

    // While its body is streamed to the handler.
    bool handler_ended_ = false;
    bool pump_running_ = false;
    BodyState upload_state_ = BodyState::complete;
    std::int64_t uploaded_bytes_ = 0;

    std::chrono::steady_clock::time_point began_;
    const Route* route_ = nullptr;               ///< null: the request has none
    std::shared_ptr<const OpenFile> last_file_;  ///< stays open: its next range is likely to come
};

}  // namespace updraft::http
