#include "app/device_access.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <future>

#include "app/access_passwords.hpp"
#include "base/bytes.hpp"
#include "tests/support/app_world.hpp"

namespace updraft {
namespace {

std::string md5(const std::string& text) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr);
    return to_hex(std::span(digest.data(), size));
}

struct DeviceAccessTest : testing::Test {
    AppWorld world;

    void SetUp() override {
        world.add_product();
        world.add_device("d1");
        ASSERT_TRUE(world.devices.deploy({DeviceId{"d1"}}));
    }
    Result<SignedInDevice> connect(const std::string& id, const std::string& secure_id = "test",
                                   const std::string& secure_key = "test") const {
        const std::string username = secure_id + "|" + std::to_string(to_millis(world.clock.now()));
        return world.sign_in.mqtt(id, username, md5(username + "|" + secure_key));
    }
    void configure(const std::string& id, Configuration configuration) {
        DeviceForm form;
        form.id = DeviceId{id};
        form.configuration = std::move(configuration);
        ASSERT_TRUE(world.devices.replace(form));
    }
    void configure_product(Configuration configuration) {
        ProductForm form;
        form.id = ProductId{"p1"};
        form.configuration = std::move(configuration);
        ASSERT_TRUE(world.products.replace(form));
    }
    /// Of the device, else of product p1. `told` is a token, a secureId or an authority's hash.
    void add_credential(CredentialKind kind, const std::string& told,
                        const std::optional<DeviceId>& device = std::nullopt,
                        std::optional<Instant> expires_at = std::nullopt,
                        const std::string& secret = "") {
        DeviceCredential credential;
        credential.id = CredentialId(world.ids.next());
        credential.kind = kind;
        credential.product = ProductId{"p1"};
        credential.device = device;
        credential.lookup = kind == CredentialKind::token ? secret_sha256(told) : told;
        credential.secret = secret;
        credential.created_at = world.clock.now();
        credential.expires_at = expires_at;
        ASSERT_TRUE(world.store->write([&](UnitOfWork& work) -> Result<void> {
            work.credentials().add(credential);
            return {};
        }));
    }
    /// Whether the device gets in over HTTP.
    [[nodiscard]] bool shows(const std::string& id, const DeviceProof& proof) const {
        const auto remembered = world.sign_in.http_at_once(DeviceId{id}, proof);
        const auto looked = world.sign_in.http(DeviceId{id}, proof, UnknownDevice::refuse);
        EXPECT_TRUE(!remembered || (looked && looked->id == remembered->id &&
                                    looked->product == remembered->product &&
                                    looked->protocol == remembered->protocol));
        return looked.has_value();
    }
    /// Whether it gets in without a look at the store.
    [[nodiscard]] bool is_remembered(const std::string& id, const DeviceProof& proof) const {
        return world.sign_in.http_at_once(DeviceId{id}, proof).has_value();
    }
    void add_child(Configuration configuration) {
        DeviceForm gateway = AppWorld::device_form("g1");
        gateway.device_type = DeviceType::gateway;
        DeviceForm child = AppWorld::device_form("c1");
        child.parent = "g1";
        child.configuration = std::move(configuration);
        ASSERT_TRUE(world.devices.add({gateway, child}, AppWorld::admin()));
        ASSERT_TRUE(world.devices.deploy({DeviceId{"c1"}}));
    }
};

TEST_F(DeviceAccessTest, AGoodTokenIsRememberedAndNoOther) {
    configure("d1", {{"bearer_token", "right"}});
    const DeviceProof right = proof::Token{"right"};
    EXPECT_FALSE(is_remembered("d1", right));
    EXPECT_TRUE(shows("d1", right));
    EXPECT_TRUE(is_remembered("d1", right));
    EXPECT_FALSE(shows("d1", proof::Token{"wrong"}));
    EXPECT_FALSE(is_remembered("d1", proof::Token{"wrong"}));
    EXPECT_FALSE(is_remembered("d1", proof::GatewayToken{"right"}));
    EXPECT_FALSE(is_remembered("d2", right));
    EXPECT_FALSE(shows("d1", proof::Authorities{{"right"}}));
}

