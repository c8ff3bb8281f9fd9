#pragma once

#include "app/ports.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// /audit: the log of what operators did, its head, and files of it. Contract: api/openapi.yaml.
void audit_routes(Api& api, const Store& store);

}  // namespace updraft::rest
