#include "tests/unit/transport/mqtt/gateway_fixture.hpp"

namespace updraft::mqtt {
namespace {

using testing::ElementsAre;
using testing::SizeIs;
using namespace std::chrono_literals;

class MqttMessages : public MqttGatewayTest {
protected:
    static Ack ack(PacketType type, std::uint16_t packet_id) {
        return {type, packet_id, ReasonCode::success, {}};
    }
};

TEST_F(MqttMessages, PubackComesOnlyAfterTheMessageIsStored) {
    inbox_.hold();
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    peer.send(report("d1", "{}", 1, 7));
    ASSERT_TRUE(inbox_.wait_for_events(2));
    EXPECT_TRUE(peer.is_quiet());

    inbox_.complete();
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::puback, 7));
}

// MQTT 4.6: in the order of arrival, whatever the order of storing.
TEST_F(MqttMessages, AcksLeaveInTheOrderOfArrival) {
    inbox_.hold();
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    peer.send(report("d1", "1", 1, 1));
    peer.send(report("d1", "2", 2, 2));
    peer.send(report("d1", "3", 0));
    peer.send(report("d1", "4", 1, 4));
    // "1" and the others are no JSON objects: only real reports reach the inbox.
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::puback, 1));
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::pubrec, 2));
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::puback, 4));

    peer.send(report("d1", "{}", 1, 11));
    peer.send(report("d1", "{}", 2, 12));
    peer.send(report("d1", "{}", 1, 13));
    ASSERT_TRUE(inbox_.wait_for_events(4));
    inbox_.complete(2);
    inbox_.complete(1);
    EXPECT_TRUE(peer.is_quiet());
    inbox_.complete(0);
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::puback, 11));
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::pubrec, 12));
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::puback, 13));
}

TEST_F(MqttMessages, Qos2IsHandledOnceHoweverOftenItIsSent) {
    inbox_.hold();
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    peer.send(report("d1", "{}", 2, 9));
    peer.send(report("d1", "{}", 2, 9));  // again while it is being stored
    ASSERT_TRUE(inbox_.wait_for_events(2));
    EXPECT_TRUE(peer.is_quiet());
    inbox_.complete();
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::pubrec, 9));
    peer.send(report("d1", "{}", 2, 9));  // again after it was stored
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::pubrec, 9));
    peer.send(ack(PacketType::pubrel, 9));
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::pubcomp, 9));
    peer.send(ack(PacketType::pubrel, 9));
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::pubcomp, 9));
    EXPECT_THAT(inbox_.events(), SizeIs(2));

    peer.send(report("d1", "{}", 2, 9));  // the identifier is free again
    ASSERT_TRUE(inbox_.wait_for_events(3));
}

TEST_F(MqttMessages, ReleaseOfAnUnknownIdSaysSoInVersion5) {
    ScriptedPeer peer(start(), Version::v5);
    peer.sign_in("d1");
    peer.send(ack(PacketType::pubrel, 3));
    const std::optional<Ack> pubcomp = peer.receive_as<Ack>();
    ASSERT_TRUE(pubcomp);
    EXPECT_EQ(pubcomp->reason, ReasonCode::packet_identifier_not_found);
}

TEST_F(MqttMessages, UnstoredMessageClosesTheConnectionUnacknowledged) {
    inbox_.answer_with([](const UplinkMessage&) { return DeviceInbox::Handled{false, {}}; });
    ScriptedPeer peer(start());
    peer.sign_in("d1", 0, Will{.topic = "/p1/d1/event/lost", .payload = "will"});
    peer.send(report("d1", "{}", 1, 7));
    EXPECT_FALSE(peer.receive());
    EXPECT_TRUE(peer.is_closed());
    EXPECT_EQ(gateway_->counters().not_stored, 1U);
}

// Spec 4.2: acknowledged and logged, else the device would send it for ever.
TEST_F(MqttMessages, UndecodableAndUnknownMessagesAreAcknowledged) {
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    peer.send(report("d1", "no json", 1, 1));
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::puback, 1));
    peer.send(Publish{.topic = "some/where/else", .payload = "", .qos = 2, .packet_id = 2});
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::pubrec, 2));
    EXPECT_EQ(gateway_->counters().undecodable_messages, 1U);
    EXPECT_EQ(gateway_->counters().unknown_topics, 1U);
    EXPECT_THAT(inbox_.events(), SizeIs(1));
}

