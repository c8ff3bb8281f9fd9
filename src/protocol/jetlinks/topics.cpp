#include "protocol/jetlinks/topics.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"

namespace updraft::jetlinks {
namespace {

struct UplinkRow {
    std::string_view rest;
    UplinkTopic topic;
};

constexpr std::array uplinks{
    UplinkRow{"firmware/upgrade/progress", {UplinkKind::progress, "UPGRADE_FIRMWARE_PROGRESS"}},
    UplinkRow{"firmware/upgrade/reply", {UplinkKind::upgrade_reply, "UPGRADE_FIRMWARE_REPLY"}},
    UplinkRow{"firmware/pull", {UplinkKind::pull, "REQUEST_FIRMWARE"}},
    UplinkRow{"firmware/report", {UplinkKind::report, "REPORT_FIRMWARE"}},
    UplinkRow{"firmware/read/reply", {UplinkKind::read_reply, "READ_FIRMWARE_REPLY"}},
    UplinkRow{"properties/report", {UplinkKind::other, "REPORT_PROPERTY"}},
    UplinkRow{"online", {UplinkKind::online, "ONLINE"}},
    UplinkRow{"offline", {UplinkKind::offline, "OFFLINE"}},
    UplinkRow{"time-sync", {UplinkKind::time_sync, "TIME_SYNC"}},
    UplinkRow{"register", {UplinkKind::register_child, "REGISTER"}},
    UplinkRow{"unregister", {UplinkKind::unregister, "UN_REGISTER"}},
    UplinkRow{"properties/read/reply", {UplinkKind::other, "READ_PROPERTY_REPLY"}},
    UplinkRow{"properties/write/reply", {UplinkKind::other, "WRITE_PROPERTY_REPLY"}},
    UplinkRow{"function/invoke/reply", {UplinkKind::other, "INVOKE_FUNCTION_REPLY"}},
    UplinkRow{"metadata/derived", {UplinkKind::other, "DERIVED_METADATA"}},
    UplinkRow{"tags", {UplinkKind::other, "UPDATE_TAG"}},
    UplinkRow{"log", {UplinkKind::other, "LOG"}},
    UplinkRow{"direct", {UplinkKind::other, "DIRECT"}},
    UplinkRow{"state-check/reply", {UplinkKind::other, "STATE_CHECK_REPLY"}},
    UplinkRow{"disconnect/reply", {UplinkKind::other, "DISCONNECT_REPLY"}},
};

/// Those that no topic of their own stands for: an event's topic names the event, an
/// acknowledgement comes in frames only.
constexpr std::array types_without_row{
    UplinkTopic{UplinkKind::other, "EVENT"},
    UplinkTopic{UplinkKind::other, "ACKNOWLEDGE"},
};

constexpr std::array downlinks{
    DownlinkTopic{"UPGRADE_FIRMWARE", "firmware/upgrade"},
    DownlinkTopic{"REQUEST_FIRMWARE_REPLY", "firmware/pull/reply"},
    DownlinkTopic{"READ_FIRMWARE", "firmware/read"},
    DownlinkTopic{"READ_PROPERTY", "properties/read"},
    DownlinkTopic{"WRITE_PROPERTY", "properties/write"},
    DownlinkTopic{"INVOKE_FUNCTION", "function/invoke"},
    DownlinkTopic{"STATE_CHECK", "state-check"},
    DownlinkTopic{"DISCONNECT", "disconnect"},
};

/// The text before the next slash; `topic` becomes what follows the slash, or nothing if none does.
std::string_view next_segment(std::optional<std::string_view>& topic) {
    const std::size_t slash = topic->find('/');
    const std::string_view segment = topic->substr(0, slash);
    if (slash == std::string_view::npos) {
        topic.reset();
    } else {
        topic = topic->substr(slash + 1);
    }
    return segment;
}

}  // namespace

std::optional<TopicParts> take_apart(std::string_view topic) {
    if (topic.starts_with('/')) {
        topic.remove_prefix(1);
    }
    std::optional<std::string_view> left = topic;
    TopicParts parts;
    parts.product = next_segment(left);
    if (!left) {
        return std::nullopt;
    }
    parts.carrier = next_segment(left);
    if (!left) {
        return std::nullopt;
    }
    if (left->starts_with("child/") || left->starts_with("child-reply/")) {
        next_segment(left);
        parts.child = next_segment(left);
        if (!left) {
            return std::nullopt;
        }
    }
    parts.rest = *left;
    return parts;
}

std::optional<UplinkTopic> uplink_topic(std::string_view rest) {
    constexpr std::string_view event = "event/";
    if (rest.starts_with(event)) {
        const std::string_view event_id = rest.substr(event.size());
        const bool named = !event_id.empty() && event_id.find('/') == std::string_view::npos;
        return named ? std::optional(UplinkTopic{UplinkKind::other, "EVENT"}) : std::nullopt;
    }
    const auto* const row = std::ranges::find(uplinks, rest, &UplinkRow::rest);
    return row == uplinks.end() ? std::nullopt : std::optional(row->topic);
}

std::optional<UplinkTopic> uplink_type(std::string_view message_type) {
    const auto is_meant = [&](const UplinkTopic& topic) {
        return equals_ignoring_case(topic.message_type, message_type);
    };
    if (const auto* const row = std::ranges::find_if(uplinks, is_meant, &UplinkRow::topic);
        row != uplinks.end()) {
        return row->topic;
    }
    const auto* const other = std::ranges::find_if(types_without_row, is_meant);
    return other == types_without_row.end() ? std::nullopt : std::optional(*other);
}

std::optional<DownlinkTopic> downlink_topic(std::string_view message_type) {
    const auto* const row =
        std::ranges::find(downlinks, message_type, &DownlinkTopic::message_type);
    return row == downlinks.end() ? std::nullopt : std::optional(*row);
}

std::string topic_for(const DeviceRoute& route, std::string_view rest) {
    if (route.gateway) {
        return fmt::format("/{}/{}/child/{}/{}", route.gateway_product.value, route.gateway->value,
                           route.device.value, rest);
    }
    return fmt::format("/{}/{}/{}", route.product.value, route.device.value, rest);
}

}  // namespace updraft::jetlinks
