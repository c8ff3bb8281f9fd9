#include "app/access_service.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "tests/support/app_world.hpp"

namespace updraft {
namespace {

using namespace std::chrono_literals;

constexpr const char* password = "correct horse";
constexpr const char* office = "192.0.2.1";

SignIn as_admin(const std::string& typed = password) {
    SignIn request;
    request.username = "admin";
    request.password = typed;
    request.address = office;
    return request;
}

struct AccessTest : testing::Test {
    AppWorld world;

    void SetUp() override { ASSERT_TRUE(world.access.start(password)); }
    std::string token() {
        const Result<SignedIn> signed_in = world.access.sign_in(as_admin());
        return signed_in ? signed_in->token : "";
    }
};

TEST_F(AccessTest, FirstStartWithAPasswordMakesTheAdministrator) {
    const Result<SignedIn> signed_in = world.access.sign_in(as_admin());

    ASSERT_TRUE(signed_in);
    EXPECT_EQ(signed_in->user.username, "admin");
    EXPECT_TRUE(signed_in->identity.admin);
    EXPECT_EQ(signed_in->token.size(), 32U);
    EXPECT_EQ(signed_in->idle_timeout, milliseconds(30min));
}

// A later start must not reset a password that a person has changed since.
TEST_F(AccessTest, LaterStartsLeaveTheAdministratorAlone) {
    ASSERT_TRUE(world.access.start("another password"));

    EXPECT_FALSE(world.access.sign_in(as_admin("another password")));
    EXPECT_TRUE(world.access.sign_in(as_admin()));
}

TEST_F(AccessTest, WrongPasswordAndUnknownUserAreToldTheSame) {
    const Result<SignedIn> wrong = world.access.sign_in(as_admin("wrong"));
    SignIn unknown = as_admin();
    unknown.username = "nobody";
    const Result<SignedIn> nobody = world.access.sign_in(unknown);

    ASSERT_FALSE(wrong);
    ASSERT_FALSE(nobody);
    EXPECT_EQ(wrong.error(), nobody.error());
    EXPECT_EQ(wrong.error().code, ErrorCode::login_failed);
}

TEST_F(AccessTest, StoresNeitherPasswordNorToken) {
    const std::string secret = token();

    world.store->read([&](const Repositories& rows) {
        EXPECT_FALSE(rows.tokens().find(secret));
        const std::optional<User> admin = rows.users().find_by_username("admin");
        ASSERT_TRUE(admin);
        EXPECT_TRUE(admin->password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    });
}

TEST_F(AccessTest, EveryUseExtendsASignIn) {
    const std::string secret = token();

    world.clock.advance(20min);
    EXPECT_TRUE(world.access.identify(secret));
    world.clock.advance(20min);
    EXPECT_TRUE(world.access.identify(secret));
    world.clock.advance(31min);
    const Result<Identity> late = world.access.identify(secret);

    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::token_expired);
}

// The stored time is what another node or the next start sees.
TEST_F(AccessTest, StoresTheLastUseAtMostOnceAMinute) {
    const std::string secret = token();
    const auto stored_uses = [&] {
        // A write of its own waits until the touch before it is committed.
        const Result<void> flushed = world.store->write([](UnitOfWork&) { return Result<void>(); });
        EXPECT_TRUE(flushed);
        AccessService other(*world.store, world.clock, world.ids);
        return other.is_signed_in(secret);
    };

    world.clock.advance(29min);
    ASSERT_TRUE(world.access.identify(secret));
    ASSERT_TRUE(stored_uses());
    world.clock.advance(29min);

    EXPECT_TRUE(stored_uses());  // 58 minutes after the sign-in: the touch was stored
}

TEST_F(AccessTest, NeverExpiresWhenAskedSo) {
    SignIn request = as_admin();
    request.expires_ms = -1;
    const Result<SignedIn> signed_in = world.access.sign_in(request);
    ASSERT_TRUE(signed_in);

    world.clock.advance(24h * 365);

    EXPECT_TRUE(world.access.identify(signed_in->token));
}

// Zero must not read as "never".
TEST_F(AccessTest, ZeroAsksForTheUsualTime) {
    SignIn request = as_admin();
    request.expires_ms = 0;
    const Result<SignedIn> signed_in = world.access.sign_in(request);

    ASSERT_TRUE(signed_in);
    EXPECT_EQ(signed_in->idle_timeout, milliseconds(30min));
}

TEST_F(AccessTest, SignOutEndsATokenAtOnce) {
    const std::string secret = token();
    ASSERT_TRUE(world.access.identify(secret));

    world.access.sign_out(secret);

    EXPECT_FALSE(world.access.identify(secret));
    EXPECT_FALSE(world.access.is_signed_in(secret));
}

TEST_F(AccessTest, MissingTokenIsUnauthorized) {
    const Result<Identity> nobody = world.access.identify("");

    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().code, ErrorCode::unauthorized);
}

TEST_F(AccessTest, ChangingThePasswordEndsTheOtherSignIns) {
    const std::string mine = token();
    const std::string other = token();
    const Result<Identity> identity = world.access.identify(mine);
    ASSERT_TRUE(identity);

    const Result<void> wrong =
        world.access.change_password(*identity, mine, office, "no", "new password");
    const Result<void> changed =
        world.access.change_password(*identity, mine, office, password, "new password");

    EXPECT_FALSE(wrong);
    ASSERT_TRUE(changed);
    EXPECT_TRUE(world.access.identify(mine));
    EXPECT_FALSE(world.access.identify(other));
    EXPECT_TRUE(world.access.sign_in(as_admin("new password")));
}

TEST_F(AccessTest, RefusesAShortPassword) {
    const std::string mine = token();
    const Result<Identity> identity = world.access.identify(mine);
    ASSERT_TRUE(identity);

    const Result<void> changed =
        world.access.change_password(*identity, mine, office, password, "short");

    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(changed.error().message.zh, "密码长度至少为8位");
}

struct LimitedAccessTest : testing::Test {
    static AccessOptions options() {
        AccessOptions options;
        options.failures_max = 3;
        options.address_failures_max = 5;
        options.account_failures_max = 8;
        return options;
    }
    AppWorld world{options()};
    void SetUp() override { ASSERT_TRUE(world.access.start(password)); }
    void fail(int times, const std::string& username, const std::string& address) {
        for (int i = 0; i < times; ++i) {
            SignIn request = as_admin("wrong");
            request.username = username;
            request.address = address;
            EXPECT_FALSE(world.access.sign_in(request));
        }
    }
};

// Guessing must not get cheaper by guessing right in the end.
TEST_F(LimitedAccessTest, RefusesEvenTheRightPasswordAfterTooManyFailures) {
    fail(3, "admin", "192.0.2.1");

    const Result<SignedIn> refused = world.access.sign_in(as_admin());

    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::too_many_requests);
    world.clock.advance(5min);
    EXPECT_TRUE(world.access.sign_in(as_admin()));
}

