#include "simulator/simulate.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <boost/json.hpp>
#include <exception>
#include <map>

#include "base/text.hpp"
#include "simulator/fleet.hpp"

namespace updraft::simulator {

namespace json = boost::json;

namespace {

using Clock = std::chrono::steady_clock;
constexpr milliseconds look_interval{100};
constexpr std::chrono::seconds save_interval{10};

/// SIGINT and SIGTERM wait to be fetched while this lives, in this thread and those it starts.
class Signals {
public:
    Signals() {
        sigemptyset(&set_);
        sigaddset(&set_, SIGINT);
        sigaddset(&set_, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &set_, &before_);
    }
    ~Signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    /// True if a signal came within `longest`.
    [[nodiscard]] bool wait(milliseconds longest) const {
        timespec limit{};
        limit.tv_sec = static_cast<time_t>(longest.count() / 1000);
        limit.tv_nsec = static_cast<long>(longest.count() % 1000) * 1'000'000;
        return sigtimedwait(&set_, nullptr, &limit) > 0;
    }

private:
    sigset_t set_{};
    sigset_t before_{};
};

enum class Ending : std::uint8_t { done, time_up, signal };

bool all_run(const Fleet& fleet, const std::string& version) {
    const auto versions = fleet.versions();
    return versions.size() == 1 && versions.begin()->first == version;
}

bool reached(const Fleet& fleet, const SimulateOptions& options) {
    const bool enough =
        options.until_upgrades && fleet.statistics().upgrades_ended() >= *options.until_upgrades;
    return enough || (!options.until_version.empty() && all_run(fleet, options.until_version));
}

std::string note(const FleetStatistics& statistics) {
    return fmt::format("在线/online {}  升级中/upgrading {}  成功/ok {}  失败/failed {}  {}",
                       statistics.connected, statistics.upgrading, statistics.succeeded,
                       statistics.failed + statistics.refused,
                       readable_bytes(statistics.bytes_downloaded));
}

void draw(ProgressBar& bar, const Fleet& fleet, const SimulateOptions& options) {
    const FleetStatistics statistics = fleet.statistics();
    if (options.until_upgrades) {
        bar.show(statistics.upgrades_ended(), *options.until_upgrades, note(statistics));
    } else if (!options.until_version.empty()) {
        const auto versions = fleet.versions();
        const auto there = versions.find(options.until_version);
        bar.show(there == versions.end() ? 0 : there->second, fleet.options().count,
                 note(statistics));
    } else {
        bar.show(statistics.connected, 0, note(statistics));
    }
}

Ending watch(Fleet& fleet, const SimulateOptions& options, const Signals& signals) {
    const auto style = options.quiet ? ProgressBar::Style::silent : ProgressBar::Style::automatic;
    ProgressBar bar("simulate", options.progress, style);
    const auto started = Clock::now();
    auto saved = started;
    for (;;) {
        draw(bar, fleet, options);
        if (reached(fleet, options)) {
            return Ending::done;
        }
        if (signals.wait(look_interval)) {
            return Ending::signal;
        }
        const auto now = Clock::now();
        if (options.duration && now - started >= *options.duration) {
            return Ending::time_up;
        }
        if (now - saved >= save_interval) {
            fleet.save_versions();
            saved = now;
        }
    }
}

std::string summary_words(const FleetStatistics& statistics,
                          const std::map<std::string, std::size_t>& versions, double took_s) {
    std::string lines = fmt::format(
        "用时 / took             {:.1f} s\n"
        "登录 / sign-ins         {} ({} 拒绝/refused, {} 连接失败/no connection)\n"
        "升级成功 / succeeded    {}\n"
        "升级失败 / failed       {}\n"
        "拒绝升级 / refused      {}\n"
        "断点续传 / resumed      {}\n"
        "下载 / downloaded       {}\n"
        "消息 / messages         {} 上行/up, {} 下行/down\n",
        took_s, statistics.connects, statistics.sign_ins_refused, statistics.connects_failed,
        statistics.succeeded, statistics.failed, statistics.refused, statistics.downloads_resumed,
        readable_bytes(statistics.bytes_downloaded), statistics.messages_sent,
        statistics.messages_received);
    for (const auto& [version, count] : versions) {
        lines += fmt::format("版本 / version {:<10} {}\n", version, count);
    }
    return lines;
}

}  // namespace

std::string summary_json(const FleetStatistics& statistics,
                         const std::map<std::string, std::size_t>& versions, std::uint64_t seed,
                         double took_s) {
    json::object by_version;
    for (const auto& [version, count] : versions) {
        by_version[version] = count;
    }
    const json::object summary{{"seed", seed},
                               {"tookSeconds", took_s},
                               {"signIns", statistics.connects},
                               {"signInsRefused", statistics.sign_ins_refused},
                               {"connectsFailed", statistics.connects_failed},
                               {"succeeded", statistics.succeeded},
                               {"failed", statistics.failed},
                               {"refused", statistics.refused},
                               {"downloadsResumed", statistics.downloads_resumed},
                               {"bytesDownloaded", statistics.bytes_downloaded},
                               {"messagesSent", statistics.messages_sent},
                               {"messagesReceived", statistics.messages_received},
                               {"versions", std::move(by_version)}};
    return json::serialize(summary);
}

int run_simulate(const SimulateOptions& options) {
    const Signals signals;  // before the fleet's threads exist, which inherit the mask
    const auto started = Clock::now();
    try {
        Fleet fleet(options.fleet);
        fmt::print(options.progress, "{} 台设备 / devices -> {}:{}  种子/seed {}\n",
                   options.fleet.count, options.fleet.mqtt.host, options.fleet.mqtt.port,
                   fleet.seed());
        fleet.start();
        const Ending ending = watch(fleet, options, signals);
        fleet.stop();

        const double took_s = std::chrono::duration<double>(Clock::now() - started).count();
        const FleetStatistics statistics = fleet.statistics();
        fmt::print(options.out, "{}",
                   options.json
                       ? summary_json(statistics, fleet.versions(), fleet.seed(), took_s) + "\n"
                       : summary_words(statistics, fleet.versions(), took_s));
        std::fflush(options.out);
        const bool had_goal = options.until_upgrades.has_value() || !options.until_version.empty();
        const bool missed = ending == Ending::time_up && had_goal;
        const bool nobody = statistics.connects == 0 && ending != Ending::done;
        return nobody || missed ? 1 : 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "simulate: {}\n", error.what());
        return 1;
    }
}

}  // namespace updraft::simulator
