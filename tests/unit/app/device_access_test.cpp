#include "app/device_access.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>

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

    EXPECT_TRUE(world.sign_in.http(DeviceId{"d1"}, proof::Token{"t0ken"}, UnknownDevice::refuse));
    EXPECT_FALSE(world.sign_in.http(DeviceId{"d1"}, proof::Token{"other"}, UnknownDevice::refuse));
    configure("d1", {});
    EXPECT_FALSE(world.sign_in.http(DeviceId{"d1"}, proof::Token{""}, UnknownDevice::refuse));
}

}  // namespace
}  // namespace updraft
