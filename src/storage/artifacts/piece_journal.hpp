#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace updraft {

/// Which bytes of an upload are there: ranges without overlaps or neighbours, in order.
class ReceivedRanges {
public:
    /// Adds `count` bytes from `offset` on, joining what touches; false if all were there before.
    bool add(std::int64_t offset, std::int64_t count);

    [[nodiscard]] std::int64_t total_bytes() const;
    /// One behind the last byte; 0 if there is none.
    [[nodiscard]] std::int64_t end() const;
    /// Offset of the first byte that is not there.
    [[nodiscard]] std::int64_t first_missing() const;
    /// How many separate ranges there are.
    [[nodiscard]] std::size_t count() const { return ranges_.size(); }
    /// Offset and number of bytes of each range.
    [[nodiscard]] std::vector<std::pair<std::int64_t, std::int64_t>> list() const;

private:
    struct Range {
        std::int64_t begin;
        std::int64_t end;
    };
    std::vector<Range> ranges_;
};

/// What the journal beside an upload in pieces says; its grammar is in this folder's README.
struct PieceJournal {
    std::int64_t length_bytes = 0;  ///< of the whole file
    ReceivedRanges received;
    std::size_t lines = 0;        ///< lines with pieces
    std::int64_t good_bytes = 0;  ///< of the text, up to its last whole line

    /// Reads a journal's text up to the first line that a crash cut short; nothing if even the
    /// start is missing: then no piece was ever acknowledged.
    [[nodiscard]] static std::optional<PieceJournal> parse(std::string_view text);

    [[nodiscard]] static std::string first_lines(std::int64_t length_bytes);
    [[nodiscard]] static std::string piece_line(std::int64_t offset, std::int64_t count);
    /// The same journal with one line a range.
    [[nodiscard]] std::string compact_text() const;
};

}  // namespace updraft
