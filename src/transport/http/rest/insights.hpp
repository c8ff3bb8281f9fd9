#pragma once

#include "app/ports.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// What operators ask when a rollout does not go well: why devices failed, how it went over time,
/// what happened to one device. Contract: api/openapi.yaml.
void insight_routes(Api& api, const Store& store);

}  // namespace updraft::rest
