// The JetLinks codec against arbitrary topics and payloads (split at the first NUL byte): whatever
// comes out must be text that any store can hold, about the device that the topic names.
#include "protocol/jetlinks/codec.hpp"
#include "protocol/jetlinks/topics.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/jetlinks_checks.hpp"

namespace updraft::fuzz {

UPDRAFT_FUZZ_TARGET(jetlinks_decode) {
    const std::size_t split = std::min(input.find('\0'), input.size());
    const std::string_view topic = input.substr(0, split);
    if (!is_utf8(topic)) {
        return;  // MQTT lets none through
    }
    const auto result = jetlinks::decode(topic, input.substr(std::min(split + 1, input.size())));
    if (!result || !*result) {
        return;
    }
    const UplinkMessage& message = **result;
    require_sound_uplink(message);
    const auto parts = jetlinks::take_apart(topic);
    UPDRAFT_ASSERT(parts && message.gateway.has_value() == parts->child.has_value());
    UPDRAFT_ASSERT(message.device.value == parts->child.value_or(parts->carrier));
    UPDRAFT_ASSERT(jetlinks::uplink_topic(parts->rest));
}

}  // namespace updraft::fuzz
