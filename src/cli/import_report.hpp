#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <string_view>

#include "base/text.hpp"

namespace updraft::cli {

namespace json = boost::json;

/// The first line of CSV text, without its end and without a byte order mark.
[[nodiscard]] std::string header_line(std::string_view csv);
/// The refused lines of an ImportReport below their header: a file that can be corrected and
/// imported again.
[[nodiscard]] std::string refused_lines(const json::value& report, const std::string& header);
/// "990 added, 0 updated, 0 unchanged, 10 refused of 1000 lines"
[[nodiscard]] Text import_summary(const json::value& report);
/// "line 17 (d1), name: ..."; the server's sentence is in one language already.
[[nodiscard]] Text refused_text(const json::value& refused);

}  // namespace updraft::cli
