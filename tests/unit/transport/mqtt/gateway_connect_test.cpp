#include "tests/unit/transport/mqtt/gateway_fixture.hpp"

namespace updraft::mqtt {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

class MqttConnect : public MqttGatewayTest {
protected:
    /// The answer to a CONNECT; the connection must end if it is a refusal.
    ReasonCode answer_to(const Connect& connect) {
        ScriptedPeer peer(port_, connect.version);
        peer.send(connect);
        const std::optional<Connack> connack = peer.receive_as<Connack>();
        if (!connack) {
            return ReasonCode::unspecified_error;
        }
        EXPECT_FALSE(connack->session_present);
        EXPECT_TRUE(connack->reason == ReasonCode::success || peer.is_closed());
        return connack->reason;
    }
    static Connect connect(Version version, const std::string& id, const std::string& password) {
        return {.version = version, .client_id = id, .username = "user", .password = password};
    }
    std::uint16_t port_ = 0;
};

TEST_F(MqttConnect, DeviceIsOnlineWhileItsConnectionLasts) {
    port_ = start();
    ScriptedPeer peer(port_);
    EXPECT_FALSE(gateway_->is_connected(DeviceId{"d1"}));
    peer.sign_in("d1");
    EXPECT_TRUE(gateway_->is_connected(DeviceId{"d1"}));
    std::vector<DeviceId> connected;
    gateway_->each_connected([&](const DeviceId& id) { connected.push_back(id); });
    EXPECT_THAT(connected, ElementsAre(DeviceId{"d1"}));
    EXPECT_EQ(gateway_->counters().devices, 1);

    peer.send(Disconnect{});
    EXPECT_TRUE(peer.is_closed());
    ASSERT_TRUE(inbox_.wait_for_events(2));
    EXPECT_THAT(inbox_.events(), ElementsAre("connected d1 p1", "disconnected d1"));
    EXPECT_FALSE(gateway_->is_connected(DeviceId{"d1"}));
    EXPECT_TRUE(reaches(gateway_->counters().connections, 0));
    EXPECT_EQ(gateway_->counters().devices, 0);
}

// Spec 4.2: the return codes, in all three versions.
TEST_F(MqttConnect, RefusalsHaveTheirCodes) {
    port_ = start();
    for (const Version version : {Version::v3_1, Version::v3_1_1, Version::v5}) {
        EXPECT_EQ(answer_to(connect(version, "d1", "ok")), ReasonCode::success);
        EXPECT_EQ(answer_to(connect(version, "d1", "wrong")),
                  ReasonCode::bad_user_name_or_password);
        EXPECT_EQ(answer_to(connect(version, "", "ok")), ReasonCode::client_identifier_not_valid);
        EXPECT_EQ(answer_to(connect(version, "broken", "ok")), ReasonCode::server_unavailable);
        EXPECT_EQ(answer_to({.version = version, .client_id = "d1"}),
                  ReasonCode::bad_user_name_or_password);
    }
    EXPECT_EQ(gateway_->counters().refused_credentials, 6U);
    EXPECT_EQ(gateway_->counters().refused_client_id, 3U);
    EXPECT_EQ(gateway_->counters().refused_unavailable, 3U);
}

TEST_F(MqttConnect, UnknownProtocolLevelIsRefusedWithCode1) {
    port_ = start();
    ScriptedPeer peer(port_);
    peer.send_bytes(
        std::string_view("\x10\x0e\x00\x04MQTT\x06\x02\x00\x3c\x00\x02"
                         "d1",
                         16));
    const std::optional<Connack> connack = peer.receive_as<Connack>();
    ASSERT_TRUE(connack);
    EXPECT_EQ(connack->reason, ReasonCode::unsupported_protocol_version);
    EXPECT_TRUE(peer.is_closed());
}

TEST_F(MqttConnect, ExtendedAuthenticationIsNotOffered) {
    port_ = start();
    Connect asking = connect(Version::v5, "d1", "ok");
    asking.properties = {text_property(PropertyId::authentication_method, "SCRAM")};
    EXPECT_EQ(answer_to(asking), ReasonCode::bad_authentication_method);
}

// The pool is one queue for all: when it is full, devices hear "later" instead of waiting for ever.
TEST_F(MqttConnect, FullWorkerQueueIsServerUnavailable) {
    std::promise<void> release;
    std::promise<void> started;
    const std::shared_future<void> released = release.get_future().share();
    net::WorkerPool stuck("stuck", 1, 1);
    ASSERT_TRUE(stuck.post([&] {
        started.set_value();
        released.wait();
    }));
    started.get_future().wait();
    ASSERT_TRUE(stuck.post([] {}));
    gateway_ = std::make_unique<MqttGateway>(loops_, stuck, inbox_, dialects_, sign_in, options_);
    gateway_->start();
    port_ = gateway_->ports().front();
    EXPECT_EQ(answer_to(connect(Version::v3_1_1, "d1", "ok")), ReasonCode::server_unavailable);
    gateway_->stop();
    release.set_value();
}

TEST_F(MqttConnect, SilentStrangersAreClosedAtTheDeadline) {
    options_.connect_deadline = 50ms;
    port_ = start();
    ScriptedPeer silent(port_);
    ScriptedPeer slow(port_);
    slow.send_bytes("\x10");
    EXPECT_TRUE(silent.is_closed());
    EXPECT_TRUE(slow.is_closed());
    EXPECT_EQ(gateway_->counters().connect_timeouts, 2U);
}

TEST_F(MqttConnect, FirstPacketMustBeConnect) {
    port_ = start();
    ScriptedPeer peer(port_);
    peer.send(Pingreq{});
    EXPECT_TRUE(peer.is_closed());
    EXPECT_TRUE(inbox_.events().empty());
}

TEST_F(MqttConnect, StrangersCannotMakeTheServerHoldMuch) {
    options_.connect_bytes_max = 200;
    port_ = start();
    ScriptedPeer peer(port_);
    peer.send(connect(Version::v3_1_1, std::string(300, 'd'), "ok"));
    EXPECT_TRUE(peer.is_closed());
    EXPECT_EQ(gateway_->counters().malformed_packets, 1U);
}

TEST_F(MqttConnect, PacketsRightAfterConnectAreServed) {
    port_ = start();
    ScriptedPeer peer(port_);
    std::string both = encode_packet(peer.connect_packet("d1", "ok"), Version::v3_1_1);
    append_packet(report("d1", "{}", 1, 5), Version::v3_1_1, both);
    peer.send_bytes(both);
    ASSERT_TRUE(peer.receive_as<Connack>());
    const std::optional<Ack> puback = peer.receive_as<Ack>();
    ASSERT_TRUE(puback);
    EXPECT_EQ(puback->packet_id, 5);
}

// Spec 4.2: the older connection is closed, the device stays online: no offline event.
TEST_F(MqttConnect, NewerConnectionTakesOver) {
    port_ = start();
    ScriptedPeer older(port_, Version::v5);
    older.sign_in("d1", 0, Will{.topic = "/p1/d1/offline", .payload = "will"});
    ScriptedPeer newer(port_);
    newer.sign_in("d1");

    const std::optional<Disconnect> goodbye = older.receive_as<Disconnect>();
    ASSERT_TRUE(goodbye);
    EXPECT_EQ(goodbye->reason, ReasonCode::session_taken_over);
    EXPECT_TRUE(older.is_closed());
    EXPECT_TRUE(reaches(gateway_->counters().connections, 1));
    EXPECT_TRUE(gateway_->is_connected(DeviceId{"d1"}));
    EXPECT_TRUE(newer.is_quiet());
    EXPECT_THAT(inbox_.events(), ElementsAre("connected d1 p1", "connected d1 p1"));
    EXPECT_EQ(gateway_->counters().taken_over, 1U);
}

TEST_F(MqttConnect, CloseEndsTheConnectionOfADevice) {
    port_ = start();
    ScriptedPeer peer(port_, Version::v5);
    peer.sign_in("d1", 0, Will{.topic = "/p1/d1/offline", .payload = "will"});
    gateway_->close(DeviceId{"d1"}, "disabled");
    const std::optional<Disconnect> goodbye = peer.receive_as<Disconnect>();
    ASSERT_TRUE(goodbye);
    EXPECT_EQ(goodbye->reason, ReasonCode::administrative_action);
    EXPECT_TRUE(peer.is_closed());
    ASSERT_TRUE(inbox_.wait_for_events(2));
    EXPECT_THAT(inbox_.events(), ElementsAre("connected d1 p1", "disconnected d1"));
}

TEST_F(MqttConnect, SilentDeviceIsDeadAfterItsKeepAlive) {
    options_.keep_alive_unit = 10ms;
    options_.keep_alive_grace = 20ms;
    port_ = start();
    ScriptedPeer peer(port_, Version::v5);
    peer.sign_in("d1", 3, Will{.topic = "/p1/d1/event/lost", .payload = "will"});
    const std::optional<Disconnect> goodbye = peer.receive_as<Disconnect>();
    ASSERT_TRUE(goodbye);
    EXPECT_EQ(goodbye->reason, ReasonCode::keep_alive_timeout);
    ASSERT_TRUE(inbox_.wait_for_events(3));
    EXPECT_THAT(inbox_.events(),
                ElementsAre("connected d1 p1", "message d1 will", "disconnected d1"));
    EXPECT_EQ(gateway_->counters().keep_alive_timeouts, 1U);
}

TEST_F(MqttConnect, PingsKeepADeviceAlive) {
    options_.keep_alive_unit = 100ms;
    options_.keep_alive_grace = patient(400ms);
    port_ = start();
    ScriptedPeer peer(port_);
    peer.sign_in("d1", 1);
    const auto until = std::chrono::steady_clock::now() + patient(700ms);
    while (std::chrono::steady_clock::now() < until) {
        ASSERT_TRUE(peer.is_quiet());
        (void)peer.receive(50ms);  // nothing comes: time passes
    }
    EXPECT_EQ(gateway_->counters().keep_alive_timeouts, 0U);
}

// Spec 4.2: traffic in either direction counts.
TEST_F(MqttConnect, DownlinksKeepADeviceAliveToo) {
    options_.keep_alive_unit = 100ms;
    options_.keep_alive_grace = patient(400ms);
    port_ = start();
    ScriptedPeer peer(port_);
    peer.sign_in("d1", 1);
    const auto until = std::chrono::steady_clock::now() + patient(700ms);
    while (std::chrono::steady_clock::now() < until) {
        ASSERT_TRUE(send(read_command("d1")));
        ASSERT_TRUE(peer.receive_as<Publish>());
        (void)peer.receive(50ms);
    }
    EXPECT_TRUE(peer.is_closed());  // and dead without them
    EXPECT_EQ(gateway_->counters().keep_alive_timeouts, 1U);
}

TEST_F(MqttConnect, CappedKeepAliveIsTold) {
    options_.keep_alive_max_s = 60;
    port_ = start();
    const auto granted = [&](std::uint16_t asked) {
        ScriptedPeer peer(port_, Version::v5);
        peer.send(peer.connect_packet("d1", "ok", asked));
        const std::optional<Connack> connack = peer.receive_as<Connack>();
        return connack ? find_number(connack->properties, PropertyId::server_keep_alive)
                       : std::nullopt;
    };
    EXPECT_EQ(granted(0), 60U);
    EXPECT_EQ(granted(61), 60U);
    EXPECT_EQ(granted(60), std::nullopt);
}

TEST_F(MqttConnect, Version5HearsTheLimits) {
    options_.uplinks_in_flight_max = 5;
    options_.packet_bytes_max = 1234;
    port_ = start();
    ScriptedPeer peer(port_, Version::v5);
    Connect asking = peer.connect_packet("d1", "ok");
    asking.properties = {number_property(PropertyId::session_expiry_interval, 3600)};
    peer.send(asking);
    const std::optional<Connack> connack = peer.receive_as<Connack>();
    ASSERT_TRUE(connack);
    EXPECT_EQ(find_number(connack->properties, PropertyId::receive_maximum), 5U);
    EXPECT_EQ(find_number(connack->properties, PropertyId::maximum_packet_size), 1234U);
    EXPECT_EQ(find_number(connack->properties, PropertyId::topic_alias_maximum), 0U);
    EXPECT_EQ(find_number(connack->properties, PropertyId::session_expiry_interval), 0U);
    EXPECT_FALSE(find_number(connack->properties, PropertyId::server_keep_alive));
}

TEST_F(MqttConnect, ConnectionsBeyondTheLimitAreToldSo) {
    options_.connections_max = 2;
    port_ = start();
    ScriptedPeer first(port_);
    first.sign_in("d1");
    ScriptedPeer second(port_);
    second.sign_in("d2");
    ScriptedPeer third(port_);
    third.send(third.connect_packet("d3", "ok"));
    const std::optional<Connack> told = third.receive_as<Connack>();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->reason, ReasonCode::server_unavailable);  // 0x03
    EXPECT_TRUE(third.is_closed());
    ScriptedPeer newer(port_, Version::v5);
    newer.send(newer.connect_packet("d3", "ok"));
    const std::optional<Connack> told_newer = newer.receive_as<Connack>();
    ASSERT_TRUE(told_newer);
    EXPECT_EQ(told_newer->reason, ReasonCode::quota_exceeded);
    EXPECT_TRUE(newer.is_closed());
    EXPECT_EQ(gateway_->counters().refused_limit, 2U);
    ASSERT_TRUE(reaches(gateway_->counters().connections, 2));
    EXPECT_TRUE(first.is_quiet());
    second.hang_up();
    ASSERT_TRUE(reaches(gateway_->counters().connections, 1));
    ScriptedPeer fourth(port_);
    fourth.sign_in("d4");
}

