#include <gtest/gtest.h>

#include "tests/support/scheduled_world.hpp"

// The sequence diagrams of the specification, chapter 5, from end to end: services, state machine,
// dispatcher and store, with devices that a test speaks for.
namespace updraft {
namespace {

using enum RecordState;
using namespace std::chrono_literals;

struct Sequences : testing::Test {
    void SetUp() override {
        w.add_device("d1");
        firmware = w.add_firmware("1.1", 2);
    }
    ScheduledWorld w;
    FirmwareId firmware;
};

TEST_F(Sequences, S51PushSucceeds) {
    w.connect("d1");
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1"});
    EXPECT_EQ(w.state("d1", task), waiting);
    w.settle();

    ASSERT_EQ(w.pushes().size(), 1U);
    const auto message = std::get<downlink::UpgradeFirmware>(w.pushes()[0].body);
    UpgradeRecord record = w.record("d1", task);
    EXPECT_EQ(record.state, processing);
    EXPECT_EQ(message.message_id, record.message_id);
    EXPECT_EQ(message.version, "1.1");
    EXPECT_EQ(message.parameters.at("slot"), "B");
    EXPECT_EQ(record.response_deadline, *record.upgrade_at + 30s);
    EXPECT_EQ(record.server_id, "node-1");

    w.hear("d1", uplink::UpgradeReply{message.message_id, true, "", ""});
    EXPECT_FALSE(w.record("d1", task).response_deadline);
    w.hear("d1", w.progress_of("1.1", 30));
    EXPECT_EQ(w.record("d1", task).progress_percent, 30);
    w.disconnect("d1");
    EXPECT_EQ(w.state("d1", task), processing);  // T24
    w.connect("d1");
    EXPECT_EQ(w.pushes().size(), 1U);  // it had answered: nothing is repeated
    w.hear("d1", w.success_of("1.1"));

    record = w.record("d1", task);
    EXPECT_EQ(record.state, success);
    EXPECT_EQ(record.progress_percent, 100);
    EXPECT_TRUE(record.completed_at);
    EXPECT_EQ(w.device("d1").firmware->version, "1.1");
    EXPECT_EQ(w.device("d1").firmware->version_order, 2);
    EXPECT_EQ(progress_percent(w.counts(task)), 100);
}

TEST_F(Sequences, S52PushWaitsForAnOfflineDevice) {
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1"});
    w.pass(3600s);
    EXPECT_EQ(w.state("d1", task), waiting);
    EXPECT_TRUE(w.pushes().empty());

    w.connect("d1");

    EXPECT_EQ(w.state("d1", task), processing);
    EXPECT_EQ(w.pushes().size(), 1U);
}

// T4: the connection was gone when the message was to be written; it does not count as an attempt.
TEST_F(Sequences, S52AFailedWriteGoesBackToWaitingAndIsTriedAgain) {
    w.connect("d1");
    w.links.full_outboxes.insert("d1");
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1"});
    w.settle();
    const UpgradeRecord record = w.record("d1", task);
    EXPECT_EQ(record.state, waiting);
    EXPECT_EQ(record.attempt, 1);
    EXPECT_FALSE(record.upgrade_deadline);

    w.links.full_outboxes.clear();
    w.pass(1s);

    EXPECT_EQ(w.state("d1", task), processing);
    EXPECT_EQ(w.pushes().size(), 1U);
}

// T25: the device dropped after the write and came back without having answered.
TEST_F(Sequences, S52AnUnansweredPushIsRepeatedOnceWithTheSameMessageId) {
    w.connect("d1");
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1"});
    w.settle();
    for (int i = 0; i < 3; ++i) {
        w.disconnect("d1");
        w.connect("d1");
    }

    ASSERT_EQ(w.pushes().size(), 2U);
    EXPECT_EQ(std::get<downlink::UpgradeFirmware>(w.pushes()[0].body).message_id,
              std::get<downlink::UpgradeFirmware>(w.pushes()[1].body).message_id);
    EXPECT_EQ(w.state("d1", task), processing);
}

struct Pulls : Sequences {
    void SetUp() override {
        Sequences::SetUp();
        w.add_firmware("1.0", 1);
        w.add_firmware("1.2", 3);
        w.add_firmware("1.3", 5);
        w.connect("d1");
        for (const char* version : {"1.1", "1.2", "1.3"}) {
            tasks[version] =
                w.create_task(FirmwareId{std::string("F") + version}, UpgradeMode::pull, {"d1"});
        }
    }
    std::map<std::string, TaskId> tasks;
};

TEST_F(Pulls, S53SequentialPullsGoStepByStep) {
    std::string runs = "1.0";
    for (const char* next : {"1.1", "1.2", "1.3"}) {
        ASSERT_EQ(w.offered(w.hear("d1", w.pull("1", runs))), next);
        w.hear("d1", w.success_of(next));
        EXPECT_EQ(w.state("d1", tasks[next]), success);
        runs = next;
    }
    EXPECT_EQ(w.offered(w.hear("d1", w.pull("4", runs))), "NO_FIRMWARE");
}

TEST_F(Pulls, S53LatestSkipsToTheNewestAndTheOthersAreSuperseded) {
    EXPECT_EQ(w.offered(w.hear("d1", w.pull("1", "1.0", true))), "1.3");
    w.hear("d1", w.success_of("1.3"));

    EXPECT_EQ(w.state("d1", tasks["1.1"]), canceled);
    EXPECT_EQ(w.record("d1", tasks["1.2"]).error_reason, error_reason::superseded);
    EXPECT_EQ(w.offered(w.hear("d1", w.pull("2", "1.3"))), "NO_FIRMWARE");
}

TEST_F(Pulls, S53TheRequestedVersionWinsOverLatest) {
    uplink::FirmwarePull pull = w.pull("1", "1.0", true);
    pull.request.request_version = "1.2";
    EXPECT_EQ(w.offered(w.hear("d1", pull)), "1.2");
}

TEST_F(Pulls, ARepeatedPullGetsTheSameFirmwareAndKeepsItsTimer) {
    w.hear("d1", w.pull("1", "1.0"));
    const UpgradeRecord before = w.record("d1", tasks["1.1"]);
    w.pass(60s);

    EXPECT_EQ(w.offered(w.hear("d1", w.pull("2", "1.0"))), "1.1");

    const UpgradeRecord after = w.record("d1", tasks["1.1"]);
    EXPECT_EQ(after.message_id, "2");
    EXPECT_EQ(after.upgrade_deadline, before.upgrade_deadline);
}

TEST_F(Sequences, S54AFailureIsRetriedWithANewMessage) {
    w.connect("d1");
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1"});
    w.settle();
    const std::string first = w.last_message_id();
    w.hear("d1", w.failure_of("1.1", "校验失败"));
    EXPECT_EQ(w.state("d1", task), failed);
    EXPECT_EQ(w.record("d1", task).error_reason, "校验失败");

    const auto restarted = w.tasks.start(task, {failed});
    w.settle();

    EXPECT_EQ(restarted.value(), 1);
    const UpgradeRecord record = w.record("d1", task);
    EXPECT_EQ(record.state, processing);
    EXPECT_EQ(record.attempt, 2);
    EXPECT_TRUE(record.error_reason.empty());
    EXPECT_NE(w.last_message_id(), first);
}

TEST_F(Sequences, S55Row47Row48StopAndContinue) {
    for (const char* id : {"d2", "d3", "d4"}) {
        w.add_device(id);
    }
    NewTask request = w.form(firmware, UpgradeMode::push, {"d1", "d2", "d3", "d4"});
    request.task.max_concurrent = 1;
    w.connect("d1");
    w.connect("d2");
    w.connect("d4");
    const TaskId task = w.create_task(request);
    w.settle();
    w.hear("d1", w.success_of("1.1"));
    ASSERT_EQ(w.state("d2", task), processing);
    ASSERT_EQ(w.state("d4", task), waiting);

    EXPECT_EQ(w.tasks.stop(task, {waiting}).value(), 2);
    w.settle();
    EXPECT_EQ(w.state("d2", task), processing);  // row 47: running devices are not touched
    EXPECT_EQ(w.state("d3", task), canceled);
    EXPECT_EQ(w.state("d4", task), canceled);
    EXPECT_EQ(derived_state(w.counts(task)), TaskState::canceled);
    w.hear("d2", w.success_of("1.1"));
    EXPECT_EQ(w.state("d2", task), success);
    const std::size_t sent = w.pushes().size();
    w.connect("d3");
    EXPECT_EQ(w.pushes().size(), sent);

    EXPECT_EQ(w.tasks.start(task, {canceled}).value(), 2);  // row 48
    w.settle();
    EXPECT_EQ(w.counts(task).processing, 1);
    EXPECT_EQ(w.counts(task).waiting, 1);
    EXPECT_EQ(w.pushes().size(), sent + 1);
}

// Row 51: single records are stopped and started by their ids.
TEST_F(Sequences, S55Row51OneRecordIsStoppedAndStarted) {
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1"});
    const RecordId record = w.record("d1", task).id;
    EXPECT_EQ(w.tasks.stop({record}).value(), 1);
    EXPECT_EQ(w.state("d1", task), canceled);
    EXPECT_EQ(w.tasks.stop({record}).value(), 0);
    EXPECT_EQ(w.tasks.start({record, RecordId{"none"}}).value(), 1);
    EXPECT_EQ(w.state("d1", task), waiting);
}

TEST_F(Sequences, S56NoResponseFailsInTimeAndLateProgressRevives) {
    w.connect("d1");
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1"});
    w.settle();
    w.pass(29s);
    EXPECT_EQ(w.state("d1", task), processing);
    w.pass(1s);
    EXPECT_EQ(w.record("d1", task).error_reason, error_reason::response_timeout);

    w.pass(15s);
    w.hear("d1", w.progress_of("1.1", 10));

    EXPECT_EQ(w.state("d1", task), processing);  // T19
    EXPECT_EQ(w.record("d1", task).upgrade_deadline, w.clock.now() + 600s);
}

TEST_F(Sequences, S56UpgradeTimesOutAndALateReportStillCounts) {
    w.connect("d1");
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1"});
    w.settle();
    w.hear("d1", w.progress_of("1.1", 30));
    w.pass(600s);
    EXPECT_EQ(w.record("d1", task).error_reason, error_reason::upgrade_timeout);

    w.pass(100s);
    w.hear("d1", uplink::FirmwareReport{"1.1", {{"hw", "r2"}}});

    EXPECT_EQ(w.state("d1", task), success);  // T20
    EXPECT_EQ(w.device("d1").firmware->properties.at("hw"), "r2");
}

// T26: the device gets time to come back after our own absence.
TEST_F(Sequences, S56ARestartKeepsRunningUpgrades) {
    w.connect("d1");
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1"});
    w.settle();
    w.clock.advance(40s);  // the server was away, past the response deadline

    Scheduler::Options options;
    options.server_id = "node-2";
    Scheduler next(*w.store, w.changes, w.presence, w.tasks, w.files, w.sender, w.clock, w.ids,
                   options);
    next.recover();
    next.run_due();

    const UpgradeRecord record = w.record("d1", task);
    EXPECT_EQ(record.state, processing);
    EXPECT_EQ(record.server_id, "node-2");
    EXPECT_EQ(record.response_deadline, w.clock.now() + 30s);
    EXPECT_EQ(next.dispatcher().in_flight(), 1U);
    EXPECT_EQ(w.device("d1").state, DeviceState::offline);
}

TEST_F(Sequences, S57AChildIsReachedThroughItsGateway) {
    w.add_gateway("gw1", {"c1"});
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"c1"});
    w.settle();
    w.connect("gw1");

    ASSERT_EQ(w.pushes().size(), 1U);
    const DeviceRoute route = w.pushes()[0].route;
    EXPECT_EQ(route.device.value, "c1");
    EXPECT_EQ(route.carrier().value, "gw1");
    EXPECT_EQ(route.gateway_product.value, "p0");
    EXPECT_EQ(w.device("c1").state, DeviceState::online);
    w.hear("gw1", w.success_of("1.1"), "c1");
    EXPECT_EQ(w.state("c1", task), success);
    w.disconnect("gw1");
    EXPECT_EQ(w.device("c1").state, DeviceState::offline);
}

}  // namespace
}  // namespace updraft
