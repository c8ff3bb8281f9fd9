#include "cli/commands.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <ctime>

#include "cli/cli.hpp"
#include "cli/rows.hpp"

namespace updraft::cli {
namespace {

constexpr std::size_t page_rows_max = 1'000;

int run(const CommonFlags& flags, const Work& work) {
    ::tzset();  // times are shown in the zone of this process
    Context context(flags);
    Result<ExitStatus> done = work(context);
    if (done) {
        return static_cast<int>(*done);
    }
    Error error = std::move(done).error();
    if (error.code == ErrorCode::unavailable && context.target().server.starts_with("https")) {
        error.message.zh += " (若证书由私有机构签发, 用 --ca-file 指明)";
        error.message.en += " (if its certificate is a private one, name it with --ca-file)";
    }
    if (error.code == ErrorCode::unauthorized && !context.target().server.empty()) {
        error.message.zh += "; 请登录: updraft login " + context.target().server;
        error.message.en += "; sign in: updraft login " + context.target().server;
    }
    context.terminal().complain(error);
    return static_cast<int>(status_of(error.code));
}

}  // namespace

Language help_language(int argc, const char* const* argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--lang" && i + 1 < argc) {
            return chosen_language(argv[i + 1]);
        }
        if (word.starts_with("--lang=")) {
            return chosen_language(std::string(word.substr(7)));
        }
    }
    return chosen_language({});
}

void explain_usage(const CLI::App& program, const CLI::ParseError& error, int argc,
                   const char* const* argv, Language language) {
    const CLI::App* at = &program;
    std::string path = program.get_name();
    for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
        const auto below = at->get_subcommands([](const CLI::App*) { return true; });
        const auto named = std::ranges::find(below, argv[i], &CLI::App::get_name);
        if (below.empty()) {
            break;
        }
        if (named == below.end()) {
            std::vector<std::string> known;
            std::ranges::transform(below, std::back_inserter(known), &CLI::App::get_name);
            const std::string list = fmt::format("{}", fmt::join(known, ", "));
            fmt::print(stderr, "{}\n",
                       text("{0}: 没有命令 {1}; 有 {2}", "{0}: no command {1}; there are {2}", path,
                            argv[i], list)
                           .in(language));
            return;
        }
        at = *named;
        path += " " + at->get_name();
    }
    fmt::print(stderr, "{}\n",
               text("{0}: 用法有误: {1}\n用法见 {0} --help", "{0}: {1}\nsee {0} --help", path,
                    std::string(error.what()))
                   .in(language));
}

void add_operator_commands(CLI::App& program, int& status, Language language) {
    const Commands commands(program, status, language);
    add_access_commands(commands);
    add_product_commands(commands);
    add_protocol_commands(commands);
    add_device_commands(commands);
    add_firmware_commands(commands);
    add_task_commands(commands);
    add_record_commands(commands);
    add_token_commands(commands);
    add_audit_commands(commands);
    add_completion_command(commands);
}

CLI::App& Commands::group(const std::string& name, const Text& what) const {
    CLI::App* const group = program_.add_subcommand(name, what.in(language_));
    group->require_subcommand(1);
    return *group;
}

CLI::App& Commands::leaf(CLI::App& parent, const std::string& name, const Text& what,
                         const std::string& example, Work work) const {
    CLI::App* const leaf = parent.add_subcommand(name, what.in(language_));
    const Text heading{"示例:", "Example:"};
    leaf->footer(heading.in(language_) + "\n  " + example);
    auto flags = std::make_shared<CommonFlags>();
    add_common(*leaf, *flags);
    leaf->callback(
        [flags, work = std::move(work), &status = status_] { status = run(*flags, work); });
    return *leaf;
}

