#include <fmt/format.h>

#include <boost/json.hpp>

#include "cli/commands.hpp"
#include "cli/rows.hpp"
#include "cli/selection.hpp"
#include "cli/watch.hpp"

namespace updraft::cli {
namespace {

const std::string task_path = "/firmware/upgrade/task";

const std::vector<Column>& task_columns() {
    static const std::vector<Column> columns{
        {{"任务ID", "ID"}, "id"},
        {{"名称", "NAME"}, "name"},
        {{"产品", "PRODUCT"}, "productId"},
        {{"方式", "MODE"}, "mode.text"},
        {{"状态", "STATE"}, "state.text"},
        {{"进度%", "%"}, "progress"},
        {{"总数", "TOTAL"}, "total"},
        {{"等待", "WAITING"}, "waiting"},
        {{"升级中", "UPGRADING"}, "processing"},
        {{"完成", "SUCCEEDED"}, "success"},
        {{"失败", "FAILED"}, "failed"},
        {{"停止", "STOPPED"}, "canceled"},
        {{"创建时间", "CREATED"}, "createTime", Column::Kind::time},
    };
    return columns;
}

struct WatchFlags {
    bool watch = false;
    std::int64_t limit_s = 0;
    std::int64_t patience_s = WatchOptions{}.patience.count();

    [[nodiscard]] WatchOptions options() const {
        return {std::chrono::seconds(limit_s), std::chrono::seconds(patience_s)};
    }
};

struct CreateFlags {
    std::string firmware;
    std::string product;
    std::string version;
    std::string name;
    std::string mode;
    std::int64_t timeout_s = 600;
    std::int64_t response_timeout_s = 30;
    std::string describe;
    std::int64_t rate = 0;
    std::int64_t max_concurrent = 0;
    bool force = false;
    std::string deployment = "forced";
    bool confirm = false;
    DeviceChoice devices;
    bool skip_unknown = false;
    bool yes = false;
    bool dry_run = false;
    std::int64_t confirm_above = 100;
    WatchFlags watch;
};

/// The firmware by its id, or by product and version. Errors: not_found, invalid_argument.
Result<json::value> chosen_firmware(client::RestClient& api, const CreateFlags& flags) {
    if (!flags.firmware.empty()) {
        return api.get("/firmware/" + url_encoded(flags.firmware));
    }
    if (flags.product.empty() || flags.version.empty()) {
        return Error::invalid("firmwareId",
                              {"请指明固件: --firmware ID, 或 --product 和 --version",
                               "name the firmware: --firmware ID, or --product and --version"});
    }
    const json::object query{{"terms", json::array{equals("productId", flags.product),
                                                   equals("version", flags.version)}}};
    UPDRAFT_TRY(const json::value found, api.post("/firmware/_query", query));
    if (rows_of(found).size() != 1) {
        return Error::of(ErrorCode::not_found,
                         text("产品 {} 有 {} 个版本为 {} 的固件; 用 --firmware ID 指明",
                              "product {} has {} firmwares of version {}; name one with --firmware "
                              "ID",
                              flags.product, rows_of(found).size(), flags.version));
    }
    return rows_of(found).front();
}

json::object task_row(const CreateFlags& flags, const json::value& firmware) {
    const std::string version = text_at(firmware, "version");
    json::object row{
        {"name", flags.name.empty() ? fmt::format("{} {}", flags.mode, version) : flags.name},
        {"mode", flags.mode},
        {"timeoutSeconds", flags.timeout_s},
        {"description", flags.describe},
        {"firmwareId", text_at(firmware, "id")},
        {"productId", text_at(firmware, "productId")}};
    if (flags.mode == "push") {
        row["responseTimeoutSeconds"] = flags.response_timeout_s;
    }
    if (flags.force) {
        row["force"] = true;
    }
    if (flags.deployment != "forced") {
        row["deployment"] = flags.deployment;
    }
    if (flags.confirm) {
        row["confirmationRequired"] = true;
    }
    if (flags.rate > 0) {
        row["rate"] = flags.rate;
    }
    if (flags.max_concurrent > 0) {
        row["maxConcurrent"] = flags.max_concurrent;
    }
    return row;
}

Text preview_text(const json::value& preview, const std::string& version) {
    return text("{} 台设备升级到 {}: 在线 {}, 离线 {}, 禁用 {}; 已是此版本 {}, 在其他任务中 {}",
                "{} devices to {}: {} online, {} offline, {} disabled; {} run it already, {} are "
                "busy in another task",
                integer_at(preview, "total"), version, integer_at(preview, "online"),
                integer_at(preview, "offline"), integer_at(preview, "notActive"),
                integer_at(preview, "alreadyCurrent"), integer_at(preview, "busy"));
}

/// Lets the person say no to many devices. Errors: precondition_failed.
Result<void> confirm(Context& context, const CreateFlags& flags, std::int64_t total) {
    if (flags.yes || total <= flags.confirm_above) {
        return {};
    }
    UPDRAFT_TRY(const bool agreed, context.terminal().confirm(text("{} 台设备将被升级, 继续?",
                                                                   "Upgrade {} devices?", total)));
    if (!agreed) {
        return Error::of(ErrorCode::precondition_failed, {"没有创建任务", "no task was created"});
    }
    return {};
}

Result<ExitStatus> create_task(Context& context, const CreateFlags& flags) {
    UPDRAFT_TRY(const json::object selection, selection_of(flags.devices));
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value firmware, chosen_firmware(*api, flags));
    json::object task = task_row(flags, firmware);
    for (const auto& member : selection) {
        task[member.key()] = member.value();
    }
    UPDRAFT_TRY(const json::value preview, api->post(task_path + "/_preview", task));
    context.terminal().say(preview_text(preview, text_at(firmware, "version")));
    if (flags.dry_run) {
        context.terminal().result(preview);
        return ExitStatus::done;
    }
    UPDRAFT_TRY(task, known_only(std::move(task), preview, flags.skip_unknown));
    UPDRAFT_CHECK(confirm(context, flags, integer_at(preview, "total")));
    UPDRAFT_TRY(const json::value created, api->post(task_path, task));
    const std::string id = text_at(created, "id");
    if (flags.watch.watch) {
        context.terminal().say(text("已创建任务 {}", "created task {}", id));
        return watch_task(context, id, flags.watch.options());
    }
    UPDRAFT_TRY(const json::value detail, task_detail(*api, id));
    context.terminal().row(detail, task_columns());
    return ExitStatus::done;
}

Result<ExitStatus> show_task(Context& context, const std::string& id) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value detail, task_detail(*api, id));
    context.terminal().row(detail, task_columns());
    return ExitStatus::done;
}

