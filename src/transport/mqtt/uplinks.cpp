#include "transport/mqtt/uplinks.hpp"

#include <algorithm>

namespace updraft::mqtt {

std::uint64_t Uplinks::add(std::uint16_t packet_id, std::uint8_t qos, std::size_t bytes) {
    const std::uint64_t sequence = next_sequence_++;
    under_way_.push_back({sequence, bytes, packet_id, qos, false});
    bytes_ += bytes;
    if (qos == 2) {
        unreleased_.push_back(packet_id);
    }
    return sequence;
}

void Uplinks::stored(std::uint64_t sequence) {
    const auto found = std::ranges::find(under_way_, sequence, &Uplink::sequence);
    if (found != under_way_.end()) {
        found->stored = true;
    }
}

std::optional<Uplink> Uplinks::take_ready() {
    if (under_way_.empty() || !under_way_.front().stored) {
        return std::nullopt;
    }
    const Uplink ready = under_way_.front();
    under_way_.erase(under_way_.begin());
    bytes_ -= ready.bytes;
    if (under_way_.empty()) {
        under_way_.shrink_to_fit();
    }
    return ready;
}

Uplinks::Qos2 Uplinks::qos2_state(std::uint16_t packet_id) const {
    if (std::ranges::find(unreleased_, packet_id) == unreleased_.end()) {
        return Qos2::unknown;
    }
    const bool storing = std::ranges::any_of(under_way_, [&](const Uplink& uplink) {
        return uplink.qos == 2 && uplink.packet_id == packet_id;
    });
    return storing ? Qos2::storing : Qos2::received;
}

bool Uplinks::release(std::uint16_t packet_id) {
    const bool released = std::erase(unreleased_, packet_id) > 0;
    if (unreleased_.empty()) {
        unreleased_.shrink_to_fit();
    }
    return released;
}

}  // namespace updraft::mqtt
