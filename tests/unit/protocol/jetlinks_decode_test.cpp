#include <gtest/gtest.h>

#include "protocol/jetlinks/codec.hpp"

namespace updraft {
namespace {

/// The decoded message; fails the test if there is none.
UplinkMessage decoded(std::string_view topic, std::string_view payload) {
    const Result<std::optional<UplinkMessage>> result = jetlinks::decode(topic, payload);
    if (!result || !*result) {
        ADD_FAILURE() << "not decoded: " << topic << " " << payload;
        return {};
    }
    return **result;
}

template <class Body>
Body body_of(std::string_view topic, std::string_view payload) {
    const UplinkMessage message = decoded(topic, payload);
    const Body* body = std::get_if<Body>(&message.body);
    if (body == nullptr) {
        ADD_FAILURE() << "another kind of message: " << topic;
        return {};
    }
    return *body;
}

ProgressReport progress(std::string_view payload) {
    return body_of<uplink::UpgradeProgress>("/p1/d1/firmware/upgrade/progress", payload).report;
}

// Spec 4.4: the example of a pull, member by member.
TEST(JetLinksDecode, PullCarriesVersionsAndHeaders) {
    const auto pull = body_of<uplink::FirmwarePull>(
        "/p1/d1/firmware/pull",
        R"({"messageId":"7","timestamp":1735689600000,"currentVersion":"1.0","requestVersion":"",)"
        R"("headers":{"latest":"true","force":false}})");
    EXPECT_EQ(pull.message_id, "7");
    EXPECT_EQ(pull.request.current_version, "1.0");
    EXPECT_EQ(pull.request.request_version, "");
    EXPECT_TRUE(pull.request.latest);
    EXPECT_FALSE(pull.request.force);
}

TEST(JetLinksDecode, PathNamesDeviceAndProductWhateverTheBodySays) {
    const UplinkMessage message =
        decoded("/p1/d1/firmware/pull", R"({"deviceId":"other","timestamp":1735689600000})");
    EXPECT_EQ(message.device, DeviceId{"d1"});
    EXPECT_EQ(message.product, ProductId{"p1"});
    EXPECT_FALSE(message.gateway);
    EXPECT_EQ(message.timestamp, from_millis(1735689600000));
}

// Spec 7, vector "topic without slash".
TEST(JetLinksDecode, LeadingSlashIsOptional) {
    EXPECT_EQ(decoded("p1/d1/firmware/pull", "{}").device, DeviceId{"d1"});
}

TEST(JetLinksDecode, EmptyPayloadIsAnEmptyObject) {
    const UplinkMessage message = decoded("/p1/d1/firmware/pull", "");
    EXPECT_TRUE(std::holds_alternative<uplink::FirmwarePull>(message.body));
    EXPECT_FALSE(message.timestamp);
    EXPECT_TRUE(std::holds_alternative<uplink::FirmwarePull>(
        decoded("/p1/d1/firmware/pull", " \r\n").body));
}

// Spec 5.7 and 4.3: a gateway may use either spelling.
TEST(JetLinksDecode, ChildMessagesNameChildAndGateway) {
    for (const std::string_view topic : {"/p0/gw1/child/c1/firmware/upgrade/progress",
                                         "p0/gw1/child-reply/c1/firmware/upgrade/progress"}) {
        const UplinkMessage message = decoded(topic, R"({"progress":3,"deviceId":"gw1"})");
        EXPECT_EQ(message.device, DeviceId{"c1"}) << topic;
        EXPECT_EQ(message.gateway, DeviceId{"gw1"}) << topic;
        EXPECT_EQ(message.product, ProductId{"p0"}) << topic;
        EXPECT_TRUE(std::holds_alternative<uplink::UpgradeProgress>(message.body)) << topic;
    }
}

// Spec 7: the four progress vectors, by their decoded members and their meaning.
TEST(JetLinksDecode, ProgressKeepsAbsentMembersAbsent) {
    const ProgressReport done = progress(R"({"complete":true,"version":"1.1"})");
    EXPECT_TRUE(done.complete);
    EXPECT_FALSE(done.success);
    EXPECT_FALSE(done.progress_percent);

    const ProgressReport running =
        progress(R"({"progress":30,"complete":false,"success":false,"version":"1.1"})");
    EXPECT_FALSE(running.complete);
    EXPECT_EQ(running.success, false);
    EXPECT_EQ(running.progress_percent, 30);

    const ProgressReport failed =
        progress(R"({"success":false,"errorReason":"x","version":"1.1"})");
    EXPECT_EQ(failed.success, false);
    EXPECT_EQ(failed.error_reason, "x");
}

TEST(JetLinksDecode, ProgressCoercesNumbersAndStrings) {
    const auto message = body_of<uplink::UpgradeProgress>("/p1/d1/firmware/upgrade/progress",
                                                          R"({"progress":"55","version":1.1})");
    EXPECT_EQ(message.report.progress_percent, 55);
    EXPECT_EQ(message.version, "1.1");
}

// A version is matched as text: 1.10 must not become 1.1, nor a 19-digit id lose its last digits.
TEST(JetLinksDecode, NumbersKeepTheirDigitsAsText) {
    const auto message = body_of<uplink::UpgradeProgress>(
        "/p1/d1/firmware/upgrade/progress", R"({"version":1.10,"firmwareId":1864200000000000001})");
    EXPECT_EQ(message.version, "1.10");
    EXPECT_EQ(message.firmware_id, "1864200000000000001");
}

struct Coercion {
    std::string_view value;
    std::optional<int> percent;
    std::optional<bool> truth;
};

TEST(JetLinksDecode, CoercionTable) {
    for (const Coercion& row : std::initializer_list<Coercion>{
             {"55", 55, true},
             {"55.7", 55, true},
             {"\" 55 \"", 55, true},
             {"\"5e1\"", 50, true},
             {"0", 0, false},
             {"\"0\"", 0, false},
             {"\"\"", {}, {}},
             {"null", {}, {}},
             {"true", {}, true},
             {"\"TRUE\"", {}, true},
             {"\"false\"", {}, false},
             {"\"abc\"", {}, {}},
             {"[1]", {}, {}},
             {"{\"a\":1}", {}, {}},
             {"1e400", {}, {}},
             {"\"nan\"", {}, {}},
             {"-5", -5, true},
             {"99999999999999999999", {}, {}},
         }) {
        const ProgressReport report =
            progress(fmt::format(R"({{"progress":{0},"success":{0}}})", row.value));
        EXPECT_EQ(report.progress_percent, row.percent) << row.value;
        EXPECT_EQ(report.success, row.truth) << row.value;
    }
}

TEST(JetLinksDecode, LastOfRepeatedMembersCounts) {
    EXPECT_EQ(progress(R"({"progress":1,"progress":2})").progress_percent, 2);
}

TEST(JetLinksDecode, ReportKeepsPropertiesAsText) {
    const auto report = body_of<uplink::FirmwareReport>(
        "/p1/d1/firmware/report",
        R"({"version":"1.1","properties":{"hw":"r2","n":3,"t":true,"none":null,)"
        R"("deep":{"a":[1,"x",{"b":null}],"c":{}}},"more":{"hw":"no"}})");
    EXPECT_EQ(report.version, "1.1");
    const std::map<std::string, std::string> expected{
        {"hw", "r2"}, {"n", "3"}, {"t", "true"}, {"deep", R"({"a":[1,"x",{"b":null}],"c":{}})"}};
    EXPECT_EQ(report.properties, expected);
}

TEST(JetLinksDecode, RepliesAreSuccessfulUnlessTheySayOtherwise) {
    const auto plain =
        body_of<uplink::UpgradeReply>("/p1/d1/firmware/upgrade/reply", R"({"messageId":301})");
    EXPECT_TRUE(plain.success);
    EXPECT_EQ(plain.message_id, "301");
    const auto refusal = body_of<uplink::UpgradeReply>(
        "/p1/d1/firmware/upgrade/reply",
        R"({"messageId":"m","success":false,"code":"LOW_BATTERY","message":"电量不足"})");
    EXPECT_FALSE(refusal.success);
    EXPECT_EQ(refusal.code, "LOW_BATTERY");
    EXPECT_EQ(refusal.message, "电量不足");
    const auto read = body_of<uplink::FirmwareReadReply>(
        "/p1/d1/firmware/read/reply", R"({"messageId":"m1","version":"1.1","properties":{}})");
    EXPECT_TRUE(read.success);
    EXPECT_EQ(read.version, "1.1");
}

// Spec 4.4: the reply goes where the request came from, with or without slash.
TEST(JetLinksDecode, TimeSyncRemembersItsReplyTopic) {
    EXPECT_EQ(body_of<uplink::TimeSync>("/p1/d1/time-sync", R"({"messageId":"9"})").reply_topic,
              "/p1/d1/time-sync/reply");
    const auto bare = body_of<uplink::TimeSync>("p1/d1/time-sync", "not json");
    EXPECT_EQ(bare.reply_topic, "p1/d1/time-sync/reply");
    EXPECT_EQ(bare.message_id, "");
}

TEST(JetLinksDecode, RegisterReadsNameAndProductFromHeadersOrBody) {
    const auto in_headers = body_of<uplink::Register>(
        "/p0/gw1/child/c1/register", R"({"headers":{"name":"One","productId":"pc"}})");
    EXPECT_EQ(in_headers.name, "One");
    EXPECT_EQ(in_headers.product_id, "pc");
    const auto in_body = body_of<uplink::Register>("/p0/gw1/child/c1/register",
                                                   R"({"name":"One","productId":"pc"})");
    EXPECT_EQ(in_body.name, "One");
    EXPECT_EQ(in_body.product_id, "pc");
}

struct Named {
    std::string_view rest;
    std::string_view message_type;
};

// Every uplink row of spec 4.3 that means nothing to upgrades: accepted and named.
TEST(JetLinksDecode, OtherUplinksKeepTheirTypeAndBody) {
    for (const Named& row : std::initializer_list<Named>{
             {"properties/report", "REPORT_PROPERTY"},
             {"properties/read/reply", "READ_PROPERTY_REPLY"},
             {"properties/write/reply", "WRITE_PROPERTY_REPLY"},
             {"function/invoke/reply", "INVOKE_FUNCTION_REPLY"},
             {"event/fire", "EVENT"},
             {"tags", "UPDATE_TAG"},
             {"log", "LOG"},
             {"metadata/derived", "DERIVED_METADATA"},
             {"direct", "DIRECT"},
             {"state-check/reply", "STATE_CHECK_REPLY"},
             {"disconnect/reply", "DISCONNECT_REPLY"},
         }) {
        constexpr std::string_view payload = R"({"messageId":"5","properties":{"t":1}})";
        const auto other =
            body_of<uplink::OtherUplink>(fmt::format("/p1/d1/{}", row.rest), payload);
        EXPECT_EQ(other.message_type, row.message_type);
        EXPECT_EQ(other.message_id, "5");
        EXPECT_EQ(other.body, payload);
    }
}

TEST(JetLinksDecode, PresenceTopics) {
    EXPECT_TRUE(std::holds_alternative<uplink::Online>(decoded("/p1/d1/online", "{}").body));
    EXPECT_TRUE(std::holds_alternative<uplink::Offline>(decoded("/p1/d1/offline", "junk").body));
    EXPECT_TRUE(std::holds_alternative<uplink::Unregister>(
        decoded("/p0/gw1/child/c1/unregister", "").body));
}

TEST(JetLinksDecode, UnknownTopicsAreNothing) {
    for (const std::string_view topic :
         {"", "/", "//", "p1", "/p1/d1", "/p1/d1/", "/p1/d1/firmware", "/p1/d1/firmware/upgrade",
          "/p1/d1/firmware/pull/reply", "/p1/d1/firmware/pull/", "/p1/d1/event", "/p1/d1/event/",
          "/p1/d1/event/a/b", "/p0/gw1/child/c1", "/p0/gw1/child", "/p1/d1/properties/read",
          "/p0/gw1/child/c1/child/c2/online", "$SYS/broker/uptime", "//p1/d1/online"}) {
        const auto result = jetlinks::decode(topic, "{}");
        ASSERT_TRUE(result) << topic;
        EXPECT_FALSE(*result) << topic;
    }
}

TEST(JetLinksDecode, MalformedMessagesAreErrors) {
    const auto code = [](std::string_view topic, std::string_view payload) {
        const auto result = jetlinks::decode(topic, payload);
        return result ? std::optional<ErrorCode>{} : std::optional(result.error().code);
    };
    EXPECT_EQ(code("/p1/d1/firmware/pull", "[]"), ErrorCode::malformed);
    EXPECT_EQ(code("/p1/d1/firmware/pull", "{} x"), ErrorCode::malformed);
    EXPECT_EQ(code("/p1/d1/firmware/pull", "{"), ErrorCode::malformed);
    EXPECT_EQ(code("/p1/d1/firmware/report", "\"text\""), ErrorCode::malformed);
    EXPECT_EQ(code("/p1/d1/firmware/report", "{\"version\":\"\xff\"}"), ErrorCode::malformed);
    EXPECT_EQ(code("/p1//firmware/pull", "{}"), ErrorCode::malformed);
    EXPECT_EQ(code("/p1/gw/child//firmware/pull", "{}"), ErrorCode::malformed);
}

TEST(JetLinksDecode, DeepNestingIsRefusedInsteadOfExhaustingTheStack) {
    const std::string deep(100'000, '[');
    EXPECT_FALSE(jetlinks::decode("/p1/d1/firmware/report", "{\"properties\":" + deep));
}

// A NUL or broken UTF-8 would make the whole group commit fail on PostgreSQL.
TEST(JetLinksDecode, WhatNoStoreCanHoldIsTakenOut) {
    const auto report =
        body_of<uplink::FirmwareReport>("/p1/d1/firmware/report", R"({"version":"1\u0000.1"})");
    EXPECT_EQ(report.version, "1.1");
    const UplinkMessage direct = decoded("/p1/d1/direct", std::string_view("\x00\xff", 2));
    EXPECT_EQ(direct.payload, "00ff");
    EXPECT_EQ(std::get<uplink::OtherUplink>(direct.body).body, "00ff");
}

TEST(JetLinksDecode, PayloadForTheLogIsCutBetweenCharacters) {
    std::string long_text = "{\"a\":\"";
    while (long_text.size() < 5000) {
        long_text += "固";
    }
    long_text += "\"}";
    const UplinkMessage message = decoded("/p1/d1/log", long_text);
    EXPECT_LE(message.payload.size(), 4096U);
    EXPECT_GE(message.payload.size(), 4094U);
    EXPECT_EQ(long_text.substr(0, message.payload.size()), message.payload);
    EXPECT_EQ((message.payload.size() - 6) % 3, 0U);
    EXPECT_EQ(std::get<uplink::OtherUplink>(message.body).body, long_text);
}

}  // namespace
}  // namespace updraft
