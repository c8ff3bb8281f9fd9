#include "cli/csv.hpp"

#include <utility>

namespace updraft::cli {

std::vector<std::vector<std::string>> parse_csv(std::string_view text) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (text.starts_with(byte_order_mark)) {
        text.remove_prefix(byte_order_mark.size());
    }
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> row;
    std::string cell;
    bool quoted = false;
    bool has_cell = false;  // also when it is empty: `""`, or what follows a comma
    const auto end_row = [&] {
        if (has_cell || !cell.empty() || !row.empty()) {
            row.push_back(std::exchange(cell, {}));
            rows.push_back(std::exchange(row, {}));
        }
        has_cell = false;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char letter = text[i];
        if (quoted) {
            const bool doubled = letter == '"' && i + 1 < text.size() && text[i + 1] == '"';
            if (letter == '"' && !doubled) {
                quoted = false;
            } else {
                cell.push_back(letter);
                i += doubled ? 1 : 0;
            }
        } else if (letter == '"' && cell.empty()) {
            quoted = true;
            has_cell = true;
        } else if (letter == ',') {
            row.push_back(std::exchange(cell, {}));
            has_cell = true;
        } else if (letter == '\n') {
            end_row();
        } else if (letter != '\r') {
            cell.push_back(letter);
        }
    }
    end_row();
    return rows;
}

}  // namespace updraft::cli
