// What an HTTP connection receives: head, body in two cuts, target, and the same bytes as WebSocket
// frames. The body must not depend on where the network cuts it.
#include "base/assert.hpp"
#include "transport/http/body_decoder.hpp"
#include "transport/http/url.hpp"
#include "transport/http/websocket_codec.hpp"

namespace {

using namespace updraft::http;

std::string decode_in_steps(const RequestHead& head, std::string_view bytes, std::size_t step) {
    BodyDecoder decoder(head);
    std::string body;
    std::string buffer;
    while (!bytes.empty() && !decoder.done() && !decoder.failed()) {
        buffer.append(bytes.substr(0, step));
        bytes.remove_prefix(std::min(step, bytes.size()));
        buffer.erase(0, decoder.decode(buffer, body, 1 << 20));
    }
    return decoder.failed() ? "failed" : body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    WebSocketDecoder frames(1000);
    std::vector<WebSocketEvent> events;
    (void)frames.decode(bytes, events);

    const std::optional<std::size_t> end = find_head_end(bytes, 0);
    if (!end) {
        return 0;
    }
    const auto parsed = parse_head(bytes.substr(0, *end));
    if (const auto* head = std::get_if<RequestHead>(&parsed)) {
        UPDRAFT_ASSERT(!head->chunked || !head->has_length);
        (void)parse_target(head->target);
        const std::string_view body = bytes.substr(*end);
        UPDRAFT_ASSERT(decode_in_steps(*head, body, 1) ==
                       decode_in_steps(*head, body, body.size() + 1));
    }
    return 0;
}
