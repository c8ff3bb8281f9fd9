#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>

#include "cli/commands.hpp"
#include "cli/id_list.hpp"
#include "cli/import_report.hpp"
#include "cli/rows.hpp"

namespace updraft::cli {
namespace {

constexpr std::size_t import_bytes_max = std::size_t{32} << 20;

const std::vector<Column>& device_columns() {
    static const std::vector<Column> columns{
        {{"设备ID", "ID"}, "id"},
        {{"名称", "NAME"}, "name"},
        {{"产品", "PRODUCT"}, "productId"},
        {{"状态", "STATE"}, "state.text"},
        {{"固件版本", "VERSION"}, "firmwareInfo.version"},
        {{"父设备", "PARENT"}, "parentId"},
        {{"注册时间", "REGISTERED"}, "registerTime", Column::Kind::time},
        {{"上线时间", "ONLINE SINCE"}, "onlineTime", Column::Kind::time},
    };
    return columns;
}

struct DeviceListFlags {
    ListFlags list;
    std::string product;
    std::string out;
};

json::array of_product(const std::string& product) {
    return product.empty() ? json::array() : json::array{equals("productId", product)};
}

Result<ExitStatus> show_device(Context& context, const std::string& id) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value row, api->get("/device-instance/" + url_encoded(id) + "/detail"));
    context.terminal().row(row, device_columns());
    return ExitStatus::done;
}

struct DeviceFlags {
    std::string id;
    std::string product;
    std::string name;
    std::string parent;
    std::string describe;
    bool disabled = false;
};

Result<ExitStatus> create_device(Context& context, const DeviceFlags& flags) {
    json::object row{{"id", flags.id},
                     {"name", flags.name.empty() ? flags.id : flags.name},
                     {"productId", flags.product}};
    if (!flags.parent.empty()) {
        row["parentId"] = flags.parent;
    }
    if (!flags.describe.empty()) {
        row["describe"] = flags.describe;
    }
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(json::value created, api->post("/device-instance", row));
    const std::string path = "/device-instance/" + url_encoded(text_at(created, "id"));
    if (!flags.disabled) {
        UPDRAFT_CHECK(api->post(path + "/deploy"));
    }
    UPDRAFT_TRY(created, api->get(path + "/detail"));
    context.terminal().row(created, device_columns());
    return ExitStatus::done;
}

struct ImportFlags {
    std::string file;
    std::string product;
    std::string existing = "refuse";
    std::string refused_out;
    bool disabled = false;
    bool dry_run = false;
};

Result<ExitStatus> import_devices(Context& context, const ImportFlags& flags) {
    UPDRAFT_TRY(std::string csv, read_text(flags.file, import_bytes_max));
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    const std::string header = header_line(csv);
    client::HttpCall call;
    call.method = "POST";
    call.target =
        fmt::format("/device-instance/_import?existing={}&enable={}&dryRun={}{}", flags.existing,
                    !flags.disabled, flags.dry_run,
                    flags.product.empty() ? "" : "&productId=" + url_encoded(flags.product));
    call.headers["Content-Type"] = "text/csv";
    call.body = std::move(csv);
    UPDRAFT_TRY(const json::value report, api->send(std::move(call)));
    if (!flags.refused_out.empty()) {
        UPDRAFT_CHECK(write_text(flags.refused_out, refused_lines(report, header)));
    }
    context.terminal().result(report);
    context.terminal().result(import_summary(report));
    if (!context.terminal().json()) {
        for (const json::value& each : rows_of(member_at(report, "refused"))) {
            context.terminal().say(refused_text(each));
        }
    }
    return integer_at(report, "refusedCount") > 0 ? ExitStatus::failures : ExitStatus::done;
}

}  // namespace

