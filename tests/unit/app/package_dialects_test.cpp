#include "app/package_dialects.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/protocol_service.hpp"

namespace updraft {
namespace {

using testing::HasSubstr;

/// Answers each call at once with what the test has laid out.
class LaidOutHost final : public ScriptHost {
public:
    void call(std::shared_ptr<const Script> script, ScriptCall call, Answered done) override {
        scripts.push_back(std::move(script));
        calls.push_back(std::move(call));
        done(answer);
    }
    std::expected<ScriptDeclaration, ScriptFailure> check(const std::string&) override {
        return ScriptDeclaration{};
    }
    ScriptAnswer attempt(const std::string&, const ScriptCall&) override { return answer; }

    ScriptAnswer answer;
    std::vector<std::shared_ptr<const Script>> scripts;
    std::vector<ScriptCall> calls;
};

struct PackageDialectsTest : testing::Test {
    LaidOutHost host;
    PackageDialects dialects{&host};
    std::vector<ScriptTrouble> troubles;

    PackageDialectsTest() {
        dialects.on_trouble([this](const ScriptTrouble& each) { troubles.push_back(each); });
        dialects.keep(package("return 1"));
    }
    static ProtocolPackage package(std::string script) {
        ProtocolPackage package;
        package.id = ProtocolId("acme");
        package.type = protocol_type_lua;
        package.script = std::move(script);
        return package;
    }
    static SignedInDevice device(const char* protocol = "acme") {
        return {DeviceId("d1"), ProductId("p1"), ProtocolId(protocol)};
    }
    Result<DecodedUplinks> decode(const SignedInDevice& from, std::string topic,
                                  std::string payload) {
        Result<DecodedUplinks> result = DecodedUplinks{};
        dialects.decode(from, std::move(topic), std::move(payload),
                        [&](Result<DecodedUplinks> decoded) { result = std::move(decoded); });
        return result;
    }
    Result<TopicMessage> encode(const char* protocol) {
        Result<TopicMessage> result = TopicMessage{};
        DownlinkMessage message{{DeviceId("c1"), ProductId("p1"), DeviceId("gw"), ProductId("p2")},
                                from_millis(5),
                                downlink::ReadFirmware{"m1"}};
        dialects.encode(ProtocolId(protocol), std::move(message),
                        [&](Result<TopicMessage> encoded) { result = std::move(encoded); });
        return result;
    }
};

TEST_F(PackageDialectsTest, OnlyDevicesOfAScriptMeetIt) {
    for (const char* protocol : {"jetlinks.v3.0", "jetlinks.v2.0", "some.jar", ""}) {
        const auto decoded = decode(device(protocol), "/p1/d1/online", "{}");
        ASSERT_TRUE(decoded && *decoded) << protocol;
        EXPECT_TRUE(dialects.decode_at_once(device(protocol), "/p1/d1/online", "{}"));
    }
    EXPECT_TRUE(host.calls.empty());
    EXPECT_FALSE(dialects.decode_at_once(device(), "/p1/d1/online", "{}"));
    (void)decode(device(), "up", "bytes");
    ASSERT_EQ(host.calls.size(), 1U);
    EXPECT_EQ(host.calls[0].topic, "up");
    EXPECT_EQ(host.calls[0].payload, "bytes");
    EXPECT_EQ(host.calls[0].device, DeviceId("d1"));
}

TEST_F(PackageDialectsTest, ReadsTheScriptsMessagesInOrder) {
    host.answer.items = {R"({"messageType":"REPORT_FIRMWARE","version":"1"})",
                         R"({"messageType":"NOTHING_KNOWN"})",
                         R"({"messageType":"ONLINE","deviceId":"child"})"};
    const auto decoded = decode(device(), "up", "");
    ASSERT_TRUE(decoded && *decoded);
    EXPECT_EQ(std::get<uplink::FirmwareReport>((*decoded)->body).version, "1");
    ASSERT_EQ(decoded->more.size(), 1U);
    EXPECT_EQ(decoded->more[0].device, DeviceId("child"));
    EXPECT_EQ(decoded->more[0].gateway, DeviceId("d1"));
    EXPECT_TRUE(troubles.empty());
}

TEST_F(PackageDialectsTest, AFailureIsToldAndRefused) {
    host.answer.failure = ScriptFailure{ScriptFailure::Kind::script, {"错", "wrong"}, 12};
    const auto decoded = decode(device(), "up", "");
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, ErrorCode::malformed);
    EXPECT_EQ(decoded.error().message.en, "line 12: wrong");
    EXPECT_EQ(decoded.error().message.zh, "第12行: 错");
    ASSERT_EQ(troubles.size(), 1U);
    EXPECT_EQ(troubles[0].device, DeviceId("d1"));
    EXPECT_EQ(troubles[0].topic, "up");

    host.answer.failure->kind = ScriptFailure::Kind::later;
    EXPECT_EQ(decode(device(), "up", "").error().code, ErrorCode::unavailable);
    EXPECT_FALSE(encode("acme"));
    EXPECT_EQ(troubles.back().direction, ScriptCall::Direction::encode);
}

// A worker that was taken over may say what it likes.
TEST_F(PackageDialectsTest, WhatIsNoMessageIsRefused) {
    host.answer.items = {"no json"};
    EXPECT_FALSE(decode(device(), "up", ""));
    EXPECT_EQ(troubles.size(), 1U);
}

TEST_F(PackageDialectsTest, EncodesByTheScript) {
    host.answer.items = {"down", std::string("\0\1", 2)};
    const auto encoded = encode("acme");
    ASSERT_TRUE(encoded);
    EXPECT_EQ(encoded->topic, "down");
    EXPECT_EQ(encoded->payload, std::string("\0\1", 2));
    EXPECT_THAT(host.calls[0].payload, HasSubstr(R"("messageType":"READ_FIRMWARE")"));
    EXPECT_EQ(host.calls[0].device, DeviceId("c1"));
    EXPECT_EQ(host.calls[0].gateway, DeviceId("gw"));
    host.answer.items.clear();
    EXPECT_TRUE(encode("acme")->topic.empty());
    EXPECT_THAT(encode("jetlinks.v3.0")->topic, HasSubstr("/firmware/read"));
}

TEST_F(PackageDialectsTest, ASavedScriptReplacesTheOldOne) {
    (void)decode(device(), "up", "");
    dialects.keep(package("return 1"));
    (void)decode(device(), "up", "");
    EXPECT_EQ(host.scripts[0], host.scripts[1]);  // the same: its worker stays
    dialects.keep(package("return 2"));
    (void)decode(device(), "up", "");
    EXPECT_EQ(host.scripts[2]->text, "return 2");

    ProtocolPackage jar = package("");
    jar.type = protocol_type_jar;
    dialects.keep(jar);
    EXPECT_TRUE(dialects.decode_at_once(device(), "/p1/d1/online", "{}"));
    dialects.keep(package("return 3"));
    dialects.forget(ProtocolId("acme"));
    EXPECT_TRUE(dialects.decode_at_once(device(), "/p1/d1/online", "{}"));
}

}  // namespace
}  // namespace updraft
