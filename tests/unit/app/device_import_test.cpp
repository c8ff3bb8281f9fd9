#include "app/device_import.hpp"

#include <gtest/gtest.h>

#include "app/csv.hpp"
#include "base/bytes.hpp"
#include "tests/support/app_world.hpp"

namespace updraft {
namespace {

struct DeviceImportTest : testing::Test {
    AppWorld world;
    DeviceCredentialService credentials{
        *world.store, world.links, world.clock, world.ids, {.per_owner_max = 2}};
    DeviceImport files{world.devices, credentials, {.bytes_max = 1'000, .lines_max = 5}};
    ImportMode mode;

    void SetUp() override {
        world.add_product();
        mode.product = ProductId{"p1"};
    }
    Result<ImportReport> run(const std::string& file) {
        return files.run(file, mode, AppWorld::admin());
    }
};

TEST_F(DeviceImportTest, MakesADeviceOfEachLine) {
    const auto report =
        run("id,name,productId,deviceType,parentId,tags,describe,secureId,configuration.x\r\n"
            "g1,Gateway,,gateway,,a=1;b=2,\"a, b\",me,y\r\n"
            "c1,,p1,childrenDevice,g1,,,,\r\n");

    ASSERT_TRUE(report);
    EXPECT_EQ(report->lines, 2);
    EXPECT_EQ(report->added, 2);
    EXPECT_TRUE(report->refused.empty());
    const Device gateway = world.device("g1").value();
    EXPECT_EQ(gateway.name, "Gateway");
    EXPECT_EQ(gateway.description, "a, b");
    EXPECT_EQ(gateway.tags, (std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}));
    EXPECT_EQ(gateway.configuration, (Configuration{{"secureId", "me"}, {"x", "y"}}));
    EXPECT_EQ(gateway.state, DeviceState::not_active);
    EXPECT_EQ(world.device("c1").value().parent, DeviceId{"g1"});
}

TEST_F(DeviceImportTest, ReadsChineseHeadersAndWords) {
    const auto report = run("\xEF\xBB\xBF设备ID,设备名称,设备类型,状态\nd1,一号,网关设备,在线\n");

    ASSERT_TRUE(report);
    EXPECT_EQ(report->added, 1);
    EXPECT_EQ(world.device("d1").value().device_type, DeviceType::gateway);
}

TEST_F(DeviceImportTest, ALongIdIsToldInWholeCharacters) {
    std::string id = "a";
    for (int i = 0; i < 70; ++i) {
        id += "设";
    }
    const auto report = run("id,name\n" + id + ",x\n");

    ASSERT_TRUE(report);
    ASSERT_EQ(report->refused_count, 1);
    EXPECT_TRUE(is_utf8(report->refused.front().message.en));
    EXPECT_TRUE(is_utf8(report->refused.front().message.zh));
}

// A fleet that moves here keeps its tokens: the file brings them.
TEST_F(DeviceImportTest, ATokenBecomesACredentialOfTheDevice) {
    const std::string file = "id,token\nd1,0123456789abcdef-1\nd2,0123456789abcdef-2\n";
    mode.activation = ImportMode::Activation::enable;
    ASSERT_EQ(run(file).value().added, 2);

    const auto shows = [&](const char* id, const char* token) {
        return world.sign_in.http(DeviceId{id}, proof::TargetToken{token}, UnknownDevice::refuse)
            .has_value();
    };
    EXPECT_TRUE(shows("d1", "0123456789abcdef-1"));
    EXPECT_TRUE(shows("d2", "0123456789abcdef-2"));
    EXPECT_FALSE(shows("d2", "0123456789abcdef-1"));
    mode.existing = ImportMode::Existing::update;
    EXPECT_EQ(run(file).value().unchanged, 2);
    EXPECT_EQ(run("id,token\nd1,0123456789abcdef-3\n").value().updated, 1);
    EXPECT_TRUE(shows("d1", "0123456789abcdef-1"));
    EXPECT_TRUE(shows("d1", "0123456789abcdef-3"));
    EXPECT_EQ(run("id,token\nd1,0123456789abcdef-4\n").value().refused_count, 1);  // too many
}

TEST_F(DeviceImportTest, ALineWithABadTokenLeavesNothingBehind) {
    const auto report = run(
        "id,token\nd1,0123456789abcdef\nd2,0123456789abcdef\nd3,short\nd4,has a blank inside\n");

    ASSERT_TRUE(report);
    EXPECT_EQ(report->added, 1);
    ASSERT_EQ(report->refused.size(), 3U);
    EXPECT_EQ(report->refused[0].column, "token");
    EXPECT_FALSE(world.device("d2"));
    EXPECT_FALSE(world.device("d3"));
    mode.effect = ImportMode::Effect::try_only;
    EXPECT_EQ(run("id,token\nd5,fedcba9876543210\n").value().added, 1);
    EXPECT_FALSE(world.device("d5"));
    mode.effect = ImportMode::Effect::store;
    EXPECT_EQ(run("id,token\nd6,fedcba9876543210\n").value().added, 1);
}

// One bad line among thousands must not cost the others.
TEST_F(DeviceImportTest, RefusesBadLinesAndStoresTheOthers) {
    const auto report =
        run("id,name,productId,tags\n"
            "d 1,bad id,,\n"
            "d2,good,,\n"
            "d3,no product,nowhere,\n"
            "d2,again,,\n"
            "d4,tags,,x\n");

    ASSERT_TRUE(report);
    EXPECT_EQ(report->lines, 5);
    EXPECT_EQ(report->added, 1);
    EXPECT_EQ(report->refused_count, 4);
    ASSERT_EQ(report->refused.size(), 4U);
    EXPECT_EQ(report->refused[0].line, 2U);
    EXPECT_EQ(report->refused[0].text, "d 1,bad id,,");
    EXPECT_EQ(report->refused[1].column, "productId");
    EXPECT_EQ(report->refused[2].line, 5U);
    EXPECT_EQ(report->refused[2].column, "id");
    EXPECT_EQ(report->refused[3].column, "tags");
    EXPECT_TRUE(world.device("d2"));
}

TEST_F(DeviceImportTest, KnownDevicesAreRefusedOrUpdated) {
    world.add_device("d1");
    const std::string file = "id,name,secureKey\nd1,other,k\n";
    EXPECT_EQ(run(file).value().refused_count, 1);

    mode.existing = ImportMode::Existing::update;

    EXPECT_EQ(run(file).value().updated, 1);
    EXPECT_EQ(run(file).value().unchanged, 1);
    EXPECT_EQ(world.device("d1").value().name, "other");
    // Configuration keys that the file does not name stay.
    EXPECT_EQ(run("id,secureId\nd1,me\n").value().updated, 1);
    EXPECT_EQ(world.device("d1").value().configuration,
              (Configuration{{"secureId", "me"}, {"secureKey", "k"}}));
}

// The product of the request is for lines that name none, and no order to move a known device.
TEST_F(DeviceImportTest, AnUpdateMovesNoDeviceToTheProductOfTheRequest) {
    world.add_product("p2");
    world.add_device("d1", "p2");
    mode.existing = ImportMode::Existing::update;

    ASSERT_EQ(run("id,name\nd1,other\n").value().updated, 1);

    EXPECT_EQ(world.device("d1").value().product, ProductId{"p2"});
}

TEST_F(DeviceImportTest, EnablesOnDemand) {
    mode.activation = ImportMode::Activation::enable;

    ASSERT_EQ(run("id\nd1\n").value().added, 1);

    const Device device = world.device("d1").value();
    EXPECT_EQ(device.state, DeviceState::offline);
    EXPECT_EQ(device.registered_at, world.clock.now());
}

TEST_F(DeviceImportTest, ADryRunTellsTheSameAndStoresNothing) {
    mode.effect = ImportMode::Effect::try_only;

    const auto report = run("id,productId\nd1,\nd2,nowhere\n");

    ASSERT_TRUE(report);
    EXPECT_TRUE(report->dry_run);
    EXPECT_EQ(report->added, 1);
    EXPECT_EQ(report->refused_count, 1);
    EXPECT_FALSE(world.device("d1"));
}

TEST_F(DeviceImportTest, RefusesFilesThatAreNoList) {
    EXPECT_EQ(run("").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(run("name\nx\n").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(run("id,colour\n").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(run("id,ID\n").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(run("id\n\xFF\xFE\n").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(run("id\n1\n2\n3\n4\n5\n6\n").error().code, ErrorCode::too_large);
    EXPECT_EQ(run("id\nd1,x\n\"d2\n").value().refused_count, 2);
}

// PostgreSQL refuses such text, and with it all lines of the unit of work.
TEST_F(DeviceImportTest, RefusesNulCharacters) {
    EXPECT_FALSE(run(std::string("id,name\nd1,a\0b\n", 15)));
    EXPECT_FALSE(world.device("d1"));
}

TEST_F(DeviceImportTest, RefusesHeadersWithoutEnd) {
    const auto many = run("id" + std::string(csv::cells_max, ','));
    ASSERT_FALSE(many);
    EXPECT_NE(many.error().message.en.find("more than 1000 columns"), std::string::npos);
    const auto wide = run(std::string(100'000, 'x'));
    ASSERT_FALSE(wide);
    EXPECT_LT(wide.error().message.en.size(), 1'200U);
}

TEST_F(DeviceImportTest, TheTemplateCanBeImported) {
    mode.effect = ImportMode::Effect::try_only;
    for (const Language language : {Language::zh, Language::en}) {
        const auto report = run(device_import_template(language));
        ASSERT_TRUE(report);
        EXPECT_EQ(report->lines, 1);
        EXPECT_EQ(report->refused.at(0).column, "productId");  // the example's product
    }
}

}  // namespace
}  // namespace updraft
