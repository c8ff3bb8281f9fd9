#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/crud_rows.hpp"
#include "app/ports.hpp"
#include "app/urls.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace updraft {

/// One scope of the system configuration (spec 2.4).
struct ConfigScope {
    std::string name;
    std::map<std::string, std::string> properties;
};

/// One item of a dictionary: an enum with the words that people see.
struct DictionaryItem {
    std::string value;
    Text name;
};

/// System configuration and the settings of users (spec 2.4). Safe from every thread; blocks on the
/// store.
class SystemService {
public:
    SystemService(Store& store, const PublicUrls& urls, const Clock& clock, SnowflakeIds& ids)
        : store_(store), urls_(urls), clock_(clock), ids_(ids) {}

    /// One entry per asked scope, with what was saved over what holds by default; empty if unknown.
    [[nodiscard]] std::vector<ConfigScope> scopes(const std::vector<std::string>& names) const;
    /// Errors: invalid_argument (base-path is not an absolute http address; too large).
    [[nodiscard]] Result<void> save_scopes(const std::vector<ConfigScope>& scopes,
                                           const Actor& by = Actor::server());

    [[nodiscard]] std::vector<UserSetting> settings(const Identity& identity,
                                                    const std::string& type) const;
    /// Adds a setting, or replaces the one with the same key; an empty key makes a new one.
    /// Errors: invalid_argument, too_large (too many of them).
    [[nodiscard]] Result<UserSetting> put_setting(const Actor& by, UserSetting setting);
    void remove_setting(const Actor& by, const std::string& type, const std::string& key);

    /// The items of a dictionary; empty if there is none of that name.
    [[nodiscard]] static std::vector<DictionaryItem> dictionary(const std::string& id);

private:
    Store& store_;
    const PublicUrls& urls_;
    const Clock& clock_;
    SnowflakeIds& ids_;
};

}  // namespace updraft
