#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/sql/connection.hpp"

/// The texts of a task's records that never change, packed into blocks, and searches through them.
///
/// A row of record_text is a block of consecutive records, ascending by id: `device_ids` and
/// `device_names` are their texts one behind the other, without separators, and `lengths` has three
/// numbers for each record: its id less the one before (0 for the first), and the bytes of its two
/// texts. A number is written in digits of five bits, lowest first, as the characters from '0' on;
/// each but the last digit has 32 added. Records 70 (`a1`, `Pump`) and 72 (`b`, `泵`) are
/// lengths "024" "213", device_ids "a1b", device_names "Pump泵".
namespace updraft::sql {

enum class RecordText : std::uint8_t { device_id, device_name };

/// Packs the records with these ids, which were just made and are all of one task.
void pack_record_texts(Connection& db, std::int64_t task, std::vector<std::int64_t> ids);

/// Packs the records of tasks that have no block: part of migration 0010.
void pack_all_record_texts(Connection& db);

/// The record is removed: searches do not find it any more.
void forget_record_text(Connection& db, std::int64_t task, std::int64_t record);

/// `part` somewhere in the text, or only at an end of it; byte by byte, as LIKE does here.
struct TextPattern {
    RecordText text = RecordText::device_id;
    std::string part;  ///< not empty
    bool at_begin = false;
    bool at_end = false;
};

/// A record is found if in every clause at least one pattern fits; without clauses, every record.
using TextClauses = std::vector<std::vector<TextPattern>>;

/// How many records of a task fit, block by block: pages are then cut without a second search of
/// all.
struct TextMatches {
    struct InBlock {
        std::int64_t first_id = 0;
        std::int64_t matches = 0;
    };
    std::vector<InBlock> blocks;  ///< ascending, those with matches
    std::int64_t total = 0;
};

/// Nothing if the blocks of the task are not in one order of ids: the clock that gives ids went
/// back.
[[nodiscard]] std::optional<TextMatches> find_texts(Connection& db, std::int64_t task,
                                                    const TextClauses& clauses);

/// The ids of the matches from number `offset` on, in ascending order, at most `limit`.
[[nodiscard]] std::vector<std::int64_t> matches_between(Connection& db, std::int64_t task,
                                                        const TextClauses& clauses,
                                                        const TextMatches& found,
                                                        std::int64_t offset, std::int64_t limit);

/// The order by a text, byte by byte, then by id likewise.
struct TextOrder {
    RecordText text = RecordText::device_id;
    bool descending = false;
};
struct OrderedMatches {
    std::vector<std::int64_t> ids;  ///< of the first `count` in that order
    std::int64_t total = 0;         ///< of all matches
};
[[nodiscard]] OrderedMatches first_matches(Connection& db, std::int64_t task,
                                           const TextClauses& clauses, const TextOrder& order,
                                           std::size_t count);

}  // namespace updraft::sql
