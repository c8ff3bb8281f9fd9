// The table of spec 3.2, row by row: a test's name begins with the row that it holds.
#include "domain/upgrade_record.hpp"

#include <gtest/gtest.h>

#include "tests/support/domain_builders.hpp"

namespace updraft {
namespace {

using namespace std::chrono_literals;
using enum RecordState;
using Effects = std::vector<Effect>;

const Effects by_progress{Effect::device_has_version, Effect::supersede_lower,
                          Effect::confirm_by_read, Effect::wake_device};
const Effects by_report{Effect::device_has_version, Effect::supersede_lower, Effect::wake_device};

/// Expects that the event is ignored: nothing changes and nothing has to be done.
void expect_ignored(const UpgradeRecord& record, const RecordEvent& event, Instant now,
                    std::string_view rule) {
    const Transition transition = apply(record, event, now);
    EXPECT_FALSE(transition.changed);
    EXPECT_EQ(transition.record, record);
    EXPECT_EQ(transition.rule, rule);
    EXPECT_TRUE(transition.effects.empty());
}

UpgradeRecord after(const UpgradeRecord& record, const RecordEvent& event, Instant now) {
    return apply(record, event, now).record;
}

/// A processing record that has shown a sign of life.
UpgradeRecord an_acked_record() {
    return after(a_pushed_record(), progress(20), at(5s));
}

UpgradeRecord a_succeeded_record() {
    return after(an_acked_record(), done(), at(60s));
}

UpgradeRecord a_timed_out_record() {
    return after(a_pushed_record(), event::DeadlinePassed{}, at(30s));
}

UpgradeRecord a_failed_record() {
    return after(an_acked_record(), gave_up("校验失败"), at(60s));
}

UpgradeRecord a_canceled_record() {
    return after(a_record(), event::Stopped{}, at(1s));
}

UpgradeRecord forced(UpgradeRecord record) {
    record.forced = true;
    return record;
}

// T1 ---------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T1_ANewRecordWaitsWithoutAnyTimer) {
    const UpgradeRecord record;

    EXPECT_EQ(record.state, waiting);
    EXPECT_EQ(record.progress_percent, 0);
    EXPECT_EQ(record.attempt, 1);
    EXPECT_FALSE(record.upgrade_at);
    EXPECT_FALSE(record.completed_at);
    EXPECT_FALSE(record.next_deadline());
}

// T2, T3 -----------------------------------------------------------------------------------------

TEST(UpgradeRecord, T2_DispatchSendsTheUpgradeAndStartsBothTimers) {
    const Transition sent = apply(a_record(), event::Dispatched{"M", "node-1"}, at(10s));

    EXPECT_EQ(sent.rule, "T2");
    EXPECT_TRUE(sent.changed);
    EXPECT_EQ(sent.effects, Effects{Effect::send_upgrade});
    EXPECT_EQ(sent.record.state, processing);
    EXPECT_EQ(sent.record.message_id, "M");
    EXPECT_EQ(sent.record.server_id, "node-1");
    EXPECT_EQ(sent.record.upgrade_at, at(10s));
    EXPECT_FALSE(sent.record.acked);
    EXPECT_EQ(sent.record.response_deadline, at(40s));
    EXPECT_EQ(sent.record.upgrade_deadline, at(610s));
    EXPECT_EQ(sent.record.next_deadline(), at(40s));
    EXPECT_EQ(sent.record.attempt, 1);
}

TEST(UpgradeRecord, T2_APullRecordIsNeverPushed) {
    expect_ignored(a_record(UpgradeMode::pull), event::Dispatched{"M", "n"}, at(0s), "");
}

TEST(UpgradeRecord, T2_ARecordThatIsNotWaitingIsNotSentAgain) {
    for (const UpgradeRecord& record :
         {a_pushed_record(), an_acked_record(), a_failed_record(), a_canceled_record()}) {
        expect_ignored(record, event::Dispatched{"M2", "n"}, at(90s), "");
    }
}

TEST(UpgradeRecord, T3_AWaitingRecordHasNoTimerThatCouldEndIt) {
    expect_ignored(a_record(), event::DeadlinePassed{}, at(24h * 365), "");
    expect_ignored(a_record(), event::Reconnected{at(1h)}, at(1h), "");
}

// T4 ---------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T4_AFailedWriteTakesTheRecordBackAndCountsAsNoAttempt) {
    const Transition back = apply(a_pushed_record(), event::SendFailed{"M"}, at(1s));

    EXPECT_EQ(back.rule, "T4");
    EXPECT_TRUE(back.changed);
    EXPECT_EQ(back.record, a_record());
    EXPECT_TRUE(back.has(Effect::wake_device));
}

TEST(UpgradeRecord, T4_AFailedWriteOfAnotherMessageIsIgnored) {
    expect_ignored(a_pushed_record(), event::SendFailed{"M0"}, at(1s), "");
}

