#pragma once

#include "app/firmware_service.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// /firmware: the generic set and the question whether a version order is taken (spec 2.9).
void firmware_routes(Api& api, const Store& store, FirmwareService& firmwares);

[[nodiscard]] json::object firmware_json(const Firmware& firmware, Language language);

}  // namespace updraft::rest
