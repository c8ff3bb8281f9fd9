#pragma once

#include <boost/json/value.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace updraft::cli {

namespace json = boost::json;

/// The member at a dotted path ("state.value"); null if there is none.
[[nodiscard]] const json::value& member_at(const json::value& row, std::string_view path);
/// The same as text: strings bare, numbers and booleans spelled, nothing for what is missing, other
/// values as JSON.
[[nodiscard]] std::string text_at(const json::value& row, std::string_view path);
/// The same as a number; 0 if it is none.
[[nodiscard]] std::int64_t integer_at(const json::value& row, std::string_view path);
/// The rows of a page or of a list; empty for anything else.
[[nodiscard]] const json::array& rows_of(const json::value& result);

/// "2026-11-23 12:00:00" in the zone of this process; empty for 0.
[[nodiscard]] std::string local_time(std::int64_t millis);
/// "1 h 02 min", "3 min 20 s", "12 s"
[[nodiscard]] std::string readable_seconds(std::int64_t seconds);
/// JSON with two spaces of indentation and a line for every member.
[[nodiscard]] std::string pretty(const json::value& value);
/// Columns that text takes in a terminal: wide East Asian characters take two.
[[nodiscard]] std::size_t display_width(std::string_view utf8);
/// A path segment or query value, percent-encoded.
[[nodiscard]] std::string url_encoded(std::string_view text);

}  // namespace updraft::cli
