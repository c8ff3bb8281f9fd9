#include "storage/artifacts/piece_journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>

namespace updraft {
namespace {

constexpr std::string_view title = "updraft-pieces 1\n";
constexpr std::string_view length_word = "length ";

/// Cuts the next whole line off `text`, without its end; nothing if there is none.
std::optional<std::string_view> next_line(std::string_view& text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

/// A number from 0 on, written with digits only.
std::optional<std::int64_t> parse_number(std::string_view digits) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size() || number < 0) {
        return std::nullopt;
    }
    return number;
}

/// Offset and number of bytes of a piece that lies within the file.
std::optional<std::pair<std::int64_t, std::int64_t>> parse_piece(std::string_view line,
                                                                 std::int64_t length_bytes) {
    const auto space = line.find(' ');
    if (space == std::string_view::npos) {
        return std::nullopt;
    }
    const auto offset = parse_number(line.substr(0, space));
    const auto count = parse_number(line.substr(space + 1));
    if (!offset || !count || *count > length_bytes || *offset > length_bytes - *count) {
        return std::nullopt;
    }
    return std::pair(*offset, *count);
}

}  // namespace

bool ReceivedRanges::add(std::int64_t offset, std::int64_t count) {
    if (count == 0) {
        return false;
    }
    Range added{offset, offset + count};
    const auto first = std::ranges::lower_bound(ranges_, added.begin, {}, &Range::end);
    if (first != ranges_.end() && first->begin <= added.begin && added.end <= first->end) {
        return false;
    }
    auto last = first;
    while (last != ranges_.end() && last->begin <= added.end) {
        added.begin = std::min(added.begin, last->begin);
        added.end = std::max(added.end, last->end);
        ++last;
    }
    ranges_.insert(ranges_.erase(first, last), added);
    return true;
}

std::int64_t ReceivedRanges::total_bytes() const {
    return std::transform_reduce(ranges_.begin(), ranges_.end(), std::int64_t{0}, std::plus<>{},
                                 [](const Range& range) { return range.end - range.begin; });
}

std::int64_t ReceivedRanges::first_missing() const {
    return ranges_.empty() || ranges_.front().begin > 0 ? 0 : ranges_.front().end;
}

std::int64_t ReceivedRanges::end() const {
    return ranges_.empty() ? 0 : ranges_.back().end;
}

std::vector<std::pair<std::int64_t, std::int64_t>> ReceivedRanges::list() const {
    std::vector<std::pair<std::int64_t, std::int64_t>> list;
    list.reserve(ranges_.size());
    for (const Range& range : ranges_) {
        list.emplace_back(range.begin, range.end - range.begin);
    }
    return list;
}

std::optional<PieceJournal> PieceJournal::parse(std::string_view text) {
    const std::size_t text_bytes = text.size();
    if (!text.starts_with(title)) {
        return std::nullopt;
    }
    text.remove_prefix(title.size());
    const auto length_line = next_line(text);
    if (!length_line || !length_line->starts_with(length_word)) {
        return std::nullopt;
    }
    const auto length = parse_number(length_line->substr(length_word.size()));
    if (!length) {
        return std::nullopt;
    }
    PieceJournal journal;
    journal.length_bytes = *length;
    std::size_t rest_bytes = text.size();
    while (const auto line = next_line(text)) {
        const auto piece = parse_piece(*line, *length);
        if (!piece) {
            break;
        }
        journal.received.add(piece->first, piece->second);
        ++journal.lines;
        rest_bytes = text.size();
    }
    journal.good_bytes = static_cast<std::int64_t>(text_bytes - rest_bytes);
    return journal;
}

std::string PieceJournal::first_lines(std::int64_t length_bytes) {
    return fmt::format("{}{}{}\n", title, length_word, length_bytes);
}

std::string PieceJournal::piece_line(std::int64_t offset, std::int64_t count) {
    return fmt::format("{} {}\n", offset, count);
}

std::string PieceJournal::compact_text() const {
    std::string text = first_lines(length_bytes);
    for (const auto& [offset, count] : received.list()) {
        text += piece_line(offset, count);
    }
    return text;
}

}  // namespace updraft
