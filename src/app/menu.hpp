#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "app/identity.hpp"
#include "base/text.hpp"
#include "domain/user.hpp"

namespace updraft {

/// A button of a menu page: what a role is granted (spec 2.13).
struct MenuButton {
    std::string id;  ///< "view", "add", "update", "delete"
    Text name;
    std::vector<Permission> permissions;  ///< what it allows on the server
};

/// One entry of the console's menu. A console finds the page by `code`.
struct MenuEntry {
    std::string id;
    std::string code;
    Text name;
    std::string url;
    std::string icon;
    std::vector<MenuButton> buttons;
    std::vector<MenuEntry> children;
};

/// The whole menu, in order.
[[nodiscard]] const std::vector<MenuEntry>& whole_menu();

/// The menu with what the grants allow only: all of it for an admin, else granted buttons, and
/// entries that have one or a child that has.
[[nodiscard]] std::vector<MenuEntry> menu_of(bool admin, const std::vector<MenuGrant>& grants);

/// The permissions behind the granted buttons; unknown codes and buttons grant nothing.
[[nodiscard]] std::map<std::string, std::set<std::string>> permissions_of(
    const std::vector<MenuGrant>& grants);

/// A resource that permissions are given on, with its name for people.
struct ResourceName {
    std::string id;
    Text name;
};
/// All resources of spec 2.13 that this server checks.
[[nodiscard]] const std::vector<ResourceName>& resources();

/// The actions that a permission may name, on whichever resource.
[[nodiscard]] const std::vector<std::string>& actions();

}  // namespace updraft
