#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "app/ports.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// How many rows a PATCH added and changed.
struct SaveCounts {
    std::int64_t added = 0;
    std::int64_t updated = 0;
};

/// One resource with the generic set of spec 2.3.7. A function that is not set has no route. The
/// functions that take a list handle it as one unit of work: all rows or none, the error naming
/// the row.
struct CrudResource {
    std::vector<std::string> bases;  ///< "/device-product", "/device/product"
    std::string permission;          ///< resource id of spec 2.13

    std::function<Result<Answer>(const Call&, const Query&)> page;
    std::function<Result<Answer>(const Call&, const Query&)> list;  ///< no-paging
    std::function<Result<std::int64_t>(const Call&, const Query&)> count;
    std::function<Result<json::value>(const Call&, const std::string& id)> find;
    std::function<Result<json::array>(const Call&, const std::vector<json::object>&)> insert;
    std::function<Result<SaveCounts>(const Call&, const std::vector<json::object>&)> save;
    std::function<Result<void>(const Call&, const std::string& id, const json::object&)> replace;
    std::function<Result<json::value>(const Call&, const std::string& id)> remove;
};

/// Registers the routes of a resource.
void crud_routes(Api& api, const CrudResource& resource);

/// Answers with one page of `rows(repositories)`; `to_json(row, language)` makes the JSON object.
template <class Rows, class ToJson>
[[nodiscard]] std::function<Result<Answer>(const Call&, const Query&)> page_of(const Store& store,
                                                                               Rows rows,
                                                                               ToJson to_json) {
    return [&store, rows, to_json](const Call& call, const Query& query) -> Result<Answer> {
        const auto page = store.read(
            [&](const Repositories& repositories) { return rows(repositories).page(query); });
        return json::value(
            page_json(page, query, [&](const auto& row) { return to_json(row, call.language); }));
    };
}

/// Answers with all asked rows one by one, under the limit of the API (counted first).
template <class Rows, class ToJson>
[[nodiscard]] std::function<Result<Answer>(const Call&, const Query&)> list_of(const Api& api,
                                                                               const Store& store,
                                                                               Rows rows,
                                                                               ToJson to_json) {
    const std::int64_t rows_max = api.options().streamed_rows_max;
    return
        [&store, rows, to_json, rows_max](const Call& call, const Query& query) -> Result<Answer> {
            if (!query.paging || query.page_size > rows_max) {
                const std::int64_t found = store.read([&](const Repositories& repositories) {
                    return rows(repositories).count(query);
                });
                UPDRAFT_CHECK(within_row_limit(
                    query.paging ? std::min(found, query.page_size) : found, rows_max));
            }
            return StreamedList{[&store, rows, to_json, query, language = call.language](
                                    const std::function<bool(const json::value&)>& emit) {
                store.read([&](const Repositories& repositories) {
                    rows(repositories).each(query, [&](const auto& row) {
                        json::object item = to_json(row, language);
                        project(item, query);
                        return emit(std::move(item));
                    });
                });
            }};
        };
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