// Otherwise anybody could lock the administrator out.
TEST_F(LimitedAccessTest, OtherAddressesMayStillSignIn) {
    fail(3, "admin", "192.0.2.9");

    EXPECT_TRUE(world.access.sign_in(as_admin()));
}

TEST_F(LimitedAccessTest, OneAddressCannotTryAllUserNames) {
    fail(2, "a", "192.0.2.1");
    fail(3, "b", "192.0.2.1");

    const Result<SignedIn> refused = world.access.sign_in(as_admin());

    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::too_many_requests);
}

// A thousand places with a few guesses each are as many guesses as one place with thousands.
TEST_F(LimitedAccessTest, OneAccountCannotBeGuessedFromManyAddresses) {
    for (int place = 1; place <= 4; ++place) {
        fail(2, "admin", "198.51.100." + std::to_string(place));
    }

    const Result<SignedIn> refused = world.access.sign_in(as_admin());

    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::too_many_requests);
}

// The limit of all addresses must not be a way to lock the administrator out.
TEST_F(LimitedAccessTest, AnAddressThatHasSignedInIsNotLockedOutByOthers) {
    ASSERT_TRUE(world.access.sign_in(as_admin()));
    for (int place = 1; place <= 6; ++place) {
        fail(2, "admin", "198.51.100." + std::to_string(place));
    }

    EXPECT_TRUE(world.access.sign_in(as_admin()));
}

// Otherwise the limit would tell which user names exist.
TEST_F(LimitedAccessTest, UnknownUsersAreLimitedInTheSameWords) {
    fail(3, "admin", "198.51.100.1");
    fail(3, "nobody", "198.51.100.2");
    SignIn admin = as_admin("wrong");
    admin.address = "198.51.100.1";
    SignIn nobody = as_admin("wrong");
    nobody.username = "nobody";
    nobody.address = "198.51.100.2";

    const Result<SignedIn> known = world.access.sign_in(admin);
    const Result<SignedIn> unknown = world.access.sign_in(nobody);

    ASSERT_FALSE(known);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(known.error().code, ErrorCode::too_many_requests);
    EXPECT_EQ(known.error(), unknown.error());
}

