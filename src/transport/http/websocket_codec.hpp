#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/http/message.hpp"

namespace updraft::http {

/// Frames of RFC 6455, as a server sees them; knows nothing of sockets.
enum class WebSocketOpcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10,
};

/// Close codes (RFC 6455 7.4.1).
enum class WebSocketClose : std::uint16_t {
    normal = 1000,
    going_away = 1001,
    protocol_error = 1002,
    unsupported_data = 1003,
    none_given = 1005,
    invalid_text = 1007,
    too_big = 1009,
    internal_error = 1011,
    try_again_later = 1013,
};

/// The answer to a Sec-WebSocket-Key.
[[nodiscard]] std::string websocket_accept(std::string_view key);

/// True for a request that asks for version 13 with all that a handshake needs (RFC 6455 4.2.1).
[[nodiscard]] bool is_websocket_handshake(const Request& request);

/// One unmasked final frame, as a server sends it.
[[nodiscard]] std::string websocket_frame(WebSocketOpcode opcode, std::string_view payload);
[[nodiscard]] std::string websocket_close_frame(WebSocketClose code);

/// A whole message, or a control frame.
struct WebSocketEvent {
    WebSocketOpcode opcode = WebSocketOpcode::text;  ///< text, close, ping or pong
    std::string payload;
};

/// Puts a client's frames together: unmasks, joins fragments, checks sizes, order and UTF-8.
class WebSocketDecoder {
public:
    explicit WebSocketDecoder(std::size_t message_bytes_max)
        : message_bytes_max_(message_bytes_max) {}

    /// Takes all of `received`, appends what became complete to `events`. Nothing when the peer
    /// broke a rule: then the connection must be closed with refusal().
    [[nodiscard]] bool decode(std::string_view received, std::vector<WebSocketEvent>& events);
    [[nodiscard]] WebSocketClose refusal() const { return refusal_; }
    /// Of messages that are not complete.
    [[nodiscard]] std::size_t held_bytes() const { return pending_.size() + message_.size(); }

private:
    bool decode_frame(std::vector<WebSocketEvent>& events, std::size_t& used);
    bool refuse(WebSocketClose code);
    bool take_control(WebSocketOpcode opcode, std::string payload,
                      std::vector<WebSocketEvent>& events);
    bool take_data(WebSocketOpcode opcode, bool final, std::string_view payload,
                   std::vector<WebSocketEvent>& events);

    std::size_t message_bytes_max_;
    std::string pending_;  ///< bytes of a frame that is not complete
    std::string message_;  ///< fragments of a text message so far
    bool in_message_ = false;
    WebSocketClose refusal_ = WebSocketClose::normal;
};

}  // namespace updraft::http
