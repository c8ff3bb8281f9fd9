#include "app/ddi_service.hpp"

#include <gtest/gtest.h>

#include "app/log_types.hpp"
#include "tests/support/upgrade_world.hpp"

namespace updraft {
namespace {

using enum RecordState;
using Kind = DdiService::Poll::Kind;
using Taken = DdiService::Taken;

/// A store that counts what goes to its writer.
class CountingStore final : public Store {
public:
    explicit CountingStore(Store& store) : store_(store) {}
    void submit(std::function<bool(UnitOfWork&)> operation, Completion done) override {
        ++writes;
        store_.submit(std::move(operation), std::move(done));
    }
    void run_read(const std::function<void(const Repositories&)>& reader) const override {
        store_.run_read(reader);
    }
    int writes = 0;

private:
    Store& store_;
};

struct Ddi : testing::Test {
    void SetUp() override {
        firmware = w.add_firmware("1.1", 2);
        w.add_device("d1");
    }
    /// What is remembered of a poll is what a look at the store gives, whatever went before.
    [[nodiscard]] DdiService::Poll poll() {
        const auto remembered = service.poll_at_once(d1);
        const DdiService::Poll looked = *service.poll(d1);
        EXPECT_TRUE(!remembered || *remembered == looked);
        return looked;
    }
    TaskId a_task(UpgradeMode mode = UpgradeMode::push) {
        return w.create_task(firmware, mode, {"d1"});
    }
    /// A task whose update the device has fetched: its action.
    std::int64_t fetched() {
        const std::int64_t action = poll().action;
        EXPECT_TRUE(service.deployment(d1, action, 0));
        return action;
    }
    [[nodiscard]] static ddi::Feedback said(ddi::Execution execution,
                                            ddi::Finished finished = ddi::Finished::none,
                                            std::vector<std::string> details = {}) {
        return {execution, finished, {}, {}, std::move(details)};
    }
    [[nodiscard]] static ddi::Feedback succeeded() {
        return said(ddi::Execution::closed, ddi::Finished::success);
    }
    [[nodiscard]] static ddi::Feedback failed(std::vector<std::string> details) {
        return said(ddi::Execution::closed, ddi::Finished::failure, std::move(details));
    }
    template <class T>
    static ErrorCode code_of(const Result<T>& result) {
        return result ? ErrorCode::internal : result.error().code;
    }

    UpgradeWorld w;
    CountingStore store{*w.store};
    DdiService service{store,  w.changes, w.messages, w.files, w.urls,
                       w.live, w.clock,   w.ids,      {},      w.freshness};
    DdiService::Client d1{DeviceId{"d1"}, "test"};
    FirmwareId firmware;
};

// Issue 4, 6: a poll without news writes nothing, and so does a repeated fetch.
// HEAD is a safe method (RFC 9110 9.2.1): whoever only looks begins nothing.
TEST_F(Ddi, OnlyAFetchThatTakesBeginsTheUpgrade) {
    const TaskId task = a_task();
    const std::int64_t action = poll().action;

    EXPECT_TRUE(service.deployment(d1, action, 0, DdiService::Fetch::looks));
    EXPECT_EQ(w.state("d1", task), RecordState::waiting);
    EXPECT_TRUE(service.deployment(d1, action, 0));
    EXPECT_EQ(w.state("d1", task), RecordState::processing);
}

TEST_F(Ddi, ReadingWithoutNewsWritesNothing) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(poll().kind, Kind::nothing);
    }
    EXPECT_EQ(store.writes, 0);
    const TaskId task = a_task();
    const std::int64_t action = poll().action;
    EXPECT_EQ(store.writes, 1);  // its number
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(poll().action, action);
    }
    EXPECT_EQ(store.writes, 1);
    ASSERT_TRUE(service.deployment(d1, action, 0));
    EXPECT_EQ(store.writes, 2);  // T6
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(service.deployment(d1, action, -1));
        EXPECT_EQ(poll().kind, Kind::deployment);
    }
    EXPECT_EQ(store.writes, 2);
    w.apply_to("d1", task, event::Stopped{true});
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(poll().kind, Kind::cancel);
        EXPECT_TRUE(service.cancellation(d1, action));
    }
    EXPECT_EQ(store.writes, 2);
}

