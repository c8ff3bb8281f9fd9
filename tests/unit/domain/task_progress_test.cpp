#include "domain/task_progress.hpp"

#include <gtest/gtest.h>

namespace updraft {
namespace {

Instant at(std::int64_t second) {
    return from_millis(1'700'000'000'000 + second * 1'000);
}
RecordCounts done(std::int64_t count) {
    return {10 - count, 0, count, 0, 0};
}

TEST(TaskProgress, NothingNewMakesNoPoint) {
    EXPECT_EQ(next_point({{at(0), done(3)}}, done(3), seconds(2)), NextPoint::none);
    EXPECT_EQ(next_point({}, done(0), seconds(2)), NextPoint::follows);
}

// The last point is always the latest news, even when the distance has grown to an hour.
TEST(TaskProgress, TheLastPointMovesUntilItIsFarEnough) {
    const std::vector<ProgressPoint> close{{at(0), done(0)}, {at(3), done(1)}};
    EXPECT_EQ(next_point(close, done(2), seconds(4)), NextPoint::moves);
    EXPECT_EQ(next_point(close, done(2), seconds(3)), NextPoint::follows);
    EXPECT_EQ(next_point({{at(0), done(0)}}, done(1), seconds(4)), NextPoint::follows)
        << "the creation never moves";
}

TEST(TaskProgress, ThinningKeepsTheFirstAndTheLast) {
    std::vector<ProgressPoint> points;
    for (int i = 0; i <= 9; ++i) {
        points.push_back({at(i * 2), done(i)});
    }
    const std::vector<ProgressPoint> kept = thinned(points, seconds(4));
    std::vector<Instant> times;
    for (const ProgressPoint& point : kept) {
        times.push_back(point.at);
    }
    EXPECT_EQ(times, (std::vector{at(0), at(4), at(8), at(12), at(16), at(18)}));
    EXPECT_EQ(kept.back().counts, done(9));
    EXPECT_TRUE(thinned({}, seconds(4)).empty());
}

TEST(TaskProgress, ThePresentEndsARunningTaskOnly) {
    TaskProgress running{{{at(0), done(9)}}, seconds(2)};
    add_present(running, done(9), at(5));
    ASSERT_EQ(running.points.size(), 2U);
    EXPECT_EQ(running.points.back(), (ProgressPoint{at(5), done(9)}));

    TaskProgress ended{{{at(0), done(9)}, {at(3), done(10)}}, seconds(2)};
    add_present(ended, done(10), at(500));
    EXPECT_EQ(ended.points.size(), 2U);

    TaskProgress not_noted{{{at(0), done(9)}}, seconds(2)};
    add_present(not_noted, done(10), at(5));
    EXPECT_EQ(not_noted.points.size(), 2U);
}

}  // namespace
}  // namespace updraft