TEST(UpgradeRecord, T4_AFailedWriteAfterASignOfLifeIsIgnored) {
    expect_ignored(an_acked_record(), event::SendFailed{"M"}, at(6s), "");
}

TEST(UpgradeRecord, T4_AFailedRepeatCanBeRepeatedInTheNextTurn) {
    UpgradeRecord record = after(a_pushed_record(), event::Reconnected{at(5s)}, at(5s));
    record = after(record, event::SendFailed{"M"}, at(6s));

    EXPECT_EQ(record, a_record());
}

// T5 ---------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T5_ADeviceThatRunsTheVersionSucceedsWithoutAMessage) {
    for (const UpgradeMode mode : {UpgradeMode::push, UpgradeMode::pull}) {
        const Transition known = apply(a_record(mode), event::AlreadyInstalled{}, at(3s));

        EXPECT_EQ(known.rule, "T5");
        EXPECT_EQ(known.record.state, success);
        EXPECT_EQ(known.record.progress_percent, 100);
        EXPECT_EQ(known.record.completed_at, at(3s));
        EXPECT_EQ(known.effects, Effects{Effect::wake_device});
    }
}

TEST(UpgradeRecord, T5_AForcedRecordIsNotSkipped) {
    expect_ignored(forced(a_record()), event::AlreadyInstalled{}, at(3s), "T5");
}

// T6 ---------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T6_AnAnsweredPullIsAckedAndRunsOnTheUpgradeTimerOnly) {
    for (const UpgradeMode mode : {UpgradeMode::pull, UpgradeMode::push}) {
        const Transition pulled = apply(a_record(mode), event::PullAnswered{"7"}, at(10s));

        EXPECT_EQ(pulled.rule, "T6");
        EXPECT_EQ(pulled.record.state, processing);
        EXPECT_EQ(pulled.record.message_id, "7");
        EXPECT_EQ(pulled.record.upgrade_at, at(10s));
        EXPECT_TRUE(pulled.record.acked);
        EXPECT_FALSE(pulled.record.response_deadline);
        EXPECT_EQ(pulled.record.upgrade_deadline, at(610s));
        EXPECT_TRUE(pulled.effects.empty());
    }
}

TEST(UpgradeRecord, T6_ARepeatedPullRefreshesTheMessageIdAndNotTheTimer) {
    const Transition again = apply(a_pulled_record(), event::PullAnswered{"8"}, at(100s));

    EXPECT_EQ(again.rule, "T6");
    EXPECT_EQ(again.record.message_id, "8");
    EXPECT_EQ(again.record.upgrade_at, at(0s));
    EXPECT_EQ(again.record.upgrade_deadline, at(600s));
}

TEST(UpgradeRecord, T6_APullDuringAnUnansweredPushAnswersThePush) {
    const UpgradeRecord record = after(a_pushed_record(), event::PullAnswered{"8"}, at(20s));

    EXPECT_EQ(record.message_id, "8");
    EXPECT_TRUE(record.acked);
    EXPECT_FALSE(record.response_deadline);
    EXPECT_EQ(record.upgrade_deadline, at(600s));
    EXPECT_EQ(record.progress_percent, 0);
}

TEST(UpgradeRecord, T6_AForcedPullOfAnEndedRecordIsANewAttempt) {
    for (const UpgradeRecord& ended : {a_failed_record(), a_canceled_record()}) {
        const UpgradeRecord record = after(ended, event::PullAnswered{"8"}, at(100s));

        EXPECT_EQ(record.state, processing);
        EXPECT_EQ(record.attempt, 2);
        EXPECT_EQ(record.progress_percent, 0);
        EXPECT_EQ(record.error_reason, "");
        EXPECT_FALSE(record.completed_at);
        EXPECT_TRUE(record.acked);
        EXPECT_EQ(record.upgrade_deadline, at(700s));
    }
}

// T7, T8 -----------------------------------------------------------------------------------------

TEST(UpgradeRecord, T7_APositiveReplyStopsTheResponseTimer) {
    const Transition replied = apply(a_pushed_record(), event::Replied{}, at(2s));

    EXPECT_EQ(replied.rule, "T7");
    EXPECT_EQ(replied.record.state, processing);
    EXPECT_TRUE(replied.record.acked);
    EXPECT_FALSE(replied.record.response_deadline);
    EXPECT_EQ(replied.record.next_deadline(), at(600s));
    expect_ignored(replied.record, event::Replied{}, at(3s), "T7");
}

TEST(UpgradeRecord, T8_ARefusalFailsWithTheDevicesOwnWords) {
    const Transition refused =
        apply(a_pushed_record(), event::Replied{false, "LOW_BATTERY", "电量不足"}, at(2s));

    EXPECT_EQ(refused.rule, "T8");
    EXPECT_EQ(refused.record.state, failed);
    EXPECT_EQ(refused.record.error_reason, "电量不足");
    EXPECT_EQ(refused.record.completed_at, at(2s));
    EXPECT_FALSE(refused.record.next_deadline());
    EXPECT_EQ(refused.effects, Effects{Effect::wake_device});
}

