#include "server/command_serve.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>

#include "base/log.hpp"
#include "server/commands.hpp"
#include "server/service_manager.hpp"
#include "server/signals.hpp"
#include "server/wiring.hpp"

namespace updraft::server {
namespace {

constexpr const char* admin_password_variable = "UPDRAFT_ADMIN_PASSWORD";
constexpr int exit_disk_failed = 74;  ///< EX_IOERR of sysexits.h; docs/operating/failures.md

constexpr const char* disk_failed_text =
    "updraft: the disk did not take what was written (fsync failed): stopped, so that nothing is\n"
    "         acknowledged that is not stored. Look at the disk (dmesg, smartctl), then start "
    "again:\n"
    "         the start checks what is stored. See docs/operating/failures.md\n"
    "         磁盘未能写入数据 (fsync 失败): 服务已停止, 以免确认未保存的数据。\n"
    "         请检查磁盘 (dmesg, smartctl) 后重新启动, 启动时会检查已保存的数据。\n";

log::Level level_named(const std::string& name) {
    if (name == "debug") {
        return log::Level::debug;
    }
    if (name == "warn") {
        return log::Level::warn;
    }
    return name == "error" ? log::Level::error : log::Level::info;
}

/// How late SIGHUP may be heard.
constexpr milliseconds reload_within{500};

/// Until a signal says stop; meanwhile SIGHUP reads the certificate again, and the watchdog hears
/// that the server still answers.
void wait_for_stop(StopSignal& stop_signal, ReloadSignal& reload_signal, Application& application,
                   const ServiceManager& service_manager) {
    const auto period = service_manager.alive_every();
    auto alive_at = std::chrono::steady_clock::now();
    stop_signal.wait(reload_within, [&] {
        if (reload_signal.came()) {
            application.reload();
        }
        const auto now = std::chrono::steady_clock::now();
        if (period && now >= alive_at) {
            alive_at = now + *period;
            if (application.answers()) {
                service_manager.alive();
            }
        }
    });
}

int serve(ConfiguredCommand& command) {
    if (const auto loaded = command.load(); !loaded) {
        return complain(loaded.error());
    }
    prepare_process(command.config());
    const ServiceManager service_manager;
    StopSignal stop_signal;
    ReloadSignal reload_signal;
    try {
        Application application(command.config(), admin_password_from_environment());
        if (const auto link = application.setup_link()) {
            std::fprintf(stderr,
                         "\n  选择管理员密码 / choose the admin's password (once):\n  %s\n\n",
                         link->c_str());
        }
        std::printf("%s\n", application.ready_line().c_str());
        std::fflush(stdout);
        service_manager.ready("listens at " + application.http_address());
        wait_for_stop(stop_signal, reload_signal, application, service_manager);
        service_manager.stopping();
        log::info("server", "stopping");
        application.stop();
        if (application.not_synced()) {
            std::fprintf(stderr, "%s", disk_failed_text);
            std::fflush(stderr);
            std::_Exit(exit_disk_failed);  // closing the database would write to it
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "updraft: %s\n", error.what());
        return 1;
    }
    return 0;
}

}  // namespace

ConfiguredCommand::ConfiguredCommand(CLI::App& command) {
    bind(settings_, config_);
    command.add_option("--config", file_, "TOML file; see `updraft config`")
        ->check(CLI::ExistingFile);
    for (const Setting& setting : settings_.all()) {
        command
            .add_option_function<std::string>(
                setting.flag(),
                [this, key = setting.key](const std::string& text) { flags_[key] = text; },
                setting.help)
            ->default_str(setting.default_value);
    }
}

Result<void> ConfiguredCommand::load() {
    if (!file_.empty()) {
        UPDRAFT_CHECK(settings_.read_file(file_));
    }
    // The last three belong to the operators' command line (src/cli/context.hpp).
    UPDRAFT_CHECK(settings_.read_environment(
        environ, {admin_password_variable, "UPDRAFT_SERVER", "UPDRAFT_TOKEN", "UPDRAFT_PROFILE"}));
    for (const auto& [key, text] : flags_) {
        UPDRAFT_CHECK(settings_.assign(key, text));
    }
    return check(config_);
}

bool ConfiguredCommand::given(const std::string& key) const {
    return flags_.contains(key);
}

std::optional<std::string> admin_password_from_environment() {
    const char* password = std::getenv(admin_password_variable);
    if (password == nullptr || *password == '\0') {
        return std::nullopt;
    }
    return std::string(password);
}

int complain(const Error& error) {
    std::fprintf(stderr, "updraft: %s\n         %s\n", error.message.en.c_str(),
                 error.message.zh.c_str());
    return 2;
}

void prepare_process(const Config& config) {
    ::umask(0027);  // the database holds devices' secrets: nothing for other users of the machine
    log::start(level_named(config.log_level));
    ::setenv("TZ", config.timezone.c_str(), 1);
    ::tzset();
}

void add_serve(CLI::App& program, int& status) {
    CLI::App* command = program.add_subcommand("serve", "Run the server");
    auto configured = std::make_shared<ConfiguredCommand>(*command);
    command->callback([configured, &status] { status = serve(*configured); });
}

}  // namespace updraft::server
