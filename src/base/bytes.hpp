#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace updraft {

/// Lower-case hex of the bytes.
[[nodiscard]] std::string to_hex(std::span<const std::uint8_t> bytes);

/// The bytes behind hex text of either case; nothing if the text is not hex or of odd length.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view hex);

/// True if `text` is exactly `digits` hex digits of either case.
[[nodiscard]] bool is_hex(std::string_view text, std::size_t digits);

/// ASCII lower case; other bytes stay.
[[nodiscard]] std::string to_lower(std::string_view text);

/// ASCII case-insensitive equality.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);

/// Compares secrets in time that depends on the lengths only.
[[nodiscard]] bool equals_constant_time(std::string_view a, std::string_view b);

/// The number of Unicode code points in UTF-8 text: what the product's "at most 64 characters" counts.
[[nodiscard]] std::size_t code_points(std::string_view utf8);

/// True if the text is well-formed UTF-8 (no surrogates, no overlong forms).
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace updraft
