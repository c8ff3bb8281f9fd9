#include "app/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace updraft::csv {
namespace {

/// What makes a spreadsheet compute a cell, also in the wide forms that Chinese keyboards type.
constexpr std::string_view formula_starts[] = {
    "=", "+", "-", "@", "\t", "\r", "\n", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}"};
constexpr std::string_view needs_quotes = "\",\r\n";
constexpr std::string_view needs_backslash = "\\=;";

/// True if the cell has to be guarded by an apostrophe: it would be a formula once its leading
/// blanks and apostrophes are gone. A cell that begins like a guarded one is guarded again, so that
/// unguard() gives back what was there.
bool is_formula(std::string_view cell) {
    cell.remove_prefix(std::min(cell.find_first_not_of(" '"), cell.size()));
    return std::ranges::any_of(formula_starts,
                               [&](std::string_view start) { return cell.starts_with(start); });
}

void append_cell(std::string& to, std::string_view cell) {
    const bool guarded = is_formula(cell);
    if (cell.find_first_of(needs_quotes) == std::string_view::npos) {
        to.append(guarded ? "'" : "").append(cell);
        return;
    }
    to.append(guarded ? "\"'" : "\"");
    for (const char c : cell) {
        to.append(c == '"' ? 2 : 1, c);
    }
    to += '"';
}

void unguard(std::string& cell) {
    if (cell.starts_with('\'') && is_formula(std::string_view(cell).substr(1))) {
        cell.erase(0, 1);
    }
}

void append_escaped(std::string& to, std::string_view part) {
    for (const char c : part) {
        if (needs_backslash.find(c) != std::string_view::npos) {
            to += '\\';
        }
        to += c;
    }
}

/// Takes the text up to one of `ends`, which stays, and takes its backslashes away.
std::string take_escaped(std::string_view& text, std::string_view ends) {
    std::string part;
    while (!text.empty() && ends.find(text.front()) == std::string_view::npos) {
        if (text.front() == '\\' && text.size() > 1) {
            text.remove_prefix(1);
        }
        part += text.front();
        text.remove_prefix(1);
    }
    return part;
}

}  // namespace

void append_line(std::string& to, const std::vector<std::string>& cells) {
    bool first = true;
    for (const std::string& cell : cells) {
        to.append(first ? "" : ",");
        append_cell(to, cell);
        first = false;
    }
    to += "\r\n";
}

std::string local_time(Instant at) {
    const std::time_t moment = std::chrono::floor<seconds>(at).time_since_epoch().count();
    std::tm fields{};
    ::localtime_r(&moment, &fields);
    const long minutes = fields.tm_gmtoff / 60;
    const long distance = minutes < 0 ? -minutes : minutes;
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{:02}:{:02}", fields.tm_year + 1900,
                       fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min,
                       fields.tm_sec, minutes < 0 ? '-' : '+', distance / 60, distance % 60);
}

std::string pairs(const std::vector<std::pair<std::string, std::string>>& values) {
    std::string text;
    for (const auto& [key, value] : values) {
        text.append(text.empty() ? "" : ";");
        append_escaped(text, key);
        text += '=';
        append_escaped(text, value);
    }
    return text;
}

std::optional<std::vector<std::pair<std::string, std::string>>> pairs_in(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> values;
    while (!text.empty()) {
        std::string key = take_escaped(text, "=;");
        if (key.empty() || text.empty() || text.front() == ';') {
            return std::nullopt;
        }
        text.remove_prefix(1);
        std::string value = take_escaped(text, ";");
        values.emplace_back(std::move(key), std::move(value));
        text.remove_prefix(text.empty() ? 0 : 1);
    }
    return values;
}

Reader::Reader(std::string_view text) : text_(text) {
    if (text_.starts_with(byte_order_mark)) {
        at_ = byte_order_mark.size();
    }
}

bool Reader::at_line_end() const {
    return at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == '\r';
}

std::string Reader::plain_cell() {
    const std::size_t end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
    std::string cell(text_.substr(at_, end - at_));
    at_ = end;
    return cell;
}

std::string Reader::quoted_cell(Line& line) {
    std::string cell;
    ++at_;
    while (at_ < text_.size()) {
        const char c = text_[at_++];
        if (c == '"') {
            if (at_ < text_.size() && text_[at_] == '"') {
                ++at_;
            } else {
                line.well_formed &= at_line_end() || text_[at_] == ',';
                return cell + plain_cell();
            }
        }
        line_ += c == '\n' ? 1 : 0;
        cell += c;
    }
    line.well_formed = false;
    return cell;
}

std::optional<Line> Reader::next() {
    while (at_ < text_.size() && at_line_end()) {
        line_ += text_[at_] == '\n' ? 1 : 0;
        ++at_;
    }
    if (at_ >= text_.size()) {
        return std::nullopt;
    }
    Line line;
    line.number = line_;
    const std::size_t start = at_;
    while (true) {
        const bool quoted = at_ < text_.size() && text_[at_] == '"';
        std::string cell = quoted ? quoted_cell(line) : plain_cell();
        if (line.cells.size() <= cells_max) {
            unguard(cell);
            line.cells.push_back(std::move(cell));
        }
        if (at_line_end()) {
            break;
        }
        ++at_;  // the comma
    }
    line.text = text_.substr(start, at_ - start);
    return line;
}

}  // namespace updraft::csv
