#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "client/connection.hpp"

namespace updraft::client {

/// An http or https URL, taken apart.
struct Url {
    bool tls = false;
    Endpoint endpoint;
    std::string authority;  ///< for the Host header
    std::string target;     ///< path and query
};

/// Nothing if it is not an absolute http(s) URL.
[[nodiscard]] std::optional<Url> parse_url(std::string_view url);

}  // namespace updraft::client
