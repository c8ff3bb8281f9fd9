#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "base/ids.hpp"
#include "base/log.hpp"
#include "client/progress_bar.hpp"
#include "server/command_serve.hpp"
#include "server/commands.hpp"
#include "server/demo.hpp"
#include "server/signals.hpp"
#include "server/wiring.hpp"

namespace updraft::server {
namespace {

namespace fs = std::filesystem;

/// A folder that is removed with everything in it at the end.
class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = (fs::temp_directory_path() / "updraft-demo-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) {
            throw std::system_error(errno, std::generic_category(),
                                    "cannot make a folder in " + pattern);
        }
        path_ = pattern;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

struct DemoFlags {
    std::size_t gateways = DemoOptions{}.gateways;
    std::size_t sensors = DemoOptions{}.sensors;
    std::string password;
};

/// A line in both languages, or once if it is the same in both: a command.
void say(const Text& line) {
    std::fprintf(stderr, "  %s\n", line.zh.c_str());
    if (line.en != line.zh) {
        std::fprintf(stderr, "  %s\n", line.en.c_str());
    }
}

void welcome(const Application& application, const std::string& password) {
    const std::string url = "http://" + application.http_address();
    std::fprintf(stderr,
                 "\n  Updraft %s\n"
                 "  地址 / address    %s/console/\n"
                 "  登录 / sign in    admin   %s\n"
                 "  Ctrl-C 结束 / ends it\n\n",
                 "demo", url.c_str(), password.c_str());
}

HostPort split(const std::string& address) {
    return *parse_listen("address", address);
}

DemoOptions scenario_options(const Application& application, const DemoFlags& flags,
                             const fs::path& data) {
    DemoOptions options;
    options.base_url = "http://" + application.http_address();
    const HostPort mqtt = split(application.mqtt_address());
    options.mqtt = {mqtt.host, mqtt.port};
    options.password = flags.password;
    options.state_file = data / "demo-devices.json";
    options.gateways = flags.gateways;
    options.sensors = flags.sensors;
    return options;
}

/// Runs until a signal comes; shows what the fleet is doing.
int run(Config& config, const DemoFlags& flags, StopSignal& stop_signal) {
    Application application(config, flags.password);
    std::printf("%s\n", application.ready_line().c_str());
    std::fflush(stdout);
    welcome(application, flags.password);

    DemoScenario scenario(scenario_options(application, flags, config.data), say);
    Result<void> started;
    std::jthread starter([&] { started = scenario.start(); });
    client::ProgressBar bar("升级 / upgrades", stderr);
    stop_signal.wait(std::chrono::milliseconds(500), [&] {
        const simulator::FleetStatistics now = scenario.statistics();
        bar.show(now.succeeded, flags.gateways + flags.sensors,
                 fmt::format("在线 / online {}  升级中 / upgrading {}  失败 / failed {}",
                             now.connected, now.upgrading, now.failed + now.refused));
    });
    bar.finish();
    scenario.stop();
    starter.join();
    application.stop();
    if (!started && started.error().code != ErrorCode::unavailable) {
        return complain(started.error());
    }
    return 0;
}

int demo(ConfiguredCommand& command, DemoFlags& flags) {
    if (const auto loaded = command.load(); !loaded) {
        return complain(loaded.error());
    }
    Config& config = command.config();
    prepare_process(config);
    log::start(log::Level::warn);
    StopSignal stop_signal;
    try {
        std::optional<TemporaryFolder> temporary;
        if (!command.given("data")) {
            config.data = temporary.emplace().path().string();
        }
        if (flags.password.empty()) {
            flags.password = admin_password_from_environment().value_or("demo-" + random_hex(4));
        }
        return run(config, flags, stop_signal);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "updraft: %s\n", error.what());
        return 1;
    }
}

}  // namespace

void add_demo(CLI::App& program, int& status) {
    CLI::App* command = program.add_subcommand(
        "demo", "Run the server with a live rollout to simulated devices, in a temporary folder");
    auto configured = std::make_shared<ConfiguredCommand>(*command);
    auto flags = std::make_shared<DemoFlags>();
    command->add_option("--gateways", flags->gateways, "Devices that are pushed to")
        ->capture_default_str();
    command->add_option("--sensors", flags->sensors, "Devices that pull")->capture_default_str();
    command->add_option("--password", flags->password,
                        "Of user admin; by default a random one, shown at the start");
    command->callback([configured, flags, &status] { status = demo(*configured, *flags); });
}

}  // namespace updraft::server
