#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "transport/http/message.hpp"

namespace updraft::http {

/// The request line and the fields of one request, checked for everything that could make two
/// servers see different messages in the same bytes (RFC 9112 11.2).
struct RequestHead {
    Method method = Method::other;
    std::string target;
    int minor_version = 1;  ///< HTTP/1.x; 0 or 1
    Fields headers;
    std::int64_t content_length = 0;  ///< 0 without Content-Length
    bool has_length = false;
    bool chunked = false;
    bool keep_alive = true;
    bool expects_continue = false;

    [[nodiscard]] bool has_body() const { return chunked || content_length > 0; }
};

/// Why a head was refused, and with which status: 400, 431, 501 or 505.
struct HeadRefusal {
    int status = 400;
    Text message;
};

/// Where the head in `received` ends (after the empty line); nothing if it is not complete yet.
[[nodiscard]] std::optional<std::size_t> find_head_end(std::string_view received, std::size_t from);

/// Reads a complete head, empty line included.
[[nodiscard]] std::variant<RequestHead, HeadRefusal> parse_head(std::string_view head);

}  // namespace updraft::http
