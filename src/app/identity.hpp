#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/audit_entry.hpp"

namespace updraft {

/// Who is asking: a signed-in person with what they may do.
struct Identity {
    UserId user;
    std::string username;
    std::string name;
    bool admin = false;                                        ///< may do everything
    std::map<std::string, std::set<std::string>> permissions;  ///< resource id -> actions
    bool machine = false;  ///< a machine token speaks for the person: `permissions` is all it may
    std::string token_name = {};  ///< of that machine token

    [[nodiscard]] bool may(const std::string& resource, const std::string& action) const {
        const auto found = permissions.find(resource);
        return admin || (found != permissions.end() && found->second.contains(action));
    }
};

/// Who does what, and from where: what the audit log is told beside the change itself. The name of
/// the action is the route's, so that there is one list of them (docs/operating/audit.md).
struct Actor {
    Identity who;
    AuditVia via = AuditVia::system;
    std::string address = {};              ///< the client's, without its port
    std::string proxy = {};                ///< the trusted proxy that named the client
    std::string user_agent = {};           ///< bounded
    std::string action = {};               ///< "firmware.create"
    Instant at = {};                       ///< when the request came
    std::size_t entry_bytes_max = 65'536;  ///< of before and after together
    mutable bool noted =
        false;  ///< an entry was written: set by whoever does, looked at by the route

    // A person without a request: how a test and the server itself call a service.
    Actor(Identity identity, std::string_view does = {})  // NOLINT(*-explicit-*)
        : who(std::move(identity)), action(does) {}

    /// Nobody: the server by itself.
    [[nodiscard]] static Actor server(std::string_view does = {}) { return {Identity{}, does}; }
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
inline constexpr std::string_view audit = "audit";
inline constexpr std::string_view query = "query";
inline constexpr std::string_view save = "save";
inline constexpr std::string_view remove = "delete";
inline constexpr std::string_view deploy = "deploy";
}  // namespace permission

}  // namespace updraft