TEST_F(MqttConnect, ConnectionsOfOneAddressAreLimited) {
    options_.connections_per_address_max = 1;
    port_ = start();
    ScriptedPeer first(port_);
    first.sign_in("d1");
    ScriptedPeer second(port_);
    second.send(second.connect_packet("d2", "ok"));
    ASSERT_TRUE(second.receive_as<Connack>());
    EXPECT_TRUE(second.is_closed());
}

// At the door only so many are told; the rest is closed at once, and nobody inside notices.
TEST_F(MqttConnect, ACrowdAtTheDoorIsClosedUnheard) {
    options_.connections_max = 1;
    port_ = start();
    ScriptedPeer inside(port_);
    inside.sign_in("d1");
    std::vector<std::unique_ptr<ScriptedPeer>> crowd;
    for (int i = 0; i < 70; ++i) {
        crowd.push_back(std::make_unique<ScriptedPeer>(port_));
    }
    EXPECT_TRUE(crowd.back()->is_closed());
    EXPECT_LE(gateway_->counters().connections, 65);
    EXPECT_TRUE(inside.is_quiet());
}

TEST_F(MqttConnect, APacketThatComesByteByByteEndsTheConnection) {
    options_.packet_deadline = milliseconds{150};
    port_ = start();
    ScriptedPeer device(port_);
    device.sign_in("d1");
    device.send_bytes(std::string_view("\x30\x7f\x00\x03", 4));
    for (int i = 0; i < 200 && gateway_->counters().packet_timeouts == 0; ++i) {
        device.send_bytes("x");
        std::this_thread::sleep_for(milliseconds{3});
    }
    EXPECT_TRUE(device.is_closed());
    EXPECT_EQ(gateway_->counters().packet_timeouts, 1U);
}

