#include <utility>

#include "base/log.hpp"
#include "transport/http/gzip.hpp"
#include "transport/http/session.hpp"
#include "transport/http/url.hpp"

namespace updraft::http {

using net::awaitable;
using net::IoResult;
using net::IoStatus;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t joined_body_bytes_max = 32768;  ///< a body up to this goes out with its head
constexpr std::size_t drained_bytes_max = 1 << 20;
constexpr milliseconds drained_for_max{5000};

std::string chunk_of(std::string_view bytes) {
    std::string chunk = fmt::format("{:x}\r\n", bytes.size());
    chunk.append(bytes).append("\r\n");
    return chunk;
}

}  // namespace

awaitable<bool> Session::write(std::string_view bytes, More more) {
    const milliseconds deadline = server_->options.write_timeout;
    IoResult result;
    if (more == More::follows) {
        result = co_await stream_->write_head(bytes, deadline);
    } else {
        result = co_await stream_->write_all(bytes, deadline);
    }
    server_->bytes_sent_total += result.bytes;
    co_return result.status == IoStatus::ok;
}

awaitable<Session::Next> Session::refuse(Response response) {
    ++server_->refused_total;
    Answer answer = prepare_answer(request_, std::move(response), {server_->refuse, 1});
    const Next next = co_await send(std::move(answer));
    co_return next;
}

/// True if nothing of the request's body is left to come: what has arrived of it is thrown away.
bool Session::take_rest_of_body() {
    std::string thrown_away;
    const std::size_t used = decoder_.decode(received_, thrown_away, received_.size());
    received_.erase(0, used);
    return decoder_.done();
}

awaitable<Session::Next> Session::send(Answer answer) {
    note_latency();
    if (const auto* body = std::get_if<std::string>(&answer.response.body);
        body != nullptr && body->size() > joined_body_bytes_max &&
        !held_.resize(held_.bytes() + body->size(), net::MemoryBudget::Use::small)) {
        ++server_->refused_total;
        answer = prepare_answer(request_, busy(), {server_->refuse, 1});
    }
    const std::shared_ptr<AnswerChannel> channel = start_producer(answer);
    const bool body_taken = !pump_running_ && take_rest_of_body();
    const bool streamed = !answer.length && answer.has_body;
    const bool chunked = streamed && head_.minor_version == 1;
    const bool events = std::holds_alternative<EventStream>(answer.response.body);
    const bool keep = head_.keep_alive && body_taken && !stopping_ && !server_->stopping &&
                      (!streamed || chunked) && !(events && answer.has_body);
    const int status = answer.response.status;
    ++server_->responses_by_class[static_cast<std::size_t>(std::clamp(status / 100, 0, 5))];
    std::string head = head_text(answer, {head_.minor_version, keep, chunked});
    bool sent = false;
    if (!answer.has_body) {
        sent = co_await write(head, More::none);
    } else if (std::holds_alternative<std::string>(answer.response.body)) {
        sent = co_await send_text(answer, std::move(head));
    } else if (std::holds_alternative<FileBody>(answer.response.body)) {
        sent = co_await send_file(answer, std::move(head));
    } else if (events) {
        const EventStream stream = std::get<EventStream>(std::move(answer.response.body));
        sent = co_await send_events(stream, std::move(head), chunked);
    } else {
        sent = co_await write(head, More::none);
        if (sent) {
            sent = co_await pump_answer(channel, chunked, answer.gzip);
        }
        channel->abandon();
    }
    log_access(status);
    if (!sent) {
        stream_->close();
        co_return Next::close;
    }
    if (!body_taken && !pump_running_) {
        stream_->finish_writing();
        co_await drain();
    }
    co_return keep ? Next::keep : Next::close;
}

awaitable<bool> Session::send_text(const Answer& answer, std::string head) {
    const auto& body = std::get<std::string>(answer.response.body);
    if (body.size() <= joined_body_bytes_max) {
        head.append(body);
        const bool sent = co_await write(head, More::none);
        co_return sent;
    }
    bool sent = co_await write(head, More::follows);
    if (sent) {
        sent = co_await write(body, More::none);
    }
    co_return sent;
}

