#include "base/cut_text.hpp"
#include "protocol/jetlinks/codec.hpp"
#include "protocol/jetlinks/json_members.hpp"
#include "protocol/jetlinks/topics.hpp"
#include "protocol/jetlinks/uplink_bodies.hpp"

namespace updraft::jetlinks {
namespace {

Error malformed(Text message) {
    return Error::of(ErrorCode::malformed, std::move(message));
}

}  // namespace

Result<std::optional<UplinkMessage>> decode(std::string_view topic, std::string_view payload) {
    const std::optional<TopicParts> parts = take_apart(topic);
    const std::optional<UplinkTopic> known =
        parts ? uplink_topic(parts->rest) : std::optional<UplinkTopic>{};
    if (!known) {
        return std::optional<UplinkMessage>{};
    }
    if (parts->carrier.empty() || (parts->child && parts->child->empty())) {
        return malformed(
            text("主题 {} 中没有设备ID", "the topic {} names no device", cut(topic, 256)));
    }
    std::optional<JsonMembers> members = JsonMembers::parse(payload);
    if (!members) {
        if (parts->rest.starts_with("firmware/")) {
            return malformed(text("{} 的内容不是JSON对象", "the payload of {} is not a JSON object",
                                  cut(topic, 256)));
        }
        members.emplace();
    }

    UplinkMessage message;
    message.product = ProductId{parts->product};
    message.device = DeviceId{parts->child ? *parts->child : parts->carrier};
    if (parts->child) {
        message.gateway = DeviceId{parts->carrier};
    }
    message.timestamp = timestamp_of(*members);
    message.body = read_body(*known, *members, payload, std::string(topic) + "/reply");
    message.payload = readable(payload, kept_payload_bytes);
    return std::optional(std::move(message));
}

}  // namespace updraft::jetlinks
