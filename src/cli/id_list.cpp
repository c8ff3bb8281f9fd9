#include "cli/id_list.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <unordered_set>

#include "base/bytes.hpp"
#include "cli/csv.hpp"

namespace updraft::cli {
namespace {

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

std::string bare(std::string_view cell) {
    // An export puts ' in front of what a spreadsheet would take for a formula: "-1" is an id too.
    if (cell.starts_with('\'')) {
        cell.remove_prefix(1);
    }
    const std::size_t first = cell.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return std::string(cell.substr(first, cell.find_last_not_of(" \t") - first + 1));
}

bool is_id(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
    });
}

std::optional<std::size_t> id_column(const std::vector<std::string>& header) {
    constexpr std::array<std::string_view, 5> names{"id", "deviceid", "device id", "设备id",
                                                    "设备 id"};
    for (std::size_t i = 0; i < header.size(); ++i) {
        if (std::ranges::find(names, to_lower(bare(header[i]))) != names.end()) {
            return i;
        }
    }
    return std::nullopt;
}

}  // namespace

Result<std::vector<std::string>> parse_ids(std::string_view text) {
    const auto rows = parse_csv(text);
    const auto named = rows.empty() ? std::nullopt : id_column(rows.front());
    std::vector<std::string> ids;
    std::unordered_set<std::string> seen;
    for (std::size_t i = named ? 1 : 0; i < rows.size(); ++i) {
        const std::size_t column = named.value_or(0);
        const std::string id = column < rows[i].size() ? bare(rows[i][column]) : std::string();
        if (id.empty() || id.starts_with('#')) {
            continue;
        }
        if (!is_id(id)) {
            return Error::invalid(
                "deviceId",
                updraft::text("第 {} 行的 \"{}\" 不是设备ID (字母, 数字, _ 和 -)",
                              "row {}: \"{}\" is no device id (letters, digits, _ and -)", i + 1,
                              id));
        }
        if (seen.insert(id).second) {
            ids.push_back(id);
        }
    }
    return ids;
}

Result<std::string> read_text(const std::string& path, std::size_t bytes_max) {
    const File opened(path == "-" ? nullptr : std::fopen(path.c_str(), "rbe"));
    std::FILE* const file = path == "-" ? stdin : opened.get();
    const auto cannot_read = [&path] {
        return Error::of(ErrorCode::not_found,
                         text("无法读取 {}: {}", "cannot read {}: {}", path, std::strerror(errno)));
    };
    if (file == nullptr) {
        return cannot_read();
    }
    std::string content;
    std::array<char, 64 * 1024> piece;  // NOLINT: filled before it is read
    while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), file)) {
        content.append(piece.data(), got);
        if (content.size() > bytes_max) {
            return Error::of(
                ErrorCode::too_large,
                text("{} 超过 {} 字节", "{} is larger than {} bytes", path, bytes_max));
        }
    }
    if (std::ferror(file) != 0) {
        return cannot_read();
    }
    return content;
}

Result<void> write_text(const std::string& path, std::string_view content) {
    std::FILE* const file = std::fopen(path.c_str(), "wbe");
    bool written = file != nullptr;
    written = written && std::fwrite(content.data(), 1, content.size(), file) == content.size();
    const int reason = errno;
    written = (file == nullptr || std::fclose(file) == 0) && written;
    if (!written) {
        return Error::of(ErrorCode::internal, text("无法写入 {}: {}", "cannot write {}: {}", path,
                                                   std::strerror(reason)));
    }
    return {};
}

}  // namespace updraft::cli
