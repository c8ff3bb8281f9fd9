#include "app/protocol_service.hpp"

#include <gtest/gtest.h>

#include "tests/support/app_world.hpp"

namespace updraft {
namespace {

struct ProtocolTest : testing::Test {
    AppWorld world;
    std::optional<ProtocolPackage> find(const std::string& id) const {
        return world.store->read(
            [&](const Repositories& rows) { return rows.protocols().find(ProtocolId{id}); });
    }
    static ProtocolForm jar(Configuration configuration = {}) {
        ProtocolForm form;
        form.id = ProtocolId{"mine"};
        form.name = "Mine";
        form.type = "jar";
        form.configuration = std::move(configuration);
        return form;
    }
};

TEST_F(ProtocolTest, BuiltInPackagesSupportFirmwareOverEachOfTheirTransports) {
    for (const char* id : {"jetlinks.v3.0", "jetlinks.v2.0"}) {
        const auto package = find(id);
        ASSERT_TRUE(package);
        for (const char* transport : {"MQTT", "WebSocket", "HTTP", "CoAP"}) {
            EXPECT_TRUE(supports_firmware(*package, transport)) << id << " " << transport;
        }
        EXPECT_FALSE(supports_firmware(*package, "TCP"));
    }
}

TEST_F(ProtocolTest, PlainHttpsHasOneAddressAProduct) {
    const auto package = find("https.pull");
    ASSERT_TRUE(package);
    EXPECT_TRUE(supports_firmware(*package, "HTTP"));
    EXPECT_FALSE(supports_firmware(*package, "MQTT"));
    const auto routes = ProtocolService::routes(*package, "HTTP");
    ASSERT_EQ(routes.size(), 2U);
    EXPECT_EQ(routes[0].address, "/ota/{productId}");
    EXPECT_TRUE(routes[1].upstream);
    EXPECT_TRUE(ProtocolService::config_metadata(*package, "HTTP"));
}

TEST_F(ProtocolTest, InstallingAgainKeepsWhatAPersonChose) {
    ASSERT_TRUE(world.protocols.set_enabled(ProtocolId{"jetlinks.v2.0"}, false));

    world.protocols.install_builtin();

    EXPECT_FALSE(find("jetlinks.v2.0")->enabled);
}

TEST_F(ProtocolTest, UploadedPackageSupportsFirmwareWhenSwitchedOn) {
    ASSERT_TRUE(world.protocols.add({jar({{"supportFirmware", "true"}})}, AppWorld::admin()));
    EXPECT_TRUE(supports_firmware(*find("mine"), "MQTT"));

    ProtocolForm off;
    off.id = ProtocolId{"mine"};
    off.configuration = Configuration{{"supportFirmware", "false"}};
    ASSERT_TRUE(world.protocols.replace(off));
    EXPECT_FALSE(supports_firmware(*find("mine"), "MQTT"));
}

TEST_F(ProtocolTest, RefusesAnotherTypeAndABadSwitch) {
    ProtocolForm script = jar();
    script.type = "script";

    EXPECT_FALSE(world.protocols.add({script}, AppWorld::admin()));
    EXPECT_FALSE(world.protocols.add({jar({{"supportFirmware", "yes"}})}, AppWorld::admin()));
}

TEST_F(ProtocolTest, OneInUseCanBeNeitherDeletedNorDisabled) {
    ASSERT_TRUE(world.protocols.add({jar()}, AppWorld::admin()));
    ProductForm product;
    product.id = ProductId{"p1"};
    product.name = "p1";
    product.protocol = ProtocolId{"mine"};
    ASSERT_TRUE(world.products.add({product}, AppWorld::admin()));

    const auto removed = world.protocols.remove(ProtocolId{"mine"});
    const auto disabled = world.protocols.set_enabled(ProtocolId{"mine"}, false);

    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, ErrorCode::referenced);
    EXPECT_EQ(removed.error().references.front().reference_id, "p1");
    EXPECT_FALSE(disabled);
    ASSERT_TRUE(world.products.remove(ProductId{"p1"}));
    EXPECT_TRUE(world.protocols.remove(ProtocolId{"mine"}));
}

TEST_F(ProtocolTest, BuiltInPackagesStay) {
    EXPECT_FALSE(world.protocols.remove(ProtocolId{"jetlinks.v3.0"}));
}

TEST_F(ProtocolTest, SaysWhichKeysATransportNeeds) {
    const auto package = find("jetlinks.v3.0");
    const auto keys = ProtocolService::config_metadata(*package, "MQTT");

    ASSERT_TRUE(keys);
    EXPECT_EQ(keys->name.zh, "MQTT认证配置");
    EXPECT_EQ(keys->keys.at(0).property, "secureId");
    EXPECT_EQ(keys->keys.at(1).property, "secureKey");
    EXPECT_FALSE(ProtocolService::config_metadata(*package, "LoRa"));
}

}  // namespace
}  // namespace updraft
