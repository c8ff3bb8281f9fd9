#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/id.hpp"

namespace updraft {

/// Who is asking: a signed-in person with what they may do.
struct Identity {
    UserId user;
    std::string username;
    std::string name;
    bool admin = false;  ///< may do everything
    std::map<std::string, std::set<std::string>> permissions;  ///< resource id -> actions
    bool machine = false;  ///< a machine token speaks for the person: `permissions` is all it may

    [[nodiscard]] bool may(const std::string& resource, const std::string& action) const {
        const auto found = permissions.find(resource);
        return admin || (found != permissions.end() && found->second.contains(action));
    }
};

/// Resource ids and actions of spec 2.13.
namespace permission {
inline constexpr std::string_view firmware = "firmware-manager";
inline constexpr std::string_view upgrade_task = "firmware-upgrade-task-manager";
inline constexpr std::string_view product = "device-product";
inline constexpr std::string_view device = "device-instance";
inline constexpr std::string_view protocol = "protocol-supports";
inline constexpr std::string_view system_config = "system_config";
inline constexpr std::string_view user = "user";
inline constexpr std::string_view role = "role";
inline constexpr std::string_view user_token = "user-token";
inline constexpr std::string_view query = "query";
inline constexpr std::string_view save = "save";
inline constexpr std::string_view remove = "delete";
inline constexpr std::string_view deploy = "deploy";
}  // namespace permission

}  // namespace updraft
