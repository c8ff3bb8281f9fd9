// What an HTTP connection receives: head, body and target, and the same bytes as WebSocket frames.
// Neither depends on where the network cuts it.
#include "base/bytes.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "transport/http/body_decoder.hpp"
#include "transport/http/syntax.hpp"
#include "transport/http/url.hpp"
#include "transport/http/websocket_codec.hpp"

namespace updraft::fuzz {
namespace {

using namespace updraft::http;

struct Decoded {
    bool failed = false;
    std::string body;
    std::size_t used = 0;  ///< what is left belongs to the next request
    friend bool operator==(const Decoded&, const Decoded&) = default;
};

Decoded decode_in_steps(const RequestHead& head, std::string_view bytes, std::size_t step) {
    BodyDecoder decoder(head);
    Decoded decoded;
    std::string buffer;
    while (!bytes.empty() && !decoder.done() && !decoder.failed()) {
        buffer.append(bytes.substr(0, step));
        bytes.remove_prefix(std::min(step, bytes.size()));
        const std::size_t used = decoder.decode(buffer, decoded.body, 1 << 20);
        decoded.used += used;
        buffer.erase(0, used);
    }
    decoded.failed = decoder.failed();
    return decoded.failed ? Decoded{true, {}, 0} : decoded;
}

void read_request(std::string_view bytes) {
    const std::optional<std::size_t> end = find_head_end(bytes, 0);
    if (!end) {
        return;
    }
    for (std::size_t received = 1; received < *end; ++received) {  // byte by byte it is no other
        UPDRAFT_ASSERT(!find_head_end(bytes.substr(0, received), received - 1));
    }
    UPDRAFT_ASSERT(find_head_end(bytes.substr(0, *end), *end - 1) == *end);
    const auto parsed = parse_head(bytes.substr(0, *end));
    const auto* head = std::get_if<RequestHead>(&parsed);
    if (head == nullptr) {
        const int status = std::get<HeadRefusal>(parsed).status;
        UPDRAFT_ASSERT(status == 400 || status == 431 || status == 501 || status == 505);
        return;
    }
    UPDRAFT_ASSERT(!head->chunked || !head->has_length);
    UPDRAFT_ASSERT(head->content_length >= 0);
    for (const auto& [name, value] : head->headers) {
        UPDRAFT_ASSERT(is_token(name));
        UPDRAFT_ASSERT(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    }
    (void)parse_target(head->target);
    const std::string_view body = bytes.substr(*end);
    UPDRAFT_ASSERT(decode_in_steps(*head, body, 1) ==
                   decode_in_steps(*head, body, body.size() + 1));
}

struct Frames {
    bool broken = false;
    WebSocketClose refusal = WebSocketClose::normal;
    std::vector<std::pair<WebSocketOpcode, std::string>> events;
    friend bool operator==(const Frames&, const Frames&) = default;
};

Frames frames_in_steps(std::string_view bytes, std::size_t step) {
    constexpr std::size_t message_bytes_max = 1'000;
    WebSocketDecoder decoder(message_bytes_max);
    std::vector<WebSocketEvent> events;
    Frames frames;
    while (!bytes.empty() && !frames.broken) {
        const std::string_view piece = bytes.substr(0, step);
        bytes.remove_prefix(piece.size());
        frames.broken = !decoder.decode(piece, events);
    }
    frames.refusal = decoder.refusal();
    for (WebSocketEvent& event : events) {
        UPDRAFT_ASSERT(event.payload.size() <= message_bytes_max);
        UPDRAFT_ASSERT(event.opcode != WebSocketOpcode::text || is_utf8(event.payload));
        frames.events.emplace_back(event.opcode, std::move(event.payload));
    }
    return frames;
}

}  // namespace

UPDRAFT_FUZZ_TARGET(http_request) {
    UPDRAFT_ASSERT(frames_in_steps(input, 1) == frames_in_steps(input, input.size() + 1));
    UPDRAFT_ASSERT(frames_in_steps(input, 3) == frames_in_steps(input, input.size() + 1));
    read_request(input);
}

}  // namespace updraft::fuzz
