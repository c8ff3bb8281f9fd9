#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"

/// Comma-separated values (RFC 4180), as spreadsheets read and write them.
namespace updraft::csv {

/// What a file begins with, so that a spreadsheet reads it as UTF-8.
inline constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Adds one line with its CRLF. A cell that a spreadsheet would take for a formula gets a leading
/// apostrophe (it begins with = + - @ tab or CR).
void append_line(std::string& to, const std::vector<std::string>& cells);

/// A moment as ISO-8601 in the server's zone: "2026-11-23T12:30:00+08:00".
[[nodiscard]] std::string local_time(Instant at);

/// Pairs as "k=v;k=v"; a backslash stands before what would end a key or a value.
[[nodiscard]] std::string pairs(const std::vector<std::pair<std::string, std::string>>& values);
/// The reverse; nothing when a part has no key or no "=".
[[nodiscard]] std::optional<std::vector<std::pair<std::string, std::string>>> pairs_in(
    std::string_view text);

/// A line of more cells than this keeps only one cell more: 32 MiB of commas must not become 1 GiB.
inline constexpr std::size_t cells_max = 1'000;

/// One line of a file; a quoted cell may hold line breaks.
struct Line {
    std::size_t number = 0;  ///< of its first physical line, from 1
    std::vector<std::string> cells;
    std::string_view text;    ///< as it is written, without its end
    bool well_formed = true;  ///< false: a quote is not closed, or something stands after it
};

/// Reads a file line by line; empty lines are passed over, and so is the byte order mark. The
/// apostrophe of append_line() is taken off again. The text must outlive the reader.
class Reader {
public:
    explicit Reader(std::string_view text);
    /// The next line; nothing at the end.
    [[nodiscard]] std::optional<Line> next();

private:
    [[nodiscard]] std::string quoted_cell(Line& line);
    [[nodiscard]] std::string plain_cell();
    [[nodiscard]] bool at_line_end() const;

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
};

}  // namespace updraft::csv
