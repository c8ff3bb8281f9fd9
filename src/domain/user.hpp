#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"

namespace updraft {

/// Actions that a role may hold on one resource, e.g. {"firmware-manager", {"query", "save"}}.
struct Permission {
    std::string id;
    std::vector<std::string> actions;
    friend bool operator==(const Permission&, const Permission&) = default;
};

/// Buttons of one menu page that a role may press, e.g. {"device/Firmware", {"view", "add"}}. What
/// permissions a button grants is defined by the menu (spec 2.13).
struct MenuGrant {
    std::string menu_code;
    std::vector<std::string> buttons;
    friend bool operator==(const MenuGrant&, const MenuGrant&) = default;
};

struct Role {
    RoleId id;
    std::string name;
    std::string description;
    std::vector<MenuGrant> grants;
    Instant created_at;
    friend bool operator==(const Role&, const Role&) = default;
};

/// A person (or machine) that signs in. User `admin` may do everything.
struct User {
    UserId id;
    std::string username;
    std::string name;
    std::string password_hash;  ///< Argon2id, encoded form
    std::string email;
    std::string telephone;
    std::string avatar;
    std::string description;
    bool enabled = true;  ///< `status` 1 or 0
    std::vector<RoleId> roles;
    Instant created_at;
    friend bool operator==(const User&, const User&) = default;
};

inline constexpr std::string_view admin_username = "admin";

}  // namespace updraft