TEST(UpgradeRecord, T8_WithoutAMessageTheCodeIsTheReasonAndThenOurOwn) {
    EXPECT_EQ(
        after(a_pushed_record(), event::Replied{false, "LOW_BATTERY", ""}, at(2s)).error_reason,
        "LOW_BATTERY");
    EXPECT_EQ(after(a_pushed_record(), event::Replied{false, "", ""}, at(2s)).error_reason,
              "设备拒绝升级");
}

TEST(UpgradeRecord, T8_ARefusalOfARecordThatIsNotProcessingIsIgnored) {
    for (const UpgradeRecord& record : {a_record(), a_failed_record(), a_canceled_record()}) {
        expect_ignored(record, event::Replied{false, "X", "x"}, at(90s), "");
    }
}

// T9 ---------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T9_ProgressIsClampedAndTheDeadlineStays) {
    const Transition high = apply(a_pushed_record(), progress(101), at(10s));
    const Transition low = apply(a_pushed_record(), progress(-5), at(10s));

    EXPECT_EQ(high.rule, "T9");
    EXPECT_EQ(high.record.state, processing);
    EXPECT_EQ(high.record.progress_percent, 100);
    EXPECT_EQ(low.record.progress_percent, 0);
    EXPECT_EQ(high.record.upgrade_deadline, at(600s));
    EXPECT_TRUE(high.effects.empty());
}

TEST(UpgradeRecord, T9_AnyProgressIsTheAnswerThatTheResponseTimerWaitsFor) {
    const UpgradeRecord record = after(a_pushed_record(), event::Progressed{}, at(10s));

    EXPECT_TRUE(record.acked);
    EXPECT_FALSE(record.response_deadline);
    EXPECT_EQ(record.progress_percent, 0);
}

TEST(UpgradeRecord, T9_ProgressFallsWhenTheDeviceRestartsItsDownload) {
    EXPECT_EQ(after(an_acked_record(), progress(3), at(20s)).progress_percent, 3);
}

TEST(UpgradeRecord, T9_TheSameProgressTwiceChangesNothing) {
    expect_ignored(an_acked_record(), progress(20), at(50s), "T9");
}

TEST(UpgradeRecord, T9_AHundredPercentAloneNeverCompletes) {
    EXPECT_EQ(after(an_acked_record(), progress(100), at(50s)).state, processing);
}

TEST(UpgradeRecord, T9_ProgressOfAWaitingOrCanceledRecordIsIgnored) {
    expect_ignored(a_record(), progress(20), at(5s), "");
    expect_ignored(a_canceled_record(), progress(20), at(5s), "");
}

// T10 --------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T10_CompleteAndSuccessEndsTheRecord) {
    const Transition finished = apply(an_acked_record(), done(), at(60s));

    EXPECT_EQ(finished.rule, "T10");
    EXPECT_EQ(finished.record.state, success);
    EXPECT_EQ(finished.record.progress_percent, 100);
    EXPECT_EQ(finished.record.completed_at, at(60s));
    EXPECT_FALSE(finished.record.next_deadline());
    EXPECT_EQ(finished.effects, by_progress);
}

TEST(UpgradeRecord, T10_SuccessCountsForAForcedRecordToo) {
    EXPECT_EQ(after(forced(a_pushed_record()), done(), at(60s)).state, success);
}

// T11 --------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T11_CompleteAndFailureKeepsTheProgressAndTheReason) {
    const Transition given_up = apply(an_acked_record(), gave_up("校验失败"), at(60s));

    EXPECT_EQ(given_up.rule, "T11");
    EXPECT_EQ(given_up.record.state, failed);
    EXPECT_EQ(given_up.record.error_reason, "校验失败");
    EXPECT_EQ(given_up.record.progress_percent, 20);
    EXPECT_EQ(given_up.record.completed_at, at(60s));
    EXPECT_FALSE(given_up.record.next_deadline());
    EXPECT_EQ(given_up.effects, Effects{Effect::wake_device});
}

TEST(UpgradeRecord, T11_WithoutAReasonTheMessageIsUsedAndThenOurOwn) {
    event::Progressed with_message = gave_up("");
    with_message.report.message = "flash error";

    EXPECT_EQ(after(an_acked_record(), with_message, at(60s)).error_reason, "flash error");
    EXPECT_EQ(after(an_acked_record(), gave_up(""), at(60s)).error_reason, "升级失败");
}

TEST(UpgradeRecord, T11_FailureOfARecordThatIsNotProcessingIsIgnored) {
    for (const UpgradeRecord& record :
         {a_record(), a_failed_record(), a_timed_out_record(), a_canceled_record()}) {
        expect_ignored(record, gave_up("x"), at(90s), "");
    }
}

// T12, T13 ---------------------------------------------------------------------------------------

