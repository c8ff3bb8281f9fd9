#pragma once

#include "app/device_service.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// /device-instance, also as /device/instance (spec 2.8).
void device_routes(Api& api, const Store& store, DeviceService& devices);

}  // namespace updraft::rest