TEST_F(MqttMessages, RepliesComeOverTheSameConnection) {
    inbox_.answer_with([](const UplinkMessage& message) {
        const auto& pull = std::get<uplink::FirmwarePull>(message.body);
        return DeviceInbox::Handled{
            true, DownlinkMessage{{message.device, message.product, std::nullopt, {}},
                                  from_millis(5),
                                  downlink::FirmwarePullReply{pull.message_id, {}}}};
    });
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    peer.send(Publish{.topic = "/p1/d1/firmware/pull", .payload = R"({"messageId":"7"})"});
    const std::optional<Publish> reply = peer.receive_as<Publish>();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->topic, "/p1/d1/firmware/pull/reply");
    EXPECT_NE(reply->payload.find(R"("code":"NO_FIRMWARE")"), std::string::npos);
    EXPECT_NE(reply->payload.find(R"("messageId":"7")"), std::string::npos);
}

// While too many messages wait to be stored, TCP makes the device wait.
TEST_F(MqttMessages, TooManyInFlightStopReading) {
    options_.uplinks_in_flight_max = 3;
    inbox_.hold();
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    for (std::uint16_t id = 1; id <= 10; ++id) {
        peer.send(report("d1", "{}", 1, id));
    }
    peer.send(Pingreq{});
    ASSERT_TRUE(inbox_.wait_for_events(4));
    EXPECT_FALSE(peer.receive(50ms));  // not even the ping is seen
    EXPECT_EQ(inbox_.held(), 3U);

    inbox_.complete();
    EXPECT_EQ(peer.receive_as<Ack>(), ack(PacketType::puback, 1));
    ASSERT_TRUE(inbox_.wait_for_events(5));
    EXPECT_EQ(inbox_.held(), 3U);
    for (std::size_t id = 2; id <= 7; ++id) {
        inbox_.complete();
        ASSERT_TRUE(inbox_.wait_for_events(4 + id));
    }
    inbox_.complete_all();
    for (std::uint16_t id = 2; id <= 10; ++id) {
        std::optional<Packet> packet = peer.receive();
        if (packet && std::holds_alternative<Pingresp>(*packet)) {
            packet = peer.receive();  // seen as soon as there was room
        }
        ASSERT_TRUE(packet);
        EXPECT_EQ(*packet, Packet(ack(PacketType::puback, id)));
    }
}

TEST_F(MqttMessages, InboxMayCompleteAfterTheConnectionIsGone) {
    inbox_.hold();
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    peer.send(report("d1", "{}", 1, 7));
    ASSERT_TRUE(inbox_.wait_for_events(2));
    peer.hang_up();
    ASSERT_TRUE(inbox_.wait_for_events(3));
    inbox_.complete();
    EXPECT_TRUE(reaches(gateway_->counters().connections, 0));
}

TEST_F(MqttMessages, MalformedPacketsCloseThatConnectionOnly) {
    const std::uint16_t port = start();
    ScriptedPeer good(port);
    good.sign_in("good");
    ScriptedPeer bad(port, Version::v5);
    bad.sign_in("bad", 0, Will{.topic = "/p1/bad/event/lost", .payload = "will"});
    bad.send_bytes(std::string_view("\xc1\x00", 2));
    const std::optional<Disconnect> goodbye = bad.receive_as<Disconnect>();
    ASSERT_TRUE(goodbye);
    EXPECT_EQ(goodbye->reason, ReasonCode::malformed_packet);
    EXPECT_TRUE(bad.is_closed());
    ASSERT_TRUE(inbox_.wait_for_events(4));
    EXPECT_TRUE(good.is_quiet());
    EXPECT_TRUE(gateway_->is_connected(DeviceId{"good"}));
    EXPECT_FALSE(gateway_->is_connected(DeviceId{"bad"}));
    EXPECT_EQ(gateway_->counters().malformed_packets, 1U);
}

struct Violation {
    std::string_view what;
    Packet packet;
    ReasonCode reason;
};

