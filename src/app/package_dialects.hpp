#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>

#include "app/device_dialects.hpp"
#include "app/script_host.hpp"

namespace updraft {

/// A message that a script could not translate.
struct ScriptTrouble {
    ProtocolId package;
    DeviceId device;
    ScriptCall::Direction direction = ScriptCall::Direction::decode;
    std::string topic;  ///< of a decode
    ScriptFailure failure;
};

/// Every device in its product's dialect: Lua packages by their script, all others (JetLinks' own,
/// and uploaded ones that are metadata only) by the built-in codec. Without topics (WebSocket)
/// everybody speaks JetLinks' frames.
class PackageDialects final : public DeviceDialects {
public:
    /// Null: no scripts at all. The host outlives this.
    explicit PackageDialects(ScriptHost* scripts = nullptr) : scripts_(scripts) {}

    /// Takes a package as it is now: at the start, and whenever one is saved. Messages that come
    /// from then on are for the new script; those that wait are for the old one.
    void keep(const ProtocolPackage& package);
    void forget(const ProtocolId& id);
    /// Called for each failure, on any thread; set once, before anything runs.
    void on_trouble(std::function<void(const ScriptTrouble&)> tell) { tell_ = std::move(tell); }

    void decode(const SignedInDevice& from, std::string topic, std::string payload,
                Decoded done) override;
    void encode(const ProtocolId& protocol, DownlinkMessage message, Encoded done) override;
    void encode_frame(const ProtocolId& protocol, DownlinkMessage message, Encoded done) override;
    [[nodiscard]] std::optional<Result<std::optional<UplinkMessage>>> decode_at_once(
        const SignedInDevice& from, std::string_view topic,
        std::string_view payload) const override;
    [[nodiscard]] std::optional<TopicMessage> encode_at_once(
        const ProtocolId& protocol, const DownlinkMessage& message) const override;

private:
    using Trouble = std::function<void(const ScriptTrouble&)>;
    /// Null: not a script.
    [[nodiscard]] std::shared_ptr<const Script> script_of(const ProtocolId& id) const;

    ScriptHost* const scripts_;
    Trouble tell_;
    mutable std::shared_mutex mutex_;
    std::map<ProtocolId, std::shared_ptr<const Script>> by_id_;
};

}  // namespace updraft
