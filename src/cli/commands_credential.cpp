#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>

#include "cli/commands.hpp"
#include "cli/rows.hpp"
#include "cli/token_scope.hpp"

namespace updraft::cli {
namespace {

const std::vector<Column>& credential_columns() {
    static const std::vector<Column> columns{
        {{"凭证ID", "ID"}, "id"},
        {{"类型", "KIND"}, "kind.text"},
        {{"名称", "NAME"}, "name"},
        {{"尾号", "ENDS IN"}, "hint"},
        {{"secureId", "SECURE ID"}, "secureId"},
        {{"颁发机构", "AUTHORITY"}, "authority"},
        {{"创建时间", "CREATED"}, "createTime", Column::Kind::time},
        {{"到期时间", "EXPIRES"}, "expiresAt", Column::Kind::time},
    };
    return columns;
}

/// Whose credentials the commands are about.
struct Owner {
    std::string command;  ///< "device" or "product"
    std::string base;     ///< of the REST API
    Text what;            ///< what its id is called
    bool has_authorities;

    [[nodiscard]] std::string path(const std::string& id) const {
        return base + "/" + url_encoded(id) + "/credentials";
    }
};

struct AddFlags {
    std::string owner;
    std::string kind = "token";
    std::string name;
    std::string secure_id;
    std::string authority;
    std::string expires;
    bool token_stdin = false;
};

/// Says a new secret, alone on standard output, and what to know about it beside.
void tell(const Context& context, const json::value& told) {
    const std::string token = text_at(told, "token");
    const std::string key = text_at(told, "secureKey");
    if (!token.empty()) {
        context.terminal().say({"令牌只显示这一次:", "The token is shown this once:"});
        context.terminal().result(Text{token, token});
    } else if (!key.empty()) {
        const std::string pair =
            fmt::format("secureId={} secureKey={}", text_at(told, "secureId"), key);
        context.terminal().say({"密钥只显示这一次:", "The key is shown this once:"});
        context.terminal().result(Text{pair, pair});
    } else {
        context.terminal().result(text("已添加 {0}", "added {0}", text_at(told, "id")));
    }
    context.terminal().result(told);
}

std::int64_t millis_from_now(std::int64_t seconds) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count() + seconds * 1'000;
}

Result<ExitStatus> add_credential(Context& context, const Owner& owner, const AddFlags& flags) {
    json::object body{{"kind", flags.kind == "mqtt-key" ? "mqttKey" : flags.kind},
                      {"name", flags.name}};
    if (!flags.secure_id.empty()) {
        body["secureId"] = flags.secure_id;
    }
    if (!flags.authority.empty()) {
        body["authority"] = flags.authority;
    }
    if (!flags.expires.empty()) {
        UPDRAFT_TRY(const std::int64_t seconds, parse_lifetime(flags.expires));
        body["expiresAt"] = millis_from_now(seconds);
    }
    if (flags.token_stdin) {
        UPDRAFT_TRY(const std::string token, secret_from_input());
        body["token"] = token;
    }
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value told, api->post(owner.path(flags.owner), body));
    tell(context, told);
    return ExitStatus::done;
}

struct RotateFlags {
    std::string owner;
    std::string credential;
    std::string keep_old = "1d";
};

Result<ExitStatus> rotate_credential(Context& context, const Owner& owner,
                                     const RotateFlags& flags) {
    std::int64_t keep_old_s = 0;
    if (flags.keep_old != "0") {
        UPDRAFT_TRY(keep_old_s, parse_lifetime(flags.keep_old));
    }
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value told,
                api->post(fmt::format("{}/{}/_rotate", owner.path(flags.owner),
                                      url_encoded(flags.credential)),
                          json::object{{"keepOldSeconds", keep_old_s}}));
    tell(context, told);
    return ExitStatus::done;
}

void add_list(const Commands& commands, CLI::App& group, const Owner& owner) {
    auto id = std::make_shared<std::string>();
    CLI::App& leaf =
        commands.leaf(group, "list", {"列出凭证", "List credentials"},
                      fmt::format("updraft {} credential list ID", owner.command),
                      [id, owner](Context& context) -> Result<ExitStatus> {
                          UPDRAFT_TRY(client::RestClient* const api, context.api());
                          UPDRAFT_TRY(const json::value rows, api->get(owner.path(*id)));
                          context.terminal().rows(rows_of(rows), credential_columns());
                          return ExitStatus::done;
                      });
    commands.option(leaf, "owner", *id, owner.what)->required();
}

