// The query language. The first byte chooses the form (a JSON body, an expression, a query string)
// and the table; the rest is the query. Whatever is parsed makes SQL that the engine takes over the
// real schema, counts what it lists, and holds no byte of the query itself: values are parameters,
// columns are ours.
#include <boost/json/parse.hpp>

#include <array>
#include <string>
#include <vector>

#include "app/query.hpp"
#include "app/query_limits.hpp"
#include "storage/sql/table.hpp"
#include "storage/sql/terms.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/support/whole_world.hpp"
#include "transport/http/url.hpp"

namespace updraft::fuzz {
namespace {

namespace json = boost::json;

enum class Form : std::uint8_t { body, expression, parameters };

Result<Query> parsed(Form form, std::string_view text) {
    if (form == Form::body) {
        boost::system::error_code failed;
        const json::value body = json::parse(text, failed);
        return failed ? Result<Query>(query_detail::malformed({"", ""})) : parse_query(body);
    }
    if (form == Form::expression) {
        Query query;
        UPDRAFT_TRY(query.terms, parse_where(text));
        return query;
    }
    const auto target = http::parse_target("/x?" + std::string(text));
    return target ? parse_query(target->query) : Result<Query>(query_detail::malformed({"", ""}));
}

std::size_t count_terms(const std::vector<Term>& terms, std::size_t depth) {
    UPDRAFT_ASSERT(depth <= query_detail::nesting_depth_max || terms.empty());
    std::size_t count = terms.size();
    for (const Term& term : terms) {
        count += count_terms(term.terms, depth + 1);
    }
    return count;
}

/// The words that SQL of ours is made of have none of these, so that what a person wrote between
/// them would show.
void require_ours(std::string_view sql) {
    UPDRAFT_ASSERT(sql.find_first_of("\";-\n\r\t`#@{}[]") == std::string_view::npos);
    UPDRAFT_ASSERT(sql.find("/*") == std::string_view::npos);
    std::size_t quotes = 0;
    for (const char c : sql) {
        UPDRAFT_ASSERT(c >= ' ' && c <= '~');
        quotes += c == '\'' ? 1 : 0;
    }
    UPDRAFT_ASSERT(quotes % 2 == 0);
}

/// Also what no read renders: terms that choose the devices of a task, where nothing is ignored.
void render(const sql::Table& table, const Query& query, const sql::Connection& engine) {
    for (const auto unknown : {UnknownTerms::ignore, UnknownTerms::refuse}) {
        const auto condition = sql::render_terms(table, query.terms, unknown, engine);
        UPDRAFT_ASSERT(condition || unknown == UnknownTerms::refuse);
        if (condition) {
            require_ours(condition->sql);
            UPDRAFT_ASSERT(static_cast<std::size_t>(std::ranges::count(condition->sql, '?')) ==
                           condition->parameters.size());
        }
    }
    require_ours(sql::render_sorts(table, query.sorts).sql);
}

/// Pages of the table together have the rows that its count says; the engine takes every statement
/// (it throws a StorageError for one that it does not).
template <class Rows>
void run(const Rows& rows, Query query) {
    const std::int64_t count = rows.count(query);
    std::int64_t listed = 0;
    query.paging = false;
    rows.each(query, [&](const auto&) {
        ++listed;
        return true;
    });
    UPDRAFT_ASSERT(count == listed);
    query.paging = true;
    query.known_total.reset();
    const auto page = rows.page(query);
    UPDRAFT_ASSERT(page.total == count);
    UPDRAFT_ASSERT(static_cast<std::int64_t>(page.rows.size()) <= query.page_size);
}

}  // namespace

UPDRAFT_FUZZ_TARGET(query) {
    static WholeWorld world(UpgradeMode::push);
    if (input.size() < 2) {
        return;
    }
    const auto form = static_cast<Form>((input[0] - '0') % 3 & 3);
    const auto query = parsed(form, input.substr(2));
    if (!query) {
        return;
    }
    UPDRAFT_ASSERT(count_terms(query->terms, 1) <= query_detail::terms_max);
    UPDRAFT_ASSERT(query->page_size > 0 && query->page_index >= 0);
    UPDRAFT_ASSERT(!query->paging || query->page_size <= query_detail::page_size_max);
    const auto& engine = static_cast<RollbackStore&>(*world.store).connection();
    world.store->read([&](const Repositories& rows) {
        switch (input[1]) {
            case 'p':
                render(sql::product_table(), *query, engine);
                return run(rows.products(), *query);
            case 'f':
                render(sql::firmware_table(), *query, engine);
                return run(rows.firmwares(), *query);
            case 't':
                render(sql::task_table(), *query, engine);
                return run(rows.tasks(), *query);
            case 'r':
                render(sql::record_table(), *query, engine);
                return run(rows.records(), *query);
            case 'l':
                render(sql::device_log_table(), *query, engine);
                return run(rows.device_logs(), *query);
            case 'u':
                render(sql::user_table(), *query, engine);
                return run(rows.users(), *query);
            default:
                render(sql::device_table(), *query, engine);
                return run(rows.devices(), *query);
        }
    });
}

}  // namespace updraft::fuzz
