#include "app/device_credentials.hpp"

#include <gtest/gtest.h>

#include "tests/support/app_world.hpp"

namespace updraft {
namespace {

struct DeviceCredentialsTest : testing::Test {
    AppWorld world;
    DeviceCredentialService credentials{
        *world.store, world.links, world.clock, world.ids, {.per_owner_max = 3}};
    const CredentialOwner device = DeviceId{"d1"};
    const CredentialOwner product = ProductId{"p1"};

    void SetUp() override {
        world.add_product();
        world.add_device("d1");
        ASSERT_TRUE(world.devices.deploy({DeviceId{"d1"}}));
    }
    [[nodiscard]] ToldCredential made(const CredentialOwner& owner,
                                      const NewDeviceCredential& request = {}) {
        return credentials.create(owner, request, AppWorld::admin()).value();
    }
    [[nodiscard]] ErrorCode refusal(const CredentialOwner& owner,
                                    const NewDeviceCredential& request) {
        const auto told = credentials.create(owner, request, AppWorld::admin());
        return told ? ErrorCode::internal : told.error().code;
    }
    [[nodiscard]] bool shows(const std::string& token) const {
        return world.sign_in.http(DeviceId{"d1"}, proof::Token{token}, UnknownDevice::refuse)
            .has_value();
    }
    [[nodiscard]] std::size_t count(const CredentialOwner& owner) const {
        return credentials.list(owner).value().size();
    }
};

// hawkBit's clients and people who type them get 32 letters and digits; the store never sees them.
TEST_F(DeviceCredentialsTest, ATokenIsToldOnceAndStoredAsItsHash) {
    const ToldCredential told = made(device, {.name = "line 3"});

    EXPECT_EQ(told.secret.size(), 32U);
    EXPECT_TRUE(std::ranges::all_of(told.secret, [](unsigned char c) { return std::isalnum(c); }));
    EXPECT_TRUE(shows(told.secret));
    const DeviceCredential stored = credentials.list(device).value().front();
    EXPECT_EQ(stored, told.credential);
    EXPECT_EQ(stored.hint, told.secret.substr(28));
    EXPECT_TRUE(stored.secret.empty());
    EXPECT_EQ(stored.lookup.find(told.secret), std::string::npos);
    EXPECT_NE(made(device).secret, told.secret);
}

TEST_F(DeviceCredentialsTest, AnOwnTokenIsTakenIfNobodyElseHasIt) {
    const NewDeviceCredential own{.token = "0123456789abcdef"};
    EXPECT_EQ(made(device, own).secret, "0123456789abcdef");

    EXPECT_TRUE(shows("0123456789abcdef"));
    EXPECT_EQ(refusal(product, own), ErrorCode::duplicate_key);
    EXPECT_EQ(refusal(device, {.token = "too-short"}), ErrorCode::invalid_argument);
    EXPECT_EQ(refusal(device, {.token = "with a blank in it"}), ErrorCode::invalid_argument);
    EXPECT_EQ(refusal(device, {.token = std::string(129, 'x')}), ErrorCode::invalid_argument);
}

TEST_F(DeviceCredentialsTest, OnlyProductsHaveAuthorities) {
    const NewDeviceCredential request{.kind = CredentialKind::authority,
                                      .authority = "ABCDEF0123456789"};

    EXPECT_EQ(refusal(device, request), ErrorCode::invalid_argument);
    EXPECT_EQ(made(product, request).credential.lookup, "abcdef0123456789");
    EXPECT_EQ(
        refusal(product, {.kind = CredentialKind::authority, .authority = "no hex digits!!!"}),
        ErrorCode::invalid_argument);
}

TEST_F(DeviceCredentialsTest, RefusesUnknownOwnersAndTimesThatArePast) {
    EXPECT_EQ(refusal(DeviceId{"none"}, {}), ErrorCode::not_found);
    EXPECT_EQ(refusal(ProductId{"none"}, {}), ErrorCode::not_found);
    EXPECT_EQ(refusal(device, {.expires_at = world.clock.now()}), ErrorCode::invalid_argument);
    EXPECT_EQ(credentials.list(DeviceId{"none"}).error().code, ErrorCode::not_found);
}

// A fleet that still uses the old token must not be locked out by the new one.
TEST_F(DeviceCredentialsTest, ARotatedTokenIsGoodBesideTheNewOneForAWhile) {
    const ToldCredential old = made(device);

    const ToldCredential fresh =
        credentials.rotate(device, old.credential.id, seconds{60}, AppWorld::admin()).value();

    EXPECT_TRUE(shows(old.secret));
    EXPECT_TRUE(shows(fresh.secret));
    EXPECT_FALSE(fresh.credential.expires_at);
    world.clock.advance(seconds{60});
    EXPECT_FALSE(shows(old.secret));
    EXPECT_TRUE(shows(fresh.secret));
    EXPECT_EQ(
        credentials.rotate(device, old.credential.id, seconds{60}, AppWorld::admin()).error().code,
        ErrorCode::conflict);
}

TEST_F(DeviceCredentialsTest, RotationNeverLengthensALifeAndKeepsTheAgreedOne) {
    const ToldCredential old = made(device, {.expires_at = world.clock.now() + seconds{100}});
    world.clock.advance(seconds{70});

    const ToldCredential fresh =
        credentials.rotate(device, old.credential.id, seconds{60}, AppWorld::admin()).value();

    EXPECT_EQ(fresh.credential.expires_at, world.clock.now() + seconds{100});
    EXPECT_EQ(credentials.list(device).value().back().expires_at, old.credential.expires_at);
}

TEST_F(DeviceCredentialsTest, AnMqttKeyIsRotatedWithItsSecureId) {
    const ToldCredential old =
        made(device, {.kind = CredentialKind::mqtt_key, .secure_id = "vendor-1"});
    const ToldCredential fresh =
        credentials.rotate(device, old.credential.id, seconds{60}, AppWorld::admin()).value();

    EXPECT_EQ(old.credential.lookup, "vendor-1");
    EXPECT_NE(fresh.credential.lookup, "vendor-1");
    EXPECT_NE(fresh.secret, old.secret);
    EXPECT_EQ(fresh.credential.secret, fresh.secret);
    EXPECT_EQ(refusal(device, {.kind = CredentialKind::mqtt_key, .secure_id = "a|b"}),
              ErrorCode::invalid_argument);
}

TEST_F(DeviceCredentialsTest, RevokingEndsItAtOnceAndClosesTheConnection) {
    const ToldCredential told = made(device);
    world.links.connect("d1");

    ASSERT_TRUE(credentials.revoke(device, told.credential.id, AppWorld::admin()));

    EXPECT_FALSE(shows(told.secret));
    EXPECT_FALSE(world.links.is_connected(DeviceId{"d1"}));
    EXPECT_EQ(credentials.revoke(device, told.credential.id, AppWorld::admin()).error().code,
              ErrorCode::not_found);
}

// The path names the owner: a product's manager must not reach a device's credentials through it.
TEST_F(DeviceCredentialsTest, ACredentialIsFoundAtItsOwnerOnly) {
    const ToldCredential own = made(device);
    const ToldCredential shared = made(product);

    EXPECT_FALSE(credentials.revoke(product, own.credential.id, AppWorld::admin()));
    EXPECT_FALSE(credentials.revoke(device, shared.credential.id, AppWorld::admin()));
    EXPECT_FALSE(credentials.rotate(product, own.credential.id, seconds{1}, AppWorld::admin()));
    EXPECT_EQ(count(device), 1U);
    EXPECT_EQ(count(product), 1U);
}

TEST_F(DeviceCredentialsTest, TheirNumberIsBoundedAndExpiredOnesMakeRoom) {
    (void)made(device, {.expires_at = world.clock.now() + seconds{1}});
    (void)made(device);
    (void)made(device);
    EXPECT_EQ(refusal(device, {}), ErrorCode::conflict);

    world.clock.advance(seconds{1});
    (void)made(device);
    EXPECT_EQ(count(device), 3U);
    EXPECT_EQ(refusal(device, {}), ErrorCode::conflict);
    EXPECT_EQ(count(product), 0U);
}

TEST_F(DeviceCredentialsTest, TheyGoWithTheirOwnerAndMoveWithTheDevice) {
    world.add_product("p2");
    const ToldCredential own = made(device);
    (void)made(product);
    ASSERT_TRUE(world.devices.undeploy({DeviceId{"d1"}}));
    DeviceForm form;
    form.id = DeviceId{"d1"};
    form.product = ProductId{"p2"};
    ASSERT_TRUE(world.devices.replace(form));
    ASSERT_TRUE(world.devices.deploy({DeviceId{"d1"}}));

    ASSERT_TRUE(world.products.remove(ProductId{"p1"}));

    EXPECT_TRUE(shows(own.secret));
    EXPECT_EQ(credentials.list(device).value().front().product, ProductId{"p2"});
    ASSERT_TRUE(world.devices.undeploy({DeviceId{"d1"}}));
    ASSERT_TRUE(world.devices.remove(DeviceId{"d1"}));
    world.store->read([&](const Repositories& rows) {
        EXPECT_FALSE(rows.credentials().find(own.credential.id));
        EXPECT_TRUE(rows.credentials().of_product(ProductId{"p1"}).empty());
    });
}

// A connection knows which credential has let it in, and ends with that one alone.
TEST_F(DeviceCredentialsTest, TheEndOfAProductsCredentialClosesWhatItHasLetIn) {
    const ToldCredential revoked = made(product);
    const ToldCredential rotated = made(product);
    ASSERT_TRUE(credentials.revoke(product, revoked.credential.id, AppWorld::admin()));
    ASSERT_TRUE(credentials.rotate(product, rotated.credential.id, seconds(0), AppWorld::admin()));

    EXPECT_EQ(world.links.closed_credentials(),
              (std::vector{revoked.credential.id, rotated.credential.id}));
    // Whoever was signing in at that moment is found a little later.
    world.clock.advance(seconds(10));
    credentials.close_ended();
    EXPECT_EQ(world.links.closed_credentials().size(), 4U);
    credentials.close_ended();
    EXPECT_EQ(world.links.closed_credentials().size(), 4U);
}

TEST_F(DeviceCredentialsTest, ACredentialThatExpiresTakesItsConnectionsAlong) {
    world.sign_in.note_ends(credentials.ends());
    const ToldCredential told = made(product, {.expires_at = world.clock.now() + seconds(60)});
    const auto in =
        world.sign_in.http(DeviceId{"d1"}, proof::Token{told.secret}, UnknownDevice::refuse);
    ASSERT_TRUE(in);
    EXPECT_EQ(in->credential, told.credential.id);
    credentials.close_ended();
    EXPECT_TRUE(world.links.closed_credentials().empty());

    world.clock.advance(seconds(63));
    credentials.close_ended();

    EXPECT_EQ(world.links.closed_credentials(), std::vector{told.credential.id});
}

TEST_F(DeviceCredentialsTest, AnOverlapEndsTheOldOnesConnectionsToo) {
    const ToldCredential old = made(product);
    ASSERT_TRUE(credentials.rotate(product, old.credential.id, seconds(30), AppWorld::admin()));
    world.clock.advance(seconds(20));
    credentials.close_ended();
    EXPECT_TRUE(world.links.closed_credentials().empty());
    world.clock.advance(seconds(20));
    credentials.close_ended();
    EXPECT_EQ(world.links.closed_credentials(), std::vector{old.credential.id});
}

}  // namespace
}  // namespace updraft