Result<ExitStatus> show_failures(Context& context, const std::string& id) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value failures,
                api->get(task_path + "/" + url_encoded(id) + "/failures"));
    context.terminal().result(failures);
    if (!context.terminal().json()) {
        context.terminal().rows(rows_of(member_at(failures, "groups")),
                                {{{"设备数", "DEVICES"}, "count"},
                                 {{"原因", "REASON"}, "group"},
                                 {{"例", "SAMPLE"}, "sample"},
                                 {{"最近", "LAST"}, "lastTime", Column::Kind::time}});
    }
    return ExitStatus::done;
}

/// One way to move the records of a task.
struct Move {
    const char* name;
    Text what;
    Text done;
    const char* suffix;
    const char* state;  ///< of the records that move
    bool may_watch;
};

Result<ExitStatus> move_records(Context& context, const std::string& id, const Move& move,
                                const WatchFlags& watch) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value count, api->post(task_path + "/" + url_encoded(id) + move.suffix,
                                                   json::array{json::value(move.state)}));
    const std::string number = text_at(json::object{{"count", count}}, "count");
    const Text told{fmt::format("{} {} 台", move.done.zh, number),
                    fmt::format("{} {} devices", move.done.en, number)};
    if (watch.watch) {
        context.terminal().say(told);
        return watch_task(context, id, watch.options());
    }
    context.terminal().result(told);
    context.terminal().result(json::object{{"id", id}, {"count", count}});
    return ExitStatus::done;
}

void add_watch_flags(const Commands& commands, CLI::App& leaf, WatchFlags& flags) {
    commands
        .option(leaf, "--give-up-after", flags.limit_s,
                {"最多等待多少秒; 0 为不限", "Watch for so many seconds; 0: to the end"})
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    commands
        .option(leaf, "--retry-for", flags.patience_s,
                {"服务器断开后重连多少秒", "Try again for so many seconds when the server is away"})
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
}

void add_list(const Commands& commands, CLI::App& group) {
    struct Flags {
        ListFlags list;
        std::string product;
        std::string firmware;
    };
    auto flags = std::make_shared<Flags>();
    CLI::App& leaf =
        commands.leaf(group, "list", {"列出升级任务", "List upgrade tasks"},
                      "updraft task list --where 'state = processing'", [flags](Context& context) {
                          json::array of;
                          if (!flags->product.empty()) {
                              of.push_back(equals("productId", flags->product));
                          }
                          if (!flags->firmware.empty()) {
                              of.push_back(equals("firmwareId", flags->firmware));
                          }
                          return list_rows(context, task_path + "/detail/_query", flags->list,
                                           task_fields, std::move(of), task_columns());
                      });
    commands.option(leaf, "--product", flags->product, {"所属产品", "Of this product"});
    commands.option(leaf, "--firmware", flags->firmware, {"所属固件ID", "Of this firmware (id)"});
    add_list_flags(commands, leaf, flags->list);
}