// A poll without news is answered from memory until something of the device changes.
TEST_F(Ddi, AQuietPollIsRememberedUntilThereIsNews) {
    EXPECT_FALSE(service.poll_at_once(d1));
    EXPECT_EQ(poll().kind, Kind::nothing);
    ASSERT_TRUE(service.poll_at_once(d1));
    EXPECT_EQ(service.poll_at_once(d1)->kind, Kind::nothing);
    w.add_device("d2");
    EXPECT_TRUE(service.poll_at_once(d1));  // not its affair

    const TaskId task = a_task();
    EXPECT_FALSE(service.poll_at_once(d1));
    const std::int64_t action = poll().action;
    EXPECT_EQ(poll().action, action);
    ASSERT_TRUE(service.poll_at_once(d1));
    EXPECT_EQ(service.poll_at_once(d1)->action, action);
    ASSERT_TRUE(service.deployment(d1, action, 0));
    EXPECT_FALSE(service.poll_at_once(d1));
    EXPECT_EQ(poll().kind, Kind::deployment);
    ASSERT_TRUE(service.poll_at_once(d1));
    w.apply_to("d1", task, event::Stopped{true});
    EXPECT_FALSE(service.poll_at_once(d1));
    EXPECT_EQ(poll().kind, Kind::cancel);
}

// A client that cannot skip is told nothing of a download-only task: not what another was told.
TEST_F(Ddi, WhatIsRememberedIsOfOneKindOfClient) {
    EXPECT_EQ(poll().kind, Kind::nothing);
    const DdiService::Client other{DeviceId{"d1"}, "libcurl-agent/1.0"};
    EXPECT_FALSE(service.poll_at_once(other));
    EXPECT_TRUE(service.poll(other));
    EXPECT_TRUE(service.poll_at_once(other));
}

TEST_F(Ddi, WhatIsRefusedWritesNothing) {
    a_task();
    const std::int64_t action = fetched();
    ASSERT_EQ(*service.feedback(d1, action, succeeded()), Taken::yes);
    const int writes = store.writes;
    EXPECT_EQ(*service.feedback(d1, action, succeeded()), Taken::over);
    EXPECT_EQ(*service.cancel_feedback(d1, action, succeeded()), Taken::over);
    EXPECT_EQ(code_of(service.feedback(d1, action + 1, succeeded())), ErrorCode::not_found);
    EXPECT_EQ(code_of(service.deployment(d1, action + 1, 0)), ErrorCode::not_found);
    EXPECT_EQ(store.writes, writes);
    ddi::ConfigData data;
    data.data = {{"a", "b"}};
    ASSERT_TRUE(service.configure(d1, data));
    EXPECT_EQ(store.writes, writes + 1);
    ASSERT_TRUE(service.configure(d1, data));
    EXPECT_EQ(store.writes, writes + 1);
}

// hawkbit-ddi 12: clients keep an action's number in 31 bits.
TEST_F(Ddi, NumbersOfActionsAreSmallAndNeverUsedTwice) {
    const TaskId task = a_task();
    const std::int64_t first = fetched();
    EXPECT_EQ(first, 1);
    ASSERT_TRUE(service.feedback(d1, first, failed({"broken"})));
    w.apply_to("d1", task, event::Started{});
    EXPECT_EQ(fetched(), 2);
    EXPECT_EQ(w.record("d1", task).attempt, 2);
}

TEST_F(Ddi, AFetchStartsTheUpgradeTimeoutOnce) {
    const TaskId task = a_task();
    const std::int64_t action = fetched();
    const auto deadline = w.record("d1", task).upgrade_deadline;
    EXPECT_EQ(deadline, w.clock.now() + seconds{600});
    w.clock.advance(seconds{60});
    ASSERT_TRUE(service.deployment(d1, action, 0));
    EXPECT_EQ(w.record("d1", task).upgrade_deadline, deadline);
}

