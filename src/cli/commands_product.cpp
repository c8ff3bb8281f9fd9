#include <boost/json.hpp>

#include "cli/commands.hpp"
#include "cli/rows.hpp"

namespace updraft::cli {
namespace {

const std::vector<Column>& product_columns() {
    static const std::vector<Column> columns{
        {{"产品ID", "ID"}, "id"},
        {{"名称", "NAME"}, "name"},
        {{"设备类型", "TYPE"}, "deviceType.text"},
        {{"协议", "PROTOCOL"}, "messageProtocol"},
        {{"传输", "TRANSPORT"}, "transportProtocol"},
        {{"设备数", "DEVICES"}, "deviceCount"},
        {{"状态", "STATE"}, "state", Column::Kind::enabled},
        {{"创建时间", "CREATED"}, "createTime", Column::Kind::time},
    };
    return columns;
}

struct ProductFlags {
    std::string id;
    std::string name;
    std::string describe;
    std::string device_type = "device";
    std::string protocol = "jetlinks.v3.0";
    std::string transport = "MQTT";
    std::string secure_id;
    std::string secure_key;
    std::vector<std::string> configuration;
    bool disabled = false;
};

/// "k=v" pairs as members. Errors: invalid_argument.
Result<json::object> pairs(const std::vector<std::string>& given) {
    json::object members;
    for (const std::string& each : given) {
        const std::size_t equals_sign = each.find('=');
        if (equals_sign == 0 || equals_sign == std::string::npos) {
            return Error::invalid("config",
                                  text("\"{}\" 应为 键=值", "\"{}\" has to be KEY=VALUE", each));
        }
        members[each.substr(0, equals_sign)] = each.substr(equals_sign + 1);
    }
    return members;
}

Result<ExitStatus> create_product(Context& context, const ProductFlags& flags) {
    UPDRAFT_TRY(json::object configuration, pairs(flags.configuration));
    if (!flags.secure_id.empty()) {
        configuration["secureId"] = flags.secure_id;
    }
    if (!flags.secure_key.empty()) {
        configuration["secureKey"] = flags.secure_key;
    }
    const json::object row{{"id", flags.id},
                           {"name", flags.name.empty() ? flags.id : flags.name},
                           {"describe", flags.describe},
                           {"deviceType", flags.device_type},
                           {"messageProtocol", flags.protocol},
                           {"transportProtocol", flags.transport},
                           {"configuration", std::move(configuration)}};
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(json::value created, api->post("/device-product", row));
    const std::string path = "/device-product/" + url_encoded(text_at(created, "id"));
    if (!flags.disabled) {
        UPDRAFT_CHECK(api->post(path + "/deploy"));
        UPDRAFT_TRY(created, api->get(path));
    }
    context.terminal().row(created, product_columns());
    return ExitStatus::done;
}

Result<ExitStatus> show_product(Context& context, const std::string& id) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value row, api->get("/device-product/" + url_encoded(id)));
    context.terminal().row(row, product_columns());
    return ExitStatus::done;
}

void add_list(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<ListFlags>();
    CLI::App& leaf =
        commands.leaf(group, "list", {"列出产品", "List products"},
                      "updraft product list --where 'name ~ gate'", [flags](Context& context) {
                          return list_rows(context, "/device-product/detail/_query", *flags,
                                           product_fields, {}, product_columns());
                      });
    add_list_flags(commands, leaf, *flags);
}

void add_create(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<ProductFlags>();
    CLI::App& leaf =
        commands.leaf(group, "create", {"新建并启用产品", "Create a product and enable it"},
                      "updraft product create w801 --name W-801 --secure-id test --secure-key test",
                      [flags](Context& context) { return create_product(context, *flags); });
    commands.option(leaf, "id", flags->id, {"产品ID", "The product's id"})->required();
    commands.option(leaf, "--name", flags->name, {"名称; 默认为ID", "Its name; by default the id"});
    commands.option(leaf, "--describe", flags->describe, {"说明", "What it is"});
    commands
        .option(leaf, "--device-type", flags->device_type,
                {"device, childrenDevice 或 gateway", "device, childrenDevice or gateway"})
        ->check(CLI::IsMember({"device", "childrenDevice", "gateway"}))
        ->capture_default_str();
    commands.option(leaf, "--protocol", flags->protocol, {"协议包", "Its protocol package"})
        ->capture_default_str();
    commands.option(leaf, "--transport", flags->transport, {"传输协议", "Its transport, as MQTT"})
        ->capture_default_str();
    commands.option(leaf, "--secure-id", flags->secure_id,
                    {"设备登录用的 secureId", "secureId that devices sign in with"});
    commands.option(leaf, "--secure-key", flags->secure_key,
                    {"设备登录用的 secureKey", "secureKey that devices sign in with"});
    commands.repeated(leaf, "--config", flags->configuration,
                      {"其他配置 键=值, 可重复", "Further configuration KEY=VALUE, repeatable"});
    commands.flag(leaf, "--disabled", flags->disabled, {"新建后不启用", "Leave it disabled"});
}

