#include <fmt/format.h>

#include <boost/json.hpp>

#include "cli/commands.hpp"
#include "cli/rows.hpp"

namespace updraft::cli {
namespace {

const std::string record_path = "/firmware/upgrade/history";

const std::vector<Column>& record_columns() {
    static const std::vector<Column> columns{
        {{"记录ID", "ID"}, "id"},
        {{"设备ID", "DEVICE"}, "deviceId"},
        {{"任务", "TASK"}, "taskName"},
        {{"版本", "VERSION"}, "version"},
        {{"状态", "STATE"}, "state.text"},
        {{"进度%", "%"}, "progress"},
        {{"开始", "BEGAN"}, "upgradeTime", Column::Kind::time},
        {{"结束", "ENDED"}, "completeTime", Column::Kind::time},
        {{"失败原因", "REASON"}, "errorReason"},
    };
    return columns;
}

struct RecordListFlags {
    ListFlags list;
    std::string task;
    std::string device;
    std::string state;
    std::string out;
};

json::array terms_of(const RecordListFlags& flags) {
    json::array terms;
    for (const auto& [column, value] :
         {std::pair<const char*, const std::string&>{"taskId", flags.task},
          {"deviceId", flags.device},
          {"state", flags.state}}) {
        if (!value.empty()) {
            terms.push_back(equals(column, value));
        }
    }
    return terms;
}

Result<ExitStatus> list_records(Context& context, const RecordListFlags& flags) {
    return list_rows(context, record_path + "/detail/_query", flags.list, record_fields,
                     terms_of(flags), record_columns());
}

Result<ExitStatus> export_records(Context& context, const RecordListFlags& flags) {
    UPDRAFT_TRY(json::array terms, parse_all(flags.list.where, record_fields));
    for (json::value& term : terms_of(flags)) {
        terms.push_back(term);
    }
    return export_rows(context, record_path + "/_export", std::move(terms), flags.out);
}

Result<ExitStatus> show_record(Context& context, const std::string& id) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value row, api->get(record_path + "/" + url_encoded(id)));
    context.terminal().row(row, record_columns());
    return ExitStatus::done;
}

Result<ExitStatus> show_timeline(Context& context, const std::string& id) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value entries,
                api->get(record_path + "/" + url_encoded(id) + "/timeline"));
    context.terminal().rows(rows_of(entries), timeline_columns());
    return ExitStatus::done;
}

Result<ExitStatus> move_records(Context& context, const std::vector<std::string>& ids,
                                const std::string& suffix, const Text& done) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value count,
                api->post("/firmware/upgrade/task" + suffix, json::array(ids.begin(), ids.end())));
    const std::string number = json::serialize(count);
    context.terminal().result(Text{fmt::format("{} {} 台", done.zh, number),
                                   fmt::format("{} {} devices", done.en, number)});
    context.terminal().result(json::object{{"count", count}});
    return ExitStatus::done;
}

void add_choice(const Commands& commands, CLI::App& leaf, RecordListFlags& flags) {
    commands.option(leaf, "--task", flags.task, {"所属任务ID", "Of this task (id)"});
    commands.option(leaf, "--device", flags.device, {"设备ID", "Of this device"});
    commands
        .option(leaf, "--state", flags.state,
                {"waiting, processing, success, failed 或 canceled",
                 "waiting, processing, success, failed or canceled"})
        ->check(CLI::IsMember({"waiting", "processing", "success", "failed", "canceled"}));
}

