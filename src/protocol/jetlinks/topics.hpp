#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/messages.hpp"

namespace updraft::jetlinks {

/// The uplinks that mean something to upgrades, and `other` for the known ones that do not.
enum class UplinkKind : std::uint8_t {
    pull,
    report,
    read_reply,
    upgrade_reply,
    progress,
    online,
    offline,
    time_sync,
    register_child,
    unregister,
    other,
};

/// A topic taken apart: `/{product}/{device}/rest` or `/{product}/{gateway}/child/{child}/rest`.
struct TopicParts {
    std::string_view product;
    std::string_view carrier;  ///< the second segment: the device itself, or the child's gateway
    std::optional<std::string_view> child;
    std::string_view rest;  ///< without a leading slash: `firmware/pull`
};

/// Takes an uplink topic apart; the leading slash is optional (spec 4.2). Nothing if it has too few
/// segments to name a message.
[[nodiscard]] std::optional<TopicParts> take_apart(std::string_view topic);

/// What a known uplink topic means.
struct UplinkTopic {
    UplinkKind kind;
    std::string_view message_type;  ///< JetLinks' name, e.g. "REPORT_PROPERTY"
};

/// The row of spec 4.3 for an uplink; nothing for an unknown or a downlink topic.
[[nodiscard]] std::optional<UplinkTopic> uplink_topic(std::string_view rest);

/// The same by JetLinks' name of the message, in any case (spec 4.6); nothing for an unknown or a
/// downlink type.
[[nodiscard]] std::optional<UplinkTopic> uplink_type(std::string_view message_type);

/// The row of spec 4.3 for a downlink.
struct DownlinkTopic {
    std::string_view message_type;
    std::string_view rest;  ///< `properties/read`
};

/// The topic of a command by its message type; nothing for a type that has none.
[[nodiscard]] std::optional<DownlinkTopic> downlink_topic(std::string_view message_type);

/// Where a downlink goes: `/{product}/{device}/rest`, for a child below its gateway under `child`.
[[nodiscard]] std::string topic_for(const DeviceRoute& route, std::string_view rest);

}  // namespace updraft::jetlinks