TEST(UpgradeRecord, T12_NoAnswerByTheResponseDeadlineFails) {
    expect_ignored(a_pushed_record(), event::DeadlinePassed{}, at(29'999ms), "");

    const Transition late = apply(a_pushed_record(), event::DeadlinePassed{}, at(30s));

    EXPECT_EQ(late.rule, "T12");
    EXPECT_EQ(late.record.state, failed);
    EXPECT_EQ(late.record.error_reason, "响应超时");
    EXPECT_EQ(late.record.completed_at, at(30s));
    EXPECT_FALSE(late.record.next_deadline());
    EXPECT_EQ(late.effects, Effects{Effect::wake_device});
}

TEST(UpgradeRecord, T12_WhenBothDeadlinesHavePassedTheMissingAnswerIsTheReason) {
    EXPECT_EQ(apply(a_pushed_record(), event::DeadlinePassed{}, at(700s)).rule, "T12");
}

TEST(UpgradeRecord, T13_AnUpgradeThatDoesNotEndFails) {
    expect_ignored(an_acked_record(), event::DeadlinePassed{}, at(599'999ms), "");

    const Transition late = apply(an_acked_record(), event::DeadlinePassed{}, at(600s));

    EXPECT_EQ(late.rule, "T13");
    EXPECT_EQ(late.record.state, failed);
    EXPECT_EQ(late.record.error_reason, "升级超时");
    EXPECT_EQ(late.record.progress_percent, 20);
    EXPECT_EQ(late.effects, Effects{Effect::wake_device});
}

TEST(UpgradeRecord, T13_AnUpgradeTimeoutShorterThanTheResponseTimeoutEndsFirst) {
    UpgradeRecord record = a_record();
    record.upgrade_timeout = 10s;
    record = after(record, event::Dispatched{"M", "n"}, at(0s));

    EXPECT_EQ(record.next_deadline(), at(10s));
    EXPECT_EQ(apply(record, event::DeadlinePassed{}, at(10s)).rule, "T13");
}

TEST(UpgradeRecord, T13_APulledRecordTimesOutToo) {
    EXPECT_EQ(apply(a_pulled_record(), event::DeadlinePassed{}, at(600s)).rule, "T13");
}

// T14, T15 ---------------------------------------------------------------------------------------

TEST(UpgradeRecord, T14_AReportOfTheTargetVersionIsSuccess) {
    for (const UpgradeRecord& record : {a_record(), a_pushed_record(), an_acked_record()}) {
        const Transition reported = apply(record, event::VersionReported{"1.1"}, at(60s));

        EXPECT_EQ(reported.rule, "T14");
        EXPECT_EQ(reported.record.state, success);
        EXPECT_EQ(reported.record.progress_percent, 100);
        EXPECT_EQ(reported.record.completed_at, at(60s));
        EXPECT_FALSE(reported.record.next_deadline());
        EXPECT_EQ(reported.effects, by_report);
    }
}

TEST(UpgradeRecord, T14_AForcedRecordIsNotClosedByAReport) {
    expect_ignored(forced(a_record()), event::VersionReported{"1.1"}, at(60s), "T14");
    expect_ignored(forced(an_acked_record()), event::VersionReported{"1.1"}, at(60s), "T14");
}

TEST(UpgradeRecord, T15_AReportOfAnotherVersionLeavesTheRecordAlone) {
    expect_ignored(a_pushed_record(), event::VersionReported{"1.0"}, at(10s), "T15");
    expect_ignored(an_acked_record(), event::VersionReported{"1.0"}, at(10s), "T15");
    expect_ignored(a_record(), event::VersionReported{"1.0"}, at(10s), "");
    expect_ignored(a_failed_record(), event::VersionReported{"1.0"}, at(90s), "");
}

// T16 --------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T16_StopCancelsAWaitingRecordWithoutACompletionTime) {
    const Transition stopped = apply(a_record(), event::Stopped{}, at(1s));

    EXPECT_EQ(stopped.rule, "T16");
    EXPECT_EQ(stopped.record.state, canceled);
    EXPECT_FALSE(stopped.record.completed_at);
    EXPECT_EQ(stopped.record.error_reason, "");
}

TEST(UpgradeRecord, T16_StopLeavesARunningDeviceAlone) {
    expect_ignored(an_acked_record(), event::Stopped{}, at(10s), "");
}

TEST(UpgradeRecord, T16_StopLeavesAnEndedRecordAlone) {
    for (const UpgradeRecord& record :
         {a_succeeded_record(), a_failed_record(), a_canceled_record()}) {
        expect_ignored(record, event::Stopped{true}, at(90s), "");
    }
}

TEST(UpgradeRecord, T16b_StopThatNamesProcessingEndsTheTimers) {
    const Transition stopped = apply(an_acked_record(), event::Stopped{true}, at(10s));

    EXPECT_EQ(stopped.rule, "T16b");
    EXPECT_EQ(stopped.record.state, canceled);
    EXPECT_FALSE(stopped.record.next_deadline());
    EXPECT_FALSE(stopped.record.completed_at);
    EXPECT_EQ(stopped.effects, Effects{Effect::wake_device});
    EXPECT_EQ(apply(stopped.record, done(), at(20s)).rule, "T20");
}

// T17 --------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T17_ADeviceThatReachedThisOrderOrAHigherOneNeedsTheRecordNoMore) {
    for (const int reached : {2, 3}) {
        const Transition superseded = apply(a_record(), event::Superseded{reached}, at(5s));

        EXPECT_EQ(superseded.rule, "T17");
        EXPECT_EQ(superseded.record.state, canceled);
        EXPECT_EQ(superseded.record.error_reason, "设备已升级到更高版本");
        EXPECT_FALSE(superseded.record.completed_at);
    }
}

TEST(UpgradeRecord, T17_HigherForcedOrStartedRecordsStay) {
    expect_ignored(a_record(), event::Superseded{1}, at(5s), "");
    expect_ignored(forced(a_record()), event::Superseded{3}, at(5s), "T17");
    expect_ignored(an_acked_record(), event::Superseded{3}, at(5s), "");
    expect_ignored(a_failed_record(), event::Superseded{3}, at(90s), "");
}

// T18 --------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T18_StartBeginsTheNextAttemptFromScratch) {
    UpgradeRecord ended = a_failed_record();
    ended.resent = true;
    ended.revived = true;
    UpgradeRecord expected = a_record();
    expected.attempt = 2;

    const Transition started = apply(ended, event::Started{}, at(100s));

    EXPECT_EQ(started.rule, "T18");
    EXPECT_EQ(started.record, expected);
    EXPECT_EQ(started.effects, Effects{Effect::wake_device});
}

TEST(UpgradeRecord, T18_AStoppedRecordContinuesAsANewAttempt) {
    UpgradeRecord expected = a_record();
    expected.attempt = 2;

    EXPECT_EQ(after(a_canceled_record(), event::Started{}, at(100s)), expected);
    EXPECT_EQ(after(after(a_record(), event::Superseded{9}, at(5s)), event::Started{}, at(6s)),
              expected);
}

TEST(UpgradeRecord, T18_ARetriedPullRecordSendsNothing) {
    const UpgradeRecord ended = after(a_pulled_record(), gave_up("x"), at(10s));

    const Transition started = apply(ended, event::Started{}, at(100s));

    EXPECT_EQ(started.record.state, waiting);
    EXPECT_TRUE(started.effects.empty());
}

TEST(UpgradeRecord, T18_SuccessWaitingAndProcessingAreSkippedSilently) {
    for (const UpgradeRecord& record : {a_succeeded_record(), a_record(), an_acked_record()}) {
        expect_ignored(record, event::Started{}, at(100s), "");
    }
}

// T19 --------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T19_ALateSignOfLifeRevivesATimedOutRecordOnce) {
    const Transition revived = apply(a_timed_out_record(), progress(40), at(45s));

    EXPECT_EQ(revived.rule, "T19");
    EXPECT_EQ(revived.record.state, processing);
    EXPECT_EQ(revived.record.progress_percent, 40);
    EXPECT_EQ(revived.record.error_reason, "");
    EXPECT_FALSE(revived.record.completed_at);
    EXPECT_FALSE(revived.record.response_deadline);
    EXPECT_EQ(revived.record.upgrade_deadline, at(645s));
    EXPECT_EQ(revived.record.attempt, 1);

    const UpgradeRecord again = after(revived.record, event::DeadlinePassed{}, at(645s));
    EXPECT_EQ(again.error_reason, "升级超时");
    expect_ignored(again, progress(50), at(650s), "T19");
}

