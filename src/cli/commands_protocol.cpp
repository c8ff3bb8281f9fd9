#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "cli/commands.hpp"
#include "cli/rows.hpp"

namespace updraft::cli {
namespace {

/// The server's limit is lower; this one keeps a wrong file out of memory.
constexpr std::size_t script_bytes_max = std::size_t{4} * 1024 * 1024;

const std::vector<Column>& protocol_columns() {
    static const std::vector<Column> columns{
        {{"协议ID", "ID"}, "id"},
        {{"名称", "NAME"}, "name"},
        {{"类型", "TYPE"}, "type"},
        {{"说明", "DESCRIPTION"}, "description"},
        {{"状态", "STATE"}, "state", Column::Kind::enabled},
        {{"创建时间", "CREATED"}, "createTime", Column::Kind::time},
    };
    return columns;
}

/// Errors: invalid_argument.
Result<std::string> read_script(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string script(std::istreambuf_iterator<char>(file), {});
    if (!file.good() && !file.eof()) {
        return Error::invalid("file", text("无法读取 {}", "{} cannot be read", path));
    }
    if (script.empty() || script.size() > script_bytes_max) {
        return Error::invalid(
            "file", text("{} 为空或过大", "{} is empty, or too large for a script", path));
    }
    return script;
}

Result<ExitStatus> check_script(Context& context, const std::string& path) {
    UPDRAFT_TRY(const std::string script, read_script(path));
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value declared,
                api->post("/protocol/script/_check", json::object{{"script", script}}));
    const std::string shown = json::serialize(declared);
    context.terminal().result(Text{shown, shown});
    context.terminal().result(declared);
    return ExitStatus::done;
}

struct TryFlags {
    std::string file;
    std::string topic;
    std::string payload;
    std::string payload_hex;
    std::string encode;
    std::string product;
    std::string device;
};

Result<json::object> sample_of(const TryFlags& flags) {
    UPDRAFT_TRY(std::string script, read_script(flags.file));
    json::object sample{
        {"script", std::move(script)}, {"productId", flags.product}, {"deviceId", flags.device}};
    if (flags.encode.empty()) {
        sample["direction"] = "decode";
        sample["topic"] = flags.topic;
        sample[flags.payload_hex.empty() ? "payload" : "payloadHex"] =
            flags.payload_hex.empty() ? flags.payload : flags.payload_hex;
        return sample;
    }
    boost::system::error_code error;
    json::value message = json::parse(flags.encode, error);
    if (error || !message.is_object()) {
        return Error::invalid("encode", {"--encode 应为JSON对象", "--encode takes a JSON object"});
    }
    sample["direction"] = "encode";
    sample["message"] = std::move(message);
    return sample;
}

Result<ExitStatus> try_script(Context& context, const TryFlags& flags) {
    UPDRAFT_TRY(json::object sample, sample_of(flags));
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value outcome, api->post("/protocol/script/_try", std::move(sample)));
    const std::string shown = json::serialize(outcome);
    context.terminal().result(Text{shown, shown});
    context.terminal().result(outcome);
    const bool failed = outcome.is_object() && outcome.get_object().contains("error");
    return failed ? ExitStatus::refused : ExitStatus::done;
}

struct SaveFlags {
    std::string file;
    std::string id;
    std::string name;
    std::string description;
};

Result<ExitStatus> save_script(Context& context, const SaveFlags& flags) {
    UPDRAFT_TRY(std::string script, read_script(flags.file));
    json::object row{{"id", flags.id}, {"type", "lua"}, {"script", std::move(script)}};
    if (!flags.name.empty()) {
        row["name"] = flags.name;
    }
    if (!flags.description.empty()) {
        row["description"] = flags.description;
    }
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_CHECK(api->call("PATCH", "/protocol", row));
    UPDRAFT_TRY(const json::value saved, api->get("/protocol/" + url_encoded(flags.id)));
    context.terminal().row(saved, protocol_columns());
    return ExitStatus::done;
}

