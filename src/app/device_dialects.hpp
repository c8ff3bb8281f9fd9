#pragma once

#include <functional>
#include <optional>
#include <string>

#include "app/device_access.hpp"
#include "base/result.hpp"
#include "protocol/messages.hpp"

namespace updraft {

/// Bytes <-> messages for devices that speak by topic and payload (MQTT, HTTP, WebSocket), as the
/// protocol package of their product says: built in, or a Lua script. Safe from every thread; never
/// blocks.
class DeviceDialects {
public:
    virtual ~DeviceDialects() = default;

    using Decoded = std::function<void(Result<std::optional<UplinkMessage>>)>;
    /// Decodes what came over the connection of `from`; an empty topic: a carrier without topics
    /// (WebSocket), whose messages say themselves what they are. `done` is called once: before this
    /// returns for a built-in package, later and on another thread for a script; always in the
    /// order of the calls for one device. Nothing: the package has no use for it. Errors:
    /// malformed, unavailable (the script was stopped, or too much waits for it).
    virtual void decode(const SignedInDevice& from, std::string topic, std::string payload,
                        Decoded done) = 0;

    using Encoded = std::function<void(Result<TopicMessage>)>;
    /// Encodes a downlink for a device whose product speaks `protocol`. An empty topic: the package
    /// has no words for it. Otherwise as decode().
    virtual void encode(const ProtocolId& protocol, DownlinkMessage message, Encoded done) = 0;

    /// The same for a carrier without topics. A package that has one form only sends encode()'s
    /// payload; the topic is not looked at, but an empty one with an empty payload says: no words.
    virtual void encode_frame(const ProtocolId& protocol, DownlinkMessage message, Encoded done) {
        encode(protocol, std::move(message), std::move(done));
    }
};

}  // namespace updraft
