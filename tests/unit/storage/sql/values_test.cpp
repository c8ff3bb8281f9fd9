#include "storage/sql/values.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace updraft::sql {
namespace {

/// Runs in the zone of Shanghai, eight hours east, and puts the old zone back.
class Values : public testing::Test {
protected:
    Values() {
        if (const char* zone = std::getenv("TZ")) {
            before_ = zone;
        }
        ::setenv("TZ", "CST-8", 1);
        ::tzset();
    }
    ~Values() override {
        before_ ? ::setenv("TZ", before_->c_str(), 1) : ::unsetenv("TZ");
        ::tzset();
    }
    std::optional<std::string> before_;
};

constexpr std::int64_t noon_utc = 1'735'732'800'000;  // 2025-01-01T12:00:00Z

TEST_F(Values, DatesAreInTheZoneOfTheProcess) {
    EXPECT_EQ(millis_of_date("2025-01-01 20:00:00"), noon_utc);
    EXPECT_EQ(millis_of_date("2025-01-01 20:00"), noon_utc);
    EXPECT_EQ(millis_of_date("2025-01-01T20:00:00.250"), noon_utc + 250);
    EXPECT_EQ(millis_of_date("2025-01-01"), noon_utc - 20 * 3'600'000);
    EXPECT_EQ(millis_of_date("2025/01/01"), noon_utc - 20 * 3'600'000);
}

TEST_F(Values, AnOffsetOverridesTheZone) {
    EXPECT_EQ(millis_of_date("2025-01-01T12:00:00Z"), noon_utc);
    EXPECT_EQ(millis_of_date("2025-01-01T12:00:00.000Z"), noon_utc);
    EXPECT_EQ(millis_of_date("2025-01-01T14:30:00+02:30"), noon_utc);
    EXPECT_EQ(millis_of_date("2025-01-01T04:00:00-0800"), noon_utc);
}

TEST_F(Values, WhatIsNoDateGivesNothing) {
    for (const std::string_view bad :
         {"", "soon", "2025", "2025-13-01", "2025-01-32", "2025-01-01 25:00",
          "2025-01-01 20:00:00 x", "2025-01-01 20", "2025-01-01T20:00:00+8", "1735732800000"}) {
        EXPECT_EQ(millis_of_date(bad), std::nullopt) << bad;
    }
}

TEST_F(Values, NumbersKeepAllTheirDigits) {
    const Column column{"id", "t.id", Kind::integer};
    EXPECT_EQ(converted(column, "1864200000000000201"), Value(std::int64_t{1864200000000000201}));
    EXPECT_EQ(converted(column, 7.0), Value(std::int64_t{7}));
    EXPECT_EQ(converted(column, "1.5"), Value(1.5));
    EXPECT_EQ(converted(column, true), Value(std::int64_t{1}));
    EXPECT_EQ(converted(column, "nan"), std::nullopt);
    EXPECT_EQ(converted(column, "99999999999999999999999"), Value(1e23));
}

TEST_F(Values, ListsComeAsArraysCommaTextOrOneValue) {
    EXPECT_EQ(elements_of("a,,b").size(), 2U);
    EXPECT_EQ(elements_of({"a", nullptr, ""}).size(), 1U);
    EXPECT_EQ(elements_of(7).size(), 1U);
    EXPECT_TRUE(elements_of("").empty());
}

}  // namespace
}  // namespace updraft::sql
