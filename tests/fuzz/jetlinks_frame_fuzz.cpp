// Frames of a WebSocket against arbitrary text: whatever comes out must be text that any store can
// hold, and a frame never speaks for a device without saying so.
#include "protocol/jetlinks/frame.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/jetlinks_checks.hpp"

namespace updraft::fuzz {

UPDRAFT_FUZZ_TARGET(jetlinks_frame) {
    const DeviceId device{"d1"};
    const auto result = jetlinks::decode_frame(input, ProductId{"p1"}, device);
    if (result && *result) {
        const UplinkMessage& message = **result;
        require_sound_uplink(message);
        UPDRAFT_ASSERT(message.gateway.has_value() == (message.device != device));
    }
}

}  // namespace updraft::fuzz
