#pragma once

#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace updraft::cli {

namespace json = boost::json;

/// Scopes as typed, "RESOURCE:ACTION,ACTION", as the API wants them. Errors: invalid_argument.
[[nodiscard]] Result<json::array> parse_scopes(const std::vector<std::string>& scopes);

/// "90d", "12h", "30min" or "45s" in seconds. Errors: invalid_argument.
[[nodiscard]] Result<std::int64_t> parse_lifetime(std::string_view lifetime);

}  // namespace updraft::cli