void add_list(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<ListFlags>();
    CLI::App& leaf = commands.leaf(group, "list", {"列出协议包", "List protocol packages"},
                                   "updraft protocol list", [flags](Context& context) {
                                       return list_rows(context, "/protocol/_query", *flags,
                                                        protocol_fields, {}, protocol_columns());
                                   });
    add_list_flags(commands, leaf, *flags);
}

void add_scripts(const Commands& commands, CLI::App& group) {
    auto file = std::make_shared<std::string>();
    CLI::App& check = commands.leaf(
        group, "check", {"检查Lua脚本", "Check a Lua script"}, "updraft protocol check acme.lua",
        [file](Context& context) { return check_script(context, *file); });
    commands.option(check, "file", *file, {"脚本文件", "The script's file"})->required();

    auto sample = std::make_shared<TryFlags>();
    CLI::App& attempt =
        commands.leaf(group, "try", {"用样例试运行Lua脚本", "Try a Lua script on a sample"},
                      "updraft protocol try acme.lua --topic acme/d1/up --payload-hex a501",
                      [sample](Context& context) { return try_script(context, *sample); });
    commands.option(attempt, "file", sample->file, {"脚本文件", "The script's file"})->required();
    commands.option(attempt, "--topic", sample->topic, {"主题", "The topic"});
    commands.option(attempt, "--payload", sample->payload, {"文本内容", "The payload as text"});
    commands.option(attempt, "--payload-hex", sample->payload_hex,
                    {"十六进制内容", "The payload as hex"});
    commands.option(attempt, "--encode", sample->encode,
                    {"要编码的消息 (JSON), 代替主题和内容",
                     "A message (JSON) to encode, in place of topic and payload"});
    commands.option(attempt, "--product", sample->product, {"产品ID", "Id of the product"});
    commands.option(attempt, "--device", sample->device, {"设备ID", "Id of the device"});

    auto flags = std::make_shared<SaveFlags>();
    CLI::App& save =
        commands.leaf(group, "save", {"保存Lua协议包", "Save a Lua package"},
                      "updraft protocol save acme.lua --id acme --name Acme",
                      [flags](Context& context) { return save_script(context, *flags); });
    commands.option(save, "file", flags->file, {"脚本文件", "The script's file"})->required();
    commands.option(save, "--id", flags->id, {"协议ID", "The package's id"})->required();
    commands.option(save, "--name", flags->name,
                    {"名称; 新建时必填", "Its name; a new one needs it"});
    commands.option(save, "--description", flags->description, {"说明", "What it is"});
}

}  // namespace

void add_protocol_commands(const Commands& commands) {
    CLI::App& group = commands.group("protocol", {"协议包", "Protocol packages"});
    add_list(commands, group);
    add_scripts(commands, group);
    auto id = std::make_shared<std::string>();
    CLI::App& show = commands.leaf(
        group, "show", {"查看协议包", "Show a package"}, "updraft protocol show acme",
        [id](Context& context) -> Result<ExitStatus> {
            UPDRAFT_TRY(client::RestClient* const api, context.api());
            UPDRAFT_TRY(const json::value row, api->get("/protocol/" + url_encoded(*id)));
            context.terminal().row(row, protocol_columns());
            return ExitStatus::done;
        });
    commands.option(show, "id", *id, {"协议ID", "Its id"})->required();
    auto ids = std::make_shared<std::vector<std::string>>();
    CLI::App& remove = commands.leaf(
        group, "delete", {"删除协议包", "Delete packages"}, "updraft protocol delete acme",
        [ids](Context& context) {
            return for_each_id(
                context, *ids, {"已删除", "deleted"},
                [](client::RestClient& api, const std::string& one) -> Result<void> {
                    UPDRAFT_CHECK(api.call("DELETE", "/protocol/" + url_encoded(one)));
                    return {};
                });
        });
    commands.option(remove, "id", *ids, {"协议ID, 可多个", "Ids of packages"})->required();
}

}  // namespace updraft::cli
