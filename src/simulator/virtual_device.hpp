#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "simulator/device_messages.hpp"
#include "simulator/download.hpp"
#include "simulator/fleet_options.hpp"
#include "simulator/mqtt_session.hpp"
#include "simulator/shard.hpp"

namespace updraft::simulator {

/// One device: signs in, reports its version, takes orders (or pulls them), and comes back whenever
/// its connection is lost. An upgrade goes on without the MQTT connection; what the server must
/// learn waits until it is told. Lives on its shard's loop.
class VirtualDevice {
public:
    VirtualDevice(FleetContext& fleet, Shard& shard, std::string id, std::string version,
                  std::uint64_t seed);

    /// Its life; ends when the shard stops. The device must outlive it and what it starts.
    awaitable<void> run();

    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] const std::string& version() const { return version_; }

private:
    /// An uplink that has to arrive: sent again after a reconnect until it is acknowledged.
    struct Kept {
        std::uint16_t packet_id = 0;  ///< 0: not under way
        std::string rest;
        std::string body;
    };
    enum class Keep : std::uint8_t { no, until_acknowledged };
    /// Where an order came from: only a push is answered.
    enum class Source : std::uint8_t { push, pull };
    /// How an upgrade, or a part of it, ended.
    enum class Step : std::uint8_t { done, failed, superseded };

    [[nodiscard]] Instant now() const;
    [[nodiscard]] std::string topic(std::string_view rest) const;
    [[nodiscard]] milliseconds latency();
    [[nodiscard]] mqtt::Connect connect_packet() const;

    awaitable<void> serve(std::shared_ptr<MqttSession> session);
    void greet(MqttSession& session);
    awaitable<void> handle(mqtt::Publish publish);
    void acknowledged(std::uint16_t packet_id);
    /// Pings and pulls for as long as the session lives.
    awaitable<void> pulse(std::shared_ptr<MqttSession> session);
    void pull();

    /// Sends an uplink if there is a connection; keeps it if it must arrive.
    void tell(std::string_view rest, std::string body, Keep keep);

    void take_order(UpgradeOrder order, Source source);
    awaitable<void> upgrade(UpgradeOrder order, Source source);
    awaitable<Step> carry_out(const UpgradeOrder& order, Source source);
    awaitable<Step> download(const UpgradeOrder& order, const UpgradePlan& plan);
    awaitable<Step> fetch_all(Download& file, const UpgradeOrder& order, const UpgradePlan& plan);
    awaitable<FetchResult> fetch_once(Download& file, const UpgradeOrder& order,
                                      std::optional<int> drop_at);
    awaitable<Step> install(const UpgradeOrder& order, const UpgradePlan& plan);
    awaitable<void> reboot(const UpgradeOrder& order);
    Step fail(const UpgradeOrder& order, std::string_view reason);
    void succeed(const UpgradeOrder& order);
    void show_progress(const UpgradeOrder& order, int percent);
    /// Off the network for so long.
    awaitable<void> stay_away(milliseconds duration);

    FleetContext& fleet_;
    Shard& shard_;
    std::string id_;
    std::string version_;
    Dice dice_;
    Pause work_;                            ///< of the upgrade under way; a new order ends it
    std::shared_ptr<MqttSession> session_;  ///< null while there is none
    SteadyClock::time_point away_until_{};
    std::vector<Kept> kept_;
    std::string last_order_id_;               ///< of the last push, to know a repeat (T25)
    std::string failed_version_;              ///< the version that failed last
    std::optional<UpgradeOrder> next_order_;  ///< waits for the upgrade under way to give way
    Source next_source_ = Source::push;
    int shown_percent_ = 0;
    std::uint32_t pulls_ = 0;
    bool upgrading_ = false;
};

}  // namespace updraft::simulator