// A stolen session must not be a place to guess the password without a limit.
TEST_F(LimitedAccessTest, GuessesAtTheOldPasswordAreLimitedToo) {
    const Result<SignedIn> mine = world.access.sign_in(as_admin());
    ASSERT_TRUE(mine);
    const auto guess = [&] {
        return world.access.change_password(mine->identity, mine->token, office, "wrong",
                                            "new password");
    };
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(guess().error().code, ErrorCode::login_failed);
    }

    EXPECT_EQ(guess().error().code, ErrorCode::too_many_requests);
    EXPECT_EQ(world.access.sign_in_counters().wrong, 3U);
    EXPECT_EQ(world.access.sign_in_counters().limited, 1U);
}

TEST_F(LimitedAccessTest, SuccessForgetsTheFailuresBefore) {
    for (int round = 0; round < 3; ++round) {
        fail(1, "admin", "192.0.2.1");
        EXPECT_TRUE(world.access.sign_in(as_admin()));
    }
}

TEST(AccessSetUp, LinkSetsThePasswordOnce) {
    AppWorld world;
    const auto link = world.access.start(std::nullopt);
    ASSERT_TRUE(link);
    ASSERT_TRUE(*link);
    const std::string& token = **link;

    EXPECT_FALSE(world.access.set_up("0123456789abcdef0123456789abcdef", password));
    EXPECT_FALSE(world.access.set_up(token, "short"));
    EXPECT_TRUE(world.access.is_set_up_token(token));
    EXPECT_TRUE(world.access.set_up(token, password));

    EXPECT_FALSE(world.access.is_set_up_token(token));
    EXPECT_FALSE(world.access.set_up(token, "second password"));
    EXPECT_TRUE(world.access.sign_in(as_admin()));
}

TEST(AccessSetUp, FirstStartRefusesAShortPassword) {
    AppWorld world;
    EXPECT_FALSE(world.access.start("short"));
}

/// What a console does with the key of /authorize/login/configs.
std::string encrypt(const std::string& public_key, const std::string& plain) {
    std::string der(public_key.size(), '\0');
    EVP_DecodeBlock(reinterpret_cast<unsigned char*>(der.data()),
                    reinterpret_cast<const unsigned char*>(public_key.data()),
                    static_cast<int>(public_key.size()));
    const auto* start = reinterpret_cast<const unsigned char*>(der.data());
    EVP_PKEY* key = d2i_PUBKEY(nullptr, &start, static_cast<long>(der.size()));
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
    EVP_PKEY_encrypt_init(context);
    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING);
    std::string cipher(256, '\0');
    std::size_t size = cipher.size();
    EVP_PKEY_encrypt(context, reinterpret_cast<unsigned char*>(cipher.data()), &size,
                     reinterpret_cast<const unsigned char*>(plain.data()), plain.size());
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    std::string base64(4 * ((size + 2) / 3) + 1, '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                    reinterpret_cast<const unsigned char*>(cipher.data()), static_cast<int>(size));
    base64.pop_back();
    return base64;
}

TEST(AccessEncryption, SignsInWithAnEncryptedPassword) {
    AccessOptions options;
    options.login_encryption = true;
    AppWorld world{options};
    ASSERT_TRUE(world.access.start(password));
    const LoginEncryption* encryption = world.access.encryption();
    ASSERT_NE(encryption, nullptr);

    SignIn request = as_admin(encrypt(encryption->public_key(), password));
    request.encrypt_id = encryption->id();
    SignIn other_key = request;
    other_key.encrypt_id = "another";

    EXPECT_TRUE(world.access.sign_in(request));
    EXPECT_FALSE(world.access.sign_in(other_key));
    EXPECT_FALSE(world.access.sign_in(as_admin()));  // in clear text
}

struct UsersTest : AccessTest {
    Identity admin = AppWorld::admin();

    RoleId add_role(std::vector<MenuGrant> grants) {
        RoleForm form;
        form.name = "role";
        form.grants = std::move(grants);
        const auto added = world.users.add_roles({form}, admin);
        EXPECT_TRUE(added);
        return added ? added->front().id : RoleId{};
    }
    Result<std::vector<User>> add_user(const std::string& username, std::vector<RoleId> roles,
                                       const std::optional<Identity>& by = {}) {
        UserForm form;
        form.username = username;
        form.password = password;
        form.roles = std::move(roles);
        return world.users.add({form}, by.value_or(admin));
    }
    Result<SignedIn> sign_in(const std::string& username) {
        SignIn request = as_admin();
        request.username = username;
        return world.access.sign_in(request);
    }
};

