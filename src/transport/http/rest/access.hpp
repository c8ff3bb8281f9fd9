#pragma once

#include "app/access_service.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// Sign-in, sign-out, who am I, first-time set-up, and the menu (spec 2.2, 2.13). The services must
/// outlive the routes.
void access_routes(Api& api, const Store& store, AccessService& access);

}  // namespace updraft::rest
