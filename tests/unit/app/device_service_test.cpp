#include "app/device_service.hpp"

#include <gtest/gtest.h>

#include "tests/support/app_world.hpp"

namespace updraft {
namespace {

using namespace std::chrono_literals;

struct DeviceTest : testing::Test {
    AppWorld world;
    void SetUp() override { world.add_product(); }
};

TEST_F(DeviceTest, StartsNotActiveWithTheTypeOfItsProduct) {
    world.add_device("d1");

    const auto device = world.device("d1");
    ASSERT_TRUE(device);
    EXPECT_EQ(device->state, DeviceState::not_active);
    EXPECT_EQ(device->device_type, DeviceType::device);
    EXPECT_FALSE(device->registered_at);
}

TEST_F(DeviceTest, RefusesATakenId) {
    world.add_device("d1");

    const auto twice = world.devices.add({AppWorld::device_form("d1")}, AppWorld::admin());

    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, ErrorCode::duplicate_key);
    EXPECT_TRUE(twice.error().message.zh.starts_with("设备ID已存在"));
}

TEST_F(DeviceTest, RefusesIdsThatATopicCouldNotCarry) {
    for (const std::string& id : {std::string("d/1"), std::string("d+"), std::string("#"),
                                  std::string("设备"), std::string(65, 'a'), std::string("d 1")}) {
        EXPECT_FALSE(world.devices.add({AppWorld::device_form(id)}, AppWorld::admin())) << id;
    }
    DeviceForm longest = AppWorld::device_form(std::string(64, 'a'));
    longest.name = "longest";
    EXPECT_TRUE(world.devices.add({longest}, AppWorld::admin()));
}

TEST_F(DeviceTest, RefusesAnUnknownProduct) {
    const auto added = world.devices.add({AppWorld::device_form("d1", "p9")}, AppWorld::admin());

    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().fields.front().property, "productId");
}

// All or nothing: thousands of rows come from a file, and a person repairs the file.
TEST_F(DeviceTest, BatchImportNamesTheFirstBadRowAndAddsNothing) {
    std::vector<DeviceForm> forms;
    for (int i = 0; i < 3000; ++i) {
        forms.push_back(AppWorld::device_form("d" + std::to_string(i)));
    }
    forms[2500].product = ProductId{"p9"};

    const auto failed = world.devices.add(forms, AppWorld::admin());
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().message.en, "row 2500: there is no product p9");
    EXPECT_FALSE(world.device("d0"));

    forms[2500].product = ProductId{"p1"};
    const auto added = world.devices.add(forms, AppWorld::admin());
    ASSERT_TRUE(added);
    EXPECT_EQ(added->size(), 3000U);
}

TEST_F(DeviceTest, DeployActivatesAndRegistersOnce) {
    world.add_device("d1");

    ASSERT_TRUE(world.devices.deploy({DeviceId{"d1"}}));
    const auto first = world.device("d1");
    world.clock.advance(1h);
    ASSERT_TRUE(world.devices.undeploy({DeviceId{"d1"}}));
    ASSERT_TRUE(world.devices.deploy({DeviceId{"d1"}}));

    EXPECT_EQ(first->state, DeviceState::offline);
    EXPECT_EQ(first->registered_at, at(0ms));
    EXPECT_EQ(world.device("d1")->registered_at, at(0ms));
    EXPECT_EQ(world.device("d1")->state, DeviceState::offline);
}

TEST_F(DeviceTest, UndeployClosesTheConnectionAndTellsWhoRemembers) {
    world.add_device("d1");
    ASSERT_TRUE(world.devices.deploy({DeviceId{"d1"}}));
    world.links.connect("d1");
    std::vector<DeviceId> told;
    world.devices.on_changed([&](const DeviceId& id) { told.push_back(id); });

    const auto count = world.devices.undeploy({DeviceId{"d1"}});

    ASSERT_TRUE(count);
    EXPECT_EQ(*count, 1);
    EXPECT_EQ(world.device("d1")->state, DeviceState::not_active);
    EXPECT_FALSE(world.links.is_connected(DeviceId{"d1"}));
    EXPECT_EQ(told, std::vector<DeviceId>{DeviceId{"d1"}});
}

TEST_F(DeviceTest, OnlyNotActiveDevicesAreDeleted) {
    world.add_device("d1");
    world.add_device("d2");
    ASSERT_TRUE(world.devices.deploy({DeviceId{"d1"}}));

    const auto active = world.devices.remove(DeviceId{"d1"});
    const auto count = world.devices.remove_all({DeviceId{"d1"}, DeviceId{"d2"}, DeviceId{"d3"}});

    ASSERT_FALSE(active);
    EXPECT_EQ(active.error().code, ErrorCode::conflict);
    ASSERT_TRUE(count);
    EXPECT_EQ(*count, 1);
    EXPECT_TRUE(world.device("d1"));
    EXPECT_FALSE(world.device("d2"));
}

