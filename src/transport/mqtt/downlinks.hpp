#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/mqtt/packet.hpp"

namespace updraft::mqtt {

/// What a device subscribed to, and the QoS 1 downlinks it has not acknowledged.
class Downlinks {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    /// What the device takes: QoS 1 messages at once, and bytes of one packet (MQTT 5).
    void set_limits(std::size_t unacknowledged_max, std::size_t packet_bytes_max) {
        unacknowledged_max_ = unacknowledged_max;
        packet_bytes_max_ = packet_bytes_max;
    }
    [[nodiscard]] std::size_t packet_bytes_max() const { return packet_bytes_max_; }

    /// Adds the filter or changes its QoS; false if a limit forbids it.
    [[nodiscard]] bool subscribe(const std::string& filter, std::uint8_t qos,
                                 std::size_t filters_max, std::size_t bytes_max);
    /// False if there was no such filter.
    bool unsubscribe(std::string_view filter);
    /// 1 if a filter with QoS 1 or 2 matches the topic, else 0.
    [[nodiscard]] std::uint8_t qos_for(std::string_view topic) const;

    /// A free packet identifier for a QoS 1 downlink; nothing if `max`, or as many as
    /// the device takes, are unacknowledged.
    [[nodiscard]] std::optional<std::uint16_t> reserve(std::size_t max);
    /// Remembers what was written under a reserved identifier, for a redelivery at `due`. Empty
    /// bytes: it is never redelivered.
    void sent(std::uint16_t packet_id, std::string bytes, TimePoint due);
    /// The device has acknowledged it.
    void acknowledged(std::uint16_t packet_id);

    /// When the next redelivery is due; nothing if none is.
    [[nodiscard]] std::optional<TimePoint> next_due() const;
    /// The bytes of all downlinks due at `now`, each due again at `again`. One that has been
    /// redelivered `redeliveries_max` times is forgotten instead.
    [[nodiscard]] std::vector<std::string> due(TimePoint now, TimePoint again,
                                               int redeliveries_max);
    [[nodiscard]] std::size_t unacknowledged() const { return unacknowledged_.size(); }
    /// Of those that are kept to be redelivered.
    [[nodiscard]] std::size_t bytes() const {
        std::size_t all = 0;
        for (const Unacknowledged& each : unacknowledged_) {
            all += each.bytes.size();
        }
        return all;
    }

private:
    struct Filter {
        std::string text;
        std::uint8_t qos = 0;
    };
    struct Unacknowledged {
        std::uint16_t packet_id = 0;
        std::string bytes;
        TimePoint due;
        int redeliveries = 0;
    };

    std::size_t unacknowledged_max_ = 0xFFFF;
    std::size_t packet_bytes_max_ = 0xFFFF'FFFF;
    std::vector<Filter> filters_;
    std::vector<Unacknowledged> unacknowledged_;
    std::uint16_t last_packet_id_ = 0;
};

}  // namespace updraft::mqtt