TEST_F(MqttConnect, ConnectionsTogetherHoldNoMoreThanTheyMay) {
    options_.buffers = std::make_shared<net::MemoryBudget>(600'000);
    port_ = start();
    ScriptedPeer first(port_);
    first.sign_in("d1");
    // A packet of 200,000 bytes that lacks its last one.
    const std::string begun = "\x30\xc0\x9a\x0c" + std::string(199'999, 'x');
    first.send_bytes(begun);
    ASSERT_TRUE(waited_until([&] { return options_.buffers->used() >= 200'000; }));
    ScriptedPeer second(port_, Version::v5);
    second.sign_in("d2");
    second.send_bytes(begun);
    const std::optional<Disconnect> told = second.receive_as<Disconnect>();
    ASSERT_TRUE(told);
    EXPECT_EQ(told->reason, ReasonCode::quota_exceeded);
    EXPECT_TRUE(second.is_closed());
    EXPECT_EQ(gateway_->counters().memory_full, 1U);
    first.hang_up();
    ASSERT_TRUE(waited_until([&] { return options_.buffers->used() == 0; }));
}

TEST_F(MqttConnect, StopTellsAndClosesEveryone) {
    port_ = start();
    ScriptedPeer device(port_, Version::v5);
    device.sign_in("d1", 0, Will{.topic = "/p1/d1/offline", .payload = "will"});
    ScriptedPeer stranger(port_);
    ASSERT_TRUE(reaches(gateway_->counters().connections, 2));
    gateway_->stop();
    const std::optional<Disconnect> goodbye = device.receive_as<Disconnect>();
    ASSERT_TRUE(goodbye);
    EXPECT_EQ(goodbye->reason, ReasonCode::server_shutting_down);
    EXPECT_TRUE(device.is_closed());
    EXPECT_TRUE(stranger.is_closed());
    EXPECT_EQ(gateway_->counters().connections, 0);
    EXPECT_THAT(inbox_.events(), ElementsAre("connected d1 p1", "disconnected d1"));
}

TEST_F(MqttConnect, WillIsHandledOnAbnormalEndsOnly) {
    port_ = start();
    const Will will{.topic = "/p1/d1/event/lost", .payload = "will"};
    {
        ScriptedPeer polite(port_);
        polite.sign_in("d1", 0, will);
        polite.send(Disconnect{});
        ASSERT_TRUE(polite.is_closed());
    }
    ASSERT_TRUE(inbox_.wait_for_events(2));
    {
        ScriptedPeer rude(port_);
        rude.sign_in("d1", 0, will);
        rude.hang_up();
    }
    ASSERT_TRUE(inbox_.wait_for_events(5));
    {
        ScriptedPeer wants_it(port_, Version::v5);
        wants_it.sign_in("d1", 0, will);
        wants_it.send(Disconnect{ReasonCode::disconnect_with_will});
        ASSERT_TRUE(wants_it.is_closed());
    }
    ASSERT_TRUE(inbox_.wait_for_events(8));
    EXPECT_THAT(inbox_.events(),
                ElementsAre("connected d1 p1", "disconnected d1",  //
                            "connected d1 p1", "message d1 will",
                            "disconnected d1",  //
                            "connected d1 p1", "message d1 will", "disconnected d1"));
}

}  // namespace
}  // namespace updraft::mqtt
