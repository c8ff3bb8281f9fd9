#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "protocol/jetlinks/codec.hpp"
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
struct Encoder {
    const DownlinkMessage& message;

    TopicMessage operator()(const downlink::UpgradeFirmware& firmware) const {
        json::object body;
        put_request_head(body, "UPGRADE_FIRMWARE", firmware.message_id, message);
        if (firmware.force) {
            body["headers"] = json::object{{"force", true}};
        }
        put_firmware(body, firmware);
        return at("firmware/upgrade", body);
    }

    TopicMessage operator()(const downlink::FirmwarePullReply& reply) const {
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
        return at("firmware/pull/reply", body);
    }

    TopicMessage operator()(const downlink::ReadFirmware& read) const {
        json::object body;
        put_request_head(body, "READ_FIRMWARE", read.message_id, message);
        return at("firmware/read", body);
    }

    TopicMessage operator()(const downlink::TimeSyncReply& reply) const {
        json::object body;
        put_if_given(body, "messageId", reply.message_id);
        body["timestamp"] = to_millis(reply.now);
        return {reply.topic, json::serialize(body)};
    }

    TopicMessage operator()(const downlink::OtherDownlink& command) const {
        const std::optional<DownlinkTopic> topic = downlink_topic(command.message_type);
        if (!topic) {
            return {};
        }
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
        return at(topic->rest, body);
    }

private:
    [[nodiscard]] TopicMessage at(std::string_view rest, const json::object& body) const {
        return {topic_for(message.route, rest), json::serialize(body)};
    }
};

}  // namespace

TopicMessage encode(const DownlinkMessage& message) {
    return std::visit(Encoder{message}, message.body);
}

}  // namespace updraft::jetlinks
