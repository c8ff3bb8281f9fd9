#include "cli/commands.hpp"
#include "cli/rows.hpp"

namespace updraft::cli {
namespace {

const std::vector<Column>& audit_columns() {
    static const std::vector<Column> columns{
        {{"序号", "SEQ"}, "seq"},
        {{"时间", "AT"}, "at", Column::Kind::time},
        {{"用户", "USER"}, "username"},
        {{"方式", "VIA"}, "via.text"},
        {{"来自", "FROM"}, "address"},
        {{"操作", "ACTION"}, "action"},
        {{"对象ID", "OBJECT ID"}, "objectId"},
        {{"对象", "OBJECT"}, "objectName"},
        {{"结果", "OUTCOME"}, "outcome.text"},
        {{"错误", "ERROR"}, "errorCode"},
    };
    return columns;
}

struct AuditFlags {
    ListFlags list;
    std::string user;
    std::string action;
    std::string object;
    std::string out;
    bool csv = false;
};

json::array terms_of(const AuditFlags& flags) {
    json::array terms;
    for (const auto& [column, value] :
         {std::pair<const char*, const std::string&>{"username", flags.user},
          {"action", flags.action},
          {"objectId", flags.object}}) {
        if (!value.empty()) {
            terms.push_back(equals(column, value));
        }
    }
    return terms;
}

void add_choice(const Commands& commands, CLI::App& leaf, AuditFlags& flags) {
    commands.option(leaf, "--user", flags.user, {"用户名", "Of this user name"});
    commands.option(leaf, "--action", flags.action,
                    {"操作, 如 task.stop", "Of this action, like task.stop"});
    commands.option(leaf, "--object", flags.object, {"对象ID", "About the object of this id"});
}

Result<ExitStatus> export_entries(Context& context, const AuditFlags& flags) {
    UPDRAFT_TRY(json::array terms, parse_all(flags.list.where, audit_fields));
    for (json::value& term : terms_of(flags)) {
        terms.push_back(std::move(term));
    }
    return export_rows(context, flags.csv ? "/audit/_export?format=csv" : "/audit/_export",
                       std::move(terms), flags.out);
}

}  // namespace

void add_audit_commands(const Commands& commands) {
    CLI::App& group = commands.group("audit", {"审计日志: 谁在何时从何处做了什么",
                                               "The audit log: who did what, when and from where"});
    auto flags = std::make_shared<AuditFlags>();
    CLI::App& list = commands.leaf(
        group, "list", {"列出操作", "List actions, the last first"},
        "updraft audit list --user admin --where 'outcome = refused'", [flags](Context& context) {
            return list_rows(context, "/audit/_query", flags->list, audit_fields, terms_of(*flags),
                             audit_columns());
        });
    add_choice(commands, list, *flags);
    add_list_flags(commands, list, flags->list);

    auto wanted = std::make_shared<AuditFlags>();
    CLI::App& file = commands.leaf(
        group, "export", {"导出为 JSON 行或 CSV", "Write the entries as JSON lines, or as CSV"},
        "updraft audit export --out audit.jsonl",
        [wanted](Context& context) { return export_entries(context, *wanted); });
    add_choice(commands, file, *wanted);
    commands.repeated(file, "--where", wanted->list.where,
                      {"条件, 可重复", "A condition; repeatable"});
    commands.option(file, "--out", wanted->out,
                    {"文件; 默认标准输出", "A file; by default standard output"});
    commands.flag(file, "--csv", wanted->csv, {"CSV 格式", "As CSV"});

    commands.leaf(group, "head",
                  {"最后一条的序号和哈希, 请记在别处",
                   "The last entry's number and hash, to be noted elsewhere"},
                  "updraft audit head", [](Context& context) -> Result<ExitStatus> {
                      UPDRAFT_TRY(client::RestClient* const api, context.api());
                      UPDRAFT_TRY(const json::value head, api->get("/audit/head"));
                      const std::string link = text_at(head, "seq") + ":" + text_at(head, "hash");
                      context.terminal().result(Text{link, link});
                      context.terminal().result(head);
                      return ExitStatus::done;
                  });
}

}  // namespace updraft::cli
