#include <gtest/gtest.h>

#include "protocol/jetlinks/codec.hpp"

namespace updraft {
namespace {

using jetlinks::check_sign_in;
using jetlinks::SignInKeys;
using jetlinks::SignInRefusal;

constexpr std::int64_t stamp = 1'700'000'000'000;
const SignInKeys keys{.secure_id = "test", .secure_key = "test"};
constexpr std::string_view username = "test|1700000000000";
constexpr std::string_view password = "d35a253ed29058fa87e05b790a79c9a6";  // spec 7

TEST(JetLinksSignIn, AcceptsTheVectorInEitherCase) {
    EXPECT_FALSE(check_sign_in(username, password, keys, from_millis(stamp)));
    EXPECT_FALSE(
        check_sign_in(username, "D35A253ED29058FA87E05B790A79C9A6", keys, from_millis(stamp)));
}

TEST(JetLinksSignIn, WindowIsFiveMinutesEitherWayInclusive) {
    const auto at = [](std::int64_t millis) {
        return check_sign_in(username, password, keys, from_millis(millis));
    };
    EXPECT_FALSE(at(stamp + 300'000));
    EXPECT_EQ(at(stamp + 300'001), SignInRefusal::clock_differs);
    EXPECT_FALSE(at(stamp - 300'000));
    EXPECT_EQ(at(stamp - 300'001), SignInRefusal::clock_differs);
}

TEST(JetLinksSignIn, RefusesMalformedUsernames) {
    for (const std::string_view name : {"test", "test|abc", "", "test|", "test|170000000000x",
                                        "test|99999999999999999999", "test| 1700000000000"}) {
        EXPECT_EQ(check_sign_in(name, password, keys, from_millis(stamp)),
                  SignInRefusal::malformed_username)
            << name;
    }
}

TEST(JetLinksSignIn, RefusesWrongKeys) {
    const Instant now = from_millis(stamp);
    EXPECT_EQ(check_sign_in(username, "", keys, now), SignInRefusal::wrong_key);
    EXPECT_EQ(check_sign_in(username, "test", keys, now), SignInRefusal::wrong_key);
    // The right digest for another secure id than the device's.
    const SignInKeys other{.secure_id = "other", .secure_key = "test"};
    EXPECT_EQ(check_sign_in(username, password, other, now), SignInRefusal::wrong_key);
}

// md5("|1700000000000|"): a device without configured keys must not be open to everyone.
TEST(JetLinksSignIn, RefusesEveryoneWhenNoKeysAreConfigured) {
    const SignInKeys none{.secure_id = "", .secure_key = "", .plain_auth = true};
    EXPECT_EQ(check_sign_in("|1700000000000", "fa06022eb88ff3b6ec3613e5ab3b8735", none,
                            from_millis(stamp)),
              SignInRefusal::wrong_key);
    EXPECT_EQ(check_sign_in("", "", none, from_millis(stamp)), SignInRefusal::wrong_key);
}

// md5 over the whole user name, parts after the second bar included (spec 4.2).
TEST(JetLinksSignIn, ExtraPartsAreHashedButIgnored) {
    EXPECT_FALSE(check_sign_in("test|1700000000000|x|y", "fe2db018b91c9a835f2ce2b22d252a5b", keys,
                               from_millis(stamp)));
}

TEST(JetLinksSignIn, PlainKeysOnlyWhereTheProductAllowsThem) {
    SignInKeys plain{.secure_id = "id", .secure_key = "key", .plain_auth = true};
    EXPECT_FALSE(check_sign_in("id", "key", plain, from_millis(0)));
    EXPECT_EQ(check_sign_in("id", "KEY", plain, from_millis(0)), SignInRefusal::wrong_key);
    plain.plain_auth = false;
    EXPECT_EQ(check_sign_in("id", "key", plain, from_millis(0)), SignInRefusal::malformed_username);
}

TEST(JetLinksSignIn, RefusalsAreSaidInBothLanguages) {
    EXPECT_EQ(jetlinks::describe(SignInRefusal::malformed_username).zh, "用户名格式错误");
    EXPECT_EQ(jetlinks::describe(SignInRefusal::clock_differs).zh, "设备时间不同步");
    EXPECT_EQ(jetlinks::describe(SignInRefusal::wrong_key).zh, "密钥错误");
    EXPECT_FALSE(jetlinks::describe(SignInRefusal::wrong_key).en.empty());
}

}  // namespace
}  // namespace updraft