void add_add(const Commands& commands, CLI::App& group, const Owner& owner) {
    auto flags = std::make_shared<AddFlags>();
    CLI::App& leaf = commands.leaf(
        group, "add", {"添加凭证; 密文只显示一次", "Add a credential; its secret is shown once"},
        fmt::format("updraft {} credential add ID --kind token --name 'line 3' --expires 90d",
                    owner.command),
        [flags, owner](Context& context) { return add_credential(context, owner, *flags); });
    commands.option(leaf, "owner", flags->owner, owner.what)->required();
    std::vector<std::string> kinds{"token", "mqtt-key"};
    if (owner.has_authorities) {
        kinds.emplace_back("authority");
        commands.option(leaf, "--authority", flags->authority,
                        {"证书颁发机构的哈希, 十六进制",
                         "Hash of the certificate authority, hex (kind authority)"});
    }
    commands
        .option(leaf, "--kind", flags->kind,
                {"类型: token 用于 HTTP、WebSocket、hawkBit, mqtt-key 用于 MQTT",
                 "token for HTTP, WebSocket and hawkBit, mqtt-key for MQTT"})
        ->check(CLI::IsMember(kinds))
        ->capture_default_str();
    commands.option(leaf, "--name", flags->name, {"名称", "What it is for"});
    commands.option(leaf, "--secure-id", flags->secure_id,
                    {"secureId; 默认自动生成", "Its secureId; by default one is made"});
    commands.flag(leaf, "--token-stdin", flags->token_stdin,
                  {"从标准输入读自己的令牌", "Read a token of your own from standard input"});
    commands.option(
        leaf, "--expires", flags->expires,
        {"有效期, 如 90d, 12h; 默认长期", "Its life, like 90d or 12h; by default no end"});
}

void add_rotate(const Commands& commands, CLI::App& group, const Owner& owner) {
    auto flags = std::make_shared<RotateFlags>();
    CLI::App& leaf = commands.leaf(
        group, "rotate",
        {"轮换凭证: 新旧并用一段时间", "A new secret; the old one is good a while longer"},
        fmt::format("updraft {} credential rotate ID 1864200000000000401 --keep-old 7d",
                    owner.command),
        [flags, owner](Context& context) { return rotate_credential(context, owner, *flags); });
    commands.option(leaf, "owner", flags->owner, owner.what)->required();
    commands.option(leaf, "id", flags->credential, {"凭证ID", "The credential's id"})->required();
    commands
        .option(leaf, "--keep-old", flags->keep_old,
                {"旧凭证还有效多久, 如 7d; 0 为立即失效, 最多 30d",
                 "How long the old one is still good, like 7d; 0: not at all; 30d at most"})
        ->capture_default_str();
}

void add_revoke(const Commands& commands, CLI::App& group, const Owner& owner) {
    struct Flags {
        std::string owner;
        std::vector<std::string> ids;
    };
    auto flags = std::make_shared<Flags>();
    CLI::App& leaf = commands.leaf(
        group, "revoke", {"吊销凭证, 立即生效", "Revoke credentials at once"},
        fmt::format("updraft {} credential revoke ID 1864200000000000401", owner.command),
        [flags, owner](Context& context) {
            return for_each_id(context, flags->ids, {"已吊销", "revoked"},
                               [&](client::RestClient& api, const std::string& id) -> Result<void> {
                                   UPDRAFT_CHECK(api.call(
                                       "DELETE", owner.path(flags->owner) + "/" + url_encoded(id)));
                                   return {};
                               });
        });
    commands.option(leaf, "owner", flags->owner, owner.what)->required();
    commands.option(leaf, "id", flags->ids, {"凭证ID, 可多个", "Ids of credentials"})->required();
}

void add_commands(const Commands& commands, CLI::App& group, const Owner& owner) {
    const Text what{"登录凭证: 令牌和密钥", "What it signs in with: tokens and keys"};
    CLI::App* const credential =
        group.add_subcommand("credential", commands.in_language(what))->require_subcommand(1);
    add_list(commands, *credential, owner);
    add_add(commands, *credential, owner);
    add_rotate(commands, *credential, owner);
    add_revoke(commands, *credential, owner);
}

}  // namespace

void add_device_credentials(const Commands& commands, CLI::App& group) {
    add_commands(commands, group,
                 {"device", "/device-instance", {"设备ID", "The device's id"}, false});
}

void add_product_credentials(const Commands& commands, CLI::App& group) {
    add_commands(commands, group,
                 {"product", "/device-product", {"产品ID", "The product's id"}, true});
}

}  // namespace updraft::cli
