#include "protocol/jetlinks/frame.hpp"

#include <gtest/gtest.h>

#include "protocol/jetlinks/codec.hpp"

namespace updraft {
namespace {

const ProductId p1{"p1"};
const DeviceId d1{"d1"};

/// The decoded frame of d1; fails the test if there is none.
UplinkMessage decoded(std::string_view frame) {
    const Result<std::optional<UplinkMessage>> result = jetlinks::decode_frame(frame, p1, d1);
    if (!result || !*result) {
        ADD_FAILURE() << "not decoded: " << frame;
        return {};
    }
    return **result;
}

bool is_nothing(std::string_view frame) {
    const Result<std::optional<UplinkMessage>> result = jetlinks::decode_frame(frame, p1, d1);
    return result.has_value() && !result->has_value();
}

template <class Body>
Body body_of(std::string_view frame) {
    const UplinkMessage message = decoded(frame);
    const Body* body = std::get_if<Body>(&message.body);
    if (body == nullptr) {
        ADD_FAILURE() << "another kind of message: " << frame;
        return {};
    }
    return *body;
}

std::string other_type(std::string_view frame) {
    return body_of<uplink::OtherUplink>(frame).message_type;
}

DownlinkMessage to_d1(DownlinkBody body) {
    return {{d1, p1, {}, {}}, from_millis(1735689601000), std::move(body)};
}

// Spec 4.6: the bodies of 4.4 with a messageType.
TEST(JetLinksFrame, PullIsThatOfTheTopic) {
    const auto pull = body_of<uplink::FirmwarePull>(
        R"({"messageType":"REQUEST_FIRMWARE","messageId":"7","currentVersion":"1.0",)"
        R"("headers":{"latest":true}})");
    EXPECT_EQ(pull.message_id, "7");
    EXPECT_EQ(pull.request.current_version, "1.0");
    EXPECT_TRUE(pull.request.latest);
}

TEST(JetLinksFrame, EveryFirmwareTypeIsKnown) {
    EXPECT_EQ(body_of<uplink::UpgradeReply>(
                  R"({"messageType":"UPGRADE_FIRMWARE_REPLY","messageId":"m","success":false,)"
                  R"("message":"电量不足"})")
                  .message,
              "电量不足");
    EXPECT_EQ(body_of<uplink::UpgradeProgress>(
                  R"({"messageType":"UPGRADE_FIRMWARE_PROGRESS","progress":"55","version":1.10})")
                  .version,
              "1.10");
    EXPECT_EQ(body_of<uplink::FirmwareReport>(
                  R"({"messageType":"REPORT_FIRMWARE","version":"1.1","properties":{"hw":"r2"}})")
                  .properties.at("hw"),
              "r2");
    EXPECT_EQ(body_of<uplink::FirmwareReadReply>(
                  R"({"messageType":"READ_FIRMWARE_REPLY","messageId":"m1","version":"1.1"})")
                  .message_id,
              "m1");
    body_of<uplink::Online>(R"({"messageType":"ONLINE"})");
    body_of<uplink::Offline>(R"({"messageType":"OFFLINE"})");
    body_of<uplink::Unregister>(R"({"messageType":"UN_REGISTER"})");
}

TEST(JetLinksFrame, TypeMayBeLowerCase) {
    body_of<uplink::FirmwarePull>(R"({"messageType":"request_firmware"})");
    EXPECT_EQ(other_type(R"({"messageType":"report_property","properties":{"t":1}})"),
              "REPORT_PROPERTY");
    EXPECT_EQ(other_type(R"({"messageType":"event","event":"e","data":1})"), "EVENT");
}

// Spec 4.6: the order of guessing is part of the protocol.
TEST(JetLinksFrame, TypeIsGuessedInOrder) {
    EXPECT_EQ(other_type(R"({"event":"e","functionId":"f","properties":{},"success":true})"),
              "EVENT");
    EXPECT_TRUE(is_nothing(R"({"functionId":"f","inputs":[],"tags":{}})"));
    EXPECT_EQ(other_type(R"({"functionId":"f","output":1,"success":true})"),
              "INVOKE_FUNCTION_REPLY");
    EXPECT_TRUE(is_nothing(R"({"properties":["t"],"success":true})"));
    EXPECT_EQ(other_type(R"({"properties":{},"tags":{}})"), "READ_PROPERTY_REPLY");
    EXPECT_EQ(other_type(R"({"tags":{"a":"b"},"success":true})"), "UPDATE_TAG");
    EXPECT_EQ(other_type(R"({"success":false,"messageId":"m"})"), "ACKNOWLEDGE");
}

// A frame that says nothing, or what only the server says, is ignored, not refused.
TEST(JetLinksFrame, WhatMeansNothingIsIgnored) {
    EXPECT_TRUE(is_nothing(R"({})"));
    EXPECT_TRUE(is_nothing(R"({"messageType":"UPGRADE_FIRMWARE","url":"u"})"));
    EXPECT_TRUE(is_nothing(R"({"messageType":"NO_SUCH"})"));
    // A firmware frame always needs its type.
    EXPECT_TRUE(is_nothing(R"({"progress":100,"complete":true,"version":"1.1"})"));
}

TEST(JetLinksFrame, NoJsonObjectIsMalformed) {
    for (const std::string_view frame : {"[1]", "not json", "{\"a\":", "\"text\""}) {
        const auto result = jetlinks::decode_frame(frame, p1, d1);
        ASSERT_FALSE(result.has_value()) << frame;
        EXPECT_EQ(result.error().code, ErrorCode::malformed);
    }
}

TEST(JetLinksFrame, OtherDeviceIdIsAChildOfTheConnection) {
    const UplinkMessage own = decoded(R"({"messageType":"REPORT_FIRMWARE","deviceId":"d1"})");
    EXPECT_EQ(own.device, d1);
    EXPECT_FALSE(own.gateway);

    const UplinkMessage child =
        decoded(R"({"messageType":"REPORT_FIRMWARE","deviceId":"c1","version":"2"})");
    EXPECT_EQ(child.device, DeviceId{"c1"});
    EXPECT_EQ(child.gateway, d1);
    EXPECT_EQ(child.product, p1);
}

TEST(JetLinksFrame, TimeSyncIsAnsweredAsAFrame) {
    const auto sync = body_of<uplink::TimeSync>(R"({"messageType":"TIME_SYNC","messageId":"9"})");
    EXPECT_EQ(sync.message_id, "9");
    EXPECT_EQ(jetlinks::encode_frame(to_d1(
                  downlink::TimeSyncReply{"9", sync.reply_topic, from_millis(1735689600123)})),
              R"({"messageType":"TIME_SYNC_REPLY","messageId":"9","deviceId":"d1",)"
              R"("timestamp":1735689600123})");
}

// Golden: the frame is the topic's body, whose messageType a frame needs anyway.
TEST(JetLinksFrame, DownlinksAreThoseOfTheTopics) {
    downlink::UpgradeFirmware firmware;
    firmware.message_id = "301";
    firmware.url = "http://h/f.bin";
    firmware.version = "1.1";
    firmware.parameters = {{"slot", "B"}};
    firmware.sign = "5d";
    firmware.sign_method = "md5";
    firmware.firmware_id = "1";
    firmware.size_bytes = 14;
    for (const DownlinkMessage& message :
         {to_d1(firmware), to_d1(downlink::FirmwarePullReply{"7", firmware}),
          to_d1(downlink::FirmwarePullReply{"7", {}}), to_d1(downlink::ReadFirmware{"m1"}),
          to_d1(downlink::OtherDownlink{"READ_PROPERTY", "m2", R"({"properties":["t"]})"})}) {
        EXPECT_EQ(jetlinks::encode_frame(message), jetlinks::encode(message).payload);
        EXPECT_NE(jetlinks::encode_frame(message).find("\"messageType\":"), std::string::npos);
    }
}

TEST(JetLinksFrame, ChildIsNamedByItsId) {
    const DownlinkMessage message{{DeviceId{"c1"}, ProductId{"p2"}, d1, p1},
                                  from_millis(1735689601000),
                                  downlink::ReadFirmware{"m1"}};
    EXPECT_EQ(jetlinks::encode_frame(message),
              R"({"messageType":"READ_FIRMWARE","replyType":"READ_FIRMWARE_REPLY",)"
              R"("messageId":"m1","deviceId":"c1","timestamp":1735689601000})");
}

// A command without a topic of its own cannot go by topic, but as a frame it can.
TEST(JetLinksFrame, CommandNeedsNoTopic) {
    const DownlinkMessage message = to_d1(downlink::OtherDownlink{"REBOOT", "m3", "{}"});
    EXPECT_TRUE(jetlinks::encode(message).topic.empty());
    EXPECT_EQ(jetlinks::encode_frame(message),
              R"({"messageType":"REBOOT","replyType":"REBOOT_REPLY","messageId":"m3",)"
              R"("deviceId":"d1","timestamp":1735689601000})");
}

}  // namespace
}  // namespace updraft
