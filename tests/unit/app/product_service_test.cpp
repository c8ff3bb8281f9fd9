#include "app/product_service.hpp"

#include <gtest/gtest.h>

#include "tests/support/app_world.hpp"

namespace updraft {
namespace {

struct ProductTest : testing::Test {
    AppWorld world;
    static ProductForm form(const std::string& id) {
        ProductForm form;
        form.id = ProductId{id};
        form.name = "product " + id;
        return form;
    }
};

TEST_F(ProductTest, FeaturesComeFromThePackageOverTheTransport) {
    world.add_product();

    world.store->read([&](const Repositories& rows) {
        ProductCatalog catalog(rows);
        const ProductCatalog::Entry* entry = catalog.find(ProductId{"p1"});
        ASSERT_NE(entry, nullptr);
        ASSERT_EQ(entry->features.size(), 1U);
        EXPECT_EQ(entry->features.front().id, "supportFirmware");
        EXPECT_EQ(entry->package->name, "JetLinks V3.0");
        EXPECT_EQ(catalog.find(ProductId{"p2"}), nullptr);
    });
}

TEST_F(ProductTest, RefusesABadIdATakenIdAndAnUnknownProtocol) {
    world.add_product();
    ProductForm unknown = form("p2");
    unknown.protocol = ProtocolId{"nothing"};

    const auto bad = world.products.add({form("p 1")}, AppWorld::admin());
    const auto taken = world.products.add({form("p1")}, AppWorld::admin());
    const auto no_protocol = world.products.add({unknown}, AppWorld::admin());

    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().fields.front().property, "id");
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, ErrorCode::duplicate_key);
    ASSERT_FALSE(no_protocol);
    EXPECT_EQ(no_protocol.error().fields.front().property, "messageProtocol");
}

// All or nothing: a half-imported list cannot be sent again.
TEST_F(ProductTest, BadRowOfABatchIsNamedAndNothingIsAdded) {
    const auto added = world.products.add({form("a"), form("b!"), form("c")}, AppWorld::admin());

    ASSERT_FALSE(added);
    EXPECT_TRUE(added.error().message.en.starts_with("row 1: "));
    EXPECT_EQ(added.error().fields.front().property, "[1].id");
    EXPECT_FALSE(world.product("a"));
}

TEST_F(ProductTest, SaveKeepsMembersThatWereNotSent) {
    world.add_product();
    ProductForm renamed;
    renamed.id = ProductId{"p1"};
    renamed.name = "renamed";

    const auto counts = world.products.save({renamed, form("p2")}, AppWorld::admin());

    ASSERT_TRUE(counts);
    EXPECT_EQ(counts->added, 1);
    EXPECT_EQ(counts->updated, 1);
    EXPECT_EQ(world.product("p1")->name, "renamed");
    EXPECT_EQ(world.product("p1")->transport_protocol, "MQTT");
    EXPECT_TRUE(world.product("p1")->enabled);
}

TEST_F(ProductTest, RenamingReachesTheFirmwares) {
    world.add_product();
    ASSERT_TRUE(world.store->write([](UnitOfWork& work) {
        Firmware firmware = a_firmware();
        firmware.more_artifacts = {{FileId{"f"}, "os", "kernel", "6.1"}};
        work.firmwares().add(firmware);
        return Result<void>();
    }));
    ProductForm renamed;
    renamed.id = ProductId{"p1"};
    renamed.name = "renamed";

    ASSERT_TRUE(world.products.replace(renamed));

    const auto firmware = world.store->read(
        [](const Repositories& rows) { return rows.firmwares().find(FirmwareId{"F1"}); });
    ASSERT_TRUE(firmware);
    EXPECT_EQ(firmware->product_name, "renamed");
    EXPECT_EQ(firmware->more_artifacts.size(), 1U);
}

TEST_F(ProductTest, CannotBeDeletedWhileDevicesOrFirmwaresExist) {
    world.add_product();
    world.add_device("d1");
    const auto with_device = world.products.remove(ProductId{"p1"});
    ASSERT_TRUE(world.devices.remove(DeviceId{"d1"}));
    ASSERT_TRUE(world.store->write([](UnitOfWork& work) {
        work.firmwares().add(a_firmware());
        return Result<void>();
    }));
    const auto with_firmware = world.products.remove(ProductId{"p1"});

    ASSERT_FALSE(with_device);
    EXPECT_EQ(with_device.error().message.zh, "存在关联设备,无法删除!");
    EXPECT_EQ(with_device.error().references.front().reference_id, "d1");
    ASSERT_FALSE(with_firmware);
    EXPECT_EQ(with_firmware.error().code, ErrorCode::referenced);
    EXPECT_EQ(with_firmware.error().references.front().reference_id, "F1");
}

TEST_F(ProductTest, AnEmptyOneIsDeleted) {
    world.add_product();

    EXPECT_TRUE(world.products.remove(ProductId{"p1"}));
    EXPECT_FALSE(world.product("p1"));
    EXPECT_FALSE(world.products.remove(ProductId{"p1"}));
}

TEST_F(ProductTest, DisablingClosesTheConnectionsOfItsDevices) {
    world.add_product();
    world.add_product("p2");
    world.add_device("d1");
    world.add_device("d2", "p2");
    world.links.connect("d1");
    world.links.connect("d2");

    ASSERT_TRUE(world.products.set_enabled(ProductId{"p1"}, false));

    EXPECT_FALSE(world.links.is_connected(DeviceId{"d1"}));
    EXPECT_TRUE(world.links.is_connected(DeviceId{"d2"}));
}

}  // namespace
}  // namespace updraft
