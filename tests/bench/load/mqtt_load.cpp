// Load for the MQTT gateway, and for a broker as its yardstick. Prints one line of JSON.
//
//   mqtt_load connect    sign-ins of all devices
//   mqtt_load hold       memory of the server for idle connections
//   mqtt_load publish    QoS 1 messages without news, PUBACK awaited
//   mqtt_load pull       pulls of devices that have nothing to install, reply awaited
//   mqtt_load progress   progress of one upgrade each, PUBACK (so: the commit) awaited
//   mqtt_load upgrade    each device pulls, installs and reports success
//   mqtt_load push       waits on all devices for one push each; says when the first and last came

#include <CLI/CLI.hpp>
#include <iostream>
#include <stdexcept>

#include "mqtt_crowd.hpp"

namespace {

using namespace updraft;
using namespace updraft::bench;

struct Options {
    std::string mode;
    MqttFleet fleet;
    bool tls = false;
    int devices = 1000;
    int first = 1;
    double seconds = 5;
    int active = 200;      // publishing at once
    int window = 8;        // unacknowledged messages of one device
    int connecting = 256;  // sign-ins under way at once
    long pid = 0;          // of the server, whose processor time and memory are read
};

constexpr auto nothing = [](MqttDevice&, const mqtt::Packet&) {};
constexpr std::string_view pull_nothing = R"({"messageId":"1","currentVersion":"99999.0"})";
constexpr std::string_view pull_next = R"({"messageId":"1","currentVersion":""})";

/// The answer to a pull; the server also asks devices for their versions.
const mqtt::Publish* pull_reply(const mqtt::Packet& packet) {
    const auto* message = std::get_if<mqtt::Publish>(&packet);
    const bool is_it = message != nullptr && message->topic.ends_with("/firmware/pull/reply");
    return is_it ? message : nullptr;
}

bool brings_nothing(const mqtt::Publish& pull_reply) {
    return pull_reply.payload.find("NO_FIRMWARE") != std::string::npos;
}

class Load {
public:
    explicit Load(Options options) : options_(std::move(options)), crowd_(options_.fleet) {}

    void run() {
        if (options_.mode == "connect") {
            connect();
        } else if (options_.mode == "hold") {
            hold();
        } else if (options_.mode == "push") {
            wait_for_push();
        } else if (options_.mode == "upgrade") {
            upgrade();
        } else {
            messages();
        }
    }

private:
    [[nodiscard]] double cpu_seconds() const { return cpu_seconds_of(options_.pid); }

    static void print_rate(double count, double seconds, double cpu) {
        std::cout << R"({"count":)" << count << R"(,"seconds":)" << seconds << R"(,"per_second":)"
                  << count / seconds << R"(,"cpu_seconds":)" << cpu << "}" << std::endl;
    }

    void connect() {
        crowd_.make(options_.devices, options_.first);
        const double cpu = cpu_seconds();
        const double seconds = crowd_.sign_in(options_.connecting, nothing);
        print_rate(options_.devices, seconds, cpu_seconds() - cpu);
    }

    /// The first connection, which makes what all share, is not counted.
    void hold() {
        crowd_.make(options_.devices, options_.first);
        const long before = resident_bytes_of(options_.pid);
        crowd_.sign_in(options_.connecting, nothing);
        const auto settled = SteadyClock::now() + std::chrono::seconds(2);  // presence is stored
        while (SteadyClock::now() < settled) {
            crowd_.turn(nothing);
        }
        std::cout << R"({"rss_growth_bytes":)" << resident_bytes_of(options_.pid) - before << "}"
                  << std::endl;
    }

    /// Says "ready" on a line once all are connected, then waits. Times are CLOCK_MONOTONIC's.
    void wait_for_push() {
        crowd_.make(options_.devices, options_.first);
        int served = 0;
        double first = 0;
        double last = 0;
        const auto receive = [&](MqttDevice& device, const mqtt::Packet& packet) {
            const auto* message = std::get_if<mqtt::Publish>(&packet);
            if (message == nullptr || device.started ||
                !message->topic.ends_with("/firmware/upgrade")) {
                return;
            }
            device.started = true;
            ++served;
            last = std::chrono::duration<double>(SteadyClock::now().time_since_epoch()).count();
            first = served == 1 ? last : first;
        };
        crowd_.sign_in(options_.connecting, receive);
        const double cpu = cpu_seconds();
        std::cout << R"({"ready":true})" << std::endl;
        const auto deadline = SteadyClock::now() + as_duration(options_.seconds);
        while (served < options_.devices && SteadyClock::now() < deadline) {
            crowd_.turn(receive);
        }
        std::cout << R"({"served":)" << served << R"(,"first_at":)" << std::fixed << first
                  << R"(,"last_at":)" << last << R"(,"cpu_seconds":)" << cpu_seconds() - cpu << "}"
                  << std::endl;
    }

