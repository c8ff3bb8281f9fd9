#include <gtest/gtest.h>

#include "domain/product.hpp"
#include "tests/support/domain_builders.hpp"

namespace updraft {
namespace {

const Feature firmware_feature{"supportFirmware", "支持固件升级"};

ProtocolPackage a_package() {
    ProtocolPackage package;
    package.id = ProtocolId{"jetlinks.v3.0"};
    package.transports = {{"MQTT", {firmware_feature}}, {"TCP", {}}};
    return package;
}

TEST(Features, AreThoseOfTheTransport) {
    EXPECT_EQ(features_of(a_package(), "MQTT"), std::vector{firmware_feature});
    EXPECT_EQ(features_of(a_package(), "mqtt"), std::vector{firmware_feature});
    EXPECT_TRUE(features_of(a_package(), "TCP").empty());
    EXPECT_TRUE(features_of(a_package(), "UDP").empty());
    EXPECT_TRUE(supports_firmware(a_package(), "MQTT"));
    EXPECT_FALSE(supports_firmware(a_package(), "TCP"));
}

// An uploaded package is never executed: a person declares what it can do (spec 2.6).
TEST(Features, TheSwitchOfAnUploadedPackageDeclaresFirmwareSupport) {
    ProtocolPackage package;
    package.type = "jar";
    EXPECT_FALSE(supports_firmware(package, "MQTT"));

    package.configuration["supportFirmware"] = "true";
    EXPECT_EQ(features_of(package, "MQTT"), std::vector{firmware_feature});

    package.configuration["supportFirmware"] = "false";
    EXPECT_FALSE(supports_firmware(package, "MQTT"));
}

TEST(Features, TheSwitchAddsNothingTwiceAndNoTransport) {
    ProtocolPackage package = a_package();
    package.configuration["supportFirmware"] = "true";

    EXPECT_EQ(features_of(package, "MQTT").size(), 1U);
    EXPECT_TRUE(supports_firmware(package, "TCP"));
    EXPECT_FALSE(supports_firmware(package, "UDP"));
}

TEST(Configured, TheDevicesValueWinsOverItsProducts) {
    Product product = a_product();
    Device device = a_device();
    product.configuration = {{"secureId", "of-product"}, {"secureKey", "shared"}};
    device.configuration = {{"secureId", "of-device"}};

    EXPECT_EQ(configured(device, product, "secureId"), "of-device");
    EXPECT_EQ(configured(device, product, "secureKey"), "shared");
    EXPECT_EQ(configured(device, product, "bearer_token"), std::nullopt);
}

// An emptied input box must not become an empty password.
TEST(Configured, AnEmptyValueIsNoValue) {
    Product product = a_product();
    Device device = a_device();
    product.configuration = {{"secureKey", "shared"}, {"bearer_token", ""}};
    device.configuration = {{"secureKey", ""}};

    EXPECT_EQ(configured(device, product, "secureKey"), "shared");
    EXPECT_EQ(configured(device, product, "bearer_token"), std::nullopt);
}

}  // namespace
}  // namespace updraft