Result<ExitStatus> export_rows(Context& context, const std::string& path, json::array terms,
                               const std::string& out) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    const bool to_file = !out.empty() && out != "-";
    std::FILE* const file = to_file ? std::fopen(out.c_str(), "wbe") : stdout;
    if (file == nullptr) {
        return Error::of(ErrorCode::internal, text("无法写入 {}", "cannot write {}", out));
    }
    client::HttpCall call;
    call.method = "POST";
    call.target = path;
    call.headers = {{"Content-Type", "application/json"}, {"Accept", "text/csv"}};
    call.body = json::serialize(json::object{{"terms", std::move(terms)}});
    client::ProgressBar bar(context.terminal().in_language({"导出", "exporting"}), stderr,
                            context.terminal().progress_style(), client::ProgressBar::Unit::bytes);
    bool written = true;
    std::uint64_t bytes = 0;
    const auto take = [&](std::string_view piece) {
        written = std::fwrite(piece.data(), 1, piece.size(), file) == piece.size();
        bytes += piece.size();
        if (to_file) {
            bar.show(bytes, 0);
        }
        return written;
    };
    const auto answered = api->exchange(std::move(call), take);
    written = (to_file ? std::fclose(file) : std::fflush(file)) == 0 && written;
    bar.finish();
    if (!answered) {
        return answered.error();
    }
    if (!written) {
        return Error::of(ErrorCode::internal, text("无法写入 {}", "cannot write {}", out));
    }
    if (to_file) {
        context.terminal().result(
            text("已导出到 {} ({})", "exported to {} ({})", out, client::readable_bytes(bytes)));
        context.terminal().result(json::object{{"file", out}, {"bytes", bytes}});
    }
    return ExitStatus::done;
}

