#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "app/query.hpp"
#include "storage/sql/record_texts.hpp"

/// Which queries for records are answered from the packed texts of a task (record_texts.hpp).
namespace updraft::sql {

/// The terms of a query for the records of one task, taken apart: `task`, `texts` and `rest`
/// together, joined by AND, restrict as the terms do.
struct RecordSearch {
    std::optional<std::int64_t> task;
    TextClauses texts;
    std::vector<Term> rest;  ///< what only the engine can tell
};
[[nodiscard]] RecordSearch read_record_search(const std::vector<Term>& terms);

/// The order of a query, where packed texts have it.
struct RecordOrder {
    std::optional<TextOrder> text;  ///< by a text, then by id likewise; nothing: by id
    bool descending = true;
};
[[nodiscard]] std::optional<RecordOrder> read_record_order(const std::vector<Sort>& sorts);

/// `%part%`, `part%`, `%part` or `part`, unescaped; nothing for any other pattern of LIKE.
[[nodiscard]] std::optional<TextPattern> plain_pattern(RecordText text, std::string_view like);

/// The page of a query, found in the packed texts.
struct FoundPage {
    std::vector<std::int64_t> ids;  ///< the page's, in any order
    std::int64_t total = 0;         ///< as the query's page tells it
    std::int64_t page_index = 0;
};
/// Nothing if the texts alone do not tell, or not sooner than the engine.
[[nodiscard]] std::optional<FoundPage> find_page(Connection& db, const Query& query,
                                                 const RecordSearch& search);

/// How many records a search finds; nothing if the texts alone do not tell.
[[nodiscard]] std::optional<std::int64_t> count_texts(Connection& db, const RecordSearch& search);

/// All records that the texts of a search leave, as a restriction of their ids in place of these;
/// nothing if there are too many.
[[nodiscard]] std::optional<std::vector<Term>> narrowed(Connection& db, const RecordSearch& search);

/// `id in ids`.
[[nodiscard]] Term among_ids(const std::vector<std::int64_t>& ids);

}  // namespace updraft::sql
