#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/access_service.hpp"
#include "app/identity.hpp"
#include "app/ports.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "domain/api_token.hpp"

namespace updraft {

/// Every machine token begins with this, so that a scanner for leaked secrets knows it.
inline constexpr std::string_view api_token_prefix = "updraft_";
inline constexpr std::size_t api_tokens_per_user_max = 100;

/// What a person asks for.
struct NewApiToken {
    std::string name;
    std::vector<Permission> scopes;
    std::optional<seconds> expires_in;  ///< absent: it ends when it is revoked
};

/// A machine token with the name of the user it acts as.
struct ApiTokenRow {
    ApiToken token;
    std::string username;
};

struct CreatedApiToken {
    std::string secret;  ///< the token itself: told now and never again
    ApiTokenRow row;
};

/// Makes and revokes machine tokens; only persons do. Safe from every thread; blocks on the store.
class ApiTokenService {
public:
    ApiTokenService(Store& store, AccessService& access, const Clock& clock, SnowflakeIds& ids)
        : store_(store), access_(access), clock_(clock), ids_(ids) {}

    /// Errors: invalid_argument (name, scopes, time), conflict (too many), access_denied (a
    /// machine).
    [[nodiscard]] Result<CreatedApiToken> create(const NewApiToken& request, const Actor& by);
    /// One's own tokens, newest first; those that have expired are among them.
    [[nodiscard]] std::vector<ApiTokenRow> own(const Identity& identity) const;
    /// Everybody's. Errors: access_denied (not the administrator).
    [[nodiscard]] Result<std::vector<ApiTokenRow>> all(const Identity& identity) const;
    /// Ends a token at once. Errors: not_found (another user's, too, unless for the administrator),
    /// access_denied (a machine).
    [[nodiscard]] Result<ApiTokenRow> revoke(const ApiTokenId& id, const Actor& by);

private:
    Store& store_;
    AccessService& access_;
    const Clock& clock_;
    SnowflakeIds& ids_;
};

}  // namespace updraft
