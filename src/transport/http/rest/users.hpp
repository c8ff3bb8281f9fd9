#pragma once

#include "app/access_users.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// /user and /role with the generic set (spec 2.3.7). Password hashes never leave the server.
void user_routes(Api& api, const Store& store, UserService& users);

}  // namespace updraft::rest
