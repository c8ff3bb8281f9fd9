#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace updraft::cli {

/// The rows of CSV text (RFC 4180; LF is as good as CR LF, a byte order mark is passed over).
/// Quoted cells may hold commas, quotes and line breaks; empty lines are no rows.
[[nodiscard]] std::vector<std::vector<std::string>> parse_csv(std::string_view text);

}  // namespace updraft::cli
