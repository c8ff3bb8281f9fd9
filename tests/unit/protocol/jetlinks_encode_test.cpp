#include <gtest/gtest.h>

#include "protocol/jetlinks/codec.hpp"

namespace updraft {
namespace {

const Instant now = from_millis(1735689601000);

DownlinkMessage to_d1(DownlinkBody body) {
    return {{DeviceId{"d1"}, ProductId{"p1"}, std::nullopt, {}}, now, std::move(body)};
}

DownlinkMessage to_child(DownlinkBody body) {
    return {
        {DeviceId{"c1"}, ProductId{"pc"}, DeviceId{"gw1"}, ProductId{"p0"}}, now, std::move(body)};
}

downlink::UpgradeFirmware firmware() {
    return {.message_id = "1864200000000000301",
            .url = "http://h/api/file/9ce1.bin?accessKey=6c8f",
            .version = "1.1",
            .parameters = {{"slot", "B"}},
            .sign = "5d99b396caab4bfae4e25207b62b30e2",
            .sign_method = "md5",
            .firmware_id = "1864200000000000001",
            .size_bytes = 14};
}

// Spec 4.4, "Push", byte by byte: devices with fixed-size parsers were built against this order.
TEST(JetLinksEncode, Upgrade) {
    const TopicMessage message = jetlinks::encode(to_d1(firmware()));
    EXPECT_EQ(message.topic, "/p1/d1/firmware/upgrade");
    EXPECT_EQ(message.payload,
              R"({"messageType":"UPGRADE_FIRMWARE","replyType":"UPGRADE_FIRMWARE_REPLY",)"
              R"("messageId":"1864200000000000301","deviceId":"d1","timestamp":1735689601000,)"
              R"("url":"http://h/api/file/9ce1.bin?accessKey=6c8f","version":"1.1",)"
              R"("parameters":{"slot":"B"},"sign":"5d99b396caab4bfae4e25207b62b30e2",)"
              R"("signMethod":"md5","firmwareId":"1864200000000000001","size":14})");
}

TEST(JetLinksEncode, ForcedUpgradeHasHeadersAndEmptyValuesStay) {
    downlink::UpgradeFirmware forced = firmware();
    forced.force = true;
    forced.parameters.clear();
    forced.size_bytes = 0;
    EXPECT_EQ(jetlinks::encode(to_d1(forced)).payload,
              R"({"messageType":"UPGRADE_FIRMWARE","replyType":"UPGRADE_FIRMWARE_REPLY",)"
              R"("messageId":"1864200000000000301","deviceId":"d1","timestamp":1735689601000,)"
              R"("headers":{"force":true},)"
              R"("url":"http://h/api/file/9ce1.bin?accessKey=6c8f","version":"1.1",)"
              R"("parameters":{},"sign":"5d99b396caab4bfae4e25207b62b30e2",)"
              R"("signMethod":"md5","firmwareId":"1864200000000000001","size":0})");
}

// Spec 4.3 and 5.7: everything for a child goes under its gateway's `child`.
TEST(JetLinksEncode, ChildMessagesGoThroughTheGateway) {
    const TopicMessage upgrade = jetlinks::encode(to_child(firmware()));
    EXPECT_EQ(upgrade.topic, "/p0/gw1/child/c1/firmware/upgrade");
    EXPECT_NE(upgrade.payload.find(R"("deviceId":"c1")"), std::string::npos);
    const TopicMessage reply =
        jetlinks::encode(to_child(downlink::FirmwarePullReply{"7", {}}));
    EXPECT_EQ(reply.topic, "/p0/gw1/child/c1/firmware/pull/reply");
}

TEST(JetLinksEncode, PullReply) {
    const TopicMessage message =
        jetlinks::encode(to_d1(downlink::FirmwarePullReply{"7", firmware()}));
    EXPECT_EQ(message.topic, "/p1/d1/firmware/pull/reply");
    EXPECT_EQ(message.payload,
              R"({"success":true,"messageType":"REQUEST_FIRMWARE_REPLY","messageId":"7",)"
              R"("deviceId":"d1","timestamp":1735689601000,)"
              R"("url":"http://h/api/file/9ce1.bin?accessKey=6c8f","version":"1.1",)"
              R"("parameters":{"slot":"B"},"sign":"5d99b396caab4bfae4e25207b62b30e2",)"
              R"("signMethod":"md5","firmwareId":"1864200000000000001","size":14})");
}

TEST(JetLinksEncode, NoFirmware) {
    EXPECT_EQ(jetlinks::encode(to_d1(downlink::FirmwarePullReply{"7", {}})).payload,
              R"({"success":false,"code":"NO_FIRMWARE","message":"没有可用的固件更新",)"
              R"("messageType":"REQUEST_FIRMWARE_REPLY","messageId":"7","deviceId":"d1",)"
              R"("timestamp":1735689601000})");
}

TEST(JetLinksEncode, PullWithoutMessageIdIsAnsweredWithoutOne) {
    EXPECT_EQ(jetlinks::encode(to_d1(downlink::FirmwarePullReply{"", {}})).payload,
              R"({"success":false,"code":"NO_FIRMWARE","message":"没有可用的固件更新",)"
              R"("messageType":"REQUEST_FIRMWARE_REPLY","deviceId":"d1",)"
              R"("timestamp":1735689601000})");
}

TEST(JetLinksEncode, Read) {
    const TopicMessage message = jetlinks::encode(to_d1(downlink::ReadFirmware{"m1"}));
    EXPECT_EQ(message.topic, "/p1/d1/firmware/read");
    EXPECT_EQ(message.payload,
              R"({"messageType":"READ_FIRMWARE","replyType":"READ_FIRMWARE_REPLY",)"
              R"("messageId":"m1","deviceId":"d1","timestamp":1735689601000})");
}

TEST(JetLinksEncode, TimeSync) {
    const downlink::TimeSyncReply reply{"9", "p1/d1/time-sync/reply", from_millis(1735689600123)};
    const TopicMessage message = jetlinks::encode(to_d1(reply));
    EXPECT_EQ(message.topic, "p1/d1/time-sync/reply");
    EXPECT_EQ(message.payload, R"({"messageId":"9","timestamp":1735689600123})");
}

// Spec 4.3: commands of operators pass through; route and type stay ours.
TEST(JetLinksEncode, OtherCommandsKeepTheirMembers) {
    const downlink::OtherDownlink invoke{
        "INVOKE_FUNCTION", "5",
        R"({"functionId":"f","inputs":[{"name":"a","value":1}],"deviceId":"evil","x":null})"};
    const TopicMessage message = jetlinks::encode(to_d1(invoke));
    EXPECT_EQ(message.topic, "/p1/d1/function/invoke");
    EXPECT_EQ(message.payload,
              R"({"messageType":"INVOKE_FUNCTION","replyType":"INVOKE_FUNCTION_REPLY",)"
              R"("messageId":"5","deviceId":"d1","timestamp":1735689601000,"functionId":"f",)"
              R"("inputs":[{"name":"a","value":1}]})");
}

TEST(JetLinksEncode, EveryCommandHasItsTopic) {
    const auto topic = [](std::string type) {
        return jetlinks::encode(to_d1(downlink::OtherDownlink{std::move(type), "1", "{}"})).topic;
    };
    EXPECT_EQ(topic("READ_PROPERTY"), "/p1/d1/properties/read");
    EXPECT_EQ(topic("WRITE_PROPERTY"), "/p1/d1/properties/write");
    EXPECT_EQ(topic("STATE_CHECK"), "/p1/d1/state-check");
    EXPECT_EQ(topic("DISCONNECT"), "/p1/d1/disconnect");
    EXPECT_EQ(topic("NO_SUCH_COMMAND"), "");
}

}  // namespace
}  // namespace updraft