namespace {

void add_list(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<DeviceListFlags>();
    CLI::App& leaf = commands.leaf(
        group, "list", {"列出设备", "List devices"},
        "updraft device list --product w801 --where 'state = online' --where 'firmwareVersion != "
        "1.1'",
        [flags](Context& context) {
            return list_rows(context, "/device-instance/detail/_query", flags->list, device_fields,
                             of_product(flags->product), device_columns());
        });
    commands.option(leaf, "--product", flags->product, {"所属产品", "Of this product"});
    add_list_flags(commands, leaf, flags->list);
}

void add_create(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<DeviceFlags>();
    CLI::App& leaf =
        commands.leaf(group, "create", {"新建并启用设备", "Create a device and enable it"},
                      "updraft device create d1 --product w801 --name 'gate 1'",
                      [flags](Context& context) { return create_device(context, *flags); });
    commands.option(leaf, "id", flags->id, {"设备ID", "The device's id"})->required();
    commands.option(leaf, "--product", flags->product, {"所属产品", "Its product"})->required();
    commands.option(leaf, "--name", flags->name, {"名称; 默认为ID", "Its name; by default the id"});
    commands.option(leaf, "--parent", flags->parent, {"网关设备", "The gateway it belongs to"});
    commands.option(leaf, "--describe", flags->describe, {"说明", "What it is"});
    commands.flag(leaf, "--disabled", flags->disabled, {"新建后不启用", "Leave it disabled"});
}

void add_timeline(const Commands& commands, CLI::App& group) {
    struct Flags {
        std::string id;
        std::int64_t limit = 100;
    };
    auto flags = std::make_shared<Flags>();
    CLI::App& leaf = commands.leaf(
        group, "timeline",
        {"设备的升级经过, 最近的在前", "What happened to a device, newest first"},
        "updraft device timeline d1", [flags](Context& context) -> Result<ExitStatus> {
            UPDRAFT_TRY(client::RestClient* const api, context.api());
            UPDRAFT_TRY(const json::value entries,
                        api->get(fmt::format("/device-instance/{}/timeline?limit={}",
                                             url_encoded(flags->id), flags->limit)));
            context.terminal().rows(rows_of(entries), timeline_columns());
            return ExitStatus::done;
        });
    commands.option(leaf, "id", flags->id, {"设备ID", "The device's id"})->required();
    commands.option(leaf, "--limit", flags->limit, {"最多条数", "Entries at most"})
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
}

void add_import(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<ImportFlags>();
    CLI::App& leaf =
        commands.leaf(group, "import", {"从 CSV 导入设备", "Import devices from CSV"},
                      "updraft device import devices.csv --product w801 --refused-out refused.csv",
                      [flags](Context& context) { return import_devices(context, *flags); });
    commands
        .option(leaf, "file", flags->file,
                {"CSV 文件, - 为标准输入", "CSV file, - for standard input"})
        ->required();
    commands.option(leaf, "--product", flags->product,
                    {"没有 productId 列时的产品", "Product of lines that name none"});
    commands
        .option(leaf, "--existing", flags->existing,
                {"已有的设备: refuse 拒绝, update 更新", "Devices that exist: refuse or update"})
        ->check(CLI::IsMember({"refuse", "update"}))
        ->capture_default_str();
    commands.flag(leaf, "--dry-run", flags->dry_run,
                  {"只检查, 不写入", "Only check, store nothing"});
    commands.flag(leaf, "--disabled", flags->disabled,
                  {"导入后不启用", "Leave new devices disabled"});
    commands.option(leaf, "--refused-out", flags->refused_out,
                    {"把被拒绝的行写到此文件, 改正后可再导入",
                     "Write the refused lines to this file, to be corrected and imported again"});
}

void add_export(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<DeviceListFlags>();
    CLI::App& leaf = commands.leaf(
        group, "export", {"导出设备为 CSV", "Export devices as CSV"},
        "updraft device export --product w801 --out devices.csv",
        [flags](Context& context) -> Result<ExitStatus> {
            UPDRAFT_TRY(json::array terms, parse_all(flags->list.where, device_fields));
            for (json::value& term : of_product(flags->product)) {
                terms.push_back(term);
            }
            return export_rows(context, "/device-instance/_export", std::move(terms), flags->out);
        });
    commands.option(leaf, "--product", flags->product, {"所属产品", "Of this product"});
    commands.repeated(leaf, "--where", flags->list.where,
                      {"条件 '字段 运算符 值', 可重复", "Condition 'FIELD OP VALUE', repeatable"});
    commands.option(leaf, "--out", flags->out,
                    {"输出文件; 默认标准输出", "File to write; by default standard output"});
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
        {"enable", {"启用设备", "Enable devices"}, {"已启用", "enabled"}, "POST", "/deploy"},
        {"disable", {"禁用设备", "Disable devices"}, {"已禁用", "disabled"}, "POST", "/undeploy"},
        {"delete", {"删除设备", "Delete devices"}, {"已删除", "deleted"}, "DELETE", ""},
    };
    for (const Change& change : changes) {
        auto ids = std::make_shared<std::vector<std::string>>();
        CLI::App& leaf = commands.leaf(
            group, change.name, change.what, fmt::format("updraft device {} d1 d2", change.name),
            [ids, change](Context& context) {
                return for_each_id(
                    context, *ids, change.done,
                    [&change](client::RestClient& api, const std::string& id) -> Result<void> {
                        UPDRAFT_CHECK(api.call(
                            change.method, "/device-instance/" + url_encoded(id) + change.suffix));
                        return {};
                    });
            });
        commands.option(leaf, "id", *ids, {"设备ID, 可多个", "Ids of devices"})->required();
    }
}

}  // namespace

void add_device_commands(const Commands& commands) {
    CLI::App& group = commands.group("device", {"设备", "Devices"});
    add_list(commands, group);
    auto id = std::make_shared<std::string>();
    CLI::App& show =
        commands.leaf(group, "show", {"查看设备", "Show a device"}, "updraft device show d1",
                      [id](Context& context) { return show_device(context, *id); });
    commands.option(show, "id", *id, {"设备ID", "The device's id"})->required();
    add_timeline(commands, group);
    add_create(commands, group);
    add_changes(commands, group);
    add_import(commands, group);
    add_export(commands, group);
    add_device_credentials(commands, group);
}

}  // namespace updraft::cli
