#pragma once

#include <algorithm>
#include <functional>

#include "app/ports.hpp"
#include "storage/sql/connection.hpp"
#include "storage/sql/table.hpp"
#include "storage/sql/terms.hpp"

namespace updraft::sql {

/// What a repository selects for one row, and from which joins of its table.
struct Selection {
    const Table& table;
    std::string_view columns;
    unsigned joins = 0;
};

/// Where a page starts and how long it is.
struct Window {
    std::int64_t offset = 0;
    std::int64_t limit = 0;
    bool from_the_end = false;  ///< `offset` counts from the last row: shorter to reach deep pages
    bool merged = false;        ///< from the sorted column's ranges, if it has any
};

/// The rows of the query in its order; all of them without a window.
[[nodiscard]] Rows select_rows(Connection& db, const Selection& selection, const Query& query,
                               const std::optional<Window>& window);
[[nodiscard]] std::int64_t count_rows(Connection& db, const Table& table,
                                      const std::vector<Term>& terms);

/// Throws StorageError: a stored or given id that must be a decimal number is not.
[[nodiscard]] std::int64_t number_of_id(std::string_view id);
/// The number behind a decimal id; -1, which no row has, for anything else.
[[nodiscard]] std::int64_t number_or_none(std::string_view id);

/// The query side of a port, the same for every table: `Read` turns the selected columns into a
/// Row.
template <class Port, class Row>
class TableRepository : public Port {
public:
    using Read = Row (*)(Rows&);
    TableRepository(Connection& db, const Selection& selection, Read read)
        : db_(db), selection_(selection), read_(read) {}

    [[nodiscard]] Page<Row> page(const Query& query) const override {
        Page<Row> page;
        if (!query.paging) {
            page.rows = read_all(select_rows(db_, selection_, query, std::nullopt));
            page.total = page.page_size = static_cast<std::int64_t>(page.rows.size());
            return page;
        }
        page.page_size = std::max<std::int64_t>(query.page_size, 1);
        page.total = query.known_total ? *query.known_total : count(query);
        if (page.total == 0) {
            return page;
        }
        page.page_index =
            std::clamp<std::int64_t>(query.page_index, 0, (page.total - 1) / page.page_size);
        Window window{page.page_index * page.page_size, page.page_size, false, has_ranges(query)};
        const std::int64_t rest = page.total - window.offset;
        if (!query.known_total && window.offset > rest) {
            window.limit = std::min(window.limit, rest);
            window.offset = rest - window.limit;
            window.from_the_end = true;
        }
        page.rows = read_all(select_rows(db_, selection_, query, window));
        return page;
    }

    void each(const Query& query, const std::function<bool(const Row&)>& use) const override {
        std::optional<Window> window;
        if (query.paging) {
            const std::int64_t size = std::max<std::int64_t>(query.page_size, 1);
            constexpr std::int64_t pages_max = 1'000'000'000;
            window = Window{std::clamp<std::int64_t>(query.page_index, 0, pages_max) * size, size};
        }
        Rows rows = select_rows(db_, selection_, query, window);
        while (rows.next()) {
            if (!use(read_(rows))) {
                break;
            }
        }
    }

    [[nodiscard]] std::int64_t count(const Query& query) const override {
        if (const auto known = quick_count(query)) {
            return *known;
        }
        return count_rows(db_, selection_.table, query.terms);
    }

protected:
    /// A count that is known without counting rows.
    [[nodiscard]] virtual std::optional<std::int64_t> quick_count(const Query&) const {
        return std::nullopt;
    }
    /// Whether the terms of the query are what the indexes behind Column::ranges begin with.
    [[nodiscard]] virtual bool has_ranges(const Query&) const { return false; }
    [[nodiscard]] std::vector<Row> read_all(Rows rows) const {
        std::vector<Row> all;
        while (rows.next()) {
            all.push_back(read_(rows));
        }
        return all;
    }

    Connection& db_;
    Selection selection_;
    Read read_;
};

}  // namespace updraft::sql
