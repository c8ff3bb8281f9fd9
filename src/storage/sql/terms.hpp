#pragma once

#include <string>
#include <vector>

#include "app/query.hpp"
#include "storage/sql/connection.hpp"
#include "storage/sql/table.hpp"

namespace updraft::sql {

/// A rendered restriction: SQL over the table's aliases, with what stands behind its `?`.
struct Condition {
    std::string sql;  ///< empty: no restriction
    std::vector<Value> parameters;
    unsigned joins = 0;  ///< bit i: the table's join i is needed
};

/// Renders terms by the algorithm of spec 2.3.2: siblings flat, so that `and` binds tighter, nested
/// groups in parentheses. Every value becomes a parameter. With UnknownTerms::refuse an unknown
/// column, an unknown term type or a value that its column cannot have is an error; otherwise it
/// contributes nothing, or matches nothing (the value).
[[nodiscard]] Result<Condition> render_terms(const Table& table, const std::vector<Term>& terms,
                                             UnknownTerms unknown, const Connection& engine);

/// An ORDER BY list; parameters come with sorts that put one value first.
struct Order {
    std::string sql;
    std::string reversed;
    std::vector<Value> parameters;
    unsigned joins = 0;
};

/// Unknown columns are ignored; the key is the last sort, so that pages never overlap.
[[nodiscard]] Order render_sorts(const Table& table, const std::vector<Sort>& sorts);

/// SQLite refuses longer patterns.
inline constexpr std::size_t like_bytes_max = 50'000;

/// The JOIN clauses behind `mask`.
[[nodiscard]] std::string joins_of(const Table& table, unsigned mask);

}  // namespace updraft::sql