void add_moves(const Commands& commands, CLI::App& group) {
    struct Move {
        const char* name;
        Text what;
        Text done;
        const char* suffix;
    };
    for (const Move& move :
         {Move{"retry",
               {"重试或继续这些设备", "Let these devices try again or go on"},
               {"重试", "trying again"},
               "/_start"},
          Move{"stop", {"停止这些设备", "Stop these devices"}, {"已停止", "stopped"}, "/_stop"}}) {
        auto ids = std::make_shared<std::vector<std::string>>();
        CLI::App& leaf =
            commands.leaf(group, move.name, move.what,
                          fmt::format("updraft record {} 1864200000000000201", move.name),
                          [ids, move](Context& context) {
                              return move_records(context, *ids, move.suffix, move.done);
                          });
        commands.option(leaf, "id", *ids, {"记录ID, 可多个", "Ids of records"})->required();
    }
    auto ids = std::make_shared<std::vector<std::string>>();
    CLI::App& leaf = commands.leaf(
        group, "delete", {"删除升级记录", "Delete upgrade records"},
        "updraft record delete 1864200000000000201", [ids](Context& context) {
            return for_each_id(
                context, *ids, {"已删除", "deleted"},
                [](client::RestClient& api, const std::string& id) -> Result<void> {
                    UPDRAFT_CHECK(api.call("DELETE", record_path + "/" + url_encoded(id)));
                    return {};
                });
        });
    commands.option(leaf, "id", *ids, {"记录ID, 可多个", "Ids of records"})->required();
}

}  // namespace

const std::vector<Column>& timeline_columns() {
    static const std::vector<Column> columns{
        {{"时间", "TIME"}, "timestamp", Column::Kind::time},
        {{"类型", "KIND"}, "kind"},
        {{"事件", "EVENT"}, "type"},
        {{"次数", "ATTEMPT"}, "attempt"},
        {{"状态", "STATE"}, "state.text"},
        {{"进度%", "%"}, "progress"},
        {{"失败原因", "REASON"}, "errorReason"},
        {{"内容", "CONTENT"}, "content"},
    };
    return columns;
}

void add_task_records(const Commands& commands, CLI::App& group) {
    auto flags = std::make_shared<RecordListFlags>();
    CLI::App& leaf = commands.leaf(
        group, "records", {"任务中各设备的升级记录", "The devices of a task, one record each"},
        "updraft task records 1864200000000000100 --state failed",
        [flags](Context& context) { return list_records(context, *flags); });
    commands.option(leaf, "id", flags->task, {"任务ID", "The task's id"})->required();
    add_choice(commands, leaf, *flags);
    add_list_flags(commands, leaf, flags->list);
}

void add_record_commands(const Commands& commands) {
    CLI::App& group = commands.group(
        "record", {"升级记录: 任务中的一台设备", "Upgrade records: one device inside one task"});
    auto listed = std::make_shared<RecordListFlags>();
    CLI::App& list =
        commands.leaf(group, "list", {"列出升级记录", "List upgrade records"},
                      "updraft record list --device d1 --sort -createTime",
                      [listed](Context& context) { return list_records(context, *listed); });
    add_choice(commands, list, *listed);
    add_list_flags(commands, list, listed->list);

    auto exported = std::make_shared<RecordListFlags>();
    CLI::App& out = commands.leaf(
        group, "export", {"导出升级记录为 CSV", "Export upgrade records as CSV"},
        "updraft record export --task 1864200000000000100 --state failed --out failed.csv",
        [exported](Context& context) { return export_records(context, *exported); });
    add_choice(commands, out, *exported);
    commands.repeated(out, "--where", exported->list.where,
                      {"条件 '字段 运算符 值', 可重复", "Condition 'FIELD OP VALUE', repeatable"});
    commands.option(out, "--out", exported->out,
                    {"输出文件; 默认标准输出", "File to write; by default standard output"});

    using Show = Result<ExitStatus> (*)(Context&, const std::string&);
    struct Shown {
        const char* name;
        Text what;
        Show show;
    };
    for (const Shown& each :
         {Shown{"show", {"查看升级记录", "Show an upgrade record"}, show_record},
          Shown{"timeline",
                {"一台设备的升级经过", "What happened to it, in order"},
                show_timeline}}) {
        auto id = std::make_shared<std::string>();
        CLI::App& leaf =
            commands.leaf(group, each.name, each.what,
                          fmt::format("updraft record {} 1864200000000000201", each.name),
                          [id, show = each.show](Context& context) { return show(context, *id); });
        commands.option(leaf, "id", *id, {"记录ID", "The record's id"})->required();
    }
    add_moves(commands, group);
}

}  // namespace updraft::cli