    /// Devices one after another, `active` at once: pull, half, done.
    void upgrade() {
        crowd_.make(options_.devices, options_.first);
        crowd_.sign_in(options_.connecting, nothing);
        auto& devices = crowd_.devices();
        std::size_t begun = 0;
        std::size_t ended = 0;
        const auto begin_next = [&] {
            if (begun < devices.size()) {
                devices[begun++]->publish("/firmware/pull", pull_next, 0);
            }
        };
        const double cpu = cpu_seconds();
        const auto began = SteadyClock::now();
        const auto deadline = began + as_duration(options_.seconds);
        for (int i = 0; i < options_.active; ++i) {
            begin_next();
        }
        while (ended < devices.size() && SteadyClock::now() < deadline) {
            crowd_.turn([&](MqttDevice& device, const mqtt::Packet& packet) {
                if (pull_reply(packet) != nullptr) {
                    device.publish("/firmware/upgrade/progress",
                                   R"({"progress":50,"complete":false,"version":"2.0"})", 1);
                    device.publish("/firmware/upgrade/progress",
                                   R"({"progress":100,"complete":true,"success":true,)"
                                   R"("version":"2.0"})",
                                   1);
                } else if (std::holds_alternative<mqtt::Ack>(packet) && ++device.sent == 2) {
                    ++ended;
                    begin_next();
                }
            });
        }
        print_rate(static_cast<double>(ended), seconds_since(began), cpu_seconds() - cpu);
    }

    void send_next(MqttDevice& device) const {
        ++device.outstanding;
        const long number = device.sent++;
        if (options_.mode == "publish") {
            device.publish("/properties/report", R"({"properties":{"temperature":21}})", 1);
        } else if (options_.mode == "pull") {
            device.publish("/firmware/pull", pull_nothing, 0);
        } else if (!device.started) {
            device.publish("/firmware/pull", pull_next, 0);
        } else {
            device.publish("/firmware/upgrade/progress",
                           R"({"progress":)" + std::to_string(number % 99) +
                               R"(,"complete":false,"version":"2.0"})",
                           1);
        }
    }

    /// A window of messages of each device, for `seconds` after at most one to warm up.
    void messages() {
        crowd_.make(std::min(options_.active, options_.devices), options_.first);
        crowd_.sign_in(options_.connecting, nothing);
        long answered = 0;
        const auto answer = [&](MqttDevice& device, const mqtt::Packet& packet) {
            const bool acknowledged = std::holds_alternative<mqtt::Ack>(packet);
            const mqtt::Publish* reply = pull_reply(packet);
            const bool wanted =
                options_.mode == "pull" || !device.started ? reply != nullptr : acknowledged;
            if (!wanted) {
                return;
            }
            if (options_.mode == "pull" && !brings_nothing(*reply)) {
                throw std::runtime_error("a pull found something to install");
            }
            --device.outstanding;
            ++answered;
            device.started = true;
            while (device.outstanding < options_.window) {
                send_next(device);
            }
        };
        for (auto& device : crowd_.devices()) {
            device->started = options_.mode != "progress";
            send_next(*device);
        }
        const auto warm = SteadyClock::now() + as_duration(std::min(1.0, options_.seconds));
        while (SteadyClock::now() < warm) {
            crowd_.turn(answer);
        }
        const long before = answered;
        const double cpu = cpu_seconds();
        const auto began = SteadyClock::now();
        const auto until = began + as_duration(options_.seconds);
        while (SteadyClock::now() < until) {
            crowd_.turn(answer);
        }
        print_rate(static_cast<double>(answered - before), seconds_since(began),
                   cpu_seconds() - cpu);
    }

    Options options_;
    MqttCrowd crowd_;
};

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Load for the MQTT gateway"};
    app.add_option("mode", options.mode)
        ->required()
        ->check(
            CLI::IsMember({"connect", "hold", "publish", "pull", "progress", "upgrade", "push"}));
    app.add_option("--port", options.fleet.port);
    app.add_flag("--tls", options.tls);
    app.add_option("--devices", options.devices);
    app.add_option("--first", options.first);
    app.add_option("--active", options.active);
    app.add_option("--window", options.window);
    app.add_option("--connecting", options.connecting);
    app.add_option("--seconds", options.seconds);
    app.add_option("--pid", options.pid);
    app.add_option("--product", options.fleet.product);
    app.add_option("--prefix", options.fleet.prefix);
    app.add_option("--secure-id", options.fleet.secure_id);
    app.add_option("--secure-key", options.fleet.secure_key);
    CLI11_PARSE(app, argc, argv);
    try {
        raise_descriptor_limit();
        const TlsClient tls;
        options.fleet.tls = options.tls ? &tls : nullptr;
        Load(std::move(options)).run();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
