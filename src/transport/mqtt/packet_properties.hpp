#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "transport/mqtt/packet.hpp"

// Shared by packet_parse.cpp and packet_encode.cpp; not for others.

namespace updraft::mqtt {

/// How a property is written.
enum class PropertyForm : std::uint8_t { byte, two_bytes, four_bytes, varint, text, binary, pair };

/// Where a property may stand: a bit a packet type, and one for the will.
constexpr std::uint32_t in(PacketType type) {
    return 1U << static_cast<unsigned>(type);
}
inline constexpr std::uint32_t in_will = 1U << 16;

/// The row of table 2-4 for a property.
struct PropertyRule {
    PropertyId id;
    PropertyForm form;
    std::uint32_t where;
    std::uint32_t least = 0;            ///< smallest allowed number
    std::uint32_t most = 0xFFFF'FFFFU;  ///< largest allowed number
};

/// The rule of a property identifier; null if there is no such property.
[[nodiscard]] const PropertyRule* property_rule(std::uint8_t id);

}  // namespace updraft::mqtt
