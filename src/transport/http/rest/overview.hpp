#pragma once

#include "app/overview_service.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// /overview: what a console's first page shows. Contract: api/openapi.yaml.
void overview_routes(Api& api, const OverviewService& overview);

}  // namespace updraft::rest
