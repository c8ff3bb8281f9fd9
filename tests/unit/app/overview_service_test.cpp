#include "app/overview_service.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "tests/support/upgrade_world.hpp"

namespace updraft {
namespace {

/// The process's time zone, put back at the end.
class InZone {
public:
    explicit InZone(const char* zone) {
        if (const char* before = std::getenv("TZ")) {
            before_ = before;
        }
        ::setenv("TZ", zone, 1);
        ::tzset();
    }
    InZone(const InZone&) = delete;
    InZone& operator=(const InZone&) = delete;
    ~InZone() {
        if (before_) {
            ::setenv("TZ", before_->c_str(), 1);
        } else {
            ::unsetenv("TZ");
        }
        ::tzset();
    }

private:
    std::optional<std::string> before_;
};

TEST(OverviewDays, BeginAtMidnightOfTheServersZone) {
    const InZone shanghai("CST-8");
    const auto days = days_up_to(from_millis(1'700'000'000'000), 3);  // 2023-11-15 06:13:20 there
    ASSERT_EQ(days.size(), 3U);
    EXPECT_EQ(days[0].date, "2023-11-13");
    EXPECT_EQ(days[2].date, "2023-11-15");
    EXPECT_EQ(to_millis(days[2].start), 1'699'977'600'000);
}

// A day has 23 hours when summer time begins; the one after must still begin at midnight.
TEST(OverviewDays, SurviveTheChangeToSummerTime) {
    const InZone berlin("CET-1CEST,M3.5.0,M10.5.0/3");
    const auto days = days_up_to(from_millis(1'711'965'600'000), 3);  // 2024-04-01 12:00 CEST
    EXPECT_EQ(days[0].date, "2024-03-30");
    EXPECT_EQ(days[1].date, "2024-03-31");
    EXPECT_EQ(to_millis(days[2].start) - to_millis(days[1].start), 23 * 3'600'000);
}

TEST(OverviewDays, GoBackOverTheTurnOfAYear) {
    const InZone utc("UTC0");
    const auto days = days_up_to(from_millis(1'704'067'200'000), 14);  // 2024-01-01 00:00
    EXPECT_EQ(days.front().date, "2023-12-19");
    EXPECT_EQ(days.back().date, "2024-01-01");
    EXPECT_EQ(to_millis(days.back().start), 1'704'067'200'000);
}

struct OverviewOf : testing::Test {
    UpgradeWorld w;
    OverviewService overview{*w.store, w.clock};

    static Identity may_query(std::initializer_list<std::string_view> resources) {
        Identity person;
        for (const std::string_view each : resources) {
            person.permissions[std::string(each)] = {std::string(permission::query)};
        }
        return person;
    }
};

TEST_F(OverviewOf, APersonSeesOnlyWhatTheyMayQuery) {
    const Overview nothing = overview.for_person({});
    EXPECT_FALSE(nothing.devices || nothing.products || nothing.tasks || nothing.days);
    const Overview devices = overview.for_person(may_query({permission::device}));
    EXPECT_TRUE(devices.devices);
    EXPECT_FALSE(devices.products || devices.tasks || devices.days);
    const Overview products =
        overview.for_person(may_query({permission::device, permission::product}));
    EXPECT_TRUE(products.products);
    const Overview tasks = overview.for_person(may_query({permission::upgrade_task}));
    EXPECT_TRUE(tasks.tasks && tasks.days);
    EXPECT_FALSE(tasks.devices || tasks.products);
}

TEST_F(OverviewOf, RunningTasksAreTheNewestTen) {
    w.add_device("d1");
    const FirmwareId firmware = w.add_firmware("1.1", 2);
    const TaskId stopped = w.create_task(firmware, UpgradeMode::push);
    ASSERT_TRUE(w.tasks.stop(stopped, {RecordState::waiting}));
    for (int i = 0; i < 11; ++i) {
        w.clock.advance(std::chrono::seconds{1});
        (void)w.create_task(firmware, UpgradeMode::pull);
    }

    const Overview seen = overview.for_person(may_query({permission::upgrade_task}));

    EXPECT_EQ(seen.tasks->count, 11);
    ASSERT_EQ(seen.tasks->newest.size(), 10U);
    EXPECT_GT(seen.tasks->newest[0].task.created_at, seen.tasks->newest[1].task.created_at);
    EXPECT_EQ(seen.days->size(), 14U);
}

}  // namespace
}  // namespace updraft
