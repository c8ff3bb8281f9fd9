#include <gtest/gtest.h>

#include "tests/support/scheduled_world.hpp"

namespace updraft {
namespace {

using enum RecordState;

struct Dispatching : testing::Test {
    ScheduledWorld w;

    std::vector<std::string> add_online(int count) {
        std::vector<std::string> devices;
        for (int i = 0; i < count; ++i) {
            devices.push_back(fmt::format("d{:03}", i));
            w.add_device(devices.back());
            w.links.connected.insert(devices.back());
        }
        return devices;
    }
};

// One at a time, lowest version order first, whatever the order of the tasks (spec 3.2).
TEST_F(Dispatching, ADeviceTakesItsRecordsInVersionOrderOneAtATime) {
    w.add_device("d1");
    const TaskId later = w.create_task(w.add_firmware("1.2", 3), UpgradeMode::push, {"d1"});
    const TaskId first = w.create_task(w.add_firmware("1.1", 2), UpgradeMode::push, {"d1"});
    w.connect("d1");
    EXPECT_EQ(w.state("d1", first), processing);
    EXPECT_EQ(w.state("d1", later), waiting);

    w.hear("d1", w.success_of("1.1"));

    EXPECT_EQ(w.state("d1", later), processing);
    EXPECT_EQ(w.pushes().size(), 2U);
}

TEST_F(Dispatching, ATaskSendsAtItsRate) {
    add_online(100);
    NewTask request = w.form(w.add_firmware("1.1", 2), UpgradeMode::push);
    request.task.rate_per_second = 20;
    const TaskId task = w.create_task(request);
    w.settle();
    EXPECT_EQ(w.pushes().size(), 4U);  // the burst: a fifth of a second's worth
    for (int i = 0; i < 10; ++i) {
        w.pass(milliseconds{100});
    }
    EXPECT_EQ(w.pushes().size(), 24U);
    for (int i = 0; i < 100; ++i) {
        w.pass(milliseconds{100});
    }
    EXPECT_EQ(w.pushes().size(), 100U);
    EXPECT_EQ(w.counts(task).processing, 100);
}

TEST_F(Dispatching, ATaskKeepsToItsConcurrency) {
    add_online(5);
    NewTask request = w.form(w.add_firmware("1.1", 2), UpgradeMode::push);
    request.task.max_concurrent = 2;
    const TaskId task = w.create_task(request);
    w.settle();
    EXPECT_EQ(w.counts(task).processing, 2);

    w.hear("d000", w.success_of("1.1"));

    EXPECT_EQ(w.counts(task).processing, 2);
    EXPECT_EQ(w.counts(task).success, 1);
}

// Gap 33: behind one gateway one child at a time.
TEST_F(Dispatching, AGatewayUpgradesOneChildAtATime) {
    w.add_gateway("gw1", {"c1", "c2", "c3"});
    const TaskId task =
        w.create_task(w.add_firmware("1.1", 2), UpgradeMode::push, {"c1", "c2", "c3"});
    w.connect("gw1");
    EXPECT_EQ(w.counts(task).processing, 1);
    for (const char* child : {"c1", "c2", "c3"}) {
        for (const char* each : {"c1", "c2", "c3"}) {
            if (w.state(each, task) == processing) {
                w.hear("gw1", w.success_of("1.1"), each);
                w.pass(milliseconds{100});
                break;
            }
        }
        EXPECT_LE(w.counts(task).processing, 1) << child;
    }
    EXPECT_EQ(w.counts(task).success, 3);
}

// T5: the version is there already; no message, no token spent.
TEST_F(Dispatching, ADeviceThatHasTheVersionIsDoneWithoutAMessage) {
    w.add_device("d1");
    const FirmwareId firmware = w.add_firmware("1.1", 2);
    w.connect("d1");
    w.hear("d1", uplink::FirmwareReport{"1.1", {}});
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1"});
    w.settle();

    EXPECT_EQ(w.state("d1", task), success);
    EXPECT_TRUE(w.pushes().empty());
}

TEST_F(Dispatching, AForcedTaskFlashesTheSameVersionAgain) {
    w.add_device("d1");
    w.connect("d1");
    NewTask request = w.form(w.add_firmware("1.1", 2), UpgradeMode::push, {"d1"});
    w.hear("d1", uplink::FirmwareReport{"1.1", {}});
    request.task.forced = true;
    const TaskId task = w.create_task(request);
    w.settle();

    EXPECT_EQ(w.state("d1", task), processing);
    ASSERT_EQ(w.pushes().size(), 1U);
    EXPECT_TRUE(std::get<downlink::UpgradeFirmware>(w.pushes()[0].body).force);
}

// T23: a disabled device keeps its record waiting.
TEST_F(Dispatching, ADisabledDeviceIsNotDispatched) {
    w.add_device("d1", "p1", std::nullopt, DeviceState::not_active);
    w.links.connected.insert("d1");
    const TaskId task = w.create_task(w.add_firmware("1.1", 2), UpgradeMode::push);
    w.settle();
    EXPECT_EQ(w.state("d1", task), waiting);
}

TEST_F(Dispatching, PullTasksSendNothing) {
    add_online(3);
    w.create_task(w.add_firmware("1.1", 2), UpgradeMode::pull);
    w.pass(std::chrono::seconds{60});
    EXPECT_TRUE(w.pushes().empty());
}

// Two tasks share the server's rate in turn: the bigger one does not starve the smaller one.
TEST_F(Dispatching, TasksAreServedInTurn) {
    std::vector<std::string> devices = add_online(60);
    const std::vector<std::string> few(devices.begin(), devices.begin() + 5);
    const std::vector<std::string> many(devices.begin() + 5, devices.end());
    const TaskId big = w.create_task(w.add_firmware("1.1", 2), UpgradeMode::push, many);
    const TaskId small = w.create_task(w.add_firmware("1.2", 3), UpgradeMode::push, few);
    w.settle();
    EXPECT_EQ(w.counts(small).processing, 5);
    EXPECT_GT(w.counts(big).processing, 0);
}

// A version that nobody knows is asked for, once a connection (spec 4.4).
TEST_F(Dispatching, AnUnknownVersionIsReadOnceAfterConnect) {
    w.add_device("d1");
    w.connect("d1");
    const auto reads = [&] {
        return std::ranges::count_if(w.links.sent, [](const DownlinkMessage& message) {
            return std::holds_alternative<downlink::ReadFirmware>(message.body);
        });
    };
    EXPECT_EQ(reads(), 1);
    w.hear("d1", uplink::FirmwareReadReply{"m1", true, "1.0", {}});
    w.disconnect("d1");
    w.connect("d1");
    EXPECT_EQ(reads(), 1);
}

// A crash between chunks: the records that are missing are made by the next start.
TEST(Expansion, GoesOnAfterARestart) {
    TaskService::Options small_chunks;
    small_chunks.expand_chunk = 10;
    ScheduledWorld w({}, small_chunks);
    for (int i = 0; i < 35; ++i) {
        w.add_device(fmt::format("d{:03}", i));
    }
    const TaskId task = w.create_task(w.add_firmware("1.1", 2), UpgradeMode::push);
    const auto made = [&] {
        return w.store->read([&](const Repositories& rows) {
            return rows.records().of_task(task, {waiting}, {}, 1000).size();
        });
    };
    EXPECT_EQ(made(), 10U);
    EXPECT_EQ(w.counts(task).total(), 35);  // the size is known from the start (design 3.4)

    Scheduler next(*w.store, w.changes, w.presence, w.tasks, w.files, w.sender, w.clock, w.ids, {});
    next.recover();
    for (int i = 0; i < 5; ++i) {
        next.run_due();
    }

    EXPECT_EQ(made(), 35U);
    EXPECT_EQ(w.counts(task).waiting, 35);
}

// What is made later reaches devices that are connected already.
TEST(Expansion, RecordsOfLaterChunksAreDispatched) {
    TaskService::Options small_chunks;
    small_chunks.expand_chunk = 2;
    ScheduledWorld w({}, small_chunks);
    for (const char* id : {"d5", "d4", "d3", "d2", "d1"}) {
        w.add_device(id);
        w.links.connected.insert(id);
    }
    const TaskId task = w.create_task(w.add_firmware("1.1", 2), UpgradeMode::push);
    w.settle();
    EXPECT_EQ(w.counts(task).processing, 5);
}

// A stop that takes longer than a console waits goes on behind the answer, and nothing is sent.
TEST(BulkChanges, GoOnBehindTheAnswer) {
    TaskService::Options options;
    options.change_chunk = 2;
    options.answer_within = milliseconds{0};
    ScheduledWorld w({}, options);
    for (int i = 0; i < 9; ++i) {
        w.add_device(fmt::format("d{}", i));
    }
    const TaskId task = w.create_task(w.add_firmware("1.1", 2), UpgradeMode::push);
    EXPECT_EQ(w.tasks.stop(task, {waiting}).value(), 9);
    EXPECT_EQ(w.counts(task).canceled, 2);
    EXPECT_TRUE(w.tasks.is_being_stopped(task));
    w.connect("d8");
    EXPECT_EQ(w.counts(task).canceled, 9);
    EXPECT_TRUE(w.pushes().empty());
    EXPECT_FALSE(w.tasks.is_being_stopped(task));
}

struct ChangesInChunks : testing::Test {
    static TaskService::Options chunks_of_two() {
        TaskService::Options options;
        options.change_chunk = 2;
        options.answer_within = milliseconds{0};
        return options;
    }
    ChangesInChunks() {
        for (int i = 0; i < 9; ++i) {
            w.add_device(fmt::format("d{}", i));
        }
        task = w.create_task(w.add_firmware("1.1", 2), UpgradeMode::push);
    }
    ScheduledWorld w{{}, chunks_of_two()};
    TaskId task;
};

// The later promise holds, though the earlier one is still being kept.
TEST_F(ChangesInChunks, OfOneTaskAreDoneInTheOrderInWhichTheyWereAskedFor) {
    EXPECT_EQ(w.tasks.stop(task, {waiting}).value(), 9);
    EXPECT_TRUE(w.tasks.start(task, {canceled}));
    w.settle();
    EXPECT_EQ(w.counts(task).waiting, 9);
    EXPECT_FALSE(w.tasks.is_being_stopped(task));
}

// A crash takes the memory and leaves the rows: another service on them goes on.
TEST_F(ChangesInChunks, GoOnAfterACrash) {
    EXPECT_EQ(w.tasks.stop(task, {waiting}).value(), 9);
    TaskService next(*w.store, w.changes, w.live, w.clock, w.ids, chunks_of_two());
    std::function<bool()> rest;
    TaskService::Hooks hooks;
    hooks.run_later = [&](std::function<bool()> step) { rest = std::move(step); };
    next.hook(std::move(hooks));

    next.recover();

    EXPECT_TRUE(next.is_being_stopped(task));
    ASSERT_TRUE(rest);
    while (rest()) {
    }
    EXPECT_EQ(w.counts(task).canceled, 9);
    EXPECT_FALSE(next.is_being_stopped(task));
}

TEST_F(ChangesInChunks, GoWithTheirTask) {
    EXPECT_EQ(w.tasks.stop(task, {waiting}).value(), 9);
    EXPECT_TRUE(w.tasks.remove(task, TaskService::Removal::forced));
    EXPECT_FALSE(w.tasks.is_being_stopped(task));
    w.settle();
    EXPECT_TRUE(w.store->read(
        [](const Repositories& rows) { return rows.tasks().changes_under_way().empty(); }));
}

TEST_F(ChangesInChunks, AreRefusedWhenTooManyAreUnderWay) {
    TaskService::Options options = chunks_of_two();
    options.changes_max = 1;
    TaskService few(*w.store, w.changes, w.live, w.clock, w.ids, options);
    TaskService::Hooks hooks;
    hooks.run_later = [](const std::function<bool()>&) {};
    few.hook(std::move(hooks));
    EXPECT_TRUE(few.stop(task, {waiting}));
    EXPECT_EQ(few.start(task, {canceled}).error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace updraft
