#include "transport/net/memory_budget.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace updraft::net {

TEST(MemoryBudget, GivesWhatIsThereAndNoMore) {
    MemoryBudget budget(133);  // 100 for what peers send
    MemoryShare one(&budget);
    MemoryShare other(&budget);
    EXPECT_TRUE(one.resize(60));
    EXPECT_FALSE(other.resize(41));
    EXPECT_EQ(other.bytes(), 0U);
    EXPECT_TRUE(other.resize(40));
    EXPECT_EQ(budget.used(), 100U);
    EXPECT_FALSE(one.resize(61));
    EXPECT_EQ(one.bytes(), 60U);
    EXPECT_TRUE(one.resize(10));
    EXPECT_TRUE(other.resize(90));
    EXPECT_EQ(budget.refused(), 2U);
}

TEST(MemoryBudget, GetsEverythingBackAtTheEnd) {
    MemoryBudget budget(100);
    {
        MemoryShare share(&budget);
        EXPECT_TRUE(share.resize(75));
    }
    EXPECT_EQ(budget.used(), 0U);
}

TEST(MemoryBudget, KeepsTheLastQuarterForWhatIsSmall) {
    MemoryBudget budget(100);
    MemoryShare bulk(&budget);
    MemoryShare small(&budget);
    EXPECT_TRUE(bulk.resize(75));
    EXPECT_FALSE(bulk.resize(76));
    EXPECT_TRUE(small.resize(25, MemoryBudget::Use::small));
    EXPECT_FALSE(small.resize(26, MemoryBudget::Use::small));
}

TEST(MemoryBudget, AShareOfNoneIsWithoutLimit) {
    MemoryShare share;
    EXPECT_TRUE(share.resize(std::size_t{1} << 60U));
}

TEST(MemoryBudget, ANumberThatWouldOverflowIsRefused) {
    MemoryBudget budget(100);
    MemoryShare one(&budget);
    MemoryShare other(&budget);
    EXPECT_TRUE(one.resize(50));
    EXPECT_FALSE(other.resize(~std::size_t{0}));
    EXPECT_EQ(budget.used(), 50U);
}

TEST(MemoryBudget, IsNeverExceededByThreadsThatCompete) {
    MemoryBudget budget(1'000);
    std::atomic<bool> exceeded{false};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&] {
            MemoryShare share(&budget);
            for (std::size_t i = 0; i < 20'000; ++i) {
                (void)share.resize(i % 700);
                if (budget.used() > 750) {
                    exceeded = true;
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_FALSE(exceeded);
    EXPECT_EQ(budget.used(), 0U);
}

}  // namespace updraft::net