TEST_F(Ddi, APushThatWentOverAnotherDialectIsTheSameUpdate) {
    const TaskId task = a_task();
    w.apply_to("d1", task, event::Dispatched{"M", "n"});
    EXPECT_EQ(poll().kind, Kind::deployment);
    fetched();
    EXPECT_TRUE(w.record("d1", task).acked);
    w.clock.advance(seconds{31});
    w.apply_to("d1", task, event::DeadlinePassed{});
    EXPECT_EQ(w.state("d1", task), processing);  // it has answered, so no response timeout
}

TEST_F(Ddi, OneUpdateAtATime) {
    const TaskId second = w.create_task(w.add_firmware("1.2", 3), UpgradeMode::push, {"d1"});
    const std::int64_t action = poll().action;
    const TaskId first = a_task();
    w.apply_to("d1", first, event::Dispatched{"M", "n"});
    EXPECT_EQ(code_of(service.deployment(d1, action, 0)), ErrorCode::not_found);
    EXPECT_NE(poll().action, action);
    EXPECT_EQ(w.state("d1", second), waiting);
}

TEST_F(Ddi, WhatTheDeviceRunsAlreadyIsSettledByThePoll) {
    w.say("d1", uplink::FirmwareReport{"1.1", {}});
    const TaskId task = a_task();
    EXPECT_EQ(poll().kind, Kind::nothing);
    EXPECT_EQ(w.state("d1", task), success);  // T5
}

TEST_F(Ddi, AnActionNeverFetchedIsClosedWhenItIsNotWantedAnyMore) {
    const TaskId task = a_task();
    const std::int64_t first = poll().action;
    w.apply_to("d1", task, event::Stopped{});
    EXPECT_EQ(poll().kind, Kind::nothing);
    w.apply_to("d1", task, event::Started{});
    EXPECT_GT(fetched(), first);
    const auto open = w.store->read(
        [](const Repositories& rows) { return rows.ddi().open_of(DeviceId{"d1"}).size(); });
    EXPECT_EQ(open, 1U);
}

TEST_F(Ddi, OpenActionsDoNotGatherOverRetries) {
    const TaskId task = a_task();
    for (int attempt = 0; attempt < 10; ++attempt) {
        fetched();
        w.clock.advance(seconds{601});
        w.apply_to("d1", task, event::DeadlinePassed{});
        w.apply_to("d1", task, event::Started{});
    }
    const auto open = w.store->read(
        [](const Repositories& rows) { return rows.ddi().open_of(DeviceId{"d1"}).size(); });
    EXPECT_LE(open, 2U);
}

// T20, over a retry: the device finished the attempt before.
TEST_F(Ddi, SuccessOfAnEarlierAttemptCountsAndItsFailureDoesNot) {
    for (const bool succeeds : {true, false}) {
        const TaskId task = w.create_task(
            w.add_firmware(succeeds ? "1.2" : "1.3", succeeds ? 3 : 4), UpgradeMode::push, {"d1"});
        const std::int64_t action = fetched();
        w.clock.advance(seconds{601});
        w.apply_to("d1", task, event::DeadlinePassed{});
        w.apply_to("d1", task, event::Started{});
        EXPECT_EQ(*service.feedback(d1, action, succeeds ? succeeded() : failed({"late"})),
                  Taken::yes);
        EXPECT_EQ(w.state("d1", task), succeeds ? success : waiting);
    }
}

TEST_F(Ddi, ARefusedCancelWaitsBehindAnotherUpdate) {
    const TaskId first = a_task();
    const std::int64_t action = fetched();
    w.apply_to("d1", first, event::Stopped{true});
    const TaskId second = w.create_task(w.add_firmware("1.2", 3), UpgradeMode::push, {"d1"});
    w.apply_to("d1", second, event::Dispatched{"M", "n"});
    ASSERT_TRUE(service.cancel_feedback(d1, action, said(ddi::Execution::rejected)));
    EXPECT_EQ(w.state("d1", first), canceled);  // D1: one at a time
    EXPECT_EQ(w.state("d1", second), processing);
}

