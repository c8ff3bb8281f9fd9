#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/http/message.hpp"

namespace updraft::http {

/// Without spaces and tabs at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// True for a non-empty token (RFC 9110 5.6.2).
[[nodiscard]] bool is_token(std::string_view text);

/// The elements of a comma-separated list, trimmed, without empty ones. Commas in "quotes" count as
/// text.
[[nodiscard]] std::vector<std::string_view> list_elements(std::string_view list);

/// One element of a list with q values (RFC 9110 12.4.2). `name` views into the list.
struct WeightedItem {
    std::string_view name;
    int weight = 1000;  ///< thousandths; 0: not acceptable
};
[[nodiscard]] std::vector<WeightedItem> weighted_list(std::string_view list);

/// The value of the first field of that name, any case.
[[nodiscard]] std::optional<std::string> find_field(const Fields& fields, std::string_view name);

/// True if a list-valued field (Connection, Upgrade ...) contains the token in any of its lines.
[[nodiscard]] bool field_has_token(const Fields& fields, std::string_view name,
                                   std::string_view token);

/// Decimal digits only, no sign, within 63 bits.
[[nodiscard]] std::optional<std::int64_t> parse_decimal(std::string_view digits);

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7). Seconds since 1970.
[[nodiscard]] std::string http_date(std::int64_t unix_seconds);
/// Reads the three formats that a recipient must accept; nothing if it is none of them.
[[nodiscard]] std::optional<std::int64_t> parse_http_date(std::string_view text);

/// "Not Found"; "Status" for an unusual one.
[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace updraft::http