TEST_F(MqttMessages, Version5HearsWhatItDidWrong) {
    options_.packet_bytes_max = 1000;
    const std::uint16_t port = start();
    for (const Violation& row : std::initializer_list<Violation>{
             {"a second CONNECT", Connect{.version = Version::v5, .client_id = "d1"},
              ReasonCode::protocol_error},
             {"a server's packet", Pingresp{}, ReasonCode::protocol_error},
             {"topic alias",
              Publish{.topic = "a", .properties = {number_property(PropertyId::topic_alias, 1)}},
              ReasonCode::topic_alias_invalid},
             {"over the maximum packet size",
              Publish{.topic = "a", .payload = std::string(1000, 'x')},
              ReasonCode::packet_too_large},
             {"AUTH", Auth{ReasonCode::reauthenticate}, ReasonCode::protocol_error},
             {"PUBREC", ack(PacketType::pubrec, 1), ReasonCode::protocol_error},
             {"subscription identifier",
              Subscribe{1, {{"a"}}, {number_property(PropertyId::subscription_identifier, 1)}},
              ReasonCode::subscription_identifiers_not_supported},
         }) {
        ScriptedPeer peer(port, Version::v5);
        peer.sign_in("d1");
        peer.send(row.packet);
        const std::optional<Disconnect> goodbye = peer.receive_as<Disconnect>();
        ASSERT_TRUE(goodbye) << row.what;
        EXPECT_EQ(goodbye->reason, row.reason) << row.what;
        EXPECT_TRUE(peer.is_closed()) << row.what;
    }
}

TEST_F(MqttMessages, SubscriptionsAreGrantedAsAsked) {
    options_.subscriptions_max = 3;
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    peer.send(Subscribe{5, {{"/+/d1/#", 2}, {"a", 1}, {"b", 0}, {"c", 0}, {"a", 0}}});
    const std::optional<Suback> suback = peer.receive_as<Suback>();
    ASSERT_TRUE(suback);
    EXPECT_EQ(suback->packet_id, 5);
    EXPECT_THAT(suback->reasons, ElementsAre(ReasonCode::granted_qos_2, ReasonCode::granted_qos_1,
                                             ReasonCode::success, ReasonCode::unspecified_error,
                                             ReasonCode::success));
    peer.send(Unsubscribe{6, {"b"}});
    const std::optional<Unsuback> unsuback = peer.receive_as<Unsuback>();
    ASSERT_TRUE(unsuback);
    EXPECT_EQ(unsuback->packet_id, 6);
    peer.send(Subscribe{7, {{"c", 0}}});
    EXPECT_THAT(peer.receive_as<Suback>()->reasons, ElementsAre(ReasonCode::success));
}

// Spec 4.2: devices get their commands without subscribing.
TEST_F(MqttMessages, DownlinkNeedsNoSubscription) {
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    EXPECT_TRUE(send(read_command("d1")));
    const std::optional<Publish> command = peer.receive_as<Publish>();
    ASSERT_TRUE(command);
    EXPECT_EQ(command->topic, "/p1/d1/firmware/read");
    EXPECT_EQ(command->qos, 0);
    EXPECT_FALSE(command->retain);
    EXPECT_EQ(gateway_->counters().messages_out, 1U);
}

TEST_F(MqttMessages, DownlinkOfAnAbsentDeviceIsNotWritten) {
    start();
    EXPECT_FALSE(send(read_command("nobody")));
}

TEST_F(MqttMessages, ChildMessagesGoOverTheGatewaysConnection) {
    ScriptedPeer peer(start());
    peer.sign_in("gw1");
    DownlinkMessage message = read_command("c1");
    message.route.gateway = DeviceId{"gw1"};
    message.route.gateway_product = ProductId{"p0"};
    EXPECT_TRUE(send(message));
    EXPECT_EQ(peer.receive_as<Publish>()->topic, "/p0/gw1/child/c1/firmware/read");
}

TEST_F(MqttMessages, SubscriptionWithQos1GetsDownlinksAgainUntilAcknowledged) {
    options_.redelivery_after = 30ms;
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    peer.send(Subscribe{1, {{"/+/d1/firmware/#", 2}}});
    ASSERT_TRUE(peer.receive_as<Suback>());
    EXPECT_TRUE(send(read_command("d1")));

    const std::optional<Publish> first = peer.receive_as<Publish>();
    const std::optional<Publish> second = peer.receive_as<Publish>();
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->qos, 1);
    EXPECT_FALSE(first->dup);
    EXPECT_TRUE(second->dup);
    EXPECT_EQ(second->packet_id, first->packet_id);
    EXPECT_EQ(second->payload, first->payload);
    peer.send(ack(PacketType::puback, first->packet_id));
    EXPECT_TRUE(peer.is_quiet());
    EXPECT_FALSE(peer.receive(100ms));
    EXPECT_EQ(gateway_->counters().redelivered, 1U);
}

TEST_F(MqttMessages, RedeliveriesEnd) {
    options_.redelivery_after = 5ms;
    options_.redeliveries_max = 2;
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    peer.send(Subscribe{1, {{"#", 1}}});
    ASSERT_TRUE(peer.receive_as<Suback>());
    EXPECT_TRUE(send(read_command("d1")));
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(peer.receive_as<Publish>());
    }
    EXPECT_FALSE(peer.receive(50ms));
}

