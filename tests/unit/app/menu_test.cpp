#include "app/menu.hpp"

#include <gtest/gtest.h>

namespace updraft {
namespace {

TEST(Menu, AdministratorSeesTheFirmwarePageBelowTwoFolders) {
    const std::vector<MenuEntry> menu = menu_of(true, {});

    ASSERT_EQ(menu.front().code, "iot");
    const MenuEntry& link = menu.front().children.front();
    EXPECT_EQ(link.code, "link");
    const MenuEntry& page = link.children.front();
    EXPECT_EQ(page.code, "device/Firmware");
    EXPECT_EQ(page.url, "/iot/link/firmware");
    EXPECT_EQ(page.name.zh, "远程升级");
    EXPECT_EQ(page.buttons.size(), 4U);
}

// A console opens whatever the tree holds: an entry too many is a page that answers 403.
TEST(Menu, HoldsOnlyWhatIsGranted) {
    const std::vector<MenuEntry> menu = menu_of(false, {{"device/Firmware", {"view"}}});

    ASSERT_EQ(menu.size(), 1U);
    ASSERT_EQ(menu.front().children.size(), 1U);
    const MenuEntry& page = menu.front().children.front().children.at(0);
    EXPECT_EQ(page.code, "device/Firmware");
    ASSERT_EQ(page.buttons.size(), 1U);
    EXPECT_EQ(page.buttons.front().id, "view");
}

TEST(Menu, IsEmptyWithoutGrants) {
    EXPECT_TRUE(menu_of(false, {}).empty());
}

// The shipped definition forgets this one: a person with 编辑 alone could not save (spec 2.13).
TEST(Menu, EditingAFirmwareAllowsSavingIt) {
    const auto permissions = permissions_of({{"device/Firmware", {"update"}}});

    EXPECT_TRUE(permissions.at("firmware-manager").contains("save"));
    EXPECT_TRUE(permissions.at("firmware-upgrade-task-manager").contains("deploy"));
    EXPECT_FALSE(permissions.at("firmware-manager").contains("delete"));
}

TEST(Menu, ViewingGrantsReadingOnly) {
    const auto permissions = permissions_of({{"device/Firmware", {"view"}}});

    const std::set<std::string> query{"query"};
    EXPECT_EQ(permissions.at("firmware-manager"), query);
    EXPECT_EQ(permissions.at("firmware-upgrade-task-manager"), query);
    EXPECT_EQ(permissions.at("device-instance"), query);
    EXPECT_EQ(permissions.size(), 3U);
}

TEST(Menu, UnknownCodesAndButtonsGrantNothing) {
    EXPECT_TRUE(permissions_of({{"device/Nothing", {"view"}}, {"device/Firmware", {"x"}}}).empty());
}

}  // namespace
}  // namespace updraft