void add_device_choice(const Commands& commands, CLI::App& leaf, CreateFlags& flags) {
    const Text group{"设备", "Devices"};
    const auto grouped = [&](CLI::Option* option) { option->group(commands.in_language(group)); };
    grouped(commands
                .repeated(leaf, "--device", flags.devices.ids,
                          {"设备ID, 逗号分隔或重复", "Device ids, with commas or repeated"})
                ->delimiter(','));
    grouped(commands.option(leaf, "--devices-from", flags.devices.ids_file,
                            {"设备ID文件: 每行一个, 或带 id / deviceId 列的 CSV; - 为标准输入",
                             "File of device ids: one a line, or CSV with a column id or deviceId; "
                             "- for standard input"}));
    grouped(commands.repeated(leaf, "--where", flags.devices.where,
                              {"符合条件的设备 '字段 运算符 值', 可重复",
                               "Devices that match 'FIELD OP VALUE', repeatable"}));
    grouped(commands.flag(leaf, "--all", flags.devices.all,
                          {"产品的所有设备", "All devices of the product"}));
    grouped(commands.flag(leaf, "--skip-unknown", flags.skip_unknown,
                          {"跳过不存在的设备ID", "Leave out ids that do not exist"}));
    grouped(commands.flag(leaf, "--dry-run", flags.dry_run,
                          {"只显示会影响多少设备", "Only say how many devices it would touch"}));
    grouped(commands.flag(leaf, "-y,--yes", flags.yes, {"不询问", "Do not ask"}));
    CLI::Option* const above =
        commands.option(leaf, "--confirm-above", flags.confirm_above,
                        {"超过多少台设备时询问", "Ask if it is for more devices than that"});
    grouped(above->check(CLI::NonNegativeNumber)->capture_default_str());
}

void add_create(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<CreateFlags>();
    CLI::App& leaf = commands.leaf(
        group, "create", {"新建升级任务", "Create an upgrade task"},
        "updraft task create --product w801 --version 1.1 --mode push --where 'firmwareVersion = "
        "1.0' --watch\n"
        "  updraft task create --firmware 1864200000000000001 --mode pull --devices-from "
        "devices.csv",
        [flags](Context& context) { return create_task(context, *flags); });
    commands.option(leaf, "--firmware", flags->firmware, {"固件ID", "The firmware's id"});
    commands.option(leaf, "--product", flags->product,
                    {"产品, 与 --version 一起代替 --firmware",
                     "Product, with --version instead of --firmware"});
    commands.option(leaf, "--version", flags->version, {"固件版本", "The firmware's version"});
    commands
        .option(leaf, "--mode", flags->mode,
                {"push 平台推送, pull 设备拉取", "push, or pull by the devices"})
        ->check(CLI::IsMember({"push", "pull"}))
        ->required();
    commands.option(leaf, "--name", flags->name,
                    {"任务名称; 默认为方式和版本", "Its name; by default mode and version"});
    commands
        .option(leaf, "--timeout", flags->timeout_s, {"升级超时, 秒", "Upgrade timeout in seconds"})
        ->capture_default_str();
    commands
        .option(leaf, "--response-timeout", flags->response_timeout_s,
                {"响应超时, 秒 (仅推送)", "Response timeout in seconds (push only)"})
        ->capture_default_str();
    commands.option(leaf, "--describe", flags->describe, {"说明", "What it is for"});
    commands.option(leaf, "--rate", flags->rate, {"每秒最多推送数", "Pushes a second at most"})
        ->check(CLI::PositiveNumber);
    commands
        .option(leaf, "--max-concurrent", flags->max_concurrent,
                {"同时升级的设备数上限", "Devices that upgrade at a time at most"})
        ->check(CLI::PositiveNumber);
    commands.flag(leaf, "--force", flags->force,
                  {"即使已是此版本也升级", "Upgrade devices that run the version already, too"});
    commands
        .option(leaf, "--deployment", flags->deployment,
                {"hawkBit 设备如何升级: forced 强制, soft 尝试, downloadOnly 仅下载",
                 "How hawkBit devices take it: forced, soft (when it suits them), or downloadOnly"})
        ->check(CLI::IsMember({"forced", "soft", "downloadOnly"}))
        ->capture_default_str();
    commands.flag(leaf, "--confirm", flags->confirm,
                  {"hawkBit 设备须先确认", "hawkBit devices are asked first"});
    commands.flag(
        leaf, "--watch", flags->watch.watch,
        {"等到任务结束, 退出码同 task watch", "Watch it to its end; exit status as of task watch"});
    add_watch_flags(commands, leaf, flags->watch);
    add_device_choice(commands, leaf, *flags);
}

