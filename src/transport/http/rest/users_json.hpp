#pragma once

#include <vector>

#include "domain/user.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// A user without anything secret.
[[nodiscard]] json::object user_json(const User& user, Language language);
/// `user_json` with the roles' names: /user/detail, and the answer of a sign-in.
[[nodiscard]] json::object user_detail_json(const User& user, const std::vector<Role>& roles,
                                            Language language);
[[nodiscard]] json::object role_json(const Role& role, Language language);

}  // namespace updraft::rest
