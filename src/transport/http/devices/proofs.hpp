#pragma once

#include <optional>
#include <string>

#include "transport/http/message.hpp"

namespace updraft::device_http {

/// `Authorization: Bearer <token>`; nothing for another scheme or without a token.
[[nodiscard]] std::optional<std::string> bearer_token(const http::Request& request);

struct BasicCredentials {
    std::string user;
    std::string password;
};

/// `Authorization: Basic <base64>` (RFC 7617); nothing for another scheme or what is not well
/// formed.
[[nodiscard]] std::optional<BasicCredentials> basic_credentials(const http::Request& request);

}  // namespace updraft::device_http