// A revocation counts from its answer on, whatever a device has shown before.
TEST_F(DeviceAccessTest, WhatIsRememberedEndsWithWhateverItRestedOn) {
    const DeviceProof token = proof::Token{"t"};
    const auto remembers = [&] {
        EXPECT_TRUE(shows("d1", token));
        EXPECT_TRUE(is_remembered("d1", token));
    };
    configure("d1", {{"bearer_token", "t"}});
    remembers();
    configure("d1", {{"bearer_token", "other"}});
    EXPECT_FALSE(is_remembered("d1", token));
    configure("d1", {});
    configure_product({{"bearer_token", "t"}});
    remembers();
    configure_product({{"bearer_token", "other"}});
    EXPECT_FALSE(is_remembered("d1", token));
    configure_product({{"bearer_token", "t"}});
    remembers();
    ASSERT_TRUE(world.products.set_enabled(ProductId{"p1"}, false));
    EXPECT_FALSE(is_remembered("d1", token));
    ASSERT_TRUE(world.products.set_enabled(ProductId{"p1"}, true));
    remembers();
    ASSERT_TRUE(world.devices.undeploy({DeviceId{"d1"}}));
    EXPECT_FALSE(is_remembered("d1", token));
    ASSERT_TRUE(world.devices.deploy({DeviceId{"d1"}}));
    remembers();
    ASSERT_TRUE(world.devices.undeploy({DeviceId{"d1"}}));
    ASSERT_TRUE(world.devices.remove({DeviceId{"d1"}}));
    EXPECT_FALSE(is_remembered("d1", token));
}

TEST_F(DeviceAccessTest, ARememberedCredentialExpiresAndIsRevoked) {
    const DeviceProof token = proof::TargetToken{"t"};
    add_credential(CredentialKind::token, "t", DeviceId{"d1"}, world.clock.now() + seconds{10});
    EXPECT_TRUE(shows("d1", token));
    EXPECT_TRUE(is_remembered("d1", token));
    world.clock.advance(seconds{10});
    EXPECT_FALSE(is_remembered("d1", token));
    EXPECT_FALSE(shows("d1", token));

    const DeviceProof shared = proof::GatewayToken{"s"};
    add_credential(CredentialKind::token, "s");
    EXPECT_TRUE(shows("d1", shared));
    EXPECT_TRUE(is_remembered("d1", shared));
    ASSERT_TRUE(world.store->write([&](UnitOfWork& work) -> Result<void> {
        for (const DeviceCredential& each : work.credentials().of_product(ProductId{"p1"})) {
            work.credentials().set_expiry(each.id, world.clock.now() + seconds{5});
        }
        return {};
    }));
    EXPECT_FALSE(is_remembered("d1", shared));
    EXPECT_TRUE(shows("d1", shared));
    EXPECT_TRUE(is_remembered("d1", shared));
    ASSERT_TRUE(world.store->write([&](UnitOfWork& work) -> Result<void> {
        for (const DeviceCredential& each : work.credentials().of_product(ProductId{"p1"})) {
            work.credentials().remove(each.id);
        }
        return {};
    }));
    EXPECT_FALSE(is_remembered("d1", shared));
    EXPECT_FALSE(shows("d1", shared));
}

TEST_F(DeviceAccessTest, SignsInWithTheKeysOfItsProduct) {
    const auto signed_in = connect("d1");

    ASSERT_TRUE(signed_in);
    EXPECT_EQ(signed_in->id, DeviceId{"d1"});
    EXPECT_EQ(signed_in->product, ProductId{"p1"});
}

TEST_F(DeviceAccessTest, ItsOwnKeyWins) {
    configure("d1", {{"secureKey", "own"}});

    EXPECT_FALSE(connect("d1"));
    EXPECT_TRUE(connect("d1", "test", "own"));
}

TEST_F(DeviceAccessTest, RefusesUnknownAndNotActiveDevices) {
    ASSERT_TRUE(world.devices.undeploy({DeviceId{"d1"}}));

    EXPECT_FALSE(connect("d1"));
    EXPECT_FALSE(connect("d2"));
    EXPECT_FALSE(connect(""));
}

TEST_F(DeviceAccessTest, RefusesDevicesOfADisabledProduct) {
    ASSERT_TRUE(world.products.set_enabled(ProductId{"p1"}, false));

    const auto refused = connect("d1");

    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unauthorized);
}

