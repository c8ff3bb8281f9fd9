#pragma once

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <vector>

#include "storage/sql/connection.hpp"
#include "storage/sql/table.hpp"

namespace updraft::sql {

/// A JSON scalar as text: numbers in decimal, flags as true or false.
[[nodiscard]] std::string text_of(const boost::json::value& value);

/// null, "" and objects without a value count as no value (spec 2.3.4).
[[nodiscard]] bool is_absent(const boost::json::value& value);

/// `value` as the column keeps it; nothing if the column cannot hold such a value.
[[nodiscard]] std::optional<Value> converted(const Column& column, const boost::json::value& value);

/// The elements of an array or of a comma-joined string; a scalar is one element.
[[nodiscard]] std::vector<boost::json::value> elements_of(const boost::json::value& value);

/// Milliseconds behind `yyyy-MM-dd`, `yyyy-MM-dd HH:mm[:ss[.SSS]]` and ISO 8601; without an offset
/// the time is in the zone of the process.
[[nodiscard]] std::optional<std::int64_t> millis_of_date(std::string_view text);

}  // namespace updraft::sql
