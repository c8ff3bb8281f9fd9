#pragma once

#include "app/device_credentials.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// The routes of the credentials of devices and products: list, make, rotate, revoke.
void credential_routes(Api& api, DeviceCredentialService& credentials);

}  // namespace updraft::rest
