#include "app/presence.hpp"

#include <gtest/gtest.h>

#include "app/log_types.hpp"
#include "tests/support/upgrade_world.hpp"

namespace updraft {
namespace {

using namespace std::chrono_literals;

/// Devices d1, d2 and gateway gw with child c1; presence with a limit of three visitors.
struct World : UpgradeWorld {
    World() {
        add_device("d1");
        add_device("d2");
        add_gateway("gw", {"c1"});
        seen.listen({[] {}, [this](const DeviceId& id) { woken.push_back(id.value); }, {}});
    }
    void store_changes() {
        while (seen.flush()) {
        }
        flush_writer();
    }
    DeviceState state_of(const std::string& id) {
        store_changes();
        return device(id).state;
    }
    /// "online", "offline" lines of the device's log, oldest first.
    std::string lines_of(const std::string& id) {
        store_changes();
        std::string lines;
        for (const DeviceLogEntry& line : log_of(id)) {
            lines = line.type + " " + lines;
        }
        return lines;
    }
    void pass(milliseconds time) {
        clock.advance(time);
        while (seen.expire()) {
        }
    }

    std::vector<std::string> woken;
    Presence seen{*store, links, changes, live, clock, ids, [] {
                      Presence::Options limits;
                      limits.http_devices_max = 3;
                      limits.expire_max = 2;
                      return limits;
                  }()};
};

// Two devices with one id take over from each other as fast as they can connect.
TEST(PresenceOfConnections, TakeoversFillNoLogs) {
    World world;
    const DeviceId id{"d1"};
    for (int i = 0; i < 5; ++i) {
        world.seen.connected(id, "192.0.2.7:1");
        world.seen.connected(id, "192.0.2.8:1");
    }
    EXPECT_EQ(world.lines_of("d1"), "online ");
    EXPECT_EQ(world.device("d1").address, "192.0.2.8:1");
    EXPECT_EQ(world.woken.size(), 10U);  // each has to be sent what the one before may have lost
    world.pass(60s);
    world.seen.connected(id, "192.0.2.7:1");
    world.seen.disconnected(id);
    world.seen.connected(id, "192.0.2.7:1");
    EXPECT_EQ(world.lines_of("d1"), "online online offline online ");
}

// What a gateway said of its children ends with its connection; those that moved on are others'.
TEST(PresenceOfConnections, ChildrenGoWithTheGatewayThatHasThemNow) {
    World world;
    world.add_gateway("gw2", {"c2", "c3"});
    const DeviceId one{"gw"};
    const DeviceId two{"gw2"};
    world.seen.connected(one, "192.0.2.7:1");
    world.seen.connected(two, "192.0.2.8:1");
    for (const char* child : {"c1", "c2", "c3"}) {
        world.seen.adopt(DeviceId{child}, one);
    }
    world.seen.child_online(DeviceId{"c2"}, two);
    world.seen.forget(DeviceId{"c3"});

    world.seen.disconnected(one);

    EXPECT_FALSE(world.seen.is_child(DeviceId{"c1"}, one));
    EXPECT_TRUE(world.seen.is_child(DeviceId{"c2"}, two));
    EXPECT_FALSE(world.seen.is_child(DeviceId{"c3"}, one));
    world.seen.disconnected(two);
    EXPECT_FALSE(world.seen.is_child(DeviceId{"c2"}, two));
}

// Spec 4.6: "online" for 10 min after its last request.
TEST(PresenceWithoutConnection, DeviceIsOnlineForTenMinutesAfterItsLastRequest) {
    World world;
    world.seen.seen(DeviceId{"d1"}, "192.0.2.7:1");
    EXPECT_EQ(world.state_of("d1"), DeviceState::online);
    EXPECT_TRUE(world.seen.is_online(DeviceId{"d1"}));
    EXPECT_EQ(world.device("d1").address, "192.0.2.7:1");

    world.pass(599s);
    world.seen.seen(DeviceId{"d1"}, "192.0.2.7:2");
    world.pass(599s);
    EXPECT_EQ(world.state_of("d1"), DeviceState::online);

    world.pass(1s);
    EXPECT_EQ(world.state_of("d1"), DeviceState::offline);
    EXPECT_FALSE(world.seen.is_online(DeviceId{"d1"}));
    EXPECT_EQ(world.lines_of("d1"), "online offline ");

    world.seen.seen(DeviceId{"d1"}, "192.0.2.7:3");
    EXPECT_EQ(world.state_of("d1"), DeviceState::online);
}

// Issue 4, point 6: polls write nothing.
TEST(PresenceWithoutConnection, FurtherRequestsWriteNothing) {
    World world;
    world.seen.seen(DeviceId{"d1"}, "192.0.2.7:1");
    world.store_changes();
    std::size_t wanted = 0;
    world.seen.listen({[&] { ++wanted; }, {}, {}});
    for (int i = 0; i < 100; ++i) {
        world.clock.advance(1s);
        world.seen.seen(DeviceId{"d1"}, "192.0.2.7:2");
    }
    EXPECT_EQ(wanted, 0U);
    EXPECT_FALSE(world.seen.flush());
    EXPECT_EQ(world.lines_of("d1"), "online ");
}

// Nothing reaches it: a push waits until it asks, and nobody is woken in vain.
TEST(PresenceWithoutConnection, IsNoConnection) {
    World world;
    const TaskId task = world.create_task(world.add_firmware("1.1", 2), UpgradeMode::push, {"d1"});
    world.seen.seen(DeviceId{"d1"}, "192.0.2.7:1");
    world.store_changes();
    EXPECT_FALSE(world.seen.carrier_of(DeviceId{"d1"}));
    EXPECT_TRUE(world.woken.empty());
    EXPECT_EQ(world.state("d1", task), RecordState::waiting);
}

TEST(PresenceWithoutConnection, ConnectionCountsFirst) {
    World world;
    world.links.connected.insert("d1");
    world.seen.connected(DeviceId{"d1"}, "192.0.2.7:1");
    world.seen.seen(DeviceId{"d1"}, "192.0.2.7:2");
    world.pass(700s);
    EXPECT_EQ(world.state_of("d1"), DeviceState::online);
    EXPECT_EQ(world.lines_of("d1"), "online ");

    // Seen first, connected later: the end of ten minutes does not end the connection.
    world.seen.seen(DeviceId{"d2"}, "192.0.2.8:1");
    world.seen.connected(DeviceId{"d2"}, "192.0.2.8:2");
    world.pass(700s);
    EXPECT_EQ(world.state_of("d2"), DeviceState::online);

    world.links.connected.erase("d1");
    world.seen.disconnected(DeviceId{"d1"});
    EXPECT_EQ(world.state_of("d1"), DeviceState::offline);
    world.seen.seen(DeviceId{"d1"}, "192.0.2.7:3");
    EXPECT_EQ(world.state_of("d1"), DeviceState::online);
}

TEST(PresenceWithoutConnection, OfflineMessageHoldsUntilTheNextRequest) {
    World world;
    world.seen.seen(DeviceId{"d1"}, "192.0.2.7:1");
    world.seen.said(DeviceId{"d1"}, false);
    EXPECT_EQ(world.state_of("d1"), DeviceState::offline);
    world.seen.seen(DeviceId{"d1"}, "192.0.2.7:1");
    EXPECT_EQ(world.state_of("d1"), DeviceState::online);
    world.pass(601s);
    EXPECT_EQ(world.lines_of("d1"), "online offline online offline ");
}

// A device that was disabled and enabled again comes online with its next request.
TEST(PresenceWithoutConnection, ChangedDeviceComesOnlineAgain) {
    World world;
    world.seen.seen(DeviceId{"d1"}, "192.0.2.7:1");
    world.store_changes();
    world.change(
        [](UnitOfWork& work) { work.devices().set_state(DeviceId{"d1"}, DeviceState::offline); });
    world.seen.forget(DeviceId{"d1"});
    world.seen.seen(DeviceId{"d1"}, "192.0.2.7:1");
    EXPECT_EQ(world.state_of("d1"), DeviceState::online);
}

TEST(PresenceWithoutConnection, NoMoreDevicesAreRememberedThanAllowed) {
    World world;
    world.add_device("d3");
    world.add_device("d4");
    for (const char* id : {"d1", "d2", "d3", "d4"}) {
        world.seen.seen(DeviceId{id}, "192.0.2.7:1");
    }
    EXPECT_EQ(world.state_of("d3"), DeviceState::online);
    EXPECT_EQ(world.state_of("d4"), DeviceState::offline);
    world.pass(601s);
    world.seen.seen(DeviceId{"d4"}, "192.0.2.7:1");
    EXPECT_EQ(world.state_of("d4"), DeviceState::online);
    EXPECT_EQ(world.state_of("d3"), DeviceState::offline);
}

TEST(PresenceWithoutConnection, ExpiryIsDoneInSteps) {
    World world;
    world.add_device("d3");
    for (const char* id : {"d1", "d2", "d3"}) {
        world.seen.seen(DeviceId{id}, "192.0.2.7:1");
    }
    world.clock.advance(601s);
    EXPECT_TRUE(world.seen.expire());
    EXPECT_FALSE(world.seen.expire());
    EXPECT_EQ(world.state_of("d3"), DeviceState::offline);
}

TEST(PresenceWithoutConnection, ChildrenFollowTheirGateway) {
    World world;
    world.seen.seen(DeviceId{"gw"}, "192.0.2.7:1");
    EXPECT_EQ(world.state_of("c1"), DeviceState::online);
    EXPECT_TRUE(world.seen.is_child(DeviceId{"c1"}, DeviceId{"gw"}));
    world.pass(601s);
    EXPECT_EQ(world.state_of("c1"), DeviceState::offline);
}

}  // namespace
}  // namespace updraft
