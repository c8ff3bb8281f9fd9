#include "transport/http/rest/overview.hpp"

#include "transport/http/rest/tasks.hpp"

namespace updraft::rest {
namespace {

json::object totals_json(const DeviceTotals& totals) {
    return {{"total", totals.total()},
            {"online", totals.online},
            {"offline", totals.offline},
            {"notActive", totals.not_active}};
}

json::array products_json(const std::vector<ProductVersions>& products) {
    json::array list;
    for (const ProductVersions& product : products) {
        json::array versions;
        for (const ProductVersions::Version& each : product.versions) {
            versions.push_back(json::object{{"version", each.version}, {"count", each.devices}});
        }
        list.push_back(json::object{{"productId", product.product.value},
                                    {"productName", product.name},
                                    {"total", product.total},
                                    {"versions", std::move(versions)},
                                    {"otherCount", product.other},
                                    {"unknownCount", product.unknown}});
    }
    return list;
}

json::object tasks_json(const Overview::RunningTasks& tasks, Language language) {
    json::array list;
    for (const TaskRow& row : tasks.newest) {
        list.push_back(task_detail_json(row, language));
    }
    return {{"running", tasks.count}, {"list", std::move(list)}};
}

json::array days_json(const std::vector<Overview::Day>& days) {
    json::array list;
    for (const Overview::Day& day : days) {
        list.push_back(json::object{{"timestamp", to_millis(day.start)},
                                    {"date", day.date},
                                    {"success", day.success},
                                    {"failed", day.failed}});
    }
    return list;
}

json::object overview_json(const Overview& overview, Language language) {
    json::object json;
    if (overview.devices) {
        json["devices"] = totals_json(*overview.devices);
    }
    if (overview.products) {
        json["products"] = products_json(*overview.products);
    }
    if (overview.tasks) {
        json["tasks"] = tasks_json(*overview.tasks, language);
    }
    if (overview.days) {
        json["days"] = days_json(*overview.days);
    }
    return json;
}

}  // namespace

void overview_routes(Api& api, const OverviewService& overview) {
    api.route(
        http::Method::get, "/overview", Access::signed_in(),
        [&overview](const Call& call) -> Result<Answer> {
            return json::value(overview_json(overview.for_person(call.identity), call.language));
        });
}

}  // namespace updraft::rest