// Otherwise a task would wait for a device that can never come (T22).
TEST_F(DeviceTest, DeletingADeviceEndsItsRecords) {
    world.add_device("d1");
    ASSERT_TRUE(world.store->write([&](UnitOfWork& work) {
        work.firmwares().add(a_firmware());
        UpgradeTask task = a_task();
        task.id = TaskId{"100"};
        work.tasks().add(task, DeviceSelection{});
        work.tasks().expand(task.id, 10, world.clock.now(),
                            [&] { return world.ids.next_number(); });
        return Result<void>();
    }));

    ASSERT_TRUE(world.devices.remove(DeviceId{"d1"}));

    world.store->read([](const Repositories& rows) {
        const auto task = rows.tasks().find(TaskId{"100"});
        ASSERT_TRUE(task);
        EXPECT_EQ(task->counts.waiting, 0);
    });
}

TEST_F(DeviceTest, DeletingAGatewaySetsItsChildrenFree) {
    DeviceForm gateway = AppWorld::device_form("g1");
    gateway.device_type = DeviceType::gateway;
    DeviceForm child = AppWorld::device_form("c1");
    child.parent = "g1";
    ASSERT_TRUE(world.devices.add({gateway, child}, AppWorld::admin()));
    ASSERT_EQ(world.device("c1")->parent, DeviceId{"g1"});

    ASSERT_TRUE(world.devices.remove(DeviceId{"g1"}));

    EXPECT_FALSE(world.device("c1")->parent);
}

TEST_F(DeviceTest, AParentMustBeAGateway) {
    world.add_device("d1");
    DeviceForm child = AppWorld::device_form("c1");
    child.parent = "d1";

    EXPECT_FALSE(world.devices.add({child}, AppWorld::admin()));
}

TEST_F(DeviceTest, SavingARowKeepsItsState) {
    world.add_device("d1");
    ASSERT_TRUE(world.devices.deploy({DeviceId{"d1"}}));
    DeviceForm renamed;
    renamed.id = DeviceId{"d1"};
    renamed.name = "renamed";

    const auto counts = world.devices.save({renamed}, AppWorld::admin());

    ASSERT_TRUE(counts);
    EXPECT_EQ(counts->updated, 1);
    EXPECT_EQ(world.device("d1")->name, "renamed");
    EXPECT_EQ(world.device("d1")->state, DeviceState::offline);
}

TEST_F(DeviceTest, ACommandReturnsTheDevicesAnswer) {
    world.add_device("d1");
    world.links.connect("d1");
    world.links.on_send = [&](const DownlinkMessage& message) {
        const auto& command = std::get<downlink::OtherDownlink>(message.body);
        EXPECT_FALSE(world.replies.complete(DeviceId{"d2"}, command.message_id, "{}"));
        EXPECT_TRUE(world.replies.complete(DeviceId{"d1"}, command.message_id, R"({"ok":1})"));
    };

    const auto reply = world.devices.command(DeviceId{"d1"}, {"READ_PROPERTY", "", "{}"});

    ASSERT_TRUE(reply);
    EXPECT_EQ(*reply, R"({"ok":1})");
    EXPECT_FALSE(world.replies.complete(DeviceId{"d1"}, "late", "{}"));
}

TEST_F(DeviceTest, ACommandNeedsAConnectionAndAnAnswer) {
    world.add_device("d1");
    const auto offline = world.devices.command(DeviceId{"d1"}, {"READ_PROPERTY", "", "{}"});
    world.links.connect("d1");
    const auto silent = world.devices.command(DeviceId{"d1"}, {"READ_PROPERTY", "m1", "{}"});

    ASSERT_FALSE(offline);
    EXPECT_EQ(offline.error().code, ErrorCode::device_offline);
    ASSERT_FALSE(silent);
    EXPECT_EQ(silent.error().code, ErrorCode::device_timeout);
}

TEST_F(DeviceTest, AChildIsReachedThroughItsGateway) {
    DeviceForm gateway = AppWorld::device_form("g1");
    gateway.device_type = DeviceType::gateway;
    DeviceForm child = AppWorld::device_form("c1");
    child.parent = "g1";
    ASSERT_TRUE(world.devices.add({gateway, child}, AppWorld::admin()));
    world.links.connect("g1");
    world.links.on_send = [&](const DownlinkMessage& message) {
        EXPECT_EQ(message.route.carrier(), DeviceId{"g1"});
        world.replies.complete(DeviceId{"c1"},
                               std::get<downlink::OtherDownlink>(message.body).message_id, "{}");
    };

    EXPECT_TRUE(world.devices.command(DeviceId{"c1"}, {"READ_PROPERTY", "", "{}"}));
}

}  // namespace
}  // namespace updraft