void Commands::add_common(CLI::App& leaf, CommonFlags& flags) const {
    const std::string group = Text{"服务器与输出", "Server and output"}.in(language_);
    option(leaf, "--profile", flags.profile,
           {"使用此配置档 (UPDRAFT_PROFILE)", "Use this profile (UPDRAFT_PROFILE)"})
        ->group(group);
    option(leaf, "--server", flags.server,
           {"服务器地址 (UPDRAFT_SERVER; 令牌用 UPDRAFT_TOKEN)",
            "The server's address (UPDRAFT_SERVER; its token: UPDRAFT_TOKEN)"})
        ->group(group);
    option(leaf, "--ca-file", flags.ca_file,
           {"信任的证书, PEM 文件", "PEM file with the certificates to trust"})
        ->group(group);
    flag(leaf, "--insecure", flags.insecure,
         {"不验证服务器证书 (仅用于试验)", "Accept any certificate (laboratory only)"})
        ->group(group);
    flag(leaf, "--json", flags.json,
         {"以 JSON 输出结果, 供程序使用", "Print the result as JSON, for programs"})
        ->group(group);
    flag(leaf, "-q,--quiet", flags.quiet, {"不显示进度和提示", "Show no progress and no remarks"})
        ->group(group);
    option(leaf, "--lang", flags.language,
           {"zh 或 en; 默认按 LANG", "zh or en; by default as LANG says"})
        ->check(CLI::IsMember({"zh", "en"}))
        ->group(group);
}

void add_list_flags(const Commands& commands, CLI::App& leaf, ListFlags& flags) {
    commands.repeated(leaf, "--where", flags.where,
                      {"条件 '字段 运算符 值', 可重复, 须同时满足; 运算符 = != > >= < <= ~ in like",
                       "Condition 'FIELD OP VALUE'; repeat it and all must hold; OP is one of "
                       "= != > >= < <= ~ in like"});
    commands.option(leaf, "--sort", flags.sort,
                    {"排序字段; -字段 为倒序", "Sort by this field; -FIELD: the last first"});
    commands
        .option(leaf, "--limit", flags.limit, {"每页行数, 最多 1000", "Rows of a page, up to 1000"})
        ->check(CLI::Range(std::size_t{1}, page_rows_max))
        ->capture_default_str();
    commands.option(leaf, "--page", flags.page, {"第几页", "Which page"})
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    commands.flag(leaf, "--all", flags.all, {"所有页", "Every page"});
}

json::object equals(std::string_view column, std::string_view value) {
    return json::object{{"column", column}, {"value", value}};
}

Result<ExitStatus> list_rows(Context& context, const std::string& path, const ListFlags& flags,
                             Fields fields, json::array more, const std::vector<Column>& columns) {
    UPDRAFT_TRY(const json::array terms, parse_all(flags.where, fields));
    for (const json::value& term : terms) {
        more.push_back(term);
    }
    json::object query{{"terms", std::move(more)}};
    if (!flags.sort.empty()) {
        UPDRAFT_TRY(json::object sort, parse_sort(flags.sort, fields));
        query["sorts"] = json::array{std::move(sort)};
    }
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    const std::size_t size = flags.all ? page_rows_max : flags.limit;
    query["pageSize"] = size;
    json::array rows;
    std::int64_t total = 0;
    for (std::size_t page = flags.all ? 0 : flags.page - 1;; ++page) {
        query["pageIndex"] = page;
        UPDRAFT_TRY(const json::value result, api->post(path, query));
        total = integer_at(result, "total");
        const json::array& some = rows_of(result);
        // Past the end the server answers its last page again (spec 2.3.6).
        const bool past_end = integer_at(result, "pageIndex") != static_cast<std::int64_t>(page);
        if (!past_end) {
            rows.insert(rows.end(), some.begin(), some.end());
        }
        if (!flags.all || past_end || some.size() < size) {
            break;
        }
    }
    context.terminal().rows(rows, columns);
    if (static_cast<std::int64_t>(rows.size()) < total) {
        context.terminal().say(text("{} / {} 行; 用 --page 或 --all 看其余",
                                    "{} of {} rows; see the rest with --page or --all", rows.size(),
                                    total));
    }
    return ExitStatus::done;
}

Result<ExitStatus> for_each_id(
    Context& context, const std::vector<std::string>& ids, const Text& done,
    const std::function<Result<void>(client::RestClient&, const std::string&)>& change) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    json::array told;
    std::optional<Error> first;
    for (const std::string& id : ids) {
        const Result<void> changed = change(*api, id);
        told.push_back(json::object{{"id", id}, {"done", changed.has_value()}});
        if (changed) {
            context.terminal().result(Text{done.zh + " " + id, done.en + " " + id});
        } else if (!first) {
            first = changed.error();
        } else {
            context.terminal().complain(*std::exchange(first, changed.error()));
        }
    }
    context.terminal().result(json::value(std::move(told)));
    if (first) {
        return *first;
    }
    return ExitStatus::done;
}

}  // namespace updraft::cli
