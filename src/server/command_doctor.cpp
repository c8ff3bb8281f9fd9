#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "base/log.hpp"
#include "client/progress_bar.hpp"
#include "server/command_serve.hpp"
#include "server/commands.hpp"
#include "server/doctor.hpp"

namespace updraft::server {
namespace {

namespace json = boost::json;

constexpr int healthy = 0;
constexpr int has_findings = 1;
constexpr int could_not_check = 2;

struct DoctorFlags : OutputFlags {
    bool fix = false;
    bool quick = false;
};

json::object both(const Text& text) {
    return {{"zh", text.zh}, {"en", text.en}};
}

void print_json(const Diagnosis& diagnosis) {
    json::array findings;
    for (const Finding& finding : diagnosis.findings) {
        findings.push_back(
            json::object{{"severity", finding.severity == Severity::error ? "error" : "warning"},
                         {"code", finding.code},
                         {"where", finding.where},
                         {"what", both(finding.what)},
                         {"todo", both(finding.todo)},
                         {"fixable", finding.fixable},
                         {"fixed", finding.fixed}});
    }
    json::array not_checked;
    for (const Text& each : diagnosis.not_checked) {
        not_checked.push_back(both(each));
    }
    const json::object result{{"healthy", diagnosis.healthy() && diagnosis.not_checked.empty()},
                              {"findings", std::move(findings)},
                              {"notChecked", std::move(not_checked)}};
    std::printf("%s\n", json::serialize(result).c_str());
}

std::string_view label(const Finding& finding, Language language) {
    if (finding.fixed) {
        return language == Language::en ? "fixed  " : "已修复";
    }
    if (finding.severity == Severity::error) {
        return language == Language::en ? "error  " : "错误";
    }
    return language == Language::en ? "warning" : "警告";
}

void print_text(const Diagnosis& diagnosis, Language language) {
    for (const Text& each : diagnosis.not_checked) {
        std::printf("%s %s\n", language == Language::en ? "not checked:" : "未检查:",
                    each.in(language).c_str());
    }
    for (const Finding& finding : diagnosis.findings) {
        const std::string where = finding.where.empty() ? "" : finding.where + ": ";
        std::printf("%s  %s%s\n", std::string(label(finding, language)).c_str(), where.c_str(),
                    finding.what.in(language).c_str());
        if (!finding.fixed) {
            std::printf("         -> %s\n", finding.todo.in(language).c_str());
        }
    }
    if (diagnosis.findings.empty() && diagnosis.not_checked.empty()) {
        std::printf("%s\n",
                    language == Language::en ? "healthy: nothing found" : "健康: 未发现问题");
    }
}

int run_doctor(ConfiguredCommand& command, const DoctorFlags& flags, Language language) {
    if (const auto loaded = command.load(); !loaded) {
        return complain(loaded.error());
    }
    log::start(log::Level::error);
    client::ProgressBar bar(Text{"检查文件", "files"}.in(language), stderr,
                            client::ProgressBar::Style::automatic,
                            client::ProgressBar::Unit::bytes);
    DoctorOptions options;
    options.fix = flags.fix;
    options.quick = flags.quick;
    options.progress = [&](std::int64_t done, std::int64_t total) {
        bar.show(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
    };
    Diagnosis diagnosis;
    try {
        diagnosis = examine(command.config(), options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "updraft: %s\n", error.what());
        return could_not_check;
    }
    bar.finish();
    if (flags.as_json) {
        print_json(diagnosis);
    } else {
        print_text(diagnosis, language);
    }
    if (!diagnosis.not_checked.empty()) {
        return could_not_check;
    }
    return diagnosis.healthy() ? healthy : has_findings;
}

}  // namespace

void add_doctor(CLI::App& program, int& status, Language language) {
    CLI::App* command = program.add_subcommand(
        "doctor", Text{"检查数据目录并说明如何处理; 服务器可照常运行",
                       "Look the data folder through and say what to do; a server may run on it"}
                      .in(language));
    auto configured = std::make_shared<ConfiguredCommand>(*command);
    auto flags = std::make_shared<DoctorFlags>();
    command->add_flag("--fix", flags->fix,
                      Text{"修复可安全修复的问题: 重新计数, 清理无主内容; 服务器须已停止",
                           "Repair what is safe: count again, remove what nothing points at; the "
                           "server must be stopped"}
                          .in(language));
    command->add_flag("--quick", flags->quick,
                      Text{"不重新读取文件内容", "Do not read the artifacts again"}.in(language));
    add_output_flags(*command, *flags, language);
    show_example(*command, "updraft doctor --data /var/lib/updraft --quick", language);
    command->callback([configured, flags, language, &status] {
        status = run_doctor(*configured, *flags, language);
    });
}

}  // namespace updraft::server