TEST(UpgradeRecord, T19_AnUpgradeTimeoutIsRevivedToo) {
    const UpgradeRecord ended = after(an_acked_record(), event::DeadlinePassed{}, at(600s));

    EXPECT_EQ(apply(ended, progress(90), at(610s)).record.upgrade_deadline, at(1210s));
}

TEST(UpgradeRecord, T19_EachAttemptMayBeRevivedOnce) {
    UpgradeRecord record = after(a_timed_out_record(), progress(40), at(45s));
    record = after(record, event::DeadlinePassed{}, at(645s));
    record = after(record, event::Started{}, at(650s));
    record = after(record, event::Dispatched{"M2", "n"}, at(651s));
    record = after(record, event::DeadlinePassed{}, at(681s));

    EXPECT_EQ(after(record, progress(1), at(682s)).state, processing);
}

TEST(UpgradeRecord, T19_AFailureThatTheDeviceDeclaredStaysFailed) {
    expect_ignored(a_failed_record(), progress(70), at(90s), "");
    expect_ignored(after(a_record(), event::DeviceDeleted{}, at(1s)), progress(70), at(90s), "");
}

TEST(UpgradeRecord, T19_WaitsBehindAnotherUpgradeOfTheSameDevice) {
    event::Progressed late = progress(40);
    late.another_is_processing = true;

    expect_ignored(a_timed_out_record(), late, at(45s), "T19");
}