TEST_F(UsersTest, RolesGrantWhatTheirButtonsSay) {
    ASSERT_TRUE(add_user("eve", {add_role({{"device/Firmware", {"view"}}})}));

    const Result<SignedIn> eve = sign_in("eve");

    ASSERT_TRUE(eve);
    EXPECT_FALSE(eve->identity.admin);
    EXPECT_TRUE(eve->identity.may("firmware-manager", "query"));
    EXPECT_FALSE(eve->identity.may("firmware-manager", "save"));
}

// A console may know pages that this server does not have: their grants allow nothing.
TEST_F(UsersTest, UnknownGrantsAreKeptAndAllowNothing) {
    const RoleId role = add_role({{"no/such/page", {"view"}}, {"device/Firmware", {"fly"}}});
    ASSERT_TRUE(add_user("eve", {role}));

    const Result<SignedIn> eve = sign_in("eve");

    ASSERT_TRUE(eve);
    EXPECT_TRUE(eve->identity.permissions.empty());
    EXPECT_EQ(eve->roles.front().grants.size(), 2U);
}

TEST_F(UsersTest, ChangedRolesHoldFromTheNextRequestOn) {
    const RoleId role = add_role({{"device/Firmware", {"view"}}});
    ASSERT_TRUE(add_user("eve", {role}));
    const Result<SignedIn> eve = sign_in("eve");
    ASSERT_TRUE(eve);

    RoleForm form;
    form.id = role;
    form.grants = std::vector<MenuGrant>{{"device/Firmware", {"view", "delete"}}};
    ASSERT_TRUE(world.users.replace_role(form, admin));

    const Result<Identity> now = world.access.identify(eve->token);
    ASSERT_TRUE(now);
    EXPECT_TRUE(now->may("firmware-manager", "delete"));
}

TEST_F(UsersTest, DisablingAUserEndsTheirSignIns) {
    const auto added = add_user("eve", {});
    ASSERT_TRUE(added);
    const Result<SignedIn> eve = sign_in("eve");
    ASSERT_TRUE(eve);

    UserForm form;
    form.id = added->front().id;
    form.enabled = false;
    ASSERT_TRUE(world.users.replace(form, admin));

    EXPECT_FALSE(world.access.identify(eve->token));
    const Result<SignedIn> again = sign_in("eve");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::user_disabled);
}

TEST_F(UsersTest, RefusesATakenUserName) {
    ASSERT_TRUE(add_user("eve", {}));

    const auto twice = add_user("eve", {});

    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, ErrorCode::duplicate_key);
}

// A person who manages users must not become administrator that way.
TEST_F(UsersTest, NobodyGivesRightsThatTheyLack) {
    const RoleId manager = add_role({{"system/User", {"add", "update"}}});
    const RoleId firmware = add_role({{"device/Firmware", {"delete"}}});
    const auto eve = add_user("eve", {manager});
    ASSERT_TRUE(eve);
    const Result<SignedIn> signed_in = sign_in("eve");
    ASSERT_TRUE(signed_in);

    const auto stronger = add_user("mallory", {firmware}, signed_in->identity);
    UserForm take_over;
    take_over.id = world.store->read(
        [](const Repositories& rows) { return rows.users().find_by_username("admin")->id; });
    take_over.password = "taken over";
    const Result<void> admin_taken = world.users.replace(take_over, signed_in->identity);

    ASSERT_FALSE(stronger);
    EXPECT_EQ(stronger.error().code, ErrorCode::access_denied);
    ASSERT_FALSE(admin_taken);
    EXPECT_EQ(admin_taken.error().code, ErrorCode::access_denied);
    EXPECT_TRUE(add_user("trent", {manager}, signed_in->identity));
}

TEST_F(UsersTest, TheAdministratorCannotBeDeleted) {
    const UserId id = world.store->read(
        [](const Repositories& rows) { return rows.users().find_by_username("admin")->id; });

    const Result<User> removed = world.users.remove(id, admin);

    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, ErrorCode::conflict);
}

TEST_F(UsersTest, ARoleInUseCannotBeDeleted) {
    const RoleId role = add_role({});
    ASSERT_TRUE(add_user("eve", {role}));

    const Result<Role> removed = world.users.remove_role(role, admin);

    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, ErrorCode::referenced);
    ASSERT_EQ(removed.error().references.size(), 1U);
    EXPECT_EQ(removed.error().references.front().reference_name, "eve");
}

}  // namespace
}  // namespace updraft
