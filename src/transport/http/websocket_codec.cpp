#include "transport/http/websocket_codec.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

#include "base/bytes.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::http {

namespace {

constexpr std::size_t control_payload_max = 125;

std::string base64(std::span<const unsigned char> bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(),
                                       static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char c : bytes) {
        value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
}

/// Codes that a peer may send (RFC 6455 7.4).
bool is_sendable_code(std::uint64_t code) {
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

bool is_known_opcode(unsigned opcode) {
    return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

}  // namespace

std::string websocket_accept(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    return base64(digest);
}

bool is_websocket_handshake(const Request& request) {
    const std::string key = request.header("Sec-WebSocket-Key").value_or("");
    return request.method == Method::get &&
           field_has_token(request.headers, "Upgrade", "websocket") &&
           field_has_token(request.headers, "Connection", "upgrade") &&
           request.header("Sec-WebSocket-Version") == "13" && key.size() == 24 &&
           key.ends_with("==");
}

std::string websocket_frame(WebSocketOpcode opcode, std::string_view payload) {
    std::string frame;
    frame.reserve(payload.size() + 10);
    frame += static_cast<char>(0x80U | static_cast<unsigned>(opcode));
    int length_bytes = 0;
    if (payload.size() < 126) {
        frame += static_cast<char>(payload.size());
    } else if (payload.size() <= 0xFFFF) {
        frame += static_cast<char>(126);
        length_bytes = 2;
    } else {
        frame += static_cast<char>(127);
        length_bytes = 8;
    }
    for (int i = length_bytes - 1; i >= 0; --i) {
        frame += static_cast<char>(static_cast<std::uint64_t>(payload.size()) >> (8 * i) & 0xFFU);
    }
    return frame.append(payload);
}

std::string websocket_close_frame(WebSocketClose code) {
    if (code == WebSocketClose::none_given) {
        return websocket_frame(WebSocketOpcode::close, {});
    }
    const auto number = static_cast<std::uint16_t>(code);
    const std::string payload{static_cast<char>(number >> 8U), static_cast<char>(number & 0xFFU)};
    return websocket_frame(WebSocketOpcode::close, payload);
}

bool WebSocketDecoder::decode(std::string_view received, std::vector<WebSocketEvent>& events) {
    pending_.append(received);
    std::size_t used = 0;
    for (;;) {
        const std::size_t before = used;
        if (!decode_frame(events, used)) {
            return false;
        }
        if (used == before) {
            break;
        }
    }
    pending_.erase(0, used);
    return true;
}

bool WebSocketDecoder::refuse(WebSocketClose code) {
    refusal_ = code;
    return false;
}

bool WebSocketDecoder::decode_frame(std::vector<WebSocketEvent>& events, std::size_t& used) {
    const std::string_view bytes = std::string_view(pending_).substr(used);
    if (bytes.size() < 2) {
        return true;
    }
    const auto first = static_cast<unsigned char>(bytes[0]);
    const auto second = static_cast<unsigned char>(bytes[1]);
    const auto opcode = static_cast<WebSocketOpcode>(first & 0x0FU);
    const bool final = (first & 0x80U) != 0;
    const bool control = (first & 0x08U) != 0;
    const bool masked = (second & 0x80U) != 0;
    std::uint64_t length = second & 0x7FU;
    if ((first & 0x70U) != 0 || !masked || !is_known_opcode(first & 0x0FU) ||
        (control && (!final || length > control_payload_max))) {
        return refuse(WebSocketClose::protocol_error);
    }
    const std::size_t length_bytes = length == 127 ? 8 : length == 126 ? 2 : 0;
    if (bytes.size() < 2 + length_bytes) {
        return true;
    }
    if (length_bytes > 0) {
        length = big_endian(bytes.substr(2, length_bytes));
    }
    if (length > message_bytes_max_ || length + message_.size() > message_bytes_max_) {
        return refuse(WebSocketClose::too_big);
    }
    const std::size_t head = 2 + length_bytes + 4;
    if (bytes.size() < head + length) {
        return true;
    }
    const std::string_view mask = bytes.substr(head - 4, 4);
    std::string payload(bytes.substr(head, length));
    for (std::size_t i = 0; i < payload.size(); ++i) {
        payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
    }
    used += head + length;
    return control ? take_control(opcode, std::move(payload), events)
                   : take_data(opcode, final, payload, events);
}

bool WebSocketDecoder::take_control(WebSocketOpcode opcode, std::string payload,
                                    std::vector<WebSocketEvent>& events) {
    if (opcode == WebSocketOpcode::close && !payload.empty()) {
        const bool valid = payload.size() >= 2 &&
                           is_sendable_code(big_endian(std::string_view(payload).substr(0, 2)));
        if (!valid) {
            return refuse(WebSocketClose::protocol_error);
        }
        if (!is_utf8(std::string_view(payload).substr(2))) {
            return refuse(WebSocketClose::invalid_text);
        }
    }
    events.push_back({opcode, std::move(payload)});
    return true;
}

bool WebSocketDecoder::take_data(WebSocketOpcode opcode, bool final, std::string_view payload,
                                 std::vector<WebSocketEvent>& events) {
    if ((opcode == WebSocketOpcode::continuation) != in_message_) {
        return refuse(WebSocketClose::protocol_error);
    }
    if (opcode == WebSocketOpcode::binary) {
        return refuse(WebSocketClose::unsupported_data);
    }
    message_.append(payload);
    in_message_ = !final;
    if (!final) {
        return true;
    }
    if (!is_utf8(message_)) {
        return refuse(WebSocketClose::invalid_text);
    }
    events.push_back({WebSocketOpcode::text, std::move(message_)});
    message_.clear();
    return true;
}

}  // namespace updraft::http
