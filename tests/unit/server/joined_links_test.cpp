#include "server/joined_links.hpp"

#include <gtest/gtest.h>

#include "tests/support/fake_device_links.hpp"

namespace updraft::server {
namespace {

const DeviceId d1{"d1"};

/// What presence would hear.
struct Heard final : DeviceInbox {
    void handle(const DeviceId&, UplinkMessage, std::function<void(Handled)> done) override {
        done({});
    }
    void connected(const DeviceId&, const ProductId&, const std::string&) override { said += "+"; }
    void disconnected(const DeviceId&, const std::string&) override { said += "-"; }
    std::string said;
};

struct TwoGateways : testing::Test {
    TwoGateways() {
        links.join(mqtt);
        links.join(websocket);
        mqtt_inbox.serve(mqtt);
        websocket_inbox.serve(websocket);
    }
    static void connect(FakeDeviceLinks& gateway, GatewayInbox& inbox) {
        gateway.connect("d1");
        inbox.connected(d1, ProductId{"p1"}, "192.0.2.7:1");
    }
    static void disconnect(FakeDeviceLinks& gateway, GatewayInbox& inbox) {
        gateway.close(d1, "");
        inbox.disconnected(d1, "");
    }

    Heard presence;
    JoinedLinks links;
    FakeDeviceLinks mqtt;
    FakeDeviceLinks websocket;
    GatewayInbox mqtt_inbox{presence, links};
    GatewayInbox websocket_inbox{presence, links};
};

TEST_F(TwoGateways, NewerConnectionClosesTheOlderOne) {
    connect(mqtt, mqtt_inbox);
    connect(websocket, websocket_inbox);
    EXPECT_FALSE(mqtt.is_connected(d1));
    EXPECT_TRUE(websocket.is_connected(d1));
    EXPECT_TRUE(links.is_connected(d1));
}

// The older connection ends after the newer one began: the device has been online all the time.
TEST_F(TwoGateways, EndOfTheOlderConnectionIsNotTheEndOfPresence) {
    connect(mqtt, mqtt_inbox);
    connect(websocket, websocket_inbox);
    mqtt_inbox.disconnected(d1, "taken over");
    EXPECT_EQ(presence.said, "++");
    disconnect(websocket, websocket_inbox);
    EXPECT_EQ(presence.said, "++-");
    EXPECT_FALSE(links.is_connected(d1));
}

TEST_F(TwoGateways, OnlyConnectionEndsPresence) {
    connect(websocket, websocket_inbox);
    disconnect(websocket, websocket_inbox);
    EXPECT_EQ(presence.said, "+-");
}

}  // namespace
}  // namespace updraft::server
