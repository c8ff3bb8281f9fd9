#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace updraft::mqtt {

/// A PUBLISH of the device on its way to being stored and acknowledged.
struct Uplink {
    std::uint64_t sequence = 0;
    std::size_t bytes = 0;
    std::uint16_t packet_id = 0;
    std::uint8_t qos = 0;
    bool stored = false;
};

/// The uplinks of one connection that are under way, in order of arrival, and the QoS 2 identifiers
/// whose PUBREL has not come. Acknowledgements leave in the order of arrival (MQTT 4.6), whatever
/// the order of storing.
class Uplinks {
public:
    /// Takes an uplink in; its sequence number names it in stored().
    [[nodiscard]] std::uint64_t add(std::uint16_t packet_id, std::uint8_t qos, std::size_t bytes);
    void stored(std::uint64_t sequence);
    /// The oldest uplink if it is stored, taken out; else nothing.
    [[nodiscard]] std::optional<Uplink> take_ready();

    [[nodiscard]] std::size_t count() const { return under_way_.size(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    /// What is known of a QoS 2 identifier.
    enum class Qos2 : std::uint8_t { unknown, storing, received };
    [[nodiscard]] Qos2 qos2_state(std::uint16_t packet_id) const;
    /// Removes the identifier; false if it was not there.
    bool release(std::uint16_t packet_id);
    [[nodiscard]] std::size_t unreleased() const { return unreleased_.size(); }

private:
    std::vector<Uplink> under_way_;
    std::vector<std::uint16_t> unreleased_;
    std::uint64_t next_sequence_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace updraft::mqtt
