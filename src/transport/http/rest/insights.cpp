#include "transport/http/rest/insights.hpp"

#include "domain/upgrade_record.hpp"

namespace updraft::rest {
namespace {

using http::Method;

const std::string task_base = "/firmware/upgrade/task";
constexpr std::size_t failure_groups_max = 50;

/// GET /firmware/upgrade/task/{id}/failures, operation getTaskFailures.
Result<Answer> task_failures(const Store& store, const Call& call) {
    const TaskId id(call.parameter("id"));
    std::optional<TaskRow> task;
    std::vector<FailureGroup> groups;
    store.run_read([&](const Repositories& rows) {
        task = rows.tasks().find(id);
        groups = rows.records().failures_of(id, failure_groups_max);
    });
    if (!task) {
        return Error::not_found("升级任务", "upgrade task", id.value);
    }
    json::array shown;
    std::int64_t others = task->counts.failed;
    for (const FailureGroup& group : groups) {
        shown.push_back(json::object{{"group", group.group},
                                     {"text", error_reason::in(call.language, group.group)},
                                     {"sample", error_reason::in(call.language, group.sample)},
                                     {"count", group.count},
                                     {"firstTime", to_millis(group.first_at)},
                                     {"lastTime", to_millis(group.last_at)}});
        others -= group.count;
    }
    return json::value(json::object{
        {"failed", task->counts.failed}, {"groups", std::move(shown)}, {"otherCount", others}});
}

}  // namespace

void insight_routes(Api& api, const Store& store) {
    api.route(Method::get, task_base + "/{id}/failures",
              Access::permitted(permission::upgrade_task, permission::query),
              [&store](const Call& call) { return task_failures(store, call); });
}

}  // namespace updraft::rest
