#pragma once

#include "app/api_tokens.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// The routes of machine tokens: make, list, revoke.
void api_token_routes(Api& api, ApiTokenService& tokens);

}  // namespace updraft::rest