// MQTT 5.0 4.4: not again on the same connection. And the client's receive maximum bounds them.
TEST_F(MqttMessages, Version5GetsDownlinksOnceAndWithinItsReceiveMaximum) {
    options_.redelivery_after = 5ms;
    ScriptedPeer peer(start(), Version::v5);
    Connect connect = peer.connect_packet("d1", "ok");
    connect.properties = {number_property(PropertyId::receive_maximum, 1)};
    peer.send(connect);
    ASSERT_TRUE(peer.receive_as<Connack>());
    peer.send(Subscribe{1, {{"#", 1}}});
    ASSERT_TRUE(peer.receive_as<Suback>());
    EXPECT_TRUE(send(read_command("d1")));
    const std::optional<Publish> first = peer.receive_as<Publish>();
    ASSERT_TRUE(first);
    EXPECT_FALSE(peer.receive(50ms));
    EXPECT_FALSE(send(read_command("d1")));
    peer.send(ack(PacketType::puback, first->packet_id));
    ASSERT_TRUE(peer.is_quiet());
    EXPECT_TRUE(send(read_command("d1")));
}

TEST_F(MqttMessages, Version5NeverGetsMoreThanItsMaximumPacketSize) {
    ScriptedPeer peer(start(), Version::v5);
    Connect connect = peer.connect_packet("d1", "ok");
    connect.properties = {number_property(PropertyId::maximum_packet_size, 100)};
    peer.send(connect);
    ASSERT_TRUE(peer.receive_as<Connack>());
    EXPECT_FALSE(send(read_command("d1")));
    EXPECT_TRUE(peer.is_quiet());
    EXPECT_EQ(gateway_->counters().dropped_downlinks, 1U);
}

// A device that does not read must not cost more than its outbox.
TEST_F(MqttMessages, FullOutboxRefusesDownlinks) {
    options_.outbox_bytes_max = 100'000;
    options_.write_deadline = 60s;
    ScriptedPeer peer(start(), Version::v3_1_1, 4096);
    peer.sign_in("d1");
    const std::string large(20'000, 'x');
    std::atomic<int> refused{0};
    std::atomic<int> answered{0};
    int sent = 0;
    while (refused == 0 && sent < 5'000) {
        ++sent;
        gateway_->send(read_command("d1", large), [&](bool ok) {
            refused += ok ? 0 : 1;
            ++answered;
        });
        ASSERT_TRUE(waited_until(
            [&] { return static_cast<int>(gateway_->counters().messages_out) + refused == sent; }));
    }
    EXPECT_GT(refused, 0);
    EXPECT_TRUE(gateway_->is_connected(DeviceId{"d1"}));
    peer.hang_up();
    ASSERT_TRUE(reaches(gateway_->counters().connections, 0));
    EXPECT_EQ(answered, sent);  // every done was called, those in the outbox with false
}

TEST_F(MqttMessages, ManyDownlinksArriveInOrder) {
    ScriptedPeer peer(start());
    peer.sign_in("d1");
    for (int i = 0; i < 500; ++i) {
        gateway_->send(read_command("d1", std::to_string(i)), {});
    }
    for (int i = 0; i < 500; ++i) {
        const std::optional<Publish> command = peer.receive_as<Publish>();
        ASSERT_TRUE(command);
        ASSERT_NE(command->payload.find(fmt::format(R"("messageId":"{}")", i)), std::string::npos);
    }
}

// Many devices, two loops, messages and take-overs at once: for the thread sanitizer above all.
TEST_F(MqttMessages, ManyDevicesAtOnce) {
    const std::uint16_t port = start();
    std::vector<std::thread> devices;
    for (int device = 0; device < 8; ++device) {
        devices.emplace_back([&, device] {
            const std::string id = "d" + std::to_string(device % 4);
            for (int round = 0; round < 10; ++round) {
                ScriptedPeer peer(port);
                peer.send(peer.connect_packet(id, "ok"));
                peer.send(report(id, "{}", 1, 1));
                gateway_->send(read_command(id), {});
                (void)peer.receive();
                (void)peer.receive(5ms);
            }
        });
    }
    for (std::thread& device : devices) {
        device.join();
    }
    EXPECT_TRUE(reaches(gateway_->counters().connections, 0));
    EXPECT_EQ(gateway_->counters().devices, 0);
    EXPECT_EQ(gateway_->counters().signed_in, 80U);
}

}  // namespace
}  // namespace updraft::mqtt