// T20, T21 ---------------------------------------------------------------------------------------

TEST(UpgradeRecord, T20_ALateSuccessCountsAfterWeGaveUp) {
    for (const UpgradeRecord& record :
         {a_failed_record(), a_timed_out_record(), a_canceled_record(), a_record()}) {
        const Transition late = apply(record, done(), at(700s));

        EXPECT_EQ(late.rule, "T20");
        EXPECT_EQ(late.record.state, success);
        EXPECT_EQ(late.record.progress_percent, 100);
        EXPECT_EQ(late.record.error_reason, "");
        EXPECT_EQ(late.record.completed_at, at(700s));
        EXPECT_EQ(late.effects, by_progress);
    }
}

TEST(UpgradeRecord, T20_AReportOfTheTargetVersionSavesAFailedRecord) {
    const Transition late = apply(a_timed_out_record(), event::VersionReported{"1.1"}, at(700s));

    EXPECT_EQ(late.rule, "T20");
    EXPECT_EQ(late.record.state, success);
    EXPECT_EQ(late.effects, by_report);
}

TEST(UpgradeRecord, T20_AReportDoesNotSaveACanceledOrForcedRecord) {
    expect_ignored(a_canceled_record(), event::VersionReported{"1.1"}, at(700s), "");
    expect_ignored(forced(a_timed_out_record()), event::VersionReported{"1.1"}, at(700s), "T20");
}

// A QoS 1 link may deliver "60 %" after "done": the late message must not reopen the record.
TEST(UpgradeRecord, T21_NothingADeviceSaysChangesSuccess) {
    const std::vector<RecordEvent> said{
        progress(60),
        done(),
        gave_up("x"),
        event::Replied{},
        event::Replied{false, "X", "x"},
        event::VersionReported{"1.1"},
        event::VersionReported{"1.0"},
        event::PullAnswered{"9"},
        event::AlreadyInstalled{},
        event::Dispatched{"M2", "n"},
    };
    for (const RecordEvent& event : said) {
        expect_ignored(a_succeeded_record(), event, at(900s), "T21");
    }
}

TEST(UpgradeRecord, T21_NeitherOperatorsNorTimersChangeSuccess) {
    const std::vector<RecordEvent> events{
        event::SendFailed{"M"},
        event::DeadlinePassed{},
        event::Stopped{true},
        event::Superseded{9},
        event::Started{},
        event::DeviceDeleted{},
        event::Reconnected{at(899s)},
        event::ServerRestarted{at(899s), "node-2"},
        event::OtherVersionRequested{},
    };
    for (const RecordEvent& event : events) {
        expect_ignored(a_succeeded_record(), event, at(900s), "");
    }
}

// T22-T24 ----------------------------------------------------------------------------------------

TEST(UpgradeRecord, T22_ADeletedDeviceFailsWhatIsOpen) {
    for (const UpgradeRecord& record : {a_record(), a_pushed_record(), an_acked_record()}) {
        const Transition deleted = apply(record, event::DeviceDeleted{}, at(9s));

        EXPECT_EQ(deleted.rule, "T22");
        EXPECT_EQ(deleted.record.state, failed);
        EXPECT_EQ(deleted.record.error_reason, "设备已删除");
        EXPECT_EQ(deleted.record.completed_at, at(9s));
        EXPECT_FALSE(deleted.record.next_deadline());
    }
    expect_ignored(a_failed_record(), event::DeviceDeleted{}, at(90s), "");
    expect_ignored(a_canceled_record(), event::DeviceDeleted{}, at(90s), "");
}

// Disabling (T23) and disconnecting (T24) are no events of a record: what runs goes on running.
TEST(UpgradeRecord, T23_T24_ARunningRecordOfASilentDeviceEndsByItsTimeout) {
    EXPECT_EQ(apply(a_pushed_record(), event::DeadlinePassed{}, at(30s)).rule, "T12");
    EXPECT_EQ(apply(an_acked_record(), event::DeadlinePassed{}, at(600s)).rule, "T13");
}

// T25 --------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T25_AReconnectRepeatsAnUnansweredPushOnceWithItsMessageId) {
    const Transition back = apply(a_pushed_record(), event::Reconnected{at(20s)}, at(20s));

    EXPECT_EQ(back.rule, "T25");
    EXPECT_EQ(back.effects, Effects{Effect::send_upgrade});
    EXPECT_EQ(back.record.message_id, "M");
    EXPECT_EQ(back.record.response_deadline, at(30s));
    EXPECT_EQ(back.record.upgrade_deadline, at(600s));
    expect_ignored(back.record, event::Reconnected{at(25s)}, at(25s), "T25");
}

TEST(UpgradeRecord, T25_NothingIsRepeatedAfterAnAnswerOrTheDeadline) {
    expect_ignored(an_acked_record(), event::Reconnected{at(20s)}, at(20s), "");
    expect_ignored(a_pushed_record(), event::Reconnected{at(30s)}, at(30s), "");
    expect_ignored(a_pulled_record(), event::Reconnected{at(20s)}, at(20s), "");
    expect_ignored(a_timed_out_record(), event::Reconnected{at(31s)}, at(31s), "");
}

