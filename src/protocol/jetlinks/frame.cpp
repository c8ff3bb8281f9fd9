#include "protocol/jetlinks/frame.hpp"

#include "protocol/jetlinks/uplink_bodies.hpp"

namespace updraft::jetlinks {
namespace {

/// What a frame without a messageType is, by its members, in the order of spec 4.6. Nothing for
/// what only the server says (INVOKE_FUNCTION, READ_PROPERTY) and for UNKNOWN.
std::optional<UplinkTopic> guess(const JsonMembers& members) {
    const auto has = [&](std::string_view name) { return members.kind(name).has_value(); };
    if (has("event")) {
        return uplink_type("EVENT");
    }
    if (has("functionId")) {
        return has("inputs") ? std::nullopt : uplink_type("INVOKE_FUNCTION_REPLY");
    }
    const std::optional<JsonMembers::Kind> properties = members.kind("properties");
    if (properties == JsonMembers::Kind::array) {
        return std::nullopt;
    }
    if (properties == JsonMembers::Kind::object) {
        return uplink_type("READ_PROPERTY_REPLY");
    }
    if (has("tags")) {
        return uplink_type("UPDATE_TAG");
    }
    return has("success") ? uplink_type("ACKNOWLEDGE") : std::nullopt;
}

std::optional<UplinkTopic> type_of(const JsonMembers& members) {
    const std::string said = members.text("messageType");
    return said.empty() ? guess(members) : uplink_type(said);
}

}  // namespace

Result<std::optional<UplinkMessage>> decode_frame(std::string_view text, const ProductId& product,
                                                  const DeviceId& device) {
    const std::optional<JsonMembers> members = JsonMembers::parse(text);
    if (!members) {
        return Error::of(ErrorCode::malformed,
                         updraft::text("消息不是JSON对象", "the message is not a JSON object"));
    }
    const std::optional<UplinkTopic> known = type_of(*members);
    if (!known) {
        return std::optional<UplinkMessage>{};
    }
    UplinkMessage message;
    message.product = product;
    message.device = device;
    if (const std::string about = members->text("deviceId");
        !about.empty() && about != device.value) {
        message.device = DeviceId{about};
        message.gateway = device;
    }
    const DeviceRoute route{message.device, product, message.gateway, product};
    message.timestamp = timestamp_of(*members);
    message.body = read_body(*known, *members, text, topic_for(route, "time-sync/reply"));
    message.payload = readable(text, kept_payload_bytes);
    return std::optional(std::move(message));
}

}  // namespace updraft::jetlinks