TEST_F(DeviceAccessTest, RefusesPlainPasswordsUnlessTheProductAllowsThem) {
    EXPECT_FALSE(world.sign_in.mqtt("d1", "test", "test"));
    ProductForm form;
    form.id = ProductId{"p1"};
    form.configuration =
        Configuration{{"secureId", "test"}, {"secureKey", "test"}, {"plainAuth", "true"}};
    ASSERT_TRUE(world.products.replace(form));

    EXPECT_TRUE(world.sign_in.mqtt("d1", "test", "test"));
    EXPECT_FALSE(world.sign_in.mqtt("d1", "test", "wrong"));
}

// Empty keys must never mean "everybody may".
TEST_F(DeviceAccessTest, RefusesWhenNoKeysAreConfigured) {
    ProductForm form;
    form.id = ProductId{"p1"};
    form.configuration = Configuration{};
    ASSERT_TRUE(world.products.replace(form));

    EXPECT_FALSE(connect("d1", "", ""));
}

// The product's shared key would let any child pass itself off as a device of its own.
TEST_F(DeviceAccessTest, AChildNeedsCredentialsOfItsOwn) {
    add_child({});
    EXPECT_FALSE(connect("c1"));

    configure("c1", {{"secureId", "child"}, {"secureKey", "secret"}});
    EXPECT_TRUE(connect("c1", "child", "secret"));
}

TEST_F(DeviceAccessTest, BearerTokenMustMatch) {
    configure("d1", {{"bearer_token", "t0ken"}});

    EXPECT_TRUE(shows("d1", proof::Token{"t0ken"}));
    EXPECT_FALSE(shows("d1", proof::Token{"other"}));
    configure("d1", {});
    EXPECT_FALSE(shows("d1", proof::Token{""}));
}

TEST_F(DeviceAccessTest, ADevicesTokenIsItsOwnAndItsTargetToken) {
    world.add_device("d2");
    ASSERT_TRUE(world.devices.deploy({DeviceId{"d2"}}));
    add_credential(CredentialKind::token, "own-secret", DeviceId{"d1"});

    EXPECT_TRUE(shows("d1", proof::Token{"own-secret"}));
    EXPECT_TRUE(shows("d1", proof::TargetToken{"own-secret"}));
    EXPECT_FALSE(shows("d1", proof::GatewayToken{"own-secret"}));
    EXPECT_FALSE(shows("d1", proof::Authorities{{"own-secret"}}));
    EXPECT_FALSE(shows("d2", proof::Token{"own-secret"}));
    EXPECT_FALSE(shows("d2", proof::TargetToken{"own-secret"}));
}

TEST_F(DeviceAccessTest, AProductsTokenLetsItsDirectDevicesInAndIsItsGatewayToken) {
    add_child({});
    world.add_product("p2");
    world.add_device("e1", "p2");
    ASSERT_TRUE(world.devices.deploy({DeviceId{"e1"}}));
    add_credential(CredentialKind::token, "shared-secret");

    EXPECT_TRUE(shows("d1", proof::Token{"shared-secret"}));
    EXPECT_TRUE(shows("d1", proof::GatewayToken{"shared-secret"}));
    EXPECT_FALSE(shows("d1", proof::TargetToken{"shared-secret"}));
    EXPECT_FALSE(shows("c1", proof::Token{"shared-secret"}));
    EXPECT_FALSE(shows("c1", proof::GatewayToken{"shared-secret"}));
    EXPECT_FALSE(shows("e1", proof::Token{"shared-secret"}));
}

// hawkBit's two schemes must not be mixed up by what the configuration says either.
TEST_F(DeviceAccessTest, ConfiguredTokensKeepTheirScope) {
    configure_product({{"bearer_token", "shared"}});
    EXPECT_TRUE(shows("d1", proof::Token{"shared"}));
    EXPECT_TRUE(shows("d1", proof::GatewayToken{"shared"}));
    EXPECT_FALSE(shows("d1", proof::TargetToken{"shared"}));

    configure("d1", {{"bearer_token", "own"}});
    EXPECT_TRUE(shows("d1", proof::Token{"own"}));
    EXPECT_TRUE(shows("d1", proof::TargetToken{"own"}));
    EXPECT_FALSE(shows("d1", proof::GatewayToken{"own"}));
    EXPECT_FALSE(shows("d1", proof::Token{"shared"}));  // the device's value hides it
}

