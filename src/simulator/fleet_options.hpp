#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "client/connection.hpp"
#include "simulator/behaviour.hpp"

namespace updraft::simulator {

using client::Endpoint;
using client::Verify;

/// Which MQTT the devices speak.
enum class MqttLevel : std::uint8_t { v3_1_1, v5 };

/// Everything that can be set about a fleet.
struct FleetOptions {
    // Where to, and how.
    Endpoint mqtt{"127.0.0.1", 1883};
    bool mqtt_tls = false;
    std::string ca_file;           ///< PEM, for MQTT over TLS and https; empty: the system's
    Verify verify = Verify::peer;  ///< of the server's certificate
    MqttLevel level = MqttLevel::v3_1_1;
    std::chrono::seconds keep_alive{60};
    std::optional<int> subscribe_qos;  ///< subscribes to its topics with this QoS; else not at all
    int uplink_qos = 1;                ///< 0 or 1

    // Who they are: `prefix` and a number from `first_number` on, padded with zeros to `digits`.
    std::string product_id;
    std::string id_prefix = "device-";
    int first_number = 1;
    int digits = 0;
    std::size_t count = 1;
    std::string secure_id;
    std::string secure_key;
    std::string initial_version = "1.0.0";
    std::filesystem::path state_file;  ///< versions survive in it; empty: they do not

    // How well they do.
    Behaviour behaviour;
    milliseconds latency_min{5};  ///< before a device reacts to a message
    milliseconds latency_max{50};
    milliseconds offline_min{2'000};  ///< how long a device that drops off stays away
    milliseconds offline_max{8'000};

    // How fast they are.
    double connects_per_second = 500;             ///< of the whole fleet; 0: no limit
    std::uint64_t download_bytes_per_second = 0;  ///< of one device; 0: no limit
    std::size_t downloads_max = 100;              ///< at the same time, of the whole fleet
    int progress_steps = 10;                      ///< reports on the way to 100 %
    milliseconds install_time{2'000};
    std::optional<milliseconds> reboot_time{
        milliseconds(1'000)};           ///< disconnected so long; absent: none
    milliseconds reconnect_min{1'000};  ///< after a lost connection; doubles to `reconnect_max`
    milliseconds reconnect_max{60'000};
    milliseconds io_deadline{30'000};  ///< for every wait on the server

    // Devices that ask by themselves.
    std::optional<milliseconds> pull_interval;  ///< absent: they wait to be told
    bool pull_latest = false;                   ///< the newest version, not the next one

    std::uint64_t seed = 0;   ///< 0: a random one; see Fleet::seed()
    std::size_t threads = 0;  ///< event loops; 0: one a core, at most four
};

/// What the fleet has done so far. Gauges are the first three.
struct FleetStatistics {
    std::uint64_t connected = 0;
    std::uint64_t upgrading = 0;
    std::uint64_t downloading = 0;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t refused = 0;           ///< pushes the devices said no to
    std::uint64_t connects = 0;          ///< accepted sign-ins
    std::uint64_t connects_failed = 0;   ///< no connection, or no answer
    std::uint64_t sign_ins_refused = 0;  ///< the server said no
    std::uint64_t downloads_resumed = 0;
    std::uint64_t bytes_downloaded = 0;
    std::uint64_t messages_sent = 0;      ///< PUBLISH up
    std::uint64_t messages_received = 0;  ///< PUBLISH down

    [[nodiscard]] std::uint64_t upgrades_ended() const { return succeeded + failed + refused; }
};

/// The same, counted from several threads.
struct FleetCounters {
    std::atomic<std::uint64_t> connected{0};
    std::atomic<std::uint64_t> upgrading{0};
    std::atomic<std::uint64_t> downloading{0};
    std::atomic<std::uint64_t> succeeded{0};
    std::atomic<std::uint64_t> failed{0};
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> connects{0};
    std::atomic<std::uint64_t> connects_failed{0};
    std::atomic<std::uint64_t> sign_ins_refused{0};
    std::atomic<std::uint64_t> downloads_resumed{0};
    std::atomic<std::uint64_t> bytes_downloaded{0};
    std::atomic<std::uint64_t> messages_sent{0};
    std::atomic<std::uint64_t> messages_received{0};

    [[nodiscard]] FleetStatistics snapshot() const;
};

/// Adds one for as long as it lives.
class Gauge {
public:
    explicit Gauge(std::atomic<std::uint64_t>& value) : value_(value) { ++value_; }
    ~Gauge() { --value_; }
    Gauge(const Gauge&) = delete;
    Gauge& operator=(const Gauge&) = delete;

private:
    std::atomic<std::uint64_t>& value_;
};

/// What the devices of a fleet share; outlives them.
struct FleetContext {
    FleetOptions options;
    std::shared_ptr<SSL_CTX> tls;  ///< for https, and for MQTT if `mqtt_tls`
    FleetCounters counters;
};

}  // namespace updraft::simulator
