#include "domain/failure_group.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "domain/upgrade_record.hpp"

namespace updraft {
namespace {

TEST(FailureGroup, NumbersDoNotTellFailuresApart) {
    EXPECT_EQ(failure_group("checksum mismatch 12"), "checksum mismatch #");
    EXPECT_EQ(failure_group("only 812 KiB free, 2048 needed"), "only # KiB free, # needed");
    EXPECT_EQ(failure_group("HTTP/1.1 404"), "HTTP/#.# #");
    EXPECT_EQ(failure_group("错误码：17，重试3次"), "错误码：#，重试#次");
}

TEST(FailureGroup, IdsInHexAreOneThing) {
    EXPECT_EQ(failure_group("session 550e8400-e29b-41d4-a716-446655440000 lost"), "session # lost");
    EXPECT_EQ(failure_group("no route to 3c:6a:9d:01:f2:77"), "no route to #");
    EXPECT_EQ(failure_group("sha256 is 5d99b396caab4bfae4e25207b62b30e2: wrong"),
              "sha# is #: wrong");
    EXPECT_EQ(failure_group("fault at 0xDEADBEEF"), "fault at #");
    EXPECT_EQ(failure_group("fault at 0x"), "fault at #x");
}

// "deadbeef" might be an id, "defaced" is a word: without a digit it stays.
TEST(FailureGroup, WordsThatLookLikeHexStay) {
    EXPECT_EQ(failure_group("effaced facade-decade"), "effaced facade-decade");
    EXPECT_EQ(failure_group("add: 12345678"), "add: #");
    EXPECT_EQ(failure_group("12345678g"), "#g");
}

TEST(FailureGroup, QuotedIdsGoAndQuotedWordsStay) {
    EXPECT_EQ(failure_group("device 'gw-17' said no"), "device # said no");
    EXPECT_EQ(failure_group("\"d1\" `d2`"), "# #");
    EXPECT_EQ(failure_group("cannot write 'rootfs'"), "cannot write 'rootfs'");
    EXPECT_EQ(failure_group("can't open it, don't know 7"), "can't open it, don't know #");
}

TEST(FailureGroup, WhiteSpaceIsTrimmedAndCollapsed) {
    EXPECT_EQ(failure_group("  disk \t\r\n full \n"), "disk full");
    EXPECT_EQ(failure_group(" 7 "), "#");
}

// A record that failed must be found by its group, and an empty value asks for nothing.
TEST(FailureGroup, IsNeverEmpty) {
    EXPECT_EQ(failure_group(""), error_reason::failed);
    EXPECT_EQ(failure_group(" \n "), error_reason::failed);
}

TEST(FailureGroup, IsCutBetweenCharacters) {
    std::string reason;
    for (int i = 0; i < 300; ++i) {
        reason += "错";
    }
    const std::string group = failure_group(reason);
    EXPECT_EQ(code_points(group), 200U);
    EXPECT_TRUE(is_utf8(group));
}

TEST(FailureGroup, OfAGroupIsTheGroup) {
    for (const char* reason :
         {"checksum mismatch 12", "a  'b1' 0xff 3c:6a:9d:01:f2:77", "响应超时"}) {
        const std::string group = failure_group(reason);
        EXPECT_EQ(failure_group(group), group);
    }
}

}  // namespace
}  // namespace updraft
