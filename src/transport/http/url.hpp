#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "transport/http/message.hpp"

namespace updraft::http {

/// Percent-decodes a path segment or, with `plus_is_space`, a query component. Nothing for a broken
/// escape, an encoded NUL or what is not UTF-8.
enum class PlusSign : std::uint8_t { literal, space };
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, PlusSign plus);

/// A request's target, taken apart.
struct Target {
    std::string
        path;      ///< decoded; one leading "/api" and a trailing slash removed; starts with "/"
    Fields query;  ///< decoded, in order; "a" alone is {"a", ""}
};

/// Reads an origin-form ("/x?y") or absolute-form ("http://host/x?y") target (RFC 9112 3.2). `*` is
/// the path "*". `..` has no special meaning: paths name routes, never files. Nothing if it is
/// malformed.
[[nodiscard]] std::optional<Target> parse_target(std::string_view target);

/// The target for a log line: without query, because queries hold keys.
[[nodiscard]] std::string_view without_query(std::string_view target);

}  // namespace updraft::http
