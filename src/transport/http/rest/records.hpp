#pragma once

#include "app/record_service.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// /firmware/upgrade/history: query and delete (spec 2.11).
void record_routes(Api& api, const Store& store, RecordService& records);

[[nodiscard]] json::object record_json(const RecordRow& row, Language language);

}  // namespace updraft::rest
