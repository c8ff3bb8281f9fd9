#pragma once

#include <string>

#include "app/system_service.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// What a console needs before its first page renders (spec 2.4): version, configuration, settings,
/// dictionaries, and the probes that must find nothing. `version` is the project's.
void system_routes(Api& api, SystemService& system, std::string version);

}  // namespace updraft::rest