awaitable<bool> Session::send_file(const Answer& answer, std::string head) {
    if (answer.file != last_file_) {
        const auto& body = std::get<FileBody>(answer.response.body);
        const bool shared = answer.file && server_->files.shares(body, *answer.file);
        last_file_ = shared ? answer.file : nullptr;
    }
    bool sent = co_await write(head, answer.ranges.empty() ? More::none : More::follows);
    for (std::size_t i = 0; sent && i < answer.ranges.size(); ++i) {
        const ByteRange& range = answer.ranges[i];
        if (!answer.part_heads.empty()) {
            sent = co_await write(answer.part_heads[i], More::follows);
            if (!sent) {
                break;
            }
        }
        const IoResult result = co_await stream_->send_file(
            answer.file->descriptor(), range.first, range.length(), server_->options.write_timeout);
        server_->bytes_sent_total += result.bytes;
        server_->file_bytes_sent_total += result.bytes;
        sent = result.status == IoStatus::ok;
    }
    if (sent && !answer.part_end.empty()) {
        sent = co_await write(answer.part_end, More::none);
    }
    co_return sent;
}

/// Starts the producer of a streamed body; an answer that the pool has no room for becomes a 503.
std::shared_ptr<AnswerChannel> Session::start_producer(Answer& answer) {
    using Producer = std::function<void(BodyWriter&)>;
    auto* producer = std::get_if<Producer>(&answer.response.body);
    if (producer == nullptr || !answer.has_body) {
        return nullptr;
    }
    const auto channel = std::make_shared<AnswerChannel>(loop());
    const bool queued = server_->uploads.post([channel, produce = std::move(*producer)] {
        AnswerChannel::End end = AnswerChannel::End::complete;
        try {
            produce(*channel);
        } catch (const std::exception& error) {
            log::error("http", "streamed answer failed what={}", error.what());
            end = AnswerChannel::End::broken;
        }
        channel->end(end);
    });
    if (queued) {
        return channel;
    }
    ++server_->refused_total;
    answer = prepare_answer(request_, busy(), {server_->refuse, 1});
    return nullptr;
}

awaitable<bool> Session::pump_answer(std::shared_ptr<AnswerChannel> channel, bool chunked,
                                     bool gzip) {
    std::unique_ptr<GzipEncoder> encoder = gzip ? std::make_unique<GzipEncoder>() : nullptr;
    for (;;) {
        AnswerChannel::Taken taken = channel->take();
        if (taken.end == AnswerChannel::End::broken) {
            co_return false;  // closing without the last chunk tells the client that something is
                              // missing
        }
        if (taken.bytes.empty() && taken.end == AnswerChannel::End::none) {
            co_await channel->changed.wait();
            continue;
        }
        if (encoder) {
            taken.bytes = encoder->encode(taken.bytes);
            if (taken.end == AnswerChannel::End::complete) {
                taken.bytes += encoder->finish();
            }
        }
        std::string out;
        if (!taken.bytes.empty()) {
            out = chunked ? chunk_of(taken.bytes) : std::move(taken.bytes);
        }
        if (chunked && taken.end == AnswerChannel::End::complete) {
            out += "0\r\n\r\n";
        }
        const bool sent = co_await write(out, More::none);
        if (!sent || taken.end == AnswerChannel::End::complete) {
            co_return sent;
        }
    }
}

/// Takes a little of a body that nobody wants: closing at once would make the kernel reset the
/// connection and the client lose the answer (RFC 9112 9.6).
awaitable<void> Session::drain() {
    const auto until = std::chrono::steady_clock::now() + drained_for_max;
    std::size_t drained = 0;
    while (drained < drained_bytes_max) {
        const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) {
            break;
        }
        received_.resize(16384);
        const IoResult result = co_await stream_->read_some(received_, left);
        if (result.status != IoStatus::ok) {
            break;
        }
        drained += result.bytes;
    }
    received_.clear();
}

/// What a client waits for before the first byte; how fast it takes the rest is its own affair.
void Session::note_latency() const {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began_;
    server_->latencies[route_ == nullptr ? 0 : route_->group]->observe(took.count());
}

/// The path without its query, which may hold a token or a file's access key; the pattern where the
/// path itself holds a token.
std::string Session::loggable_path() const {
    if (route_ != nullptr && route_->pattern.find("{token}") != std::string::npos) {
        return route_->pattern;
    }
    return std::string(without_query(request_.target));
}

void Session::log_access(int status) const {
    if (!log::enabled(log::Level::debug)) {
        return;
    }
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - began_);
    log::debug("http", "request method={} path={} status={} took_us={} peer={}",
               name_of(request_.method), loggable_path(), status, took.count(),
               request_.remote_address);
}

}  // namespace updraft::http
