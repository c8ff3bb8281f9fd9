#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/user.hpp"

namespace updraft {

/// A token that a person has made for a machine: a pipeline, a script, the command line. It acts as
/// its user, with what the user may do at that moment and the scopes name. The token itself is told
/// once and never stored, only its SHA-256.
struct ApiToken {
    ApiTokenId id;
    std::string token_sha256;
    UserId user;
    std::string name;
    std::vector<Permission> scopes;
    Instant created_at;
    std::optional<Instant> expires_at;    ///< absent: it ends when it is revoked
    std::optional<Instant> last_used_at;  ///< stored at most once a minute
    friend bool operator==(const ApiToken&, const ApiToken&) = default;
};

}  // namespace updraft
