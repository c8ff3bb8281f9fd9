#include "app/api_tokens.hpp"

#include <gtest/gtest.h>

#include "tests/support/app_world.hpp"

namespace updraft {
namespace {

using namespace std::chrono_literals;

constexpr const char* password = "correct horse";

struct ApiTokensTest : testing::Test {
    AppWorld world;

    void SetUp() override { ASSERT_TRUE(world.access.start(password)); }

    SignedIn sign_in(const std::string& username = "admin") {
        SignIn request;
        request.username = username;
        request.password = password;
        return world.access.sign_in(request).value();
    }
    Identity identity(const std::string& username = "admin") { return sign_in(username).identity; }

    /// A user with one role that may see or also add firmware.
    User add_user(const std::string& username, const std::string& button) {
        RoleForm role;
        role.name = username;
        role.grants = {{"device/Firmware", {button}}};
        UserForm form;
        form.username = username;
        form.password = password;
        form.roles = {world.users.add_roles({role}, identity()).value().front().id};
        return world.users.add({form}, identity()).value().front();
    }
    static NewApiToken request() {
        return {"ci", {{"firmware-manager", {"query", "save"}}}, std::nullopt};
    }
    CreatedApiToken create(const std::string& username = "admin") {
        return world.api_tokens.create(request(), identity(username)).value();
    }
    void sees(const std::string& secret, ErrorCode code) {
        const Result<Identity> found = world.access.identify(secret);
        ASSERT_FALSE(found);
        EXPECT_EQ(found.error().code, code);
    }
};

TEST_F(ApiTokensTest, LookLikeATokenOfOursAndAreAllDifferent) {
    const std::string first = create().secret;
    const std::string second = create().secret;

    EXPECT_EQ(first.size(), 8U + 43U);
    EXPECT_TRUE(first.starts_with("updraft_"));
    EXPECT_EQ(first.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789-_"),
              std::string::npos);
    EXPECT_NE(first, second);
}

// A copy of the database must not be a bunch of keys.
TEST_F(ApiTokensTest, OnlyTheHashIsStored) {
    const CreatedApiToken created = create();

    const auto stored = world.store->read(
        [&](const Repositories& rows) { return rows.api_tokens().find(created.row.token.id); });

    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->token_sha256, secret_sha256(created.secret));
    EXPECT_EQ(stored->token_sha256.size(), 64U);
}

// Also of the administrator: beyond its scopes a token may nothing.
TEST_F(ApiTokensTest, MayOnlyWhatTheScopesName) {
    const Identity machine = world.access.identify(create().secret).value();

    EXPECT_TRUE(machine.machine);
    EXPECT_FALSE(machine.admin);
    EXPECT_EQ(machine.username, "admin");
    EXPECT_TRUE(machine.may("firmware-manager", "save"));
    EXPECT_FALSE(machine.may("firmware-manager", "delete"));
    EXPECT_FALSE(machine.may("user", "query"));
}

TEST_F(ApiTokensTest, MayOnlyWhatTheUserMay) {
    add_user("reader", "view");
    const Identity machine = world.access.identify(create("reader").secret).value();

    EXPECT_TRUE(machine.may("firmware-manager", "query"));
    EXPECT_FALSE(machine.may("firmware-manager", "save"));
}

// Rights that are taken from a user are taken from the machines that act as them, at once.
TEST_F(ApiTokensTest, FollowTheUsersRightsAtEachRequest) {
    const User user = add_user("writer", "add");
    const std::string secret = create("writer").secret;
    ASSERT_TRUE(world.access.identify(secret).value().may("firmware-manager", "save"));

    UserForm without_roles;
    without_roles.id = user.id;
    without_roles.roles = std::vector<RoleId>{};
    ASSERT_TRUE(world.users.replace(without_roles, identity()));

    EXPECT_FALSE(world.access.identify(secret).value().may("firmware-manager", "query"));
}

TEST_F(ApiTokensTest, EndWhenRevoked) {
    const CreatedApiToken created = create();
    ASSERT_TRUE(world.access.identify(created.secret));

    ASSERT_TRUE(world.api_tokens.revoke(created.row.token.id, identity()));

    sees(created.secret, ErrorCode::token_expired);
    EXPECT_FALSE(world.access.is_signed_in(created.secret));
}

TEST_F(ApiTokensTest, EndWithTheirTime) {
    NewApiToken hour = request();
    hour.expires_in = 1h;
    const std::string secret = world.api_tokens.create(hour, identity()).value().secret;
    world.clock.advance(59min);
    ASSERT_TRUE(world.access.identify(secret));

    world.clock.advance(1min);

    sees(secret, ErrorCode::token_expired);
}

// The time-out of a person who went for lunch is not for machines.
TEST_F(ApiTokensTest, WithoutATimeLastThroughIdleTimes) {
    const std::string secret = create().secret;
    ASSERT_TRUE(world.access.identify(secret));

    world.clock.advance(24h * 400);

    EXPECT_TRUE(world.access.identify(secret));
}

TEST_F(ApiTokensTest, RestWhileTheUserIsDisabledAndEndWithTheUser) {
    const User user = add_user("reader", "view");
    const CreatedApiToken created = create("reader");
    UserForm form;
    form.id = user.id;
    form.enabled = false;
    ASSERT_TRUE(world.users.replace(form, identity()));
    sees(created.secret, ErrorCode::token_expired);
    form.enabled = true;
    ASSERT_TRUE(world.users.replace(form, identity()));
    ASSERT_TRUE(world.access.identify(created.secret));

    ASSERT_TRUE(world.users.remove(user.id, identity()));

    sees(created.secret, ErrorCode::token_expired);
    EXPECT_FALSE(world.store->read(
        [&](const Repositories& rows) { return rows.api_tokens().find(created.row.token.id); }));
}

// Otherwise a stolen token would breed, and outlive its revocation.
TEST_F(ApiTokensTest, MachinesMakeAndRevokeNoTokensAndSetNoPasswords) {
    NewApiToken everything = request();
    everything.scopes.push_back({"user", {"query", "save", "delete"}});
    const CreatedApiToken created = world.api_tokens.create(everything, identity()).value();
    const Identity machine = world.access.identify(created.secret).value();
    UserForm with_password;
    with_password.username = "x";
    with_password.password = password;

    EXPECT_EQ(world.api_tokens.create(request(), machine).error().code, ErrorCode::access_denied);
    EXPECT_EQ(world.api_tokens.revoke(created.row.token.id, machine).error().code,
              ErrorCode::access_denied);
    EXPECT_EQ(world.api_tokens.all(machine).error().code, ErrorCode::access_denied);
    EXPECT_EQ(
        world.access.change_password(machine, created.secret, "192.0.2.1", password, "another word")
            .error()
            .code,
        ErrorCode::access_denied);
    EXPECT_EQ(world.users.add({with_password}, machine).error().code, ErrorCode::access_denied);
}

TEST_F(ApiTokensTest, BelongToTheirUserAndTheAdministratorSeesAll) {
    add_user("reader", "view");
    const ApiTokenId of_admin = create().row.token.id;
    world.clock.advance(1s);
    const ApiTokenId of_reader = create("reader").row.token.id;
    const Identity reader = identity("reader");

    ASSERT_EQ(world.api_tokens.own(reader).size(), 1U);
    EXPECT_EQ(world.api_tokens.own(reader)[0].username, "reader");
    EXPECT_EQ(world.api_tokens.all(reader).error().code, ErrorCode::access_denied);
    EXPECT_EQ(world.api_tokens.revoke(of_admin, reader).error().code, ErrorCode::not_found);
    const auto all = world.api_tokens.all(identity()).value();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].token.id, of_reader);
    EXPECT_TRUE(world.api_tokens.revoke(of_reader, identity()));
}

