#include <fmt/ranges.h>

#include <boost/json.hpp>

#include "cli/commands.hpp"
#include "cli/rows.hpp"
#include "cli/token_scope.hpp"

namespace updraft::cli {
namespace {

const std::vector<Column>& token_columns() {
    static const std::vector<Column> columns{
        {{"令牌ID", "ID"}, "id"},
        {{"名称", "NAME"}, "name"},
        {{"用户", "USER"}, "username"},
        {{"范围", "SCOPES"}, "scopesText"},
        {{"创建时间", "CREATED"}, "createTime", Column::Kind::time},
        {{"到期时间", "EXPIRES"}, "expireTime", Column::Kind::time},
        {{"最近使用", "LAST USED"}, "lastUsedTime", Column::Kind::time},
    };
    return columns;
}

/// "firmware-manager:query,save device-instance:query"
std::string scopes_text(const json::value& token) {
    std::vector<std::string> scopes;
    for (const json::value& scope : rows_of(member_at(token, "scopes"))) {
        std::vector<std::string> actions;
        for (const json::value& action : rows_of(member_at(scope, "actions"))) {
            actions.emplace_back(action.is_string() ? std::string(action.get_string()) : "");
        }
        scopes.push_back(fmt::format("{}:{}", text_at(scope, "id"), fmt::join(actions, ",")));
    }
    return fmt::format("{}", fmt::join(scopes, " "));
}

struct TokenFlags {
    std::string name;
    std::vector<std::string> scopes;
    std::string expires;
};

Result<ExitStatus> create_token(Context& context, const TokenFlags& flags) {
    UPDRAFT_TRY(json::array scopes, parse_scopes(flags.scopes));
    json::object body{{"name", flags.name}, {"scopes", std::move(scopes)}};
    if (!flags.expires.empty()) {
        UPDRAFT_TRY(const std::int64_t seconds, parse_lifetime(flags.expires));
        body["expiresInSeconds"] = seconds;
    }
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value created, api->post("/api-token", body));
    const std::string token = text_at(created, "token");
    context.terminal().say({"令牌只显示这一次; 在脚本中用 UPDRAFT_TOKEN 传递:",
                            "The token is shown this once; give it to scripts in UPDRAFT_TOKEN:"});
    context.terminal().result(Text{token, token});
    context.terminal().result(created);
    return ExitStatus::done;
}

Result<ExitStatus> list_tokens(Context& context, bool all) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value tokens, api->get(all ? "/api-token?all=true" : "/api-token"));
    json::array rows = rows_of(tokens);
    if (!context.terminal().json()) {
        for (json::value& row : rows) {
            row.as_object()["scopesText"] = scopes_text(row);
        }
    }
    context.terminal().rows(rows, token_columns());
    return ExitStatus::done;
}

}  // namespace

void add_token_commands(const Commands& commands) {
    CLI::App& group = commands.group("token", {"机器令牌: 供流水线使用, 限定范围, 可撤销",
                                               "Machine tokens: for pipelines, scoped, revocable"});
    auto flags = std::make_shared<TokenFlags>();
    CLI::App& create =
        commands.leaf(group, "create", {"新建令牌", "Create a token"},
                      "updraft token create --name ci --scope firmware-manager:query,save --scope "
                      "firmware-upgrade-task-manager:query,save,deploy --expires 90d",
                      [flags](Context& context) { return create_token(context, *flags); });
    commands.option(create, "--name", flags->name, {"名称", "What it is for"})->required();
    commands
        .repeated(
            create, "--scope", flags->scopes,
            {"允许的 资源:动作,动作, 可重复", "What it may do, RESOURCE:ACTION,ACTION; repeatable"})
        ->required();
    commands.option(
        create, "--expires", flags->expires,
        {"有效期, 如 90d, 12h; 默认长期", "Its life, like 90d or 12h; by default no end"});

    auto all = std::make_shared<bool>(false);
    CLI::App& list = commands.leaf(group, "list", {"列出令牌", "List tokens"}, "updraft token list",
                                   [all](Context& context) { return list_tokens(context, *all); });
    commands.flag(list, "--all", *all, {"所有用户的 (管理员)", "Everybody's (admin)"});

    auto ids = std::make_shared<std::vector<std::string>>();
    CLI::App& revoke = commands.leaf(
        group, "revoke", {"撤销令牌", "Revoke tokens"}, "updraft token revoke 1864200000000000300",
        [ids](Context& context) {
            return for_each_id(
                context, *ids, {"已撤销", "revoked"},
                [](client::RestClient& api, const std::string& id) -> Result<void> {
                    UPDRAFT_CHECK(api.call("DELETE", "/api-token/" + url_encoded(id)));
                    return {};
                });
        });
    commands.option(revoke, "id", *ids, {"令牌ID, 可多个", "Ids of tokens"})->required();
}

}  // namespace updraft::cli