TEST(UpgradeRecord, T25_APushThatWentOverThisVeryConnectionIsNotRepeated) {
    const UpgradeRecord pushed = a_pushed_record();
    expect_ignored(pushed, event::Reconnected{*pushed.upgrade_at}, at(20s), "");
}

// T26 --------------------------------------------------------------------------------------------

TEST(UpgradeRecord, T26_ARestartGivesDevicesTheirResponseTimeToComeBack) {
    const event::ServerRestarted restart{at(40s), "node-2"};

    const Transition booted = apply(a_pushed_record(), restart, at(41s));

    EXPECT_EQ(booted.rule, "T26");
    EXPECT_EQ(booted.record.state, processing);
    EXPECT_EQ(booted.record.response_deadline, at(70s));
    EXPECT_EQ(booted.record.upgrade_deadline, at(600s));
    EXPECT_EQ(booted.record.server_id, "node-2");
    EXPECT_TRUE(booted.effects.empty());
}

TEST(UpgradeRecord, T26_TheGraceIsAtMostAMinute) {
    UpgradeRecord record = a_record();
    record.response_timeout = 300s;
    record = after(record, event::Dispatched{"M", "node-1"}, at(0s));

    record = after(record, event::ServerRestarted{at(590s), "node-1"}, at(590s));

    EXPECT_EQ(record.response_deadline, at(650s));
    EXPECT_EQ(record.upgrade_deadline, at(650s));
}

TEST(UpgradeRecord, T26_ADeadlineThatIsFarAwayStays) {
    expect_ignored(an_acked_record(), event::ServerRestarted{at(40s), "node-1"}, at(40s), "T26");
}

TEST(UpgradeRecord, T26_APulledRecordGoesByItsUpgradeTimeout) {
    UpgradeRecord quick = a_record(UpgradeMode::pull);
    quick.upgrade_timeout = 20s;
    quick = after(quick, event::PullAnswered{"7"}, at(0s));

    quick = after(quick, event::ServerRestarted{at(100s), "node-2"}, at(100s));
    const UpgradeRecord slow =
        after(a_pulled_record(), event::ServerRestarted{at(1000s), "node-2"}, at(1000s));

    EXPECT_EQ(quick.upgrade_deadline, at(120s));
    EXPECT_FALSE(quick.response_deadline);
    EXPECT_EQ(quick.server_id, "");
    EXPECT_EQ(slow.upgrade_deadline, at(1060s));
}

TEST(UpgradeRecord, T26_OnlyProcessingRecordsAreTouched) {
    for (const UpgradeRecord& record : {a_record(), a_failed_record(), a_canceled_record()}) {
        expect_ignored(record, event::ServerRestarted{at(90s), "node-2"}, at(90s), "");
    }
}

// D1-D3: what only hawkBit devices say ------------------------------------------------------------

/// Stopped while the device was installing.
UpgradeRecord a_cancelling_record() {
    return after(a_pulled_record(), event::Stopped{true}, at(40s));
}

TEST(UpgradeRecord, D1_ADeviceThatRefusesToCancelGoesOnWithANewDeadline) {
    const Transition refused = apply(a_cancelling_record(), event::CancelRefused{}, at(50s));

    EXPECT_EQ(refused.rule, "D1");
    EXPECT_EQ(refused.record.state, processing);
    EXPECT_EQ(refused.record.upgrade_deadline, at(650s));
    EXPECT_FALSE(refused.record.response_deadline);
    EXPECT_TRUE(refused.record.acked);
}

TEST(UpgradeRecord, D1_OnlyWhatWasStoppedWhileProcessingComesBack) {
    expect_ignored(a_canceled_record(), event::CancelRefused{}, at(50s), "");
    expect_ignored(a_cancelling_record(), event::CancelRefused{true}, at(50s), "");
    for (const UpgradeRecord& record :
         {a_record(), a_pulled_record(), a_failed_record(), a_succeeded_record()}) {
        expect_ignored(record, event::CancelRefused{}, at(90s), "");
    }
}

TEST(UpgradeRecord, D2_ADownloadThatIsTheWholeTaskSucceedsWithoutANewVersion) {
    for (const UpgradeRecord& record : {a_pulled_record(), a_cancelling_record()}) {
        const Transition done = apply(record, event::DownloadFinished{}, at(60s));

        EXPECT_EQ(done.rule, "D2");
        EXPECT_EQ(done.record.state, success);
        EXPECT_EQ(done.record.progress_percent, 100);
        EXPECT_FALSE(done.has(Effect::device_has_version));
        EXPECT_FALSE(done.has(Effect::supersede_lower));
    }
    expect_ignored(a_record(), event::DownloadFinished{}, at(60s), "");
    expect_ignored(a_succeeded_record(), event::DownloadFinished{}, at(60s), "T21");
}

