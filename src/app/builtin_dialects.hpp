#pragma once

#include "app/device_dialects.hpp"

namespace updraft {

/// The packages that Updraft speaks itself: JetLinks' official protocol, by topic and as frames.
/// Everything is done before the calls return.
class BuiltinDialects final : public DeviceDialects {
public:
    void decode(const SignedInDevice& from, std::string topic, std::string payload,
                Decoded done) override;
    void encode(const ProtocolId& protocol, DownlinkMessage message, Encoded done) override;
    void encode_frame(const ProtocolId& protocol, DownlinkMessage message, Encoded done) override;
};

}  // namespace updraft
