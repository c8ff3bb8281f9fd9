#include "transport/mqtt/packet.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace updraft::mqtt {
namespace {

constexpr std::size_t no_limit = 1U << 30U;

/// Bytes from hex with spaces between.
std::string bytes(std::string_view hex) {
    std::string digits(hex);
    std::erase(digits, ' ');
    return from_hex(digits).value();
}

std::string hex(std::string_view text) {
    return to_hex({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

/// One packet of every kind, with and without its optional parts, and the version it belongs to.
struct Sample {
    Version version;
    Packet packet;
};

Connect a_connect(Version version) {
    return {.version = version,
            .client_id = "d1",
            .clean_start = false,
            .keep_alive_s = 60,
            .username = "u|1",
            .password = std::string("p\0w", 3),
            .will = Will{.topic = "/p/d1/offline", .payload = "{}", .qos = 1, .retain = true},
            .properties = {}};
}

std::vector<Sample> samples() {
    using enum PropertyId;
    using enum PacketType;
    std::vector<Sample> all;
    for (const Version version : {Version::v3_1, Version::v3_1_1, Version::v5}) {
        const auto add = [&](Packet packet) { all.push_back({version, std::move(packet)}); };
        add(Connect{.version = version, .client_id = "d", .username = {}, .password = {}});
        add(a_connect(version));
        add(Connack{.session_present = true, .properties = {}});
        add(Connack{.reason = ReasonCode::bad_user_name_or_password, .properties = {}});
        add(Publish{.topic = "/p/d/log", .payload = "", .properties = {}});
        add(Publish{.topic = "a",
                    .payload = std::string(200, 'x'),
                    .qos = 1,
                    .retain = true,
                    .dup = true,
                    .packet_id = 0xABCD,
                    .properties = {}});
        add(Publish{.topic = "a", .payload = "x", .qos = 2, .packet_id = 1, .properties = {}});
        for (const PacketType type : {puback, pubrec, pubrel, pubcomp}) {
            add(Ack{.type = type, .packet_id = 7, .properties = {}});
        }
        add(Subscribe{1, {{"/+/d1/#", 1}, {"#", 2}}, {}});
        add(Suback{1, {ReasonCode::granted_qos_1, ReasonCode::unspecified_error}, {}});
        add(Unsubscribe{2, {"/+/d1/#", "b"}, {}});
        if (version != Version::v5) {
            add(Unsuback{2, {}, {}});
        }
        add(Pingreq{});
        add(Pingresp{});
        add(Disconnect{});
    }
    const auto v5 = [&](Packet packet) { all.push_back({Version::v5, std::move(packet)}); };
    Connect rich = a_connect(Version::v5);
    rich.properties = {number_property(session_expiry_interval, 0xFFFFFFFF),
                       number_property(receive_maximum, 10),
                       number_property(request_problem_information, 0),
                       {user_property, 0, "value", "name"},
                       {user_property, 0, "again", "name"},
                       text_property(authentication_method, "m"),
                       text_property(authentication_data, std::string("\xff\0", 2))};
    rich.will->properties = {number_property(will_delay_interval, 5),
                             text_property(response_topic, "a/b")};
    v5(rich);
    Connect only_password{
        .version = Version::v5, .client_id = "d", .username = {}, .password = "t"};
    v5(only_password);
    v5(Connack{.properties = {number_property(maximum_qos, 1),
                              number_property(maximum_packet_size, 70'000),
                              text_property(reason_string, "because")}});
    v5(Publish{.topic = "", .payload = "x", .properties = {number_property(topic_alias, 3)}});
    v5(Publish{.topic = "a",
               .payload = "x",
               .properties = {number_property(subscription_identifier, 300),
                              number_property(subscription_identifier, 268'435'455)}});
    v5(Ack{.type = puback,
           .packet_id = 7,
           .reason = ReasonCode::quota_exceeded,
           .properties = {text_property(reason_string, "later")}});
    v5(Ack{.type = pubcomp,
           .packet_id = 7,
           .reason = ReasonCode::packet_identifier_not_found,
           .properties = {}});
    v5(Subscribe{9, {{"a", 2, true, true, 2}}, {number_property(subscription_identifier, 1)}});
    v5(Unsuback{2, {ReasonCode::success, ReasonCode::no_subscription_existed}, {}});
    v5(Disconnect{.reason = ReasonCode::session_taken_over,
                  .properties = {text_property(server_reference, "other")}});
    v5(Auth{ReasonCode::continue_authentication, {text_property(authentication_method, "m")}});
    return all;
}

// What we write is what we read, for servers and for clients.
TEST(MqttPacket, RoundTrips) {
    for (const Sample& sample : samples()) {
        const std::string encoded = encode_packet(sample.packet, sample.version);
        const ParseResult result = parse_packet(encoded, sample.version, no_limit);
        const auto* parsed = std::get_if<Parsed>(&result);
        ASSERT_NE(parsed, nullptr)
            << hex(encoded) << " "
            << (std::holds_alternative<PacketError>(result) ? std::get<PacketError>(result).what
                                                            : "needs more");
        EXPECT_EQ(parsed->bytes, encoded.size()) << hex(encoded);
        EXPECT_EQ(parsed->packet, sample.packet) << hex(encoded);
    }
}

// A packet that has not come in whole is neither taken nor refused.
TEST(MqttPacket, EveryTruncationAsksForMore) {
    for (const Sample& sample : samples()) {
        const std::string encoded = encode_packet(sample.packet, sample.version);
        for (std::size_t length = 0; length < encoded.size(); ++length) {
            const ParseResult result =
                parse_packet(std::string_view(encoded).substr(0, length), sample.version, no_limit);
            const auto* more = std::get_if<NeedMore>(&result);
            ASSERT_NE(more, nullptr) << hex(encoded) << " cut at " << length;
            EXPECT_GT(more->total_bytes, length);
            EXPECT_LE(more->total_bytes, encoded.size());
        }
    }
}

// Bytes after the packet belong to the next one.
TEST(MqttPacket, TakesOnlyItsOwnBytes) {
    for (const Sample& sample : samples()) {
        const std::string encoded = encode_packet(sample.packet, sample.version);
        const ParseResult result = parse_packet(encoded + "\xff", sample.version, no_limit);
        ASSERT_TRUE(std::holds_alternative<Parsed>(result)) << hex(encoded);
        EXPECT_EQ(std::get<Parsed>(result).bytes, encoded.size());
    }
}

struct Golden {
    std::string_view hex;
    Version version;
    Packet packet;
};

// Bytes as the specifications print them, so that encoder and parser cannot be wrong together.
TEST(MqttPacket, GoldenBytes) {
    using enum PropertyId;
    const std::vector<Golden> goldens{
        {"10 0e 0004 4d515454 04 02 003c 0002 6431", Version::v3_1_1,
         Connect{.version = Version::v3_1_1,
                 .client_id = "d1",
                 .keep_alive_s = 60,
                 .username = {},
                 .password = {}}},
        {"10 10 0006 4d5149736470 03 02 003c 0002 6431", Version::v3_1,
         Connect{.version = Version::v3_1,
                 .client_id = "d1",
                 .keep_alive_s = 60,
                 .username = {},
                 .password = {}}},
        {"10 14 0004 4d515454 05 02 003c 05 11 0000000a 0002 6431", Version::v5,
         Connect{.version = Version::v5,
                 .client_id = "d1",
                 .keep_alive_s = 60,
                 .username = {},
                 .password = {},
                 .properties = {number_property(session_expiry_interval, 10)}}},
        {"20 02 00 04", Version::v3_1_1,
         Connack{.reason = ReasonCode::bad_user_name_or_password, .properties = {}}},
        {"20 03 00 86 00", Version::v5,
         Connack{.reason = ReasonCode::bad_user_name_or_password, .properties = {}}},
        {"3b 07 0003 612f62 000a", Version::v3_1_1,
         Publish{.topic = "a/b",
                 .payload = "",
                 .qos = 1,
                 .retain = true,
                 .dup = true,
                 .packet_id = 10,
                 .properties = {}}},
        {"40 02 0007", Version::v5, Ack{PacketType::puback, 7, ReasonCode::success, {}}},
        {"62 02 0007", Version::v3_1_1, Ack{PacketType::pubrel, 7, ReasonCode::success, {}}},
        {"82 0e 000a 0003 612f62 01 0003 632f64 02", Version::v3_1_1,
         Subscribe{10, {{"a/b", 1}, {"c/d", 2}}, {}}},
        {"90 04 000a 01 80", Version::v3_1_1,
         Suback{10, {ReasonCode::granted_qos_1, ReasonCode::unspecified_error}, {}}},
        {"a2 07 000a 0003 612f62", Version::v3_1_1, Unsubscribe{10, {"a/b"}, {}}},
        {"b0 02 000a", Version::v3_1_1, Unsuback{10, {}, {}}},
        {"c0 00", Version::v3_1_1, Pingreq{}},
        {"d0 00", Version::v3_1_1, Pingresp{}},
        {"e0 00", Version::v5, Disconnect{}},
        {"e0 02 8e 00", Version::v5, Disconnect{ReasonCode::session_taken_over, {}}},
    };
    for (const Golden& golden : goldens) {
        const std::string wire = bytes(golden.hex);
        const ParseResult result = parse_packet(wire, golden.version, no_limit);
        ASSERT_TRUE(std::holds_alternative<Parsed>(result)) << golden.hex;
        EXPECT_EQ(std::get<Parsed>(result).packet, golden.packet) << golden.hex;
        EXPECT_EQ(hex(encode_packet(golden.packet, golden.version)), hex(wire)) << golden.hex;
    }
}

struct Malformed {
    std::string_view why;
    Version version;
    std::string_view hex;
    ReasonCode reason = ReasonCode::malformed_packet;
};

TEST(MqttPacket, RefusesWhatTheSpecificationsForbid) {
    constexpr Version v3 = Version::v3_1_1;
    constexpr Version v5 = Version::v5;
    using enum ReasonCode;
    for (const Malformed& row : std::initializer_list<Malformed>{
             {"packet type 0", v3, "00 00"},
             {"flags of CONNECT", v3, "11 00"},
             {"flags of PINGREQ", v3, "c1"},
             {"flags of PUBREL", v3, "60 02 0001"},
             {"flags of SUBSCRIBE", v3, "80 06 0001 0001 61 00"},
             {"DUP on SUBSCRIBE outside 3.1", v3, "8a 06 0001 0001 61 00"},
             {"an HTTP request", v3, "47455420"},
             {"a TLS hello on the plain port", v3, "16 03 01"},
             {"remaining length of 5 bytes", v3, "30 ff ff ff ff"},
             {"remaining length not minimal in 5.0", v5, "c0 80 00"},
             {"remaining length of a CONNECT of 5.0 not minimal", v3,
              "10 8f 00 0004 4d515454 05 02 003c 00 0002 6431"},
             {"protocol name", v3, "10 0e 0004 4d515458 04 02 003c 0002 6431"},
             {"protocol level 6", v3, "10 0e 0004 4d515454 06 02 003c 0002 6431",
              unsupported_protocol_version},
             {"bridge bit of the level", v3, "10 0e 0004 4d515454 84 02 003c 0002 6431",
              unsupported_protocol_version},
             {"MQTT with level 3", v3, "10 0e 0004 4d515454 03 02 003c 0002 6431",
              unsupported_protocol_version},
             {"MQIsdp with level 4", v3, "10 10 0006 4d5149736470 04 02 003c 0002 6431",
              unsupported_protocol_version},
             {"reserved connect flag", v3, "10 0e 0004 4d515454 04 03 003c 0002 6431"},
             {"will QoS without will", v3, "10 0e 0004 4d515454 04 0a 003c 0002 6431"},
             {"will retain without will", v3, "10 0e 0004 4d515454 04 22 003c 0002 6431"},
             {"will QoS 3", v3, "10 14 0004 4d515454 04 1e 003c 0002 6431 0001 61 0001 62"},
             {"will topic with wildcard", v3,
              "10 14 0004 4d515454 04 06 003c 0002 6431 0001 23 0001 62", topic_name_invalid},
             {"will without topic", v3, "10 13 0004 4d515454 04 06 003c 0002 6431 0000 0001 62",
              topic_name_invalid},
             {"password without user name in 3.1.1", v3,
              "10 11 0004 4d515454 04 42 003c 0002 6431 0001 61"},
             {"user name missing", v3, "10 0e 0004 4d515454 04 82 003c 0002 6431"},
             {"bytes after CONNECT", v3, "10 0f 0004 4d515454 04 02 003c 0002 6431 00"},
             {"client id not UTF-8", v3, "10 0e 0004 4d515454 04 02 003c 0002 c328"},
             {"client id with a surrogate", v3, "10 0f 0004 4d515454 04 02 003c 0003 eda080"},
             {"client id with NUL", v3, "10 0e 0004 4d515454 04 02 003c 0002 6100"},
             {"reserved CONNACK flag", v3, "20 02 02 00"},
             {"refusal with session", v3, "20 02 01 04", protocol_error},
             {"PUBLISH with QoS 3", v3, "36 05 0001 61 0001"},
             {"DUP with QoS 0", v3, "38 03 0001 61"},
             {"packet id 0", v3, "32 05 0001 61 0000"},
             {"no packet id", v3, "32 03 0001 61"},
             {"PUBACK with id 0", v3, "40 02 0000"},
             {"PUBACK with a body in 3.1.1", v3, "40 03 0001 00"},
             {"SUBSCRIBE without filter", v3, "82 02 0001", protocol_error},
             {"SUBSCRIBE with QoS 3", v3, "82 06 0001 0001 61 03"},
             {"SUBSCRIBE with reserved bits", v3, "82 06 0001 0001 61 04"},
             {"SUBSCRIBE with id 0", v3, "82 06 0000 0001 61 00"},
             {"filter a#", v3, "82 07 0001 0002 6123 00", topic_filter_invalid},
             {"empty filter", v3, "82 05 0001 0000 00", topic_filter_invalid},
             {"UNSUBSCRIBE without filter", v3, "a2 02 0001", protocol_error},
             {"SUBACK with code 3", v3, "90 03 0001 03", protocol_error},
             {"PINGREQ with body", v3, "c0 01 00"},
             {"DISCONNECT with body in 3.1.1", v3, "e0 01 00"},
             {"AUTH in 3.1.1", v3, "f0 00", protocol_error},
             // 5.0
             {"retain handling 3", v5, "82 07 0001 00 0001 61 30", protocol_error},
             {"reserved subscription bits", v5, "82 07 0001 00 0001 61 40"},
             {"no local on shared", v5, "82 0f 0001 00 0009 2473686172652f672f 04", protocol_error},
             {"subscription id 0", v5, "82 09 0001 02 0b 00 0001 61 00", protocol_error},
             {"unknown property", v5, "30 06 0001 61 02 7f 00"},
             {"property of another packet", v5, "30 07 0001 61 03 21 0001"},
             {"property twice", v5, "30 08 0001 61 04 01 00 01 00", protocol_error},
             {"payload format 2", v5, "30 06 0001 61 02 01 02", protocol_error},
             {"topic alias 0", v5, "30 07 0001 61 03 23 0000", topic_alias_invalid},
             {"no topic and no alias", v5, "30 03 0000 00", protocol_error},
             {"response topic with wildcard", v5, "30 08 0001 61 04 08 0001 2b",
              topic_name_invalid},
             {"properties longer than the packet", v5, "30 04 0001 61 7f"},
             {"property cut by the property length", v5, "30 06 0001 61 01 01 01"},
             {"property length not minimal", v5, "30 05 0001 61 80 00"},
             {"receive maximum 0", v5, "10 12 0004 4d515454 05 02 003c 03 21 0000 0002 6431",
              protocol_error},
             {"maximum packet size 0", v5,
              "10 14 0004 4d515454 05 02 003c 05 27 00000000 0002 6431", protocol_error},
             {"authentication data alone", v5,
              "10 13 0004 4d515454 05 02 003c 04 16 0001 61 0002 6431", protocol_error},
             {"reason of another packet", v5, "40 03 0001 92", protocol_error},
             {"will reason in DISCONNECT only", v5, "62 03 0001 04", protocol_error},
             {"unknown DISCONNECT reason", v5, "e0 01 7f", protocol_error},
         }) {
        const ParseResult result = parse_packet(bytes(row.hex), row.version, no_limit);
        const auto* error = std::get_if<PacketError>(&result);
        ASSERT_NE(error, nullptr) << row.why;
        EXPECT_EQ(static_cast<int>(error->reason), static_cast<int>(row.reason))
            << row.why << ": " << error->what;
    }
}

// Field devices reserve fixed bytes for the length; 3.1.1 does not forbid it.
TEST(MqttPacket, PaddedRemainingLengthIsFineBeforeVersion5) {
    EXPECT_TRUE(
        std::holds_alternative<Parsed>(parse_packet(bytes("c0 80 00"), Version::v3_1_1, no_limit)));
}

// In 3.1 the user name flag may be set without a user name following.
TEST(MqttPacket, CredentialsMayBeMissingInVersion31) {
    const ParseResult result = parse_packet(bytes("10 10 0006 4d5149736470 03 c2 003c 0002 6431"),
                                            Version::v3_1_1, no_limit);
    ASSERT_TRUE(std::holds_alternative<Parsed>(result));
    const auto& connect = std::get<Connect>(std::get<Parsed>(result).packet);
    EXPECT_FALSE(connect.username);
    EXPECT_FALSE(connect.password);
}

// The peer must not make us wait for, or hold, what we would refuse anyway.
TEST(MqttPacket, TooLargeIsKnownFromTheHeader) {
    const ParseResult result = parse_packet(bytes("30 80 80 01"), Version::v3_1_1, 1000);
    ASSERT_TRUE(std::holds_alternative<PacketError>(result));
    EXPECT_EQ(std::get<PacketError>(result).reason, ReasonCode::packet_too_large);
    const std::string fits =
        encode_packet(Publish{.topic = "a", .payload = std::string(95, 'x')}, Version::v3_1_1);
    ASSERT_EQ(fits.size(), 100U);
    EXPECT_TRUE(std::holds_alternative<Parsed>(parse_packet(fits, Version::v3_1_1, 100)));
    EXPECT_TRUE(std::holds_alternative<PacketError>(parse_packet(fits, Version::v3_1_1, 99)));
}

TEST(MqttPacket, ReturnCodesOf3xAndReasonsMapBothWays) {
    const auto code = [](ReasonCode reason) {
        const std::string wire =
            encode_packet(Connack{.reason = reason, .properties = {}}, Version::v3_1_1);
        return static_cast<int>(wire[3]);
    };
    EXPECT_EQ(code(ReasonCode::success), 0);
    EXPECT_EQ(code(ReasonCode::unsupported_protocol_version), 1);
    EXPECT_EQ(code(ReasonCode::client_identifier_not_valid), 2);
    EXPECT_EQ(code(ReasonCode::server_unavailable), 3);
    EXPECT_EQ(code(ReasonCode::server_busy), 3);
    EXPECT_EQ(code(ReasonCode::bad_user_name_or_password), 4);
    EXPECT_EQ(code(ReasonCode::not_authorized), 5);
}

TEST(MqttPacket, TopicNames) {
    EXPECT_TRUE(is_topic_name("/"));
    EXPECT_TRUE(is_topic_name("/p/d 1/固件"));
    EXPECT_FALSE(is_topic_name(""));
    EXPECT_FALSE(is_topic_name("a/+"));
    EXPECT_FALSE(is_topic_name("a#"));
    EXPECT_FALSE(is_topic_name(std::string_view("a\0", 2)));
    EXPECT_FALSE(is_topic_name("\xff"));
    EXPECT_FALSE(is_topic_name(std::string(65'536, 'a')));
    const std::string wild = encode_packet(Publish{.topic = "a/#"}, Version::v3_1_1);
    const ParseResult result = parse_packet(wild, Version::v3_1_1, no_limit);
    ASSERT_TRUE(std::holds_alternative<PacketError>(result));
    EXPECT_EQ(std::get<PacketError>(result).reason, ReasonCode::topic_name_invalid);
}

TEST(MqttPacket, TopicFilters) {
    for (const std::string_view good :
         {"#", "+", "/", "a/#", "/+/d1/#", "+/+", "a/+/b", "$SYS/#"}) {
        EXPECT_TRUE(is_topic_filter(good)) << good;
    }
    for (const std::string_view bad : {"", "a#", "#/a", "a+", "+a", "a/b+/c", "##", "a/#/b"}) {
        EXPECT_FALSE(is_topic_filter(bad)) << bad;
    }
}

struct Match {
    std::string_view filter;
    std::string_view topic;
    bool matches;
};

TEST(MqttPacket, FiltersMatchAsSection47Says) {
    for (const Match& row : std::initializer_list<Match>{
             {"a/b", "a/b", true},
             {"a/b", "a/bc", false},
             {"a/b", "a", false},
             {"a", "a/b", false},
             {"#", "a/b/c", true},
             {"#", "/", true},
             {"a/#", "a", true},
             {"a/#", "a/b/c", true},
             {"a/#", "ab", false},
             {"a/b/#", "a", false},
             {"+", "a", true},
             {"+", "/a", false},
             {"/+", "/a", true},
             {"+/+", "/a", true},
             {"a/+", "a/", true},
             {"a/+", "a", false},
             {"a/+/c", "a/b/c", true},
             {"a/+/c", "a/b/d", false},
             {"/+/d1/#", "/p1/d1/firmware/upgrade", true},
             {"/+/d1/#", "/p1/d2/firmware/upgrade", false},
             {"/p1/d1/firmware/upgrade", "/p1/d1/firmware/upgrade", true},
             {"#", "$SYS/x", false},
             {"+/x", "$SYS/x", false},
             {"$SYS/#", "$SYS/x", true},
         }) {
        EXPECT_EQ(matches(row.filter, row.topic), row.matches) << row.filter << " " << row.topic;
    }
}

TEST(MqttPacket, PublishIsWrittenTheSameWithoutAPacket) {
    for (const Version version : {Version::v3_1_1, Version::v5}) {
        std::string direct;
        append_publish("a/b", "payload", 1, true, 9, version, direct);
        const Publish packet{.topic = "a/b",
                             .payload = "payload",
                             .qos = 1,
                             .dup = true,
                             .packet_id = 9,
                             .properties = {}};
        EXPECT_EQ(hex(direct), hex(encode_packet(packet, version)));
    }
}

TEST(MqttPacketReader, PacketsComeOutHoweverTheBytesCome) {
    std::string wire;
    std::vector<Packet> sent;
    for (const Sample& sample : samples()) {
        if (sample.version == Version::v5) {
            append_packet(sample.packet, Version::v5, wire);
            sent.push_back(sample.packet);
        }
    }
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, wire.size()}) {
        PacketReader reader(10'000);
        reader.set_version(Version::v5);
        std::vector<Packet> received;
        for (std::size_t at = 0; at < wire.size(); at += step) {
            reader.feed(std::string_view(wire).substr(at, step));
            for (auto next = reader.next(); std::holds_alternative<Packet>(next);
                 next = reader.next()) {
                received.push_back(std::get<Packet>(next));
            }
        }
        EXPECT_EQ(received, sent) << "in steps of " << step;
        EXPECT_EQ(reader.pending_bytes(), 0U);
    }
}

// A header that claims a megabyte costs nothing until the bytes come, and an idle reader is small.
TEST(MqttPacketReader, MemoryFollowsTheBytesAndIsGivenBack) {
    PacketReader reader(2'000'000);
    const std::string large = encode_packet(
        Publish{.topic = "a", .payload = std::string(1'000'000, 'x')}, Version::v3_1_1);
    reader.feed(std::string_view(large).substr(0, 100));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(reader.next()));
    (void)reader.room();
    EXPECT_LE(reader.buffer_bytes(), 1024U);

    reader.feed(std::string_view(large).substr(100));
    EXPECT_TRUE(std::holds_alternative<Packet>(reader.next()));
    reader.feed("\xc0");
    EXPECT_TRUE(std::holds_alternative<std::monostate>(reader.next()));
    reader.feed(std::string_view("\0", 1));
    EXPECT_TRUE(std::holds_alternative<Packet>(reader.next()));
    (void)reader.room();
    EXPECT_LE(reader.buffer_bytes(), 1024U);
}

TEST(MqttPacketReader, ConnectSetsTheVersionAndErrorsStay) {
    PacketReader reader(1000);
    reader.feed(encode_packet(
        Connect{.version = Version::v5, .client_id = "d", .username = {}, .password = {}},
        Version::v5));
    EXPECT_TRUE(std::holds_alternative<Packet>(reader.next()));
    EXPECT_EQ(reader.version(), Version::v5);
    reader.feed(std::string_view("\x00\x00", 2));
    EXPECT_TRUE(std::holds_alternative<PacketError>(reader.next()));
    reader.feed(encode_packet(Pingreq{}, Version::v5));
    EXPECT_TRUE(std::holds_alternative<PacketError>(reader.next()));
}

// A wrong first byte ends it before a second one comes.
TEST(MqttPacketReader, FirstByteIsJudgedAlone) {
    PacketReader reader(1000);
    reader.feed("G");
    EXPECT_TRUE(std::holds_alternative<PacketError>(reader.next()));
}

}  // namespace
}  // namespace updraft::mqtt
