#include "base/histogram.hpp"

#include <gtest/gtest.h>

namespace updraft {
namespace {

TEST(Histogram, CountsAValueInTheFirstBucketThatHoldsIt) {
    Histogram sizes({1, 10, 100});

    for (const double value : {0.0, 1.0, 1.5, 10.0, 100.0, 101.0}) {
        sizes.observe(value);
    }

    const Histogram::Snapshot taken = sizes.snapshot();
    EXPECT_EQ(taken.counts, (std::vector<std::uint64_t>{2, 2, 1, 1}));
    EXPECT_DOUBLE_EQ(taken.sum, 213.5);
}

TEST(Histogram, TwoListenersAreToldAsOne) {
    Histogram plain({1, 10});
    Histogram tls({1, 10});
    plain.observe(0.5);
    tls.observe(5);

    Histogram::Snapshot both = plain.snapshot();
    both.add(tls.snapshot());

    EXPECT_EQ(both.counts, (std::vector<std::uint64_t>{1, 1, 0}));
    EXPECT_DOUBLE_EQ(both.sum, 5.5);
}

}  // namespace
}  // namespace updraft
