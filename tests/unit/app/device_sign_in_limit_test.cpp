#include "app/device_sign_in_limit.hpp"

#include <gtest/gtest.h>

namespace updraft {
namespace {

using namespace std::chrono_literals;

constexpr DeviceSignInLimits small{.failures_max = 3,
                                   .address_failures_max = 6,
                                   .device_failures_max = 5,
                                   .failures_window = 60s,
                                   .failures_tracked_max = 100,
                                   .known_addresses_max = 2};

struct DeviceSignInLimitTest : testing::Test {
    DeviceSignInLimit limit{small};
    Instant now{std::chrono::hours(1)};

    bool may(const std::string& device, const std::string& address) {
        return !limit.wait(device, address, now);
    }
    void fail(int times, const std::string& device, const std::string& address) {
        for (int i = 0; i < times; ++i) {
            limit.failed(device, address, now);
        }
    }
};

TEST_F(DeviceSignInLimitTest, OneDeviceFromOneAddressWaitsOutItsWindow) {
    fail(2, "d1", "10.0.0.1");
    EXPECT_TRUE(may("d1", "10.0.0.1"));
    now += 20s;
    fail(1, "d1", "10.0.0.1");
    EXPECT_EQ(limit.wait("d1", "10.0.0.1", now), 40s);
    EXPECT_TRUE(may("d1", "10.0.0.2"));
    EXPECT_TRUE(may("d2", "10.0.0.1"));
    now += 40s;
    EXPECT_TRUE(may("d1", "10.0.0.1"));
}

// Whoever tries many devices from one address is stopped; a device that is known there goes on.
TEST_F(DeviceSignInLimitTest, OneAddressIsLimitedForStrangersOnly) {
    limit.succeeded("mine", "10.0.0.1");
    for (int i = 0; i < 6; ++i) {
        fail(1, "d" + std::to_string(i), "10.0.0.1");
    }
    EXPECT_FALSE(may("d9", "10.0.0.1"));
    EXPECT_TRUE(may("mine", "10.0.0.1"));
    EXPECT_TRUE(may("d9", "10.0.0.2"));
}

// A device may move to any address while somebody guesses at it: its first credential is looked at.
TEST_F(DeviceSignInLimitTest, NobodyElsewhereLocksADeviceOut) {
    for (int i = 0; i < 50; ++i) {
        fail(1, "d1", "10.0.1." + std::to_string(i));
    }
    EXPECT_TRUE(may("d1", "192.0.2.7"));
    EXPECT_FALSE(may("d1", "10.0.1.49")) << "a second guess from one address";
    limit.succeeded("d1", "192.0.2.7");
    fail(2, "d1", "192.0.2.7");
    EXPECT_TRUE(may("d1", "192.0.2.7")) << "known there: bound by its own failures only";
    fail(1, "d1", "192.0.2.7");
    EXPECT_FALSE(may("d1", "192.0.2.7"));
}

TEST_F(DeviceSignInLimitTest, ASuccessEndsTheCountOfThePair) {
    fail(2, "d1", "10.0.0.1");
    limit.succeeded("d1", "10.0.0.1");
    fail(2, "d1", "10.0.0.1");
    EXPECT_TRUE(may("d1", "10.0.0.1"));
}

TEST_F(DeviceSignInLimitTest, TheOldestAreForgottenWhenFull) {
    fail(3, "old", "10.0.0.1");
    now += 1s;
    for (int i = 0; i < 100; ++i) {
        fail(1, "d" + std::to_string(i), "10.1.0." + std::to_string(i));
    }
    EXPECT_TRUE(may("old", "10.0.0.1"));
    limit.succeeded("a", "10.2.0.1");
    limit.succeeded("b", "10.2.0.1");
    limit.succeeded("c", "10.2.0.1");
    for (int i = 0; i < 6; ++i) {
        fail(1, "x" + std::to_string(i), "10.2.0.1");
    }
    EXPECT_FALSE(may("a", "10.2.0.1"));
    EXPECT_TRUE(may("c", "10.2.0.1"));
}

TEST_F(DeviceSignInLimitTest, AnAddressIsWithoutItsPortAndOfIPv6TheNetwork) {
    EXPECT_EQ(DeviceSignInLimit::network_of("192.0.2.7:5123"), "192.0.2.7");
    EXPECT_EQ(DeviceSignInLimit::network_of("192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(DeviceSignInLimit::network_of("[2001:db8:1:2:3::4]:99"), "2001:db8:1:2::");
    EXPECT_EQ(DeviceSignInLimit::network_of("2001:db8:1:2::9"), "2001:db8:1:2::");
    EXPECT_EQ(DeviceSignInLimit::network_of("[::1]:99"), "::1");
    EXPECT_EQ(DeviceSignInLimit::network_of("::ffff:192.0.2.7"), "::ffff:192.0.2.7");
}

TEST_F(DeviceSignInLimitTest, ZeroIsNoLimit) {
    DeviceSignInLimit none{
        {.failures_max = 0, .address_failures_max = 0, .device_failures_max = 0}};
    for (int i = 0; i < 10'000; ++i) {
        none.failed("d1", "10.0.0.1", now);
    }
    EXPECT_FALSE(none.wait("d1", "10.0.0.1", now));
}

}  // namespace
}  // namespace updraft
