#include <boost/asio/post.hpp>
#include <utility>

#include "base/log.hpp"
#include "transport/http/session.hpp"
#include "transport/http/websocket_codec.hpp"

namespace updraft::http {

using net::awaitable;
using net::IoResult;
using net::IoStatus;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds goodbye_max{5'000};  ///< for the peer's close frame

/// The handler's end of the connection; outlives it.
class Sender final : public WebSocketSender {
public:
    explicit Sender(std::shared_ptr<OutQueue> queue) : queue_(std::move(queue)) {}

    bool send(std::string text) override {
        return queue_->push(websocket_frame(WebSocketOpcode::text, text));
    }
    void close() override { queue_->finish(websocket_close_frame(WebSocketClose::normal)); }

private:
    std::shared_ptr<OutQueue> queue_;
};

using Opened = std::variant<std::shared_ptr<WebSocketHandler>, Response>;

std::string switching_head(const Request& request) {
    return fmt::format(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: {}\r\n\r\n",
        websocket_accept(request.header("Sec-WebSocket-Key").value_or("")));
}

bool deliver(WebSocketHandler& handler, std::string text) {
    try {
        handler.on_text(std::move(text));
        return true;
    } catch (const std::exception& error) {
        log::error("http", "websocket handler failed what={}", error.what());
        return false;
    }
}

}  // namespace

awaitable<Session::Next> Session::serve_websocket(const Route* route) {
    if (!is_websocket_handshake(request_) || head_.has_body()) {
        Response response =
            refusal(ErrorCode::malformed,
                    Text{"此地址仅支持WebSocket", "this path speaks WebSocket 13 only"});
        response.headers.emplace_back("Sec-WebSocket-Version", "13");
        const Next next = co_await refuse(std::move(response));
        co_return next;
    }
    const auto queue =
        std::make_shared<OutQueue>(loop(), server_->options.event_queue_max,
                                   server_->options.buffers.get(), [this] { stream_->close(); });
    struct Leave {
        Session& session;
        OutQueue& frames;
        ~Leave() {
            session.end_stream_ = nullptr;
            frames.leave();
        }
    };
    const Leave leave{*this, *queue};
    Opened opened = Response{};
    std::function<void()> work = [this, route, &opened, &queue] {
        try {
            opened = route->websocket(request_, std::make_shared<Sender>(queue));
        } catch (const std::exception& error) {
            log::error("http", "websocket opener failed path={} what={}", loggable_path(),
                       error.what());
            opened = refusal(ErrorCode::internal, Text{"服务器内部错误", "internal server error"});
        }
    };
    const bool ran = co_await server_->workers.run(std::move(work));
    if (!ran) {
        opened = busy();
    }
    if (auto* response = std::get_if<Response>(&opened)) {
        const Next next = co_await refuse(std::move(*response));
        co_return next;
    }
    const auto handler = std::get<std::shared_ptr<WebSocketHandler>>(opened);
    end_stream_ = [queue] { queue->finish(websocket_close_frame(WebSocketClose::going_away)); };
    const bool switched = co_await write(switching_head(request_), More::none);
    ++server_->responses_by_class[1];
    log_access(101);
    if (switched) {
        const auto joined = std::make_shared<net::LoopSignal>(loop());
        net::spawn(loop(), "http websocket", write_frames(shared_from_this(), queue, joined));
        co_await read_frames(handler, queue);
        queue->finish("");
        read_ended_ = true;
        queue->changed.notify();
        co_await joined->wait();
    }
    handler->on_close();
    co_return Next::close;
}

awaitable<void> Session::until_room(std::shared_ptr<WebSocketHandler> handler) {
    const auto room = std::make_shared<net::LoopSignal>(loop());
    handler->when_room([room, &io = loop()] { net::asio::post(io, [room] { room->notify(); }); });
    co_await room->wait();
}

/// Until the peer closes, falls silent or breaks a rule.
awaitable<void> Session::read_frames(std::shared_ptr<WebSocketHandler> handler,
                                     std::shared_ptr<OutQueue> queue) {
    WebSocketDecoder decoder(server_->options.websocket_message_bytes_max);
    std::vector<WebSocketEvent> events;
    std::string bytes = std::exchange(received_, {});
    bool pinged = false;
    const milliseconds ping_after = server_->options.websocket_ping_after;
    read_ended_ = false;
    for (;;) {
        events.clear();
        const bool valid = decoder.decode(bytes, events);
        for (WebSocketEvent& event : events) {
            if (event.opcode == WebSocketOpcode::text) {
                if (!deliver(*handler, std::move(event.payload))) {
                    queue->finish(websocket_close_frame(WebSocketClose::internal_error));
                    co_return;
                }
                if (handler->is_full()) {
                    co_await until_room(handler);
                }
            } else if (event.opcode == WebSocketOpcode::ping) {
                queue->push(websocket_frame(WebSocketOpcode::pong, event.payload));
            } else if (event.opcode == WebSocketOpcode::close) {
                // The peer's own code goes back to it (RFC 6455 5.5.1).
                queue->finish(websocket_frame(WebSocketOpcode::close, event.payload.substr(0, 2)));
                co_return;
            }
        }
        if (!valid) {
            queue->finish(websocket_close_frame(decoder.refusal()));
            co_return;
        }
        if (!held_.resize(decoder.held_bytes())) {
            queue->finish(websocket_close_frame(WebSocketClose::try_again_later));
            co_return;
        }
        bytes.resize(16384);
        const IoResult result = co_await stream_->read_some(bytes, ping_after);
        if (result.status == IoStatus::timed_out && !pinged) {
            pinged = queue->push(websocket_frame(WebSocketOpcode::ping, ""));
            bytes.clear();
            if (pinged) {
                continue;
            }
        }
        if (result.status != IoStatus::ok) {
            co_return;
        }
        bytes.resize(result.bytes);
        pinged = false;
    }
}

/// Writes what is queued; after the close frame it waits for the peer's, then closes.
awaitable<void> Session::write_frames(std::shared_ptr<Session> self,
                                      std::shared_ptr<OutQueue> queue,
                                      std::shared_ptr<net::LoopSignal> joined) {
    for (;;) {
        const bool last = queue->finished();
        std::string out;
        for (const std::string& frame : queue->take()) {
            out.append(frame);
        }
        if (!out.empty()) {
            const bool sent = co_await self->write(out, More::none);
            if (!sent) {
                break;
            }
        }
        if (last) {
            break;
        }
        if (out.empty()) {
            co_await queue->changed.wait();
        }
    }
    const auto until = std::chrono::steady_clock::now() + goodbye_max;
    while (!self->read_ended_ && self->stream_->is_open()) {
        const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) {
            break;
        }
        co_await queue->changed.wait(left);
    }
    self->stream_->close();
    joined->notify();
}

}  // namespace updraft::http
