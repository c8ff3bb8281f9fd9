#pragma once

#include "app/task_service.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// /firmware/upgrade/task: query, create, stop, start, delete (spec 2.10).
void task_routes(Api& api, const Store& store, TaskService& tasks);

/// The plain row.
[[nodiscard]] json::object task_json(const TaskRow& row, Language language);
/// The row with its derived state, progress and counters.
[[nodiscard]] json::object task_detail_json(const TaskRow& row, Language language);

}  // namespace updraft::rest
