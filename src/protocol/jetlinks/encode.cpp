#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "protocol/jetlinks/codec.hpp"
#include "protocol/jetlinks/frame.hpp"
#include "protocol/jetlinks/topics.hpp"

namespace updraft::jetlinks {
namespace {

namespace json = boost::json;

void put_if_given(json::object& body, std::string_view name, const std::string& value) {
    if (!value.empty()) {
        body[name] = value;
    }
}

/// Members that every downlink opens with (spec 4.1).
void put_head(json::object& body, std::string_view message_type, const std::string& message_id,
              const DownlinkMessage& message) {
    body["messageType"] = message_type;
    put_if_given(body, "messageId", message_id);
    body["deviceId"] = message.route.device.value;
    body["timestamp"] = to_millis(message.timestamp);
}

/// The same for a command that expects an answer.
void put_request_head(json::object& body, const std::string& message_type,
                      const std::string& message_id, const DownlinkMessage& message) {
    body["messageType"] = message_type;
    body["replyType"] = message_type + "_REPLY";
    put_if_given(body, "messageId", message_id);
    body["deviceId"] = message.route.device.value;
    body["timestamp"] = to_millis(message.timestamp);
}

void put_firmware(json::object& body, const downlink::UpgradeFirmware& firmware) {
    json::object parameters;
    for (const auto& [id, value] : firmware.parameters) {
        parameters[id] = value;
    }
    body["url"] = firmware.url;
    body["version"] = firmware.version;
    body["parameters"] = std::move(parameters);
    body["sign"] = firmware.sign;
    body["signMethod"] = firmware.sign_method;
    body["firmwareId"] = firmware.firmware_id;
    body["size"] = firmware.size_bytes;
}

/// One overload a downlink (spec 4.4, in its member order); the order is part of the golden tests.
struct BodyOf {
    const DownlinkMessage& message;

    json::object operator()(const downlink::UpgradeFirmware& firmware) const {
        json::object body;
        put_request_head(body, "UPGRADE_FIRMWARE", firmware.message_id, message);
        if (firmware.force) {
            body["headers"] = json::object{{"force", true}};
        }
        put_firmware(body, firmware);
        return body;
    }

    json::object operator()(const downlink::FirmwarePullReply& reply) const {
        json::object body;
        body["success"] = reply.firmware.has_value();
        if (!reply.firmware) {
            body["code"] = "NO_FIRMWARE";
            body["message"] = "没有可用的固件更新";
        }
        put_head(body, "REQUEST_FIRMWARE_REPLY", reply.message_id, message);
        if (reply.firmware) {
            put_firmware(body, *reply.firmware);
        }
        return body;
    }

    json::object operator()(const downlink::ReadFirmware& read) const {
        json::object body;
        put_request_head(body, "READ_FIRMWARE", read.message_id, message);
        return body;
    }

    /// As by topic: `{"messageId","timestamp"}` and nothing else.
    json::object operator()(const downlink::TimeSyncReply& reply) const {
        json::object body;
        put_if_given(body, "messageId", reply.message_id);
        body["timestamp"] = to_millis(reply.now);
        return body;
    }

    json::object operator()(const downlink::OtherDownlink& command) const {
        json::object body;
        put_request_head(body, command.message_type, command.message_id, message);
        boost::system::error_code error;
        const json::value given = json::parse(command.body, error);
        if (!error && given.is_object()) {
            for (const auto& [name, value] : given.get_object()) {
                if (!value.is_null()) {
                    body.emplace(name, value);  // keeps the members above: the route is ours to say
                }
            }
        }
        return body;
    }
};

/// Where a downlink goes; empty for a command that has no topic.
struct TopicOf {
    const DeviceRoute& route;

    std::string operator()(const downlink::UpgradeFirmware& /*firmware*/) const {
        return topic_for(route, "firmware/upgrade");
    }
    std::string operator()(const downlink::FirmwarePullReply& /*reply*/) const {
        return topic_for(route, "firmware/pull/reply");
    }
    std::string operator()(const downlink::ReadFirmware& /*read*/) const {
        return topic_for(route, "firmware/read");
    }
    std::string operator()(const downlink::TimeSyncReply& reply) const { return reply.topic; }
    std::string operator()(const downlink::OtherDownlink& command) const {
        const std::optional<DownlinkTopic> topic = downlink_topic(command.message_type);
        return topic ? topic_for(route, topic->rest) : std::string();
    }
};

}  // namespace

TopicMessage encode(const DownlinkMessage& message) {
    std::string topic = std::visit(TopicOf{message.route}, message.body);
    if (topic.empty()) {
        return {};
    }
    return {std::move(topic), json::serialize(std::visit(BodyOf{message}, message.body))};
}

std::string encode_frame(const DownlinkMessage& message) {
    if (const auto* sync = std::get_if<downlink::TimeSyncReply>(&message.body)) {
        json::object body;
        put_head(body, "TIME_SYNC_REPLY", sync->message_id, message);
        body["timestamp"] = to_millis(sync->now);
        return json::serialize(body);
    }
    return json::serialize(std::visit(BodyOf{message}, message.body));
}

}  // namespace updraft::jetlinks
