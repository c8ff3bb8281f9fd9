#include "storage/sql/table_repository.hpp"

#include "storage/sql/values.hpp"

#include <fmt/format.h>

#include <charconv>

namespace updraft::sql {
namespace {

/// Reads render leniently, so that there is no error to report.
Condition lenient(Connection& db, const Table& table, const std::vector<Term>& terms) {
    auto condition = render_terms(table, terms, UnknownTerms::ignore, db);
    if (!condition) {
        throw StorageError(StorageError::Cause::broken, condition.error().message.en);
    }
    return *std::move(condition);
}

std::string where(const Condition& condition) {
    return condition.sql.empty() ? "" : " WHERE " + condition.sql;
}

void append(std::vector<Value>& to, const std::vector<Value>& values) {
    to.insert(to.end(), values.begin(), values.end());
}

/// The column that a query is sorted by alone, if its rows lie in ordered ranges.
const Column* ranged_column(const Table& table, const std::vector<Sort>& sorts) {
    const Column* column = sorts.size() == 1 ? table.column(sorts.front().column) : nullptr;
    const bool ranged =
        column != nullptr && !column->ranges.empty() && is_absent(sorts.front().value);
    return ranged ? column : nullptr;
}

/// The keys of a page, merged from the ranges of the column: none is read further than the page.
/// Appends what stands behind the `?`.
std::string merged_keys(const Table& table, const Column& column, const Condition& condition,
                        bool descending, std::vector<Value>& parameters) {
    std::string ranges;
    for (const std::string_view range : column.ranges) {
        ranges += fmt::format("{}SELECT {} AS sorted, {} AS page_key FROM {}{} WHERE ({}) AND ({})",
                              ranges.empty() ? "" : " UNION ALL ", column.sql, table.key,
                              table.from, joins_of(table, condition.joins), condition.sql, range);
        append(parameters, condition.parameters);
    }
    const std::string_view direction = descending ? " DESC" : "";
    return fmt::format("SELECT page_key FROM ({} ORDER BY 1{}, 2{} LIMIT ? OFFSET ?) merged",
                       ranges, direction, direction);
}

}  // namespace

Rows select_rows(Connection& db, const Selection& selection, const Query& query,
                 const std::optional<Window>& window) {
    const Table& table = selection.table;
    const Condition condition = lenient(db, table, query.terms);
    const Order order = render_sorts(table, query.sorts);
    if (!window) {
        std::vector<Value> parameters = condition.parameters;
        append(parameters, order.parameters);
        const std::string joins = joins_of(table, selection.joins | condition.joins | order.joins);
        return db.query(fmt::format("SELECT {} FROM {}{}{} ORDER BY {}", selection.columns,
                                    table.from, joins, where(condition), order.sql),
                        parameters);
    }
    // The keys of the page first, over as few columns as the terms and sorts need: skipped rows
    // then cost an index entry each, not a row with its joins.
    std::vector<Value> parameters;
    std::string keys;
    const Column* ranged = window->merged ? ranged_column(table, query.sorts) : nullptr;
    if (ranged != nullptr) {
        keys = merged_keys(table, *ranged, condition,
                           query.sorts.front().descending != window->from_the_end, parameters);
    } else {
        parameters = condition.parameters;
        append(parameters, order.parameters);
        keys = fmt::format("SELECT {} AS page_key FROM {}{}{} ORDER BY {} LIMIT ? OFFSET ?",
                           table.key, table.from, joins_of(table, condition.joins | order.joins),
                           where(condition), window->from_the_end ? order.reversed : order.sql);
    }
    parameters.emplace_back(window->limit);
    parameters.emplace_back(window->offset);
    append(parameters, order.parameters);
    return db.query(fmt::format("SELECT {} FROM ({}) page JOIN {} ON {} = page.page_key{} "
                                "ORDER BY {}",
                                selection.columns, keys, table.from, table.key,
                                joins_of(table, selection.joins | order.joins), order.sql),
                    parameters);
}

std::int64_t count_rows(Connection& db, const Table& table, const std::vector<Term>& terms) {
    const Condition condition = lenient(db, table, terms);
    Rows rows = db.query(fmt::format("SELECT count(*) FROM {}{}{}", table.from,
                                     joins_of(table, condition.joins), where(condition)),
                         condition.parameters);
    return rows.next() ? rows.integer() : 0;
}

std::int64_t number_or_none(std::string_view id) {
    std::int64_t number = 0;
    const auto [end, code] = std::from_chars(id.data(), id.data() + id.size(), number);
    return code == std::errc{} && end == id.data() + id.size() && number >= 0 ? number : -1;
}

std::int64_t number_of_id(std::string_view id) {
    const std::int64_t number = number_or_none(id);
    if (number < 0) {
        throw StorageError(StorageError::Cause::broken,
                           fmt::format("id {} is not a decimal number", id));
    }
    return number;
}

}  // namespace updraft::sql