TEST_F(DeviceAccessTest, ACredentialEndsWhenItExpires) {
    add_credential(CredentialKind::token, "own-secret", DeviceId{"d1"},
                   world.clock.now() + seconds{10});

    EXPECT_TRUE(shows("d1", proof::Token{"own-secret"}));
    world.clock.advance(seconds{10});
    EXPECT_FALSE(shows("d1", proof::Token{"own-secret"}));
}

// A certificate names its device, so it lets a child in too.
TEST_F(DeviceAccessTest, AnAuthorityOfTheProductLetsItsDevicesIn) {
    add_child({});
    world.add_product("p2");
    world.add_device("e1", "p2");
    ASSERT_TRUE(world.devices.deploy({DeviceId{"e1"}}));
    add_credential(CredentialKind::authority, "ab12");

    EXPECT_TRUE(shows("d1", proof::Authorities{{"ffff", "AB12"}}));
    EXPECT_TRUE(shows("c1", proof::Authorities{{"ab12"}}));
    EXPECT_FALSE(shows("e1", proof::Authorities{{"ab12"}}));
    EXPECT_FALSE(shows("d1", proof::Authorities{{""}}));
    EXPECT_FALSE(shows("d1", proof::Authorities{}));
    EXPECT_FALSE(shows("d1", proof::Token{"ab12"}));
}

TEST_F(DeviceAccessTest, SeveralProductsMayTrustOneAuthority) {
    world.add_product("p2");
    world.add_device("e1", "p2");
    ASSERT_TRUE(world.devices.deploy({DeviceId{"e1"}}));
    add_credential(CredentialKind::authority, "ab12");
    DeviceCredential also;
    also.id = CredentialId(world.ids.next());
    also.kind = CredentialKind::authority;
    also.product = ProductId{"p2"};
    also.lookup = "ab12";
    ASSERT_TRUE(world.store->write([&](UnitOfWork& work) -> Result<void> {
        work.credentials().add(also);
        return {};
    }));

    EXPECT_TRUE(shows("d1", proof::Authorities{{"ab12"}}));
    EXPECT_TRUE(shows("e1", proof::Authorities{{"ab12"}}));
}

// An address that names a product must not fill another one.
TEST_F(DeviceAccessTest, AnAddressOfOneProductEnrollsInNoOther) {
    configure_product({{"registerUnknown", "true"}});
    add_credential(CredentialKind::token, "shared-secret");
    const proof::Token shown{"shared-secret"};

    EXPECT_FALSE(
        world.sign_in.http(DeviceId{"new"}, shown, UnknownDevice::enroll, ProductId{"p2"}));
    EXPECT_FALSE(shows("new", shown));
    EXPECT_TRUE(world.sign_in.http(DeviceId{"new"}, shown, UnknownDevice::enroll, ProductId{"p1"}));
}

TEST_F(DeviceAccessTest, SeveralMqttKeysAreGoodAtATime) {
    add_credential(CredentialKind::mqtt_key, "id-1", DeviceId{"d1"}, std::nullopt, "key-1");
    add_credential(CredentialKind::mqtt_key, "id-2", DeviceId{"d1"}, std::nullopt, "key-2");
    add_credential(CredentialKind::mqtt_key, "id-3", std::nullopt, std::nullopt, "key-3");
    add_child({});

    EXPECT_TRUE(connect("d1"));
    EXPECT_TRUE(connect("d1", "id-1", "key-1"));
    EXPECT_TRUE(connect("d1", "id-2", "key-2"));
    EXPECT_TRUE(connect("d1", "id-3", "key-3"));
    EXPECT_FALSE(connect("d1", "id-1", "key-2"));
    EXPECT_FALSE(connect("c1", "id-1", "key-1"));
    EXPECT_FALSE(connect("c1", "id-3", "key-3"));
}

TEST_F(DeviceAccessTest, AnUnknownDeviceIsCreatedWhereItsProofLeads) {
    configure_product({{"registerUnknown", "true"}});
    add_credential(CredentialKind::token, "shared-secret");

    const auto signed_in = world.sign_in.http(
        DeviceId{"urn:dev:a@b.c"}, proof::GatewayToken{"shared-secret"}, UnknownDevice::enroll);

    ASSERT_TRUE(signed_in);
    EXPECT_EQ(signed_in->product, ProductId{"p1"});
    const auto device = world.device("urn:dev:a@b.c");
    ASSERT_TRUE(device);
    EXPECT_EQ(device->name, "urn:dev:a@b.c");
    EXPECT_EQ(device->state, DeviceState::offline);
    EXPECT_EQ(device->registered_at, world.clock.now());
    EXPECT_TRUE(shows("urn:dev:a@b.c", proof::GatewayToken{"shared-secret"}));
}

