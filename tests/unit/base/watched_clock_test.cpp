#include "base/watched_clock.hpp"

#include <gtest/gtest.h>

namespace updraft {
namespace {

using std::chrono::days;

struct AWatchedClock : testing::Test {
    void pass(milliseconds time) {
        wall += time.count();
        passed += time.count();
    }
    void set_by(milliseconds by) { wall += by.count(); }
    [[nodiscard]] std::int64_t shown() const { return to_millis(clock.now()); }

    std::int64_t wall = 1'800'000'000'000;
    std::int64_t passed = 5'000;
    WatchedClock clock{milliseconds{10'000}, {[this] { return wall; }, [this] { return passed; }}};
};

TEST_F(AWatchedClock, ShowsTheWallClockWhileThatGoesAsItShould) {
    pass(days{400});
    EXPECT_EQ(shown(), wall);
    EXPECT_FALSE(clock.jump());
}

TEST_F(AWatchedClock, GoesOnAsIfNothingHadHappenedUntilAJumpIsAdopted) {
    for (const milliseconds jump : {milliseconds(days{365}), -milliseconds(days{365})}) {
        const std::int64_t before = shown();
        set_by(jump);
        EXPECT_EQ(clock.jump(), jump);
        EXPECT_EQ(shown(), before);
        pass(seconds{3});
        EXPECT_EQ(shown(), before + 3'000);

        clock.adopt(jump);

        EXPECT_EQ(shown(), wall);
        EXPECT_FALSE(clock.jump());
    }
}

// NTP slews a clock for weeks and steps it by a few seconds now and then.
TEST_F(AWatchedClock, FollowsDriftAndSmallStepsAtOnce) {
    for (int step = 0; step < 100; ++step) {
        pass(seconds{60});
        set_by(seconds{step % 2 == 0 ? 9 : 5});
        EXPECT_EQ(shown(), wall);
    }
    EXPECT_FALSE(clock.jump());
}

TEST_F(AWatchedClock, AJumpThatCouldNotBeStoredIsTakenBack) {
    const std::int64_t before = shown();
    set_by(days{1});
    clock.adopt(days{1});
    clock.adopt(-days{1});
    EXPECT_EQ(shown(), before);
    EXPECT_EQ(clock.jump(), milliseconds(days{1}));
}

TEST_F(AWatchedClock, WhatAnEarlierProcessSawCountsAsAJump) {
    const milliseconds offset = clock.offset();
    set_by(-days{365});
    WatchedClock next{milliseconds{10'000}, {[this] { return wall; }, [this] { return passed; }}};
    EXPECT_FALSE(next.jump());
    next.expect_offset(offset);
    EXPECT_EQ(next.jump(), -milliseconds(days{365}));
}

TEST(TheMachinesClock, AgreesWithTheSystems) {
    const WatchedClock clock{milliseconds{10'000}};
    const Instant before = SystemClock().now();
    const Instant shown = clock.now();
    EXPECT_LE(before, shown);
    EXPECT_LE(shown, SystemClock().now());
}

}  // namespace
}  // namespace updraft