struct ConfigureFlags {
    std::string id;
    std::vector<std::string> configuration;
};

/// Changes the named keys and leaves the others; an empty value removes a key.
Result<ExitStatus> configure_product(Context& context, const ConfigureFlags& flags) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(json::value row, api->get("/device-product/" + url_encoded(flags.id)));
    json::object configuration;
    if (const auto* members = row.if_object()) {
        const json::value* known = members->if_contains("configuration");
        configuration =
            known != nullptr && known->is_object() ? known->get_object() : configuration;
    }
    UPDRAFT_TRY(const json::object wanted, pairs(flags.configuration));
    for (const auto& [key, value] : wanted) {
        if (value == "") {
            configuration.erase(key);
        } else {
            configuration[key] = value;
        }
    }
    const json::object changed{{"id", flags.id}, {"configuration", std::move(configuration)}};
    UPDRAFT_CHECK(api->call("PATCH", "/device-product", changed));
    UPDRAFT_TRY(row, api->get("/device-product/" + url_encoded(flags.id)));
    context.terminal().row(row, product_columns());
    return ExitStatus::done;
}

void add_configure(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<ConfigureFlags>();
    CLI::App& leaf =
        commands.leaf(group, "configure", {"修改产品配置", "Change the configuration of a product"},
                      "updraft product configure w801 --config expiringLinks=true",
                      [flags](Context& context) { return configure_product(context, *flags); });
    commands.option(leaf, "id", flags->id, {"产品ID", "The product's id"})->required();
    commands
        .repeated(leaf, "--config", flags->configuration,
                  {"配置 键=值, 可重复; 值为空则删除该键",
                   "Configuration KEY=VALUE, repeatable; without a value the key goes"})
        ->required();
}

void add_changes(const Commands& commands, CLI::App& group) {
    struct Change {
        const char* name;
        Text what;
        Text done;
        const char* method;
        const char* suffix;
    };
    const std::vector<Change> changes{
        {"enable", {"启用产品", "Enable products"}, {"已启用", "enabled"}, "POST", "/deploy"},
        {"disable", {"禁用产品", "Disable products"}, {"已禁用", "disabled"}, "POST", "/undeploy"},
        {"delete", {"删除产品", "Delete products"}, {"已删除", "deleted"}, "DELETE", ""},
    };
    for (const Change& change : changes) {
        auto ids = std::make_shared<std::vector<std::string>>();
        CLI::App& leaf = commands.leaf(
            group, change.name, change.what, fmt::format("updraft product {} w801", change.name),
            [ids, change](Context& context) {
                return for_each_id(
                    context, *ids, change.done,
                    [&change](client::RestClient& api, const std::string& id) -> Result<void> {
                        UPDRAFT_CHECK(api.call(
                            change.method, "/device-product/" + url_encoded(id) + change.suffix));
                        return {};
                    });
            });
        commands.option(leaf, "id", *ids, {"产品ID, 可多个", "Ids of products"})->required();
    }
}

}  // namespace

void add_product_commands(const Commands& commands) {
    CLI::App& group = commands.group("product", {"产品", "Products: models of devices"});
    add_list(commands, group);
    auto id = std::make_shared<std::string>();
    CLI::App& show =
        commands.leaf(group, "show", {"查看产品", "Show a product"}, "updraft product show w801",
                      [id](Context& context) { return show_product(context, *id); });
    commands.option(show, "id", *id, {"产品ID", "The product's id"})->required();
    add_create(commands, group);
    add_configure(commands, group);
    add_changes(commands, group);
    add_product_credentials(commands, group);
}

}  // namespace updraft::cli
