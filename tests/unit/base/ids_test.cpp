#include "base/ids.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <unordered_set>
#include <vector>

#include "base/bytes.hpp"
#include "base/id.hpp"

namespace updraft {
namespace {

/// A clock that stands still, or is set back, as a test says.
class SetClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return from_millis(millis); }
    std::atomic<std::int64_t> millis{1'735'689'600'000};
};

constexpr std::int64_t epoch_ms = 1'609'459'200'000;  // 2021-01-01T00:00:00Z

TEST(SnowflakeIds, HoldTheTimeTheNodeAndASequence) {
    const SetClock clock;
    SnowflakeIds ids(clock, 5);

    const std::int64_t first = ids.next_number();
    const std::int64_t second = ids.next_number();

    EXPECT_EQ(first >> 22, clock.millis - epoch_ms);
    EXPECT_EQ(first >> 12 & 0x3FF, 5);
    EXPECT_EQ(first & 0xFFF, 0);
    EXPECT_EQ(second, first + 1);
}

TEST(SnowflakeIds, AreDecimalTextOfTheNumber) {
    const SetClock clock;
    SnowflakeIds ids(clock, 0);
    const std::string id = ids.next();

    EXPECT_EQ(std::stoll(id) + 1, ids.next_number());
    EXPECT_LE(id.size(), 19U);
}

TEST(SnowflakeIds, ABurstBeyondTheSequenceBorrowsFromTheNextMillisecond) {
    const SetClock clock;
    SnowflakeIds ids(clock, 1023);
    std::int64_t last = ids.next_number();
    for (int i = 0; i < 10'000; ++i) {
        const std::int64_t next = ids.next_number();
        ASSERT_GT(next, last);
        ASSERT_EQ(next >> 12 & 0x3FF, 1023);
        last = next;
    }
}

TEST(SnowflakeIds, GoOnIncreasingWhenTheClockIsSetBack) {
    SetClock clock;
    SnowflakeIds ids(clock, 1);
    const std::int64_t before = ids.next_number();

    clock.millis -= 3'600'000;

    EXPECT_GT(ids.next_number(), before);
}

TEST(SnowflakeIds, DifferentNodesNeverMeet) {
    const SetClock clock;
    SnowflakeIds one(clock, 1);
    SnowflakeIds two(clock, 2);

    EXPECT_NE(one.next_number(), two.next_number());
}

TEST(SnowflakeIds, AreUniqueAndIncreasingUnderThreads) {
    const SystemClock clock;
    SnowflakeIds ids(clock, 1);
    constexpr std::size_t threads = 4;
    constexpr std::size_t each = 20'000;
    std::vector<std::vector<std::int64_t>> made(threads);
    {
        std::vector<std::jthread> makers;
        for (std::vector<std::int64_t>& mine : made) {
            makers.emplace_back([&ids, &mine] {
                for (std::size_t i = 0; i < each; ++i) {
                    mine.push_back(ids.next_number());
                }
            });
        }
    }
    std::unordered_set<std::int64_t> all;
    for (const std::vector<std::int64_t>& mine : made) {
        EXPECT_TRUE(std::ranges::is_sorted(mine));
        all.insert(mine.begin(), mine.end());
    }
    EXPECT_EQ(all.size(), threads * each);
}

TEST(RandomHex, HasTwoDigitsAByteAndDoesNotRepeat) {
    const std::string one = random_hex(16);

    EXPECT_TRUE(is_hex(one, 32));
    EXPECT_EQ(one, to_lower(one));
    EXPECT_NE(one, random_hex(16));
    EXPECT_EQ(random_hex(0), "");
}

TEST(Id, KindsAreDifferentTypesWithOrderHashAndText) {
    static_assert(!std::is_convertible_v<TaskId, RecordId>);
    static_assert(!std::is_convertible_v<std::string, TaskId>);

    EXPECT_EQ(TaskId{"a"}, TaskId{std::string("a")});
    EXPECT_LT(TaskId{"a"}, TaskId{"b"});
    EXPECT_TRUE(TaskId{}.empty());
    EXPECT_EQ(std::hash<TaskId>{}(TaskId{"a"}), std::hash<std::string>{}("a"));
    EXPECT_EQ(fmt::format("task {:>3}", TaskId{"7"}), "task   7");
}

}  // namespace
}  // namespace updraft