void add_watch(const Commands& commands, CLI::App& group) {
    struct Flags {
        std::string id;
        WatchFlags watch;
    };
    auto flags = std::make_shared<Flags>();
    CLI::App& leaf = commands.leaf(
        group, "watch",
        {"实时查看任务直到结束; 退出码: 0 全部成功, 1 有失败, 2 被停止, 6 等待超时",
         "Watch a task to its end; exit status: 0 all succeeded, 1 some failed, 2 stopped, 6 gave "
         "up waiting"},
        "updraft task watch 1864200000000000100 && echo all succeeded", [flags](Context& context) {
            return watch_task(context, flags->id, flags->watch.options());
        });
    commands.option(leaf, "id", flags->id, {"任务ID", "The task's id"})->required();
    add_watch_flags(commands, leaf, flags->watch);
}

void add_moves(const Commands& commands, CLI::App& group) {
    const std::vector<Move> moves{
        {"stop",
         {"停止等待中的设备", "Stop the devices that still wait"},
         {"已停止", "stopped"},
         "/_stop",
         "waiting",
         false},
        {"continue",
         {"继续已停止的设备", "Let stopped devices go on"},
         {"已继续", "continued"},
         "/_start",
         "canceled",
         true},
        {"retry",
         {"批量重试失败的设备", "Try failed devices again"},
         {"重试", "trying again"},
         "/_start",
         "failed",
         true},
    };
    struct Flags {
        std::string id;
        WatchFlags watch;
    };
    for (const Move& move : moves) {
        auto flags = std::make_shared<Flags>();
        CLI::App& leaf =
            commands.leaf(group, move.name, move.what,
                          fmt::format("updraft task {} 1864200000000000100", move.name),
                          [flags, move](Context& context) {
                              return move_records(context, flags->id, move, flags->watch);
                          });
        commands.option(leaf, "id", flags->id, {"任务ID", "The task's id"})->required();
        if (move.may_watch) {
            commands.flag(leaf, "--watch", flags->watch.watch,
                          {"等到任务结束, 退出码同 task watch",
                           "Watch it to its end; exit status as of task watch"});
            add_watch_flags(commands, leaf, flags->watch);
        }
    }
}

void add_delete(const Commands& commands, CLI::App& group) {
    auto ids = std::make_shared<std::vector<std::string>>();
    CLI::App& leaf = commands.leaf(
        group, "delete", {"删除升级任务", "Delete upgrade tasks"},
        "updraft task delete 1864200000000000100", [ids](Context& context) {
            return for_each_id(
                context, *ids, {"已删除", "deleted"},
                [](client::RestClient& api, const std::string& id) -> Result<void> {
                    UPDRAFT_CHECK(api.call("DELETE", task_path + "/" + url_encoded(id)));
                    return {};
                });
        });
    commands.option(leaf, "id", *ids, {"任务ID, 可多个", "Ids of tasks"})->required();
}

}  // namespace

void add_task_commands(const Commands& commands) {
    CLI::App& group = commands.group("task", {"升级任务", "Upgrade tasks"});
    add_list(commands, group);
    auto shown = std::make_shared<std::string>();
    CLI::App& show =
        commands.leaf(group, "show", {"查看升级任务", "Show an upgrade task"},
                      "updraft task show 1864200000000000100",
                      [shown](Context& context) { return show_task(context, *shown); });
    commands.option(show, "id", *shown, {"任务ID", "The task's id"})->required();
    add_create(commands, group);
    add_watch(commands, group);
    add_moves(commands, group);
    add_delete(commands, group);
    auto failed = std::make_shared<std::string>();
    CLI::App& failures =
        commands.leaf(group, "failures", {"失败原因及台数", "Why devices failed, and how many"},
                      "updraft task failures 1864200000000000100",
                      [failed](Context& context) { return show_failures(context, *failed); });
    commands.option(failures, "id", *failed, {"任务ID", "The task's id"})->required();
    add_task_records(commands, group);
}

}  // namespace updraft::cli