TEST_F(Ddi, ADeletedTaskTakesItsActionsAlong) {
    const TaskId task = a_task();
    const std::int64_t action = fetched();
    ASSERT_TRUE(service.feedback(d1, action, failed({"x"})));
    w.change([&](UnitOfWork& work) { work.tasks().remove(task); });
    EXPECT_EQ(poll().kind, Kind::nothing);
    EXPECT_EQ(code_of(service.feedback(d1, action, succeeded())), ErrorCode::not_found);
}

TEST_F(Ddi, TheLogOfAFeedbackIsBoundedAndWholeJson) {
    a_task();
    const std::int64_t action = fetched();
    std::vector<std::string> details(48, std::string(2'000, '"'));
    details.push_back("the end");
    ASSERT_TRUE(service.feedback(d1, action, said(ddi::Execution::proceeding, {}, details)));
    for (const DeviceLogEntry& line : w.log_of("d1")) {
        if (line.type == log_type::ddi_feedback) {
            EXPECT_LE(line.content.size(), 4'096U + 100);
            EXPECT_TRUE(line.content.ends_with(R"("the end"]})")) << line.content;
            EXPECT_TRUE(line.record);
            return;
        }
    }
    FAIL() << "no line";
}

// SWUpdate's last word is always the same; what went wrong is in the log that it sent before.
TEST_F(Ddi, AReasonHasTheErrorsThatWereToldBeforeAnEmptyPhrase) {
    const TaskId task = a_task();
    const std::int64_t action = fetched();
    const std::vector<std::string> log{"ERROR core/state.c : Cannot read stored update state.",
                                       "[channel_set_options] : low speed timeout is disabled",
                                       "ERROR core/cpio_utils.c : HASH mismatch : 00 <--> 11"};
    ASSERT_TRUE(service.feedback(d1, action, said(ddi::Execution::proceeding, {}, log)));
    ASSERT_TRUE(service.feedback(d1, action, failed({"No suitable .swu image found"})));
    EXPECT_EQ(w.record("d1", task).error_reason,
              log[0] + "; " + log[2] + "; No suitable .swu image found");
}

TEST_F(Ddi, AReasonHasTheCauseOfALogThatCameInParts) {
    const TaskId task = a_task();
    const std::int64_t action = fetched();
    const std::string cause = "ERROR core/cpio_utils.c : HASH mismatch : 00 <--> 11";
    const std::string effect = "ERROR core/installer.c : Image invalid or corrupted";
    ASSERT_TRUE(service.feedback(d1, action, said(ddi::Execution::proceeding, {}, {cause})));
    ASSERT_TRUE(service.feedback(d1, action, said(ddi::Execution::proceeding, {}, {effect})));
    ASSERT_TRUE(service.feedback(d1, action, failed({"No suitable .swu image found"})));
    EXPECT_EQ(w.record("d1", task).error_reason,
              cause + "; " + effect + "; No suitable .swu image found");
}

TEST_F(Ddi, AReasonHasNoErrorThatWasGotOver) {
    const TaskId task = a_task();
    const std::int64_t action = fetched();
    for (const char* detail : {"ERROR core/state.c : Cannot read stored update state.",
                               "Installed Chunk.", "All Chunks Installed."}) {
        ASSERT_TRUE(service.feedback(d1, action, said(ddi::Execution::proceeding, {}, {detail})));
    }
    ASSERT_TRUE(service.feedback(d1, action, failed({"Update Failed."})));
    EXPECT_EQ(w.record("d1", task).error_reason, "Update Failed.");
}

TEST_F(Ddi, AReasonIsBounded) {
    const TaskId task = a_task();
    const std::int64_t action = fetched();
    ASSERT_TRUE(service.feedback(d1, action, failed(std::vector(3, std::string(5'000, 'x')))));
    EXPECT_LE(w.record("d1", task).error_reason.size(), 1'024U);
}

TEST_F(Ddi, ConsolesSeeAFeedbackAsTheProgressOfEveryDialect) {
    std::vector<std::string> seen;
    const auto subscription = w.live.subscribe([&](const LiveEvent& event) {
        if (const auto* message = std::get_if<live::DeviceMessageSeen>(&event.what)) {
            seen.push_back(message->kind + " " + message->payload);
        }
    });
    a_task();
    const std::int64_t action = fetched();
    ASSERT_TRUE(service.feedback(d1, action, failed({"broken"})));
    w.flush_writer();
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_TRUE(seen.front().starts_with(R"(firmware/progress {"deviceId":"d1",)")) << seen.front();
    EXPECT_TRUE(seen.front().ends_with(R"("success":false,"errorReason":"broken"})"))
        << seen.front();
}

TEST_F(Ddi, AttributesAreWantedUntilToldAndAfterEachUpdate) {
    EXPECT_TRUE(poll().attributes_wanted);
    ddi::ConfigData data;
    data.data = {{"serial", "7"}};
    ASSERT_TRUE(service.configure(d1, data));
    EXPECT_FALSE(poll().attributes_wanted);
    EXPECT_EQ(w.device("d1").attributes.at("serial"), "7");
    a_task();
    ASSERT_TRUE(service.feedback(d1, fetched(), failed({"x"})));
    EXPECT_FALSE(poll().attributes_wanted);
    w.create_task(w.add_firmware("1.2", 3), UpgradeMode::pull, {"d1"});
    ASSERT_TRUE(service.feedback(d1, fetched(), succeeded()));
    EXPECT_TRUE(poll().attributes_wanted);
}

TEST_F(Ddi, TheChangeHashTellsOneFormOfAnOfferFromTheOther) {
    NewTask form = UpgradeWorld::form(firmware, UpgradeMode::push, {"d1"});
    form.task.confirmation_required = true;
    w.create_task(form);
    const DdiService::Poll asked = poll();
    ASSERT_EQ(asked.kind, Kind::confirmation);
    ASSERT_TRUE(service.confirmation_feedback(d1, asked.action, {true, {}, {}}));
    const DdiService::Poll offered = poll();
    EXPECT_EQ(offered.kind, Kind::deployment);
    EXPECT_EQ(offered.action, asked.action);
    EXPECT_NE(offered.change, asked.change);
}

TEST_F(Ddi, PollingShortensWhileThereIsSomethingToDo) {
    EXPECT_EQ(poll().sleep, seconds{300});
    const TaskId task = a_task();
    EXPECT_EQ(poll().sleep, seconds{30});
    fetched();
    w.apply_to("d1", task, event::Stopped{true});
    EXPECT_EQ(poll().sleep, seconds{30});
}

TEST_F(Ddi, FilesOfOneModuleHaveNamesOfTheirOwn) {
    const auto upload = [&](std::string_view bytes) {
        FileService::Upload file = w.files.begin();
        EXPECT_TRUE(file.write(bytes));
        FileService::Description description;
        description.name = "fw.bin";
        return *file.finish(description, UpgradeWorld::person());
    };
    const StoredFile own = upload("one");
    const StoredFile further = upload("two");
    w.change([&](UnitOfWork& work) {
        Firmware both = *work.firmwares().find(firmware);
        both.file = own.id;
        both.more_artifacts = {{further.id, both.part, both.name, both.version}};
        work.firmwares().update(both);
    });
    a_task();
    const std::int64_t action = fetched();
    const auto deployment = *service.deployment(d1, action, 0);
    ASSERT_EQ(deployment.modules.size(), 1U);
    const DdiService::Module& module = deployment.modules.front();
    ASSERT_EQ(module.files.size(), 2U);
    EXPECT_EQ(module.files[0].document.filename, "fw.bin");
    EXPECT_EQ(module.files[1].document.filename, "2-fw.bin");
    EXPECT_EQ(service.open(d1, module.id, "fw.bin")->file.id, own.id);
    EXPECT_EQ(service.open(d1, module.id, "2-fw.bin")->file.id, further.id);
    EXPECT_FALSE(service.open(d1, module.id, "3-fw.bin"));
    EXPECT_FALSE(service.open(d1, module.id + 1, "fw.bin"));
}

}  // namespace
}  // namespace updraft
