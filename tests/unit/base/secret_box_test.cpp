#include "base/secret_box.hpp"

#include <gtest/gtest.h>

#include <set>

namespace updraft {
namespace {

constexpr SecretPlace place{"device", "configuration", "d1"};

SecretBox::Key key_of(std::uint8_t byte) {
    SecretBox::Key key{};
    key.fill(byte);
    return key;
}

TEST(SecretBox, OpensWhatItHasSealed) {
    const SecretBox box({key_of(1)});
    for (const std::size_t size : {1U, 2U, 3U, 15U, 16U, 17U, 100U, 100'000U}) {
        const std::string clear(size, 'x');
        EXPECT_EQ(box.open(place, box.seal(place, clear)), clear);
    }
}

TEST(SecretBox, KeepsEmptyTextEmpty) {
    const SecretBox box({key_of(1)});
    EXPECT_EQ(box.seal(place, ""), "");
    EXPECT_EQ(box.open(place, ""), "");
}

// Equal secrets must not look equal, and a nonce that came twice would give them away.
TEST(SecretBox, SealsTheSameTextDifferentlyEachTime) {
    const SecretBox box({key_of(1)});
    std::set<std::string> sealed;
    for (int i = 0; i < 1'000; ++i) {
        sealed.insert(box.seal(place, "secret"));
    }
    EXPECT_EQ(sealed.size(), 1'000U);
}

// Whoever may write the database must not give one device the key of another.
TEST(SecretBox, OpensAValueAtItsOwnPlaceOnly) {
    const SecretBox box({key_of(1)});
    const std::string sealed = box.seal(place, "secret");
    EXPECT_FALSE(box.open({"device", "configuration", "d2"}, sealed));
    EXPECT_FALSE(box.open({"device", "secret", "d1"}, sealed));
    EXPECT_FALSE(box.open({"product", "configuration", "d1"}, sealed));
    EXPECT_FALSE(box.open({"device", "configuratio", "nd1"}, sealed));
}

TEST(SecretBox, RefusesAnAlteredValue) {
    const SecretBox box({key_of(1)});
    const std::string sealed = box.seal(place, "a secret");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string altered = sealed;
        altered[i] = altered[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(box.open(place, altered)) << i;
        EXPECT_FALSE(box.open(place, sealed.substr(0, i == 0 ? 1 : i))) << i;
    }
    EXPECT_FALSE(box.open(place, sealed + "A"));
    EXPECT_FALSE(box.open(place, sealed + "===="));
    EXPECT_FALSE(box.open(place, "{\"secureKey\":\"clear\"}"));
}

TEST(SecretBox, OpensWithOlderKeysAndSealsWithTheFirst) {
    const SecretBox before({key_of(1)});
    const SecretBox between({key_of(2), key_of(1)});
    const SecretBox after({key_of(2)});
    const std::string old = before.seal(place, "secret");
    EXPECT_EQ(between.open(place, old), "secret");
    EXPECT_FALSE(after.open(place, old));
    EXPECT_EQ(after.open(place, between.seal(place, "secret")), "secret");
    EXPECT_EQ(SecretBox::key_id_of(old), before.key_id());
    EXPECT_TRUE(between.has_key(before.key_id()) && between.has_key(after.key_id()));
}

TEST(SecretBox, NamesAKeyWithoutTellingIt) {
    const std::string id = SecretBox::id_of(key_of(0xAB));
    EXPECT_EQ(id.size(), 16U);
    EXPECT_EQ(id.find("abab"), std::string::npos);
    EXPECT_NE(id, SecretBox::id_of(key_of(0xAC)));
    EXPECT_FALSE(SecretBox::key_id_of("sealed:1:short:AAAA"));
}

TEST(SecretBox, DerivesAnotherKeyForEachPurpose) {
    const SecretBox box({key_of(1)});
    EXPECT_EQ(box.derived("links").size(), 32U);
    EXPECT_EQ(box.derived("links"), SecretBox({key_of(1)}).derived("links"));
    EXPECT_NE(box.derived("links"), box.derived("seal"));
    EXPECT_NE(box.derived("links"), SecretBox({key_of(2)}).derived("links"));
}

}  // namespace
}  // namespace updraft
