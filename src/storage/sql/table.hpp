#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"

namespace updraft::sql {

/// How values of a column are converted and compared (spec 2.3.4).
enum class Kind : std::uint8_t {
    text,
    integer,
    time,         ///< milliseconds; dates are accepted
    flag,         ///< 0 or 1
    enumeration,  ///< stored by name
    task_state,   ///< derived from a task's counters (spec 3.3)
};

/// Whose ids a column holds: what the custom terms of spec 2.3.5 join on.
enum class Refers : std::uint8_t { nothing, product, device };

/// One value of an enum column: found by its name or by what people call it.
struct EnumName {
    std::string_view name;
    Text label;
};

/// A column as the query language knows it.
struct Column {
    std::string_view name;  ///< JSON name, camelCase
    std::string_view sql;   ///< expression over the aliases `t` (the table) and its joins
    Kind kind = Kind::text;
    std::size_t join = 0;  ///< 1 + index of the join that `sql` needs; 0: none
    Refers refers = Refers::nothing;
    const std::vector<EnumName>* names = nullptr;
    std::string_view order = {};  ///< sorts alike and has an index; empty: `sql`
    /// Of these conditions exactly one holds for a row, and an index has the rows of each in the
    /// order of this column, or they are few; empty: there are no such conditions.
    std::span<const std::string_view> ranges = {};
    /// Holds unless the text is empty, and an index has only these rows; empty: there is none.
    std::string_view filled = {};
};

/// What the query language may ask of one table.
struct Table {
    std::string_view from;          ///< e.g. "device t"
    std::string_view key;           ///< e.g. "t.id": the last sort of every query
    std::string_view newest_first;  ///< order when the query has none
    std::string_view oldest_first;  ///< its reverse
    std::vector<std::string_view> joins;
    std::vector<Column> columns;

    /// By camelCase or snake_case name; null if there is none.
    [[nodiscard]] const Column* column(std::string_view name) const;
};

/// The state that counters of a task, joined as `c`, amount to (spec 3.3).
inline constexpr std::string_view task_state_sql =
    "(CASE WHEN c.waiting > 0 THEN 'processing' WHEN c.canceled > 0 THEN 'canceled' "
    "WHEN c.processing > 0 THEN 'processing' WHEN c.failed > 0 THEN 'failed' ELSE 'success' END)";

[[nodiscard]] const Table& product_table();
[[nodiscard]] const Table& protocol_table();
[[nodiscard]] const Table& device_table();
[[nodiscard]] const Table&
firmware_info_table();  ///< what devices report: spec 2.3.5, dev-firmware
[[nodiscard]] const Table& firmware_table();
[[nodiscard]] const Table& task_table();
[[nodiscard]] const Table& record_table();
[[nodiscard]] const Table& file_table();
[[nodiscard]] const Table& user_table();
[[nodiscard]] const Table& role_table();
[[nodiscard]] const Table& device_log_table();
[[nodiscard]] const Table& audit_table();

}  // namespace updraft::sql
