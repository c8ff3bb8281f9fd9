#include <csignal>
#include <memory>

#include "server/command_serve.hpp"
#include "server/commands.hpp"
#include "simulator/simulate.hpp"

namespace updraft::server {
namespace {

using simulator::milliseconds;
using simulator::SimulateOptions;

/// What the flags set that is not a plain member.
struct SimulateFlags {
    SimulateOptions options;
    std::string mqtt = "127.0.0.1:1883";
    std::string level = "3.1.1";
    std::int64_t pull_interval_ms = 0;
    std::int64_t duration_s = 0;
    std::uint64_t until_upgrades = 0;
    int subscribe_qos = -1;
    bool no_reboot = false;
    bool insecure = false;
};

/// A flag that takes milliseconds.
void add_milliseconds(CLI::App& command, const std::string& flag, milliseconds& target,
                      const std::string& help) {
    command
        .add_option_function<std::int64_t>(
            flag, [&target](std::int64_t value) { target = milliseconds{value}; }, help)
        ->check(CLI::NonNegativeNumber)
        ->default_str(std::to_string(target.count()));
}

void add_who(CLI::App& command, SimulateFlags& flags) {
    simulator::FleetOptions& fleet = flags.options.fleet;
    command.add_option("--mqtt", flags.mqtt, "Server's MQTT address")->capture_default_str();
    command.add_flag("--tls", fleet.mqtt_tls, "Speak MQTT over TLS");
    command.add_option("--ca", fleet.ca_file, "PEM file with the certificates to trust");
    command.add_flag("--insecure", flags.insecure, "Accept any certificate");
    command.add_option("--mqtt-version", flags.level, "3.1.1 or 5")
        ->check(CLI::IsMember({"3.1.1", "5"}))
        ->capture_default_str();
    command.add_option("--product", fleet.product_id, "Product of the devices")->required();
    command.add_option("--secure-id", fleet.secure_id, "Credential secureId of product or devices")
        ->required();
    command.add_option("--secure-key", fleet.secure_key, "Credential secureKey")->required();
    command.add_option("--prefix", fleet.id_prefix, "Device ids are this and a number")
        ->capture_default_str();
    command.add_option("--first", fleet.first_number, "Number of the first device")
        ->capture_default_str();
    command.add_option("--digits", fleet.digits, "Numbers are padded with zeros to this width")
        ->capture_default_str();
    command.add_option("--count", fleet.count, "Number of devices")->capture_default_str();
    command.add_option("--initial-version", fleet.initial_version, "Version before any upgrade")
        ->capture_default_str();
    command.add_option("--state-file", fleet.state_file, "Versions survive in this file");
    command
        .add_option("--subscribe-qos", flags.subscribe_qos,
                    "Subscribe to the own topics with QoS 0, 1 or 2")
        ->check(CLI::Range(0, 2));
}

void add_how_well(CLI::App& command, SimulateFlags& flags) {
    simulator::FleetOptions& fleet = flags.options.fleet;
    const auto share = CLI::Range(0.0, 1.0);
    command
        .add_option("--failure-rate", fleet.behaviour.failure_rate, "Share of upgrades that fail")
        ->check(share);
    command
        .add_option("--refusal-rate", fleet.behaviour.refusal_rate,
                    "Share of pushes that are refused")
        ->check(share);
    command
        .add_option("--offline-rate", fleet.behaviour.offline_rate,
                    "Share of upgrades in which the device drops off")
        ->check(share);
    command.add_flag("--fail-once", fleet.behaviour.fail_once,
                     "What failed succeeds the next time");
    add_milliseconds(command, "--latency-min", fleet.latency_min,
                     "Shortest reaction to a message, in ms");
    add_milliseconds(command, "--latency-max", fleet.latency_max,
                     "Longest reaction to a message, in ms");
    add_milliseconds(command, "--install-time", fleet.install_time,
                     "Time an installation takes, in ms");
    command.add_flag("--no-reboot", flags.no_reboot, "Stay connected after an upgrade");
    command
        .add_option("--connects-per-second", fleet.connects_per_second,
                    "Sign-ins a second; 0: no limit")
        ->capture_default_str();
    command
        .add_option("--bandwidth", fleet.download_bytes_per_second,
                    "Bytes a second of one download; 0: no limit")
        ->capture_default_str();
    command.add_option("--downloads-max", fleet.downloads_max, "Downloads at a time")
        ->capture_default_str();
    command
        .add_option("--progress-steps", fleet.progress_steps, "Progress messages of one upgrade")
        ->capture_default_str();
    command.add_option("--pull-interval", flags.pull_interval_ms,
                       "Ask for an upgrade every so many ms; 0: never");
    command.add_flag("--pull-latest", fleet.pull_latest,
                     "Ask for the newest version, not the next one");
    command.add_option("--seed", fleet.seed, "Of the fleet's dice; 0: a random one");
}

void add_until(CLI::App& command, SimulateFlags& flags) {
    command.add_option("--duration", flags.duration_s, "End after so many seconds");
    command.add_option("--until-upgrades", flags.until_upgrades,
                       "End when so many upgrades have ended");
    command.add_option("--until-version", flags.options.until_version,
                       "End when every device runs this version");
    command.add_flag("--json", flags.options.json, "Print the summary as JSON");
    command.add_flag("--quiet", flags.options.quiet, "Show no progress");
}

int simulate(SimulateFlags& flags) {
    const Result<HostPort> mqtt = parse_listen("mqtt", flags.mqtt);
    if (!mqtt) {
        return complain(mqtt.error());
    }
    SimulateOptions& options = flags.options;
    options.fleet.mqtt = {mqtt->host, mqtt->port};
    options.fleet.level =
        flags.level == "5" ? simulator::MqttLevel::v5 : simulator::MqttLevel::v3_1_1;
    options.fleet.verify = flags.insecure ? client::Verify::nothing : client::Verify::peer;
    if (flags.subscribe_qos >= 0) {
        options.fleet.subscribe_qos = flags.subscribe_qos;
    }
    if (flags.no_reboot) {
        options.fleet.reboot_time.reset();
    }
    if (flags.pull_interval_ms > 0) {
        options.fleet.pull_interval = milliseconds{flags.pull_interval_ms};
    }
    if (flags.duration_s > 0) {
        options.duration = seconds{flags.duration_s};
    }
    if (flags.until_upgrades > 0) {
        options.until_upgrades = flags.until_upgrades;
    }
    return simulator::run_simulate(options);
}

}  // namespace

void add_simulate(CLI::App& program, int& status) {
    CLI::App* command =
        program.add_subcommand("simulate", "Run a fleet of simulated devices against a server");
    auto flags = std::make_shared<SimulateFlags>();
    add_who(*command, *flags);
    add_how_well(*command, *flags);
    add_until(*command, *flags);
    command->callback([flags, &status] { status = simulate(*flags); });
}

}  // namespace updraft::server
