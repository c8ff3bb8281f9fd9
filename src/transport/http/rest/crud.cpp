#include "transport/http/rest/crud.hpp"

#include <mutex>
#include <set>

namespace updraft::rest {
namespace {

using http::Method;

namespace verb {
constexpr std::string_view create = ".create";
constexpr std::string_view save = ".save";
constexpr std::string_view update = ".update";
constexpr std::string_view remove = ".delete";
}  // namespace verb

/// "product" and ".create" as one word that lives as long as the program: there are a few dozen.
std::string_view act_of(const CrudResource& resource, std::string_view verb) {
    static std::mutex mutex;
    static std::set<std::string> words;
    const std::scoped_lock lock(mutex);
    return *words.insert(std::string(resource.word) + std::string(verb)).first;
}

/// The rows of a batch request, under the limit.
Result<std::vector<json::object>> batch(const Call& call, std::size_t rows_max) {
    UPDRAFT_TRY(std::vector<json::object> rows, call.objects());
    if (rows.size() > rows_max) {
        return Error::of(ErrorCode::too_large,
                         text("单次最多提交{}条, 实际{}条", "at most {} rows at once, not {}",
                              rows_max, rows.size()));
    }
    return rows;
}

void query_routes(Api& api, const std::string& base, const CrudResource& resource) {
    const Access query = Access::permitted(resource.permission, permission::query);
    if (resource.page) {
        api.query_route(base + "/_query", query, with_query(resource.page));
    }
    if (resource.list) {
        api.query_route(base + "/_query/no-paging", query, with_query(resource.list));
    }
    if (!resource.count) {
        return;
    }
    const auto counted = [count = resource.count](const Call& call,
                                                  const Query& asked) -> Result<Answer> {
        UPDRAFT_TRY(const std::int64_t rows, count(call, asked));
        return json::value(rows);
    };
    const auto exists = [count = resource.count](const Call& call,
                                                 const Query& asked) -> Result<Answer> {
        UPDRAFT_TRY(const std::int64_t rows, count(call, asked));
        return json::value(rows > 0);
    };
    api.query_route(base + "/_count", query, with_query(counted));
    api.query_route(base + "/_exists", query, with_query(exists));
}

void insert_routes(Api& api, const std::string& base, const CrudResource& resource) {
    const Access save = Access::permitted(resource.permission, permission::save);
    if (!resource.insert) {
        return;
    }
    const std::size_t rows_max = api.options().batch_rows_max;
    api.act(Method::post, base, save, {act_of(resource, verb::create)},
            [insert = resource.insert](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(json::object row, call.object());
                UPDRAFT_TRY(json::array inserted, insert(call, {std::move(row)}));
                return std::move(inserted.at(0));
            });
    api.act(Method::post, base + "/_batch", save, {act_of(resource, verb::create)},
            [insert = resource.insert, rows_max](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const auto rows, batch(call, rows_max));
                UPDRAFT_TRY(const json::array inserted, insert(call, rows));
                return json::value(inserted.size());
            });
}

void save_routes(Api& api, const std::string& base, const CrudResource& resource) {
    const Access save = Access::permitted(resource.permission, permission::save);
    const std::size_t rows_max = api.options().batch_rows_max;
    if (resource.save) {
        api.act(Method::patch, base, save, {act_of(resource, verb::save)},
                [save_rows = resource.save, rows_max](const Call& call) -> Result<Answer> {
                    UPDRAFT_TRY(const auto rows, batch(call, rows_max));
                    UPDRAFT_TRY(const SaveCounts counts, save_rows(call, rows));
                    return json::value(json::object{{"added", counts.added},
                                                    {"updated", counts.updated},
                                                    {"total", counts.added + counts.updated}});
                });
    }
    if (resource.replace) {
        api.act(Method::put, base + "/{id}", save, {act_of(resource, verb::update)},
                [replace = resource.replace](const Call& call) -> Result<Answer> {
                    UPDRAFT_TRY(const json::object row, call.object());
                    UPDRAFT_CHECK(replace(call, call.parameter("id"), row));
                    return json::value(true);
                });
    }
}

void row_routes(Api& api, const std::string& base, const CrudResource& resource) {
    const auto by_id = [](std::function<Result<json::value>(const Call&, const std::string&)> act) {
        return [act = std::move(act)](const Call& call) -> Result<Answer> {
            UPDRAFT_TRY(json::value row, act(call, call.parameter("id")));
            return row;
        };
    };
    if (resource.find) {
        api.route(Method::get, base + "/{id}",
                  Access::permitted(resource.permission, permission::query), by_id(resource.find));
    }
    if (resource.remove) {
        api.act(Method::del, base + "/{id}",
                Access::permitted(resource.permission, permission::remove),
                {act_of(resource, verb::remove)}, by_id(resource.remove));
    }
}

}  // namespace

ApiHandler with_query(std::function<Result<Answer>(const Call&, const Query&)> answer) {
    return [answer = std::move(answer)](const Call& call) -> Result<Answer> {
        UPDRAFT_TRY(const Query query, call.query());
        return answer(call, query);
    };
}

void crud_routes(Api& api, const CrudResource& resource) {
    for (const std::string& base : resource.bases) {
        query_routes(api, base, resource);
        insert_routes(api, base, resource);
        save_routes(api, base, resource);
        row_routes(api, base, resource);
    }
}

}  // namespace updraft::rest
