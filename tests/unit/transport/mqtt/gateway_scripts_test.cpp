#include "tests/unit/transport/mqtt/gateway_fixture.hpp"

namespace updraft::mqtt {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

Ack puback(std::uint16_t packet_id) {
    return {PacketType::puback, packet_id, ReasonCode::success, {}};
}

/// Devices whose payloads a script decodes, elsewhere and later.
class MqttScripts : public MqttGatewayTest {
protected:
    static Result<SignedInDevice> slow_sign_in(const std::string& id, const std::string&,
                                               const std::string&, const std::string&) {
        return SignedInDevice{DeviceId{id}, ProductId{"p1"}, ProtocolId{"slow"}, {}};
    }
    std::uint16_t start_slow() {
        gateway_ = std::make_unique<MqttGateway>(loops_, workers_, inbox_, dialects_, slow_sign_in,
                                                 options_);
        gateway_->start();
        return gateway_->ports().front();
    }
};

TEST_F(MqttScripts, PubackWaitsForTheScriptAndKeepsTheOrder) {
    ScriptedPeer peer(start_slow());
    peer.sign_in("d1");
    peer.send(report("d1", R"({"version":"1"})", 1, 1));
    peer.send(report("d1", "no json", 1, 2));
    peer.send(report("d1", R"({"version":"3"})", 1, 3));
    dialects_.wait_for(3);
    EXPECT_TRUE(peer.is_quiet());

    dialects_.answer(3);
    EXPECT_EQ(peer.receive_as<Ack>(), puback(1));
    EXPECT_EQ(peer.receive_as<Ack>(), puback(2));
    EXPECT_EQ(peer.receive_as<Ack>(), puback(3));
    EXPECT_THAT(inbox_.events(), ElementsAre("connected d1 p1", R"(message d1 {"version":"1"})",
                                             R"(message d1 {"version":"3"})"));
    EXPECT_EQ(gateway_->counters().undecodable_messages, 1U);
}

TEST_F(MqttScripts, APayloadWithTwoMessagesIsAcknowledgedWhenBothAreStored) {
    inbox_.hold();
    ScriptedPeer peer(start_slow());
    peer.sign_in("d1");
    peer.send(report("d1", "two", 1, 1));
    dialects_.answer(1);
    ASSERT_TRUE(inbox_.wait_for_events(3));
    inbox_.complete(1);
    EXPECT_TRUE(peer.is_quiet());
    inbox_.complete(0);
    EXPECT_EQ(peer.receive_as<Ack>(), puback(1));
}

// A device that sends more than may be under way is made to wait, as without a script.
TEST_F(MqttScripts, WhatWaitsForTheScriptIsBounded) {
    options_.uplinks_in_flight_max = 2;
    ScriptedPeer peer(start_slow());
    peer.sign_in("d1");
    for (std::uint16_t id = 1; id <= 5; ++id) {
        peer.send(report("d1", "{}", 1, id));
    }
    dialects_.wait_for(2);
    EXPECT_EQ(dialects_.waiting(), 2U);
    std::uint16_t acknowledged = 0;
    while (acknowledged < 5) {
        for (std::size_t answered = dialects_.answer(1); answered > 0; --answered) {
            EXPECT_EQ(peer.receive_as<Ack>(), puback(++acknowledged));
        }
    }
}

TEST_F(MqttScripts, AFullQueueClosesTheConnectionUnacknowledged) {
    ScriptedPeer peer(start_slow());
    peer.sign_in("d1");
    peer.send(report("d1", "later", 1, 1));
    dialects_.answer(1);
    EXPECT_FALSE(peer.receive());
    EXPECT_TRUE(peer.is_closed());
    EXPECT_EQ(gateway_->counters().not_stored, 1U);
}

// What a device said before it went counts, and comes before the news that it has gone.
TEST_F(MqttScripts, ADisconnectionWaitsForWhatTheScriptStillHas) {
    ScriptedPeer peer(start_slow());
    peer.sign_in("d1", 0, Will{.topic = "/p1/d1/firmware/report", .payload = R"({"will":1})"});
    peer.send(report("d1", R"({"version":"1"})", 0));
    dialects_.wait_for(1);
    peer.hang_up();
    dialects_.wait_for(2);  // the will
    EXPECT_THAT(inbox_.events(), SizeIs(1));

    dialects_.answer(2);
    ASSERT_TRUE(inbox_.wait_for_events(4));
    EXPECT_THAT(inbox_.events(), ElementsAre("connected d1 p1", R"(message d1 {"version":"1"})",
                                             R"(message d1 {"will":1})", "disconnected d1"));
}

TEST_F(MqttScripts, DownlinksAreWrittenInTheirOrder) {
    ScriptedPeer peer(start_slow());
    peer.sign_in("d1");
    std::promise<bool> first;
    std::promise<bool> second;
    gateway_->send(read_command("d1", "m1"), [&](bool ok) { first.set_value(ok); });
    gateway_->send(read_command("d1", "m2"), [&](bool ok) { second.set_value(ok); });
    dialects_.answer(2);
    EXPECT_TRUE(first.get_future().get());
    EXPECT_TRUE(second.get_future().get());
    EXPECT_THAT(peer.receive_as<Publish>()->payload, testing::HasSubstr("m1"));
    EXPECT_THAT(peer.receive_as<Publish>()->payload, testing::HasSubstr("m2"));
}

TEST_F(MqttScripts, DownlinksThatWaitForTheScriptAreBounded) {
    options_.downlinks_unacked_max = 1;
    ScriptedPeer peer(start_slow());
    peer.sign_in("d1");
    std::promise<bool> first;
    gateway_->send(read_command("d1", "m1"), [&](bool ok) { first.set_value(ok); });
    dialects_.wait_for(1);
    EXPECT_FALSE(send(read_command("d1", "m2")));
    dialects_.answer(1);
    EXPECT_TRUE(first.get_future().get());
}

TEST_F(MqttScripts, ADownlinkOfADeviceThatHasGoneIsNotWritten) {
    ScriptedPeer peer(start_slow());
    peer.sign_in("d1");
    std::promise<bool> written;
    gateway_->send(read_command("d1"), [&](bool ok) { written.set_value(ok); });
    dialects_.wait_for(1);
    peer.hang_up();
    ASSERT_TRUE(inbox_.wait_for_events(2));
    dialects_.answer(1);
    EXPECT_FALSE(written.get_future().get());
}

}  // namespace
}  // namespace updraft::mqtt