TEST_F(ApiTokensTest, RefuseUnknownScopesAndWrongForms) {
    const auto refuses = [&](const NewApiToken& wrong) {
        return world.api_tokens.create(wrong, identity()).error().fields.at(0).property;
    };
    const auto with = [](std::string name, std::vector<Permission> scopes,
                         std::optional<seconds> expires) {
        return NewApiToken{std::move(name), std::move(scopes), expires};
    };
    const std::vector<Permission> good = request().scopes;
    EXPECT_EQ(refuses(with("", good, {})), "name");
    EXPECT_EQ(refuses(with(std::string(65, 'n'), good, {})), "name");
    EXPECT_EQ(refuses(with("n", {}, {})), "scopes");
    EXPECT_EQ(refuses(with("n", {{"firmware", {"query"}}}, {})), "scopes");
    EXPECT_EQ(refuses(with("n", {{"user", {"*"}}}, {})), "scopes");
    EXPECT_EQ(refuses(with("n", {{"user", {}}}, {})), "scopes");
    EXPECT_EQ(refuses(with("n", good, 0s)), "expiresInSeconds");
    EXPECT_EQ(refuses(with("n", good, seconds::max())), "expiresInSeconds");
}

TEST_F(ApiTokensTest, AreLimitedPerUser) {
    const Identity admin = identity();
    for (std::size_t count = 0; count < api_tokens_per_user_max; ++count) {
        ASSERT_TRUE(world.api_tokens.create(request(), admin));
    }
    EXPECT_EQ(world.api_tokens.create(request(), admin).error().code, ErrorCode::conflict);
}

TEST_F(ApiTokensTest, TellWhenTheyWereUsed) {
    const std::string secret = create().secret;
    EXPECT_FALSE(world.api_tokens.own(identity())[0].token.last_used_at);

    ASSERT_TRUE(world.access.identify(secret));

    const auto row = world.store->write([&](UnitOfWork& work) -> Result<ApiToken> {
        return *work.api_tokens().find_by_hash(secret_sha256(secret));  // after the queued touch
    });
    EXPECT_EQ(row.value().last_used_at, world.clock.now());
}

}  // namespace
}  // namespace updraft
