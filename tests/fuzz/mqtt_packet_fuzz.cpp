// The MQTT packet codec against arbitrary bytes. Besides not crashing:
//  - cutting the input into pieces changes nothing (the reader gives the same packets),
//  - every packet that parses can be written, and what was written parses to the same packet.
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.hpp"
#include "transport/mqtt/packet.hpp"

namespace updraft::fuzz {
namespace {

using namespace updraft::mqtt;

constexpr std::size_t packet_bytes_max = 4096;

/// All packets of the input, handed over in pieces of `step` bytes.
std::vector<Packet> read_all(std::string_view input, Version version, std::size_t step,
                             bool& failed) {
    PacketReader reader(packet_bytes_max);
    reader.set_version(version);
    std::vector<Packet> packets;
    for (std::size_t at = 0; at < input.size(); at += step) {
        reader.feed(input.substr(at, step));
        for (;;) {
            auto next = reader.next();
            if (std::holds_alternative<Packet>(next)) {
                packets.push_back(std::move(std::get<Packet>(next)));
                continue;
            }
            failed = std::holds_alternative<PacketError>(next);
            if (failed) {
                return packets;
            }
            break;
        }
    }
    return packets;
}

}  // namespace

UPDRAFT_FUZZ_TARGET(mqtt_packet) {
    if (input.empty()) {
        return;
    }
    const auto version = static_cast<Version>(3 + static_cast<unsigned char>(input.front()) % 3);
    input.remove_prefix(1);

    bool failed_whole = false;
    bool failed_bytewise = false;
    const std::vector<Packet> whole =
        read_all(input, version, input.empty() ? 1 : input.size(), failed_whole);
    const std::vector<Packet> bytewise = read_all(input, version, 1, failed_bytewise);
    UPDRAFT_ASSERT(whole == bytewise && failed_whole == failed_bytewise);

    Version current = version;
    for (const Packet& packet : whole) {
        if (const auto* connect = std::get_if<Connect>(&packet)) {
            current = connect->version;
        }
        const std::string encoded = encode_packet(packet, current);
        const ParseResult again = parse_packet(encoded, current, 2 * packet_bytes_max);
        UPDRAFT_ASSERT(std::holds_alternative<Parsed>(again));
        UPDRAFT_ASSERT(std::get<Parsed>(again).packet == packet);
        UPDRAFT_ASSERT(std::get<Parsed>(again).bytes == encoded.size());
    }
}

}  // namespace updraft::fuzz
