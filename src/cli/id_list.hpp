#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace updraft::cli {

/// The device ids in a text: one a line, or a CSV with a header whose column id, deviceId or 设备ID
/// counts (that of a device or record export); without such a header the first column. Each once,
/// in their order; lines that begin with # are remarks. Errors: invalid_argument, naming the first
/// cell that is no id.
[[nodiscard]] Result<std::vector<std::string>> parse_ids(std::string_view text);

/// The whole of a file, or of standard input for "-". Errors: not_found, too_large (more than
/// `bytes_max`).
[[nodiscard]] Result<std::string> read_text(const std::string& path, std::size_t bytes_max);

/// Writes a file anew. Errors: internal, with the system's reason.
[[nodiscard]] Result<void> write_text(const std::string& path, std::string_view content);

}  // namespace updraft::cli
