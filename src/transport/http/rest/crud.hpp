#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "app/crud_rows.hpp"
#include "app/ports.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

using updraft::SaveCounts;

/// One resource with the generic set of spec 2.3.7. A function that is not set has no route. The
/// functions that take a list handle it as one unit of work: all rows or none, the error naming
/// the row.
struct CrudResource {
    std::vector<std::string> bases;  ///< "/device-product", "/device/product"
    std::string permission;          ///< resource id of spec 2.13
    std::string_view word;           ///< in the audit log: "product"; a literal

    std::function<Result<Answer>(const Call&, const Query&)> page;
    std::function<Result<Answer>(const Call&, const Query&)> list;  ///< no-paging
    std::function<Result<std::int64_t>(const Call&, const Query&)> count;
    std::function<Result<json::value>(const Call&, const std::string& id)> find;
    std::function<Result<json::array>(const Call&, const std::vector<json::object>&)> insert;
    std::function<Result<SaveCounts>(const Call&, const std::vector<json::object>&)> save;
    std::function<Result<void>(const Call&, const std::string& id, const json::object&)> replace;
    std::function<Result<json::value>(const Call&, const std::string& id)> remove;
};

/// The handler of a query endpoint: parses the QueryParam and hands it on.
[[nodiscard]] ApiHandler with_query(
    std::function<Result<Answer>(const Call&, const Query&)> answer);

/// The forms of a batch; the error names the row.
template <class Form>
[[nodiscard]] Result<std::vector<Form>> forms_of(const std::vector<json::object>& rows,
                                                 Result<Form> (*form_of)(const json::object&)) {
    std::vector<Form> forms;
    forms.reserve(rows.size());
    for (std::size_t index = 0; index < rows.size(); ++index) {
        Result<Form> form = form_of(rows[index]);
        if (!form) {
            return at_row(form.error(), index, rows.size());
        }
        forms.push_back(*std::move(form));
    }
    return forms;
}

/// Registers the routes of a resource.
void crud_routes(Api& api, const CrudResource& resource);

/// Answers with one page of `rows(repositories)`. `maker(repositories, query, language)` gives the
/// function that makes a row's JSON object, so that it may look up what rows share.
template <class Rows, class Maker>
[[nodiscard]] std::function<Result<Answer>(const Call&, const Query&)> made_page_of(
    const Store& store, Rows rows, Maker maker) {
    return [&store, rows, maker](const Call& call, const Query& query) -> Result<Answer> {
        return store.read([&](const Repositories& repositories) {
            const auto page = rows(repositories).page(query);
            return Answer(
                json::value(page_json(page, query, maker(repositories, query, call.language))));
        });
    };
}

/// Answers with all asked rows one by one, under the limit of the API (counted first).
template <class Rows, class Maker>
[[nodiscard]] std::function<Result<Answer>(const Call&, const Query&)> made_list_of(
    const Api& api, const Store& store, Rows rows, Maker maker) {
    const std::int64_t rows_max = api.options().streamed_rows_max;
    return [&store, rows, maker, rows_max](const Call& call, const Query& query) -> Result<Answer> {
        if (!query.paging || query.page_size > rows_max) {
            const std::int64_t found = store.read(
                [&](const Repositories& repositories) { return rows(repositories).count(query); });
            UPDRAFT_CHECK(within_row_limit(query.paging ? std::min(found, query.page_size) : found,
                                           rows_max));
        }
        return StreamedList{[&store, rows, maker, query, language = call.language](
                                const std::function<bool(const json::value&)>& emit) {
            store.read([&](const Repositories& repositories) {
                auto make = maker(repositories, query, language);
                rows(repositories).each(query, [&](const auto& row) {
                    json::object item = make(row);
                    project(item, query);
                    return emit(std::move(item));
                });
            });
        }};
    };
}

/// A maker for rows that need no look-ups: `to_json(row, language)`.
template <class ToJson>
[[nodiscard]] auto maker_of(ToJson to_json) {
    return [to_json](const Repositories&, const Query&, Language language) {
        return [to_json, language](const auto& row) { return to_json(row, language); };
    };
}

/// Answers with one page of `rows(repositories)`; `to_json(row, language)` makes the JSON object.
template <class Rows, class ToJson>
[[nodiscard]] std::function<Result<Answer>(const Call&, const Query&)> page_of(const Store& store,
                                                                               Rows rows,
                                                                               ToJson to_json) {
    return made_page_of(store, rows, maker_of(to_json));
}

/// Answers with all asked rows one by one; `to_json(row, language)` makes the JSON object.
template <class Rows, class ToJson>
[[nodiscard]] std::function<Result<Answer>(const Call&, const Query&)> list_of(const Api& api,
                                                                               const Store& store,
                                                                               Rows rows,
                                                                               ToJson to_json) {
    return made_list_of(api, store, rows, maker_of(to_json));
}

/// Sets `page`, `list` and `count` of a resource from a repository: `rows(repositories)` gives its
/// Queries, `to_json(row, language)` the JSON object of one row. `store` must outlive the routes.
template <class Rows, class ToJson>
void query_with(CrudResource& resource, const Api& api, const Store& store, Rows rows,
                ToJson to_json) {
    resource.page = page_of(store, rows, to_json);
    resource.list = list_of(api, store, rows, to_json);
    resource.count = [&store, rows](const Call&, const Query& query) -> Result<std::int64_t> {
        return store.read(
            [&](const Repositories& repositories) { return rows(repositories).count(query); });
    };
}

}  // namespace updraft::rest