TEST(UpgradeRecord, D3_WithdrawnConsentMakesTheRecordWaitWithinItsAttempt) {
    const UpgradeRecord record = after(a_pulled_record(), progress(30), at(45s));

    const Transition withdrawn = apply(record, event::ConfirmationWithdrawn{}, at(50s));

    EXPECT_EQ(withdrawn.rule, "D3");
    EXPECT_EQ(withdrawn.record.state, waiting);
    EXPECT_EQ(withdrawn.record.attempt, record.attempt);
    EXPECT_EQ(withdrawn.record.progress_percent, 0);
    EXPECT_FALSE(withdrawn.record.next_deadline());
    EXPECT_FALSE(withdrawn.record.upgrade_at);
    expect_ignored(a_record(), event::ConfirmationWithdrawn{}, at(50s), "");
    expect_ignored(a_canceled_record(), event::ConfirmationWithdrawn{}, at(50s), "");
}

// Spec 4.5 ---------------------------------------------------------------------------------------

TEST(UpgradeRecord, APullOfAnotherVersionEndsTheRunningUpgrade) {
    const Transition replaced = apply(an_acked_record(), event::OtherVersionRequested{}, at(10s));

    EXPECT_EQ(replaced.rule, "4.5");
    EXPECT_EQ(replaced.record.state, failed);
    EXPECT_EQ(replaced.record.error_reason, "设备请求了其他版本");
    EXPECT_EQ(replaced.record.completed_at, at(10s));
    EXPECT_FALSE(replaced.record.next_deadline());
    expect_ignored(a_record(), event::OtherVersionRequested{}, at(10s), "");
}

// Spec 4.4 and 7: what a progress message means --------------------------------------------------

struct ProgressCase {
    std::string_view what;
    ProgressReport report;
    ProgressOutcome expected;
};

TEST(EvaluateProgress, FollowsTheTableOfSpec44AndTheVectorsOfSpec7) {
    using enum ProgressOutcome;
    const std::vector<ProgressCase> cases{
        {"vector: complete without success", {{}, true, {}, "", ""}, completed},
        {"vector: success=false alone is the default", {30, false, false, "", ""}, ongoing},
        {"vector: error() helper without complete", {{}, false, false, "x", ""}, failed},
        {"vector: plain progress", {55, false, {}, "", ""}, ongoing},
        {"complete and success", {100, true, true, "", ""}, completed},
        {"success outweighs a reason", {100, true, true, "note", ""}, completed},
        {"complete and failure", {60, true, false, "", ""}, failed},
        {"complete with only a reason", {60, true, {}, "x", ""}, failed},
        {"complete with only a message", {60, true, {}, "", "x"}, failed},
        {"error() helper with a message", {60, false, false, "", "x"}, failed},
        {"a reason alone is no failure", {60, false, {}, "x", ""}, ongoing},
        {"a reason beside success is no failure", {60, false, true, "x", ""}, ongoing},
        {"a hundred percent alone", {100, false, true, "", ""}, ongoing},
        {"an empty message", {{}, false, {}, "", ""}, ongoing},
    };
    for (const ProgressCase& each : cases) {
        EXPECT_EQ(evaluate_progress(each.report), each.expected) << each.what;
    }
}

TEST(EvaluateProgress, TheVectorsOfSpec7EndInTheirStates) {
    const UpgradeRecord record = a_pushed_record();
    const event::Progressed only_complete{{{}, true, {}, "", ""}};
    const event::Progressed success_false{{30, false, false, "", ""}};
    const event::Progressed with_reason{{{}, false, false, "x", ""}};

    EXPECT_EQ(after(record, only_complete, at(1s)).state, success);
    EXPECT_EQ(after(record, success_false, at(1s)).state, processing);
    EXPECT_EQ(after(record, success_false, at(1s)).progress_percent, 30);
    EXPECT_EQ(after(record, with_reason, at(1s)).state, failed);
    EXPECT_EQ(after(record, with_reason, at(1s)).error_reason, "x");
    EXPECT_EQ(after(record, progress(55), at(1s)).progress_percent, 55);
}

TEST(ErrorReason, OurOwnReasonsAreTranslatedAndADevicesWordsAreNot) {
    EXPECT_EQ(error_reason::in(Language::zh, error_reason::upgrade_timeout), "升级超时");
    EXPECT_EQ(error_reason::in(Language::en, error_reason::upgrade_timeout),
              "the upgrade did not finish in time");
    EXPECT_EQ(error_reason::in(Language::en, "电量不足"), "电量不足");
    for (const std::string_view ours :
         {error_reason::rejected, error_reason::failed, error_reason::response_timeout,
          error_reason::upgrade_timeout, error_reason::superseded, error_reason::device_deleted,
          error_reason::other_version_requested}) {
        EXPECT_EQ(error_reason::in(Language::zh, ours), ours);
        EXPECT_NE(error_reason::in(Language::en, ours), ours);
    }
}

}  // namespace
}  // namespace updraft
