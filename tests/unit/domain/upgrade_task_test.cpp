// The task form (rows 33-41 of spec 1.5) and the derived state of spec 3.3.
#include "domain/upgrade_task.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/domain_builders.hpp"

namespace updraft {
namespace {

using namespace std::chrono_literals;
using Change = std::function<void(UpgradeTask&)>;
using Lines = std::vector<std::string>;

/// The refusal of a_task() after `change`, as "property: Chinese text" lines.
Lines refusals(const Change& change) {
    UpgradeTask task = a_task();
    change(task);
    const Result<UpgradeTask> result = checked(task);
    Lines lines;
    if (!result) {
        EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(result.error().message, result.error().fields.front().message);
        for (const FieldError& field : result.error().fields) {
            EXPECT_FALSE(field.message.en.empty());
            lines.push_back(field.property + ": " + field.message.zh);
        }
    }
    return lines;
}

TEST(TaskForm, ACompleteFormIsTakenAsItIs) {
    for (const UpgradeMode mode : {UpgradeMode::push, UpgradeMode::pull}) {
        const Result<UpgradeTask> result = checked(a_task(mode));

        ASSERT_TRUE(result);
        EXPECT_EQ(*result, a_task(mode));
    }
}

TEST(TaskForm, Row33_NameIsRequiredAndAtMost64Characters) {
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.name = ""; }), Lines{"name: 请输入任务名称"});
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.name = std::string(64, 'x'); }), Lines{});
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.name = std::string(65, 'x'); }),
              Lines{"name: 最多可输入64个字符"});
}

TEST(TaskForm, Row35_ResponseTimeoutIsRequiredForPushFrom1To99999) {
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.response_timeout = 0s; }),
              Lines{"responseTimeoutSeconds: 请输入响应超时时间，1~99999秒"});
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.response_timeout = 1s; }), Lines{});
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.response_timeout = 99'999s; }), Lines{});
    for (const seconds outside : {-1s, 100'000s}) {
        EXPECT_EQ(refusals([&](UpgradeTask& t) { t.response_timeout = outside; }),
                  Lines{"responseTimeoutSeconds: 请输入1~99999之间的正整数"});
    }
}

TEST(TaskForm, Row35_APullTaskHasNoResponseTimeout) {
    UpgradeTask task = a_task(UpgradeMode::pull);
    task.response_timeout = 123'456s;

    const Result<UpgradeTask> result = checked(task);

    ASSERT_TRUE(result);
    EXPECT_EQ(result->response_timeout, 0s);
}

TEST(TaskForm, Row36_UpgradeTimeoutIsRequiredFrom1To99999) {
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.upgrade_timeout = 0s; }),
              Lines{"timeoutSeconds: 请输入升级超时时间，1~99999秒"});
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.upgrade_timeout = 99'999s; }), Lines{});
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.upgrade_timeout = 100'000s; }),
              Lines{"timeoutSeconds: 请输入1~99999之间的正整数"});
}

TEST(TaskForm, Row38_APartNeedsDevicesOrTerms) {
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.release_type = ReleaseType::part; }),
              Lines{"deviceId: 请选择设备"});
    EXPECT_EQ(refusals([](UpgradeTask& t) {
                  t.release_type = ReleaseType::part;
                  t.devices = {DeviceId{"d1"}};
              }),
              Lines{});
    // `terms: []` means all devices of the product (spec 2.10).
    EXPECT_EQ(refusals([](UpgradeTask& t) {
                  t.release_type = ReleaseType::part;
                  t.terms = "[]";
              }),
              Lines{});
}

// An empty or stale list would hide the task in a device's tab (spec 2.10).
TEST(TaskForm, Row37_AllDevicesKeepsNeitherDevicesNorTerms) {
    UpgradeTask task = a_task();
    task.devices = {DeviceId{"d1"}};
    task.terms = "[]";

    const Result<UpgradeTask> result = checked(task);

    ASSERT_TRUE(result);
    EXPECT_TRUE(result->devices.empty());
    EXPECT_EQ(result->terms, "");
}

TEST(TaskForm, Row39_DescriptionIsAtMost200Characters) {
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.description = std::string(200, 'x'); }), Lines{});
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.description = std::string(201, 'x'); }),
              Lines{"description: 最多可输入200个字符"});
}

TEST(TaskForm, ExtensionsThatWouldStopAllDispatchAreRefused) {
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.rate_per_second = 0; }).size(), 1U);
    EXPECT_EQ(refusals([](UpgradeTask& t) { t.max_concurrent = -1; }).size(), 1U);
    EXPECT_EQ(refusals([](UpgradeTask& t) {
                  t.rate_per_second = 1;
                  t.max_concurrent = 1;
              }),
              Lines{});
}

// Spec 3.3 ---------------------------------------------------------------------------------------

RecordCounts counts(int waiting, int processing, int success, int failed, int canceled) {
    return {waiting, processing, success, failed, canceled};
}

TEST(DerivedState, TheFirstMatchOfTheTableWins) {
    using enum TaskState;
    EXPECT_EQ(derived_state(counts(1, 0, 0, 0, 0)), processing);
    EXPECT_EQ(derived_state(counts(1, 1, 1, 1, 1)), processing);
    EXPECT_EQ(derived_state(counts(0, 1, 1, 1, 1)), canceled);
    EXPECT_EQ(derived_state(counts(0, 1, 1, 1, 0)), processing);
    EXPECT_EQ(derived_state(counts(0, 0, 1, 1, 0)), failed);
    EXPECT_EQ(derived_state(counts(0, 0, 1, 0, 0)), success);
    EXPECT_EQ(derived_state(counts(0, 0, 0, 0, 0)), success);
}

// G1 shows 停止 for (waiting > 0 and processing) and 继续升级 for canceled.
TEST(DerivedState, Row32_TheConsolesButtonsFollowTheSeedRule) {
    for (int bits = 0; bits < 32; ++bits) {
        const RecordCounts each =
            counts(bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3 & 1, bits >> 4 & 1);
        const TaskState state = derived_state(each);
        EXPECT_EQ(each.waiting > 0 && state == TaskState::processing, each.waiting > 0);
        EXPECT_EQ(state == TaskState::canceled, each.canceled > 0 && each.waiting == 0);
    }
}

TEST(TaskProgress, IsTheFloorAndAHundredOnlyWhenAllSucceeded) {
    EXPECT_EQ(progress_percent(counts(0, 0, 199, 1, 0)), 99);  // vector of spec 7
    EXPECT_EQ(progress_percent(counts(0, 0, 200, 0, 0)), 100);
    EXPECT_EQ(progress_percent(counts(0, 1, 1, 0, 0)), 50);
    EXPECT_EQ(progress_percent(counts(2, 0, 1, 0, 0)), 33);
    EXPECT_EQ(progress_percent(counts(1, 0, 0, 0, 0)), 0);
    EXPECT_EQ(progress_percent(RecordCounts{}), 0);
    EXPECT_EQ(progress_percent({1, 0, 4'000'000'000'000'000, 0, 0}), 99);
}

TEST(RecordCounts, EveryStateHasItsOwnCounterInTheTotal) {
    RecordCounts each;
    int value = 1;
    for (const RecordState state :
         {RecordState::waiting, RecordState::processing, RecordState::success, RecordState::failed,
          RecordState::canceled}) {
        each.of(state) = value;
        value *= 2;
    }

    EXPECT_EQ(each, counts(1, 2, 4, 8, 16));
    EXPECT_EQ(each.total(), 31);
    EXPECT_EQ(std::as_const(each).of(RecordState::failed), 8);
}

}  // namespace
}  // namespace updraft
