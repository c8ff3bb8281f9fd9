#include "base/bytes.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace updraft {
namespace {

using namespace std::string_view_literals;

TEST(Hex, RoundTripsEveryByteInLowerCase) {
    std::vector<std::uint8_t> bytes;
    for (int value = 0; value < 256; ++value) {
        bytes.push_back(static_cast<std::uint8_t>(value));
    }

    const std::string hex = to_hex(bytes);

    EXPECT_EQ(hex.size(), 512U);
    EXPECT_EQ(hex.substr(0, 6), "000102");
    EXPECT_EQ(hex.substr(508), "feff");
    EXPECT_EQ(from_hex(hex), std::string(bytes.begin(), bytes.end()));
    EXPECT_EQ(to_hex({}), "");
}

TEST(Hex, ReadsBothCasesAndRefusesWhatIsNotHex) {
    EXPECT_EQ(from_hex("0aFf"), "\x0a\xff");
    EXPECT_EQ(from_hex(""), "");
    for (const std::string_view wrong : {"0", "0g", "g0", " 0", "0x", "00 "}) {
        EXPECT_EQ(from_hex(wrong), std::nullopt) << wrong;
    }
}

TEST(Hex, IsHexCountsTheDigits) {
    EXPECT_TRUE(is_hex("5d99B396", 8));
    EXPECT_TRUE(is_hex("", 0));
    EXPECT_FALSE(is_hex("5d99b39", 8));
    EXPECT_FALSE(is_hex("5d99b3961", 8));
    EXPECT_FALSE(is_hex("5d99b39/", 8));
    EXPECT_FALSE(is_hex("5d99b39:", 8));
    EXPECT_FALSE(is_hex("5d99b39@", 8));
    EXPECT_FALSE(is_hex("5d99b39`", 8));
}

TEST(AsciiCase, LowersLettersAndLeavesOtherBytes) {
    EXPECT_EQ(to_lower("SHA256 [Äß升]"), "sha256 [Äß升]");
    EXPECT_EQ(to_lower("@AZ[`az{"), "@az[`az{");
    EXPECT_TRUE(equals_ignoring_case("X-Access-Token", "x-access-token"));
    EXPECT_TRUE(equals_ignoring_case("", ""));
    EXPECT_FALSE(equals_ignoring_case("a", "ab"));
    EXPECT_FALSE(equals_ignoring_case("[", "{"));
}

TEST(ConstantTime, EqualsComparesEveryByte) {
    EXPECT_TRUE(equals_constant_time("", ""));
    EXPECT_TRUE(equals_constant_time("secret\0x"sv, "secret\0x"sv));
    EXPECT_FALSE(equals_constant_time("secret\0x"sv, "secret\0y"sv));
    EXPECT_FALSE(equals_constant_time("secret", "secreT"));
    EXPECT_FALSE(equals_constant_time("\x01", "\x81"));
    EXPECT_FALSE(equals_constant_time("secret", "secre"));
}

TEST(Utf8, CountsCharactersNotBytes) {
    EXPECT_EQ(code_points(""), 0U);
    EXPECT_EQ(code_points("gate"), 4U);
    EXPECT_EQ(code_points("升级 1.1"), 6U);
    EXPECT_EQ(code_points("\U0001F680"), 1U);
}

// The boundaries of RFC 3629 4.
TEST(Utf8, AcceptsTheFirstAndLastOfEachLength) {
    for (const std::string_view good :
         {""sv, "\0"sv, "\x7f"sv, "\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv, "\xed\x9f\xbf"sv,
          "\xee\x80\x80"sv, "\xef\xbf\xbf"sv, "\xf0\x90\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv,
          "固件 ok"sv}) {
        EXPECT_TRUE(is_utf8(good))
            << to_hex({reinterpret_cast<const std::uint8_t*>(good.data()), good.size()});
    }
}

TEST(Utf8, RefusesOverlongSurrogateTruncatedAndStrayBytes) {
    for (const std::string_view bad :
         {"\x80"sv, "\xbf"sv, "\xc0\x80"sv, "\xc1\xbf"sv, "\xe0\x9f\xbf"sv, "\xed\xa0\x80"sv,
          "\xed\xbf\xbf"sv, "\xf0\x8f\xbf\xbf"sv, "\xf4\x90\x80\x80"sv, "\xf5\x80\x80\x80"sv,
          "\xff"sv, "\xc2"sv, "\xe5\x8d"sv, "\xf0\x9f\x9a"sv, "\xc2\x41"sv, "ok\xe5\x8dok"sv}) {
        EXPECT_FALSE(is_utf8(bad))
            << to_hex({reinterpret_cast<const std::uint8_t*>(bad.data()), bad.size()});
    }
}

}  // namespace
}  // namespace updraft
