#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/device_access.hpp"
#include "base/result.hpp"
#include "protocol/messages.hpp"

namespace updraft {

/// The messages that one payload holds, in order: mostly one, or none.
struct DecodedUplinks : std::optional<UplinkMessage> {
    using std::optional<UplinkMessage>::optional;
    DecodedUplinks(std::optional<UplinkMessage> one)  // NOLINT(google-explicit-constructor)
        : std::optional<UplinkMessage>(std::move(one)) {}
    std::vector<UplinkMessage> more;  ///< behind the first; built-in packages never have any
};

/// Bytes <-> messages for devices that speak by topic and payload (MQTT, HTTP, WebSocket), as the
/// protocol package of their product says: built in, or a Lua script. Safe from every thread; never
/// blocks.
class DeviceDialects {
public:
    virtual ~DeviceDialects() = default;

    using Decoded = std::function<void(Result<DecodedUplinks>)>;
    /// Decodes what came over the connection of `from`; an empty topic: a carrier without topics
    /// (WebSocket), whose messages say themselves what they are. `done` is called once: before this
    /// returns for a built-in package, later and on another thread for a script; always in the
    /// order of the calls for one device. Nothing: the package has no use for it. Errors:
    /// malformed (also: the script failed, or was stopped), unavailable (too much waits for it).
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

    /// What decode() and encode() would answer, where that needs no waiting; nothing for a script.
    /// For gateways that carry so much that a copy of every payload would be felt.
    [[nodiscard]] virtual std::optional<Result<std::optional<UplinkMessage>>> decode_at_once(
        const SignedInDevice& /*from*/, std::string_view /*topic*/,
        std::string_view /*payload*/) const {
        return std::nullopt;
    }
    [[nodiscard]] virtual std::optional<TopicMessage> encode_at_once(
        const ProtocolId& /*protocol*/, const DownlinkMessage& /*message*/) const {
        return std::nullopt;
    }
};

}  // namespace updraft
