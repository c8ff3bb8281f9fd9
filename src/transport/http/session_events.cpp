#include <utility>

#include "transport/http/session.hpp"

namespace updraft::http {

using net::awaitable;
using net::IoResult;
using net::IoStatus;

namespace {

constexpr std::chrono::milliseconds heartbeat{15'000};

/// One event as text/event-stream: every line of the data gets its own field.
std::string event_frame(std::string_view event, std::string_view data) {
    std::string frame;
    frame.reserve(event.size() + data.size() + 32);
    if (!event.empty()) {
        frame.append("event: ").append(event).append("\n");
    }
    for (;;) {
        const std::size_t end = data.find_first_of("\r\n");
        frame.append("data: ").append(data.substr(0, end)).append("\n");
        if (end == std::string_view::npos) {
            break;
        }
        const bool both = data[end] == '\r' && end + 1 < data.size() && data[end + 1] == '\n';
        data.remove_prefix(end + (both ? 2 : 1));
    }
    return frame.append("\n");
}

}  // namespace

awaitable<bool> Session::send_events(const EventStream& events, std::string head, bool chunked) {
    const auto queue =
        std::make_shared<OutQueue>(loop(), server_->options.event_queue_max,
                                   server_->options.buffers.get(), [this] { stream_->close(); });
    const auto joined = std::make_shared<net::LoopSignal>(loop());
    struct Leave {  // the subscription ends with the stream, also when an exception ends it
        Session& session;
        OutQueue& frames;
        std::shared_ptr<void> subscription;
        ~Leave() {
            session.end_stream_ = nullptr;
            frames.leave();
        }
    };
    Leave leave{*this, *queue, nullptr};
    end_stream_ = [queue] { queue->finish(""); };
    bool sent = co_await write(head, More::none);
    if (sent) {
        const EventStream::Send send(
            [queue](std::string event, std::string data) {
                return queue->push(event_frame(event, data));
            },
            [queue] { queue->finish(""); });
        leave.subscription = events.attach(send);
        net::spawn(loop(), "http events", watch_peer(shared_from_this(), queue, joined));
        co_await pump_events(queue, chunked);
        leave.subscription.reset();
        stream_->close();
        co_await joined->wait();
        sent = false;
    }
    co_return sent;
}

awaitable<void> Session::pump_events(std::shared_ptr<OutQueue> queue, bool chunked) {
    for (;;) {
        const bool last = queue->finished();
        std::string out;
        for (const std::string& frame : queue->take()) {
            out.append(frame);
        }
        if (out.empty() && !last) {
            const bool woken = co_await queue->changed.wait(heartbeat);
            if (woken) {
                continue;
            }
            out = ":\n\n";
        }
        if (!stream_->is_open()) {
            co_return;
        }
        if (chunked && !out.empty()) {
            out = fmt::format("{:x}\r\n{}\r\n", out.size(), out);
        }
        if (chunked && last) {
            out += "0\r\n\r\n";
        }
        const bool sent = co_await write(out, More::none);
        if (!sent || last) {
            co_return;
        }
    }
}

/// Notices that the client has gone, which writing alone would only show at the next event.
awaitable<void> Session::watch_peer(std::shared_ptr<Session> self, std::shared_ptr<OutQueue> queue,
                                    std::shared_ptr<net::LoopSignal> joined) {
    std::array<char, 512> ignored{};
    for (;;) {
        const IoResult result =
            co_await self->stream_->read_some(ignored, std::chrono::milliseconds::zero());
        if (result.status != IoStatus::ok) {
            break;
        }
    }
    self->stream_->close();
    queue->finish("");
    joined->notify();
}

}  // namespace updraft::http
