#pragma once

#include "app/device_import.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// Rows as CSV files and back: exports of devices and upgrade records, import of devices.
void csv_routes(Api& api, const Store& store, DeviceImport& imports);

}  // namespace updraft::rest
