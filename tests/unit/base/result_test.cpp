#include "base/result.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "base/clock.hpp"

namespace updraft {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) {
        return Error::invalid("number", text("{} 不是偶数", "{} is odd", number));
    }
    return number / 2;
}

Result<int> quarter(int number) {
    UPDRAFT_TRY(const int once, half(number));
    UPDRAFT_TRY(const int twice, half(once));
    return twice;
}

Result<void> must_be_even(int number) {
    UPDRAFT_TRY([[maybe_unused]] const int unused, half(number));
    return {};
}

Result<std::string> spelled(int number) {
    UPDRAFT_CHECK(must_be_even(number));
    return std::to_string(number);
}

Result<std::unique_ptr<int>> boxed(int number) {
    UPDRAFT_TRY(auto value, half(number));
    return std::make_unique<int>(value);
}

Result<int> unboxed(int number) {
    UPDRAFT_TRY(const std::unique_ptr<int> box, boxed(number));
    return *box;
}

TEST(Result, HoldsAValueOrAnError) {
    EXPECT_EQ(half(8), 4);
    ASSERT_FALSE(half(7));
    EXPECT_EQ(half(7).error().message.en, "7 is odd");
    EXPECT_TRUE(must_be_even(2));
    EXPECT_FALSE(must_be_even(3));
}

TEST(Result, TryDeclaresTheValueOrReturnsTheFirstError) {
    EXPECT_EQ(quarter(12), 3);
    EXPECT_EQ(quarter(9).error().message.en, "9 is odd");
    EXPECT_EQ(quarter(6).error().message.en, "3 is odd");
}

TEST(Result, TryAndCheckCarryErrorsBetweenResultTypes) {
    EXPECT_EQ(spelled(4), "4");
    EXPECT_EQ(spelled(5).error(), half(5).error());
}

TEST(Result, TryMovesWhatCannotBeCopied) {
    EXPECT_EQ(unboxed(10), 5);
    EXPECT_FALSE(unboxed(11));
}

TEST(Error, InvalidNamesTheMemberAndSpeaksBothLanguages) {
    const Error error = Error::invalid("versionOrder", Text{"版本序号已存在", "taken"});

    EXPECT_EQ(error.code, ErrorCode::invalid_argument);
    ASSERT_EQ(error.fields.size(), 1U);
    EXPECT_EQ(error.fields[0].property, "versionOrder");
    EXPECT_EQ(error.fields[0].message, error.message);
    EXPECT_EQ(error.message.in(Language::zh), "版本序号已存在");
    EXPECT_EQ(error.message.in(Language::en), "taken");
}

TEST(Error, NotFoundNamesTheKindAndTheId) {
    const Error error = Error::not_found("固件", "firmware", "F1");

    EXPECT_EQ(error.code, ErrorCode::not_found);
    EXPECT_EQ(error.message.zh, "数据不存在: 固件 F1");
    EXPECT_EQ(error.message.en, "no such firmware: F1");
}

TEST(Clock, MillisecondsRoundTrip) {
    EXPECT_EQ(to_millis(from_millis(1'735'689'600'123)), 1'735'689'600'123);
    EXPECT_GT(to_millis(SystemClock{}.now()), 1'735'689'600'000);
}

}  // namespace
}  // namespace updraft