TEST_F(DeviceAccessTest, NoDeviceIsCreatedUnlessEveryConditionHolds) {
    add_credential(CredentialKind::token, "shared-secret");
    add_credential(CredentialKind::token, "own-secret", DeviceId{"d1"});
    const auto enrolls = [&](const DeviceProof& proof, const std::string& id = "new") {
        return world.sign_in.http(DeviceId{id}, proof, UnknownDevice::enroll).has_value();
    };
    const proof::GatewayToken good{"shared-secret"};

    EXPECT_FALSE(enrolls(good));  // the product does not want it
    configure_product({{"registerUnknown", "true"}, {"bearer_token", "configured"}});
    EXPECT_FALSE(shows("new", good));
    EXPECT_FALSE(enrolls(proof::TargetToken{"shared-secret"}));
    EXPECT_FALSE(enrolls(proof::Token{"own-secret"}));
    EXPECT_FALSE(enrolls(proof::Token{"configured"}));
    EXPECT_FALSE(enrolls(good, ".."));
    EXPECT_FALSE(enrolls(good, "a/b"));
    EXPECT_FALSE(enrolls(good, std::string(257, 'a')));
    ASSERT_TRUE(world.products.set_enabled(ProductId{"p1"}, false));
    EXPECT_FALSE(enrolls(good));
    ASSERT_TRUE(world.products.set_enabled(ProductId{"p1"}, true));
    EXPECT_TRUE(enrolls(good, std::string(256, 'a')));
    EXPECT_FALSE(world.device("new"));
}

TEST_F(DeviceAccessTest, AFullProductTakesInNoMore) {
    configure_product({{"registerUnknown", "true"}});
    add_credential(CredentialKind::token, "shared-secret");
    const DeviceSignIn sign_in(*world.store, world.clock,
                               {.limits = {}, .enroll_per_product_max = 2});
    const proof::GatewayToken good{"shared-secret"};

    EXPECT_TRUE(sign_in.http(DeviceId{"n1"}, good, UnknownDevice::enroll));
    const auto refused = sign_in.http(DeviceId{"n2"}, good, UnknownDevice::enroll);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_TRUE(sign_in.http(DeviceId{"n1"}, good, UnknownDevice::enroll));
}

// Two requests of one unknown device race: both get in, one device is made.
TEST_F(DeviceAccessTest, ARaceOfTwoFirstRequestsCreatesOneDevice) {
    configure_product({{"registerUnknown", "true"}});
    add_credential(CredentialKind::token, "shared-secret");
    const auto enroll = [&] {
        return world.sign_in
            .http(DeviceId{"new"}, proof::GatewayToken{"shared-secret"}, UnknownDevice::enroll)
            .has_value();
    };

    auto first = std::async(std::launch::async, enroll);
    auto second = std::async(std::launch::async, enroll);

    EXPECT_TRUE(first.get());
    EXPECT_TRUE(second.get());
    EXPECT_TRUE(world.device("new"));
}

// Ids of hawkBit devices are wider than those that people may choose; everything else treats them
// alike.
TEST_F(DeviceAccessTest, AnEnrolledDeviceCanBeEditedMovedAndDeleted) {
    configure_product({{"registerUnknown", "true"}});
    add_credential(CredentialKind::token, "shared-secret");
    const std::string id = "AA:BB.cc@x";
    ASSERT_TRUE(world.sign_in.http(DeviceId{id}, proof::GatewayToken{"shared-secret"},
                                   UnknownDevice::enroll));

    configure(id, {{"bearer_token", "own"}});
    EXPECT_TRUE(shows(id, proof::TargetToken{"own"}));
    ASSERT_TRUE(world.devices.undeploy({DeviceId{id}}));
    EXPECT_FALSE(shows(id, proof::TargetToken{"own"}));
    EXPECT_TRUE(world.devices.remove(DeviceId{id}));
    EXPECT_FALSE(world.device(id));
}

}  // namespace
}  // namespace updraft
