#include "app/api_tokens.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <map>
#include <set>

#include "app/audit.hpp"
#include "app/menu.hpp"
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "domain/form_rules.hpp"

namespace updraft {
namespace {

constexpr std::size_t name_characters_max = 64;
constexpr std::size_t secret_bytes = 32;  // 43 characters
constexpr seconds expires_in_max{std::int64_t{3650} * 24 * 3600};

/// base64url without padding (RFC 4648 5).
std::string url_safe(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                       reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(length));
    std::erase(text, '=');
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

std::string new_secret() {
    return std::string(api_token_prefix) + url_safe(from_hex(random_hex(secret_bytes)).value());
}

bool is_resource(const std::string& id) {
    return std::ranges::any_of(resources(),
                               [&](const ResourceName& each) { return each.id == id; });
}

bool is_action(const std::string& name) {
    return std::ranges::find(actions(), name) != actions().end();
}

void check_scopes(FormRules& rules, const std::vector<Permission>& scopes) {
    rules.require(!scopes.empty(), "scopes", text("请选择权限", "name at least one scope"));
    for (const Permission& scope : scopes) {
        if (!rules.require(is_resource(scope.id), "scopes",
                           text("未知的权限 {}", "there is no resource {}", scope.id))) {
            continue;
        }
        rules.require(
            !scope.actions.empty(), "scopes",
            text("权限 {} 未选择操作", "name at least one action of resource {}", scope.id));
        for (const std::string& action : scope.actions) {
            rules.require(is_action(action), "scopes",
                          text("权限 {} 没有操作 {}; 可选值: query, save, delete, deploy",
                               "resource {} has no action {}; one of: query, save, delete, deploy",
                               scope.id, action));
        }
    }
}

Result<void> checked(const NewApiToken& request) {
    FormRules rules;
    rules.require_text(request.name, "name", text("请输入名称", "enter a name"),
                       name_characters_max);
    check_scopes(rules, request.scopes);
    rules.require(
        !request.expires_in ||
            (*request.expires_in >= seconds(1) && *request.expires_in <= expires_in_max),
        "expiresInSeconds",
        text("有效期应为1至{}秒", "say between 1 and {} seconds", expires_in_max.count()));
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    return {};
}

/// Each resource once, each action once, in the order of their names.
std::vector<Permission> merged(const std::vector<Permission>& scopes) {
    std::map<std::string, std::set<std::string>> by_resource;
    for (const Permission& scope : scopes) {
        by_resource[scope.id].insert(scope.actions.begin(), scope.actions.end());
    }
    std::vector<Permission> list;
    for (const auto& [resource, names] : by_resource) {
        list.push_back({resource, {names.begin(), names.end()}});
    }
    return list;
}

Error too_many() {
    return Error::of(ErrorCode::conflict,
                     text("每个用户最多{}个机器令牌, 请先删除不再使用的令牌",
                          "a user has at most {} machine tokens, revoke one that is not used any "
                          "more",
                          api_tokens_per_user_max));
}

/// The tokens with their users' names.
std::vector<ApiTokenRow> named(const Repositories& rows, std::vector<ApiToken> tokens) {
    std::map<UserId, std::string> usernames;
    std::vector<ApiTokenRow> list;
    list.reserve(tokens.size());
    for (ApiToken& token : tokens) {
        const auto [name, fresh] = usernames.try_emplace(token.user);
        if (fresh) {
            const std::optional<User> user = rows.users().find(token.user);
            name->second = user ? user->username : std::string();
        }
        list.push_back({std::move(token), name->second});
    }
    return list;
}

}  // namespace

Result<CreatedApiToken> ApiTokenService::create(const NewApiToken& request, const Actor& by) {
    UPDRAFT_CHECK(only_a_person(by.who));
    UPDRAFT_CHECK(checked(request));
    CreatedApiToken created;
    created.secret = new_secret();
    created.row.username = by.who.username;
    ApiToken& token = created.row.token;
    token.id = ApiTokenId(ids_.next());
    token.token_sha256 = secret_sha256(created.secret);
    token.user = by.who.user;
    token.name = request.name;
    token.scopes = merged(request.scopes);
    token.created_at = clock_.now();
    if (request.expires_in) {
        token.expires_at = token.created_at + *request.expires_in;
    }
    UPDRAFT_CHECK(store_.write([&](UnitOfWork& work) -> Result<void> {
        if (!work.users().find(token.user)) {
            return Error::not_found("用户", "user", token.user.value);  // deleted meanwhile
        }
        if (work.api_tokens().of_user(token.user).size() >= api_tokens_per_user_max) {
            return too_many();
        }
        work.api_tokens().add(token);
        AuditNote note(by);
        note.added(token);
        note.write(work);
        return {};
    }));
    log::info("access", "machine token made id={} username={}", token.id, by.who.username);
    return created;
}

std::vector<ApiTokenRow> ApiTokenService::own(const Identity& identity) const {
    return store_.read([&](const Repositories& rows) {
        return named(rows, rows.api_tokens().of_user(identity.user));
    });
}

Result<std::vector<ApiTokenRow>> ApiTokenService::all(const Identity& identity) const {
    if (!identity.admin) {
        return Error::of(ErrorCode::access_denied,
                         text("只有管理员可以查看所有用户的机器令牌",
                              "only the administrator sees everybody's machine tokens"));
    }
    return store_.read(
        [](const Repositories& rows) { return named(rows, rows.api_tokens().all()); });
}

Result<ApiTokenRow> ApiTokenService::revoke(const ApiTokenId& id, const Actor& by) {
    UPDRAFT_CHECK(only_a_person(by.who));
    Result<ApiTokenRow> revoked = store_.write([&](UnitOfWork& work) -> Result<ApiTokenRow> {
        std::optional<ApiToken> token = work.api_tokens().find(id);
        if (!token || (token->user != by.who.user && !by.who.admin)) {
            return Error::not_found("机器令牌", "machine token", id.value);
        }
        work.api_tokens().remove(id);
        AuditNote note(by);
        note.removed(*token);
        note.write(work);
        return named(work, {*std::move(token)}).front();
    });
    access_.forget_cached();
    if (revoked) {
        log::info("access", "machine token revoked id={} username={}", id, by.who.username);
    }
    return revoked;
}

}  // namespace updraft
