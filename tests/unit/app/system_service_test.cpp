#include "app/system_service.hpp"

#include <gtest/gtest.h>

#include "tests/support/app_world.hpp"

namespace updraft {
namespace {

TEST(SystemService, AnswersOneEntryPerAskedScope) {
    AppWorld world;

    const auto scopes = world.system.scopes({"front", "amap", "paths", "media"});

    ASSERT_EQ(scopes.size(), 4U);
    EXPECT_FALSE(scopes[0].properties.at("ico").empty());
    EXPECT_TRUE(scopes[1].properties.empty());
    EXPECT_EQ(scopes[2].properties.at("base-path"), "http://127.0.0.1:8848/api");
    EXPECT_EQ(scopes[3].name, "media");
}

// A console builds the addresses that devices download from out of this one.
TEST(SystemService, SavedBasePathWinsAndMustBeAnAbsoluteAddress) {
    AppWorld world;
    const auto save = [&](const std::string& base) {
        return world.system.save_scopes({{"paths", {{"base-path", base}}}});
    };

    EXPECT_FALSE(save("/api"));
    EXPECT_FALSE(save("ftp://host/api"));
    EXPECT_FALSE(save("http://"));
    EXPECT_FALSE(save("http://:80/api"));
    EXPECT_FALSE(save("http://host/api?x=1"));
    ASSERT_TRUE(save("https://ota.example.com/api"));

    EXPECT_EQ(world.system.scopes({"paths"}).front().properties.at("base-path"),
              "https://ota.example.com/api");
}

// The console tells people with which address their devices connect.
TEST(SystemService, TheMqttListenerIsFoundUnderTheHostOfTheBasePath) {
    AppWorld world;
    const auto mqtt = [&](const std::string& base) {
        EXPECT_TRUE(world.system.save_scopes({{"paths", {{"base-path", base}}}}));
        return world.system.scopes({"paths"}).front().properties["mqtt"];
    };

    EXPECT_EQ(mqtt("http://10.0.0.5:8848/api"), "");
    world.urls.use_mqtt_port(2883);
    EXPECT_EQ(mqtt("http://10.0.0.5:8848/api"), "10.0.0.5:2883");
    EXPECT_EQ(mqtt("https://ota.example.com"), "ota.example.com:2883");
    EXPECT_EQ(mqtt("http://[::1]:8848/api"), "[::1]:2883");
    EXPECT_EQ(mqtt("http://[::1]/api"), "[::1]:2883");
}

TEST(SystemService, SettingsBelongToTheirUser) {
    AppWorld world;
    Identity other = AppWorld::admin();
    other.user = UserId{"other"};
    UserSetting setting;
    setting.type = "search-firmware";
    setting.name = "mine";
    setting.content = "{}";

    const auto saved = world.system.put_setting(AppWorld::admin(), setting);
    ASSERT_TRUE(saved);
    setting.key = saved->key;
    setting.content = "[]";
    ASSERT_TRUE(world.system.put_setting(AppWorld::admin(), setting));

    const auto mine = world.system.settings(AppWorld::admin(), "search-firmware");
    ASSERT_EQ(mine.size(), 1U);
    EXPECT_EQ(mine.front().content, "[]");
    EXPECT_TRUE(world.system.settings(other, "search-firmware").empty());
    world.system.remove_setting(other, "search-firmware", saved->key);
    EXPECT_EQ(world.system.settings(AppWorld::admin(), "search-firmware").size(), 1U);
    world.system.remove_setting(AppWorld::admin(), "search-firmware", saved->key);
    EXPECT_TRUE(world.system.settings(AppWorld::admin(), "search-firmware").empty());
}

TEST(SystemService, InitIsNeverEmpty) {
    AppWorld world;
    EXPECT_FALSE(world.system.settings(AppWorld::admin(), "init").empty());
}

}  // namespace
}  // namespace updraft
