#include "app/system_service.hpp"

#include <algorithm>

#include "app/audit.hpp"
#include "base/bytes.hpp"
#include "domain/form_rules.hpp"
#include "domain/names.hpp"

namespace updraft {
namespace {

constexpr std::size_t settings_per_type_max = 200;
constexpr std::size_t content_bytes_max = std::size_t{64} * 1024;
constexpr std::size_t key_characters_max = 128;
constexpr std::size_t scope_bytes_max = std::size_t{512} * 1024;  // a logo may be a data URL

/// What holds until a person saves something else.
std::map<std::string, std::string> default_properties(const std::string& scope,
                                                      const std::string& base,
                                                      const std::string& mqtt) {
    if (scope == "front") {
        // A console requests `logo` and `ico` as they are, so there are no empty ones (spec 2.4).
        return {{"title", "Updraft"},
                {"logo", "/console/logo.svg"},
                {"ico", "/console/favicon.svg"},
                {"headerTheme", "light"}};
    }
    if (scope == "paths") {
        std::map<std::string, std::string> paths{{"base-path", base}};
        if (!mqtt.empty()) {
            paths["mqtt"] = mqtt;
        }
        return paths;
    }
    return {};
}

/// An absolute http or https address with a host, without query and fragment.
bool is_base_path(std::string_view url) {
    const std::string lower = to_lower(url);
    const std::size_t scheme = lower.starts_with("https://")  ? 8
                               : lower.starts_with("http://") ? 7
                                                              : 0;
    const std::string_view rest = std::string_view(lower).substr(scheme);
    const std::string_view host = rest.substr(0, rest.find('/'));
    return scheme != 0 && !host.empty() && host.front() != ':' &&
           lower.find_first_of(" \t\r\n?#\"<>\\") == std::string::npos;
}

Result<void> checked(const ConfigScope& scope) {
    FormRules rules;
    rules.require_text(scope.name, "scope", text("请输入scope", "enter the scope"),
                       key_characters_max);
    std::size_t bytes = 0;
    for (const auto& [key, value] : scope.properties) {
        bytes += key.size() + value.size();
    }
    rules.require(bytes <= scope_bytes_max, "properties",
                  text("配置不能超过{}字节", "a scope has at most {} bytes", scope_bytes_max));
    const auto base = scope.properties.find("base-path");
    if (scope.name == "paths" && base != scope.properties.end()) {
        rules.require(is_base_path(base->second), "base-path",
                      text("base-path [{}] 应为设备可访问的绝对地址, 例如 http://host:port/api",
                           "base-path [{}] must be an absolute address that devices can reach, "
                           "such as http://host:port/api",
                           base->second));
    }
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    return {};
}

template <class Enum>
std::vector<DictionaryItem> items(std::initializer_list<Enum> values) {
    std::vector<DictionaryItem> list;
    for (const Enum value : values) {
        list.push_back({std::string(name_of(value)), label_of(value)});
    }
    return list;
}

}  // namespace

std::vector<ConfigScope> SystemService::scopes(const std::vector<std::string>& names) const {
    return store_.read([&](const Repositories& rows) {
        const std::string base = urls_.base(rows);
        const std::string mqtt = urls_.mqtt(rows);
        std::vector<ConfigScope> scopes;
        for (const std::string& name : names) {
            ConfigScope scope{name, default_properties(name, base, mqtt)};
            for (const auto& [key, value] :
                 rows.settings().scope(name).value_or(std::map<std::string, std::string>{})) {
                scope.properties[key] = value;
            }
            scopes.push_back(std::move(scope));
        }
        return scopes;
    });
}

Result<void> SystemService::save_scopes(const std::vector<ConfigScope>& scopes, const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<void> {
        AuditNote note(by);
        UPDRAFT_CHECK(each_row(scopes, [&](const ConfigScope& scope) -> Result<void> {
            UPDRAFT_CHECK(checked(scope));
            if (const auto before = work.settings().scope(scope.name)) {
                note.changed(ConfigScope{scope.name, *before}, scope);
            } else {
                note.added(scope);
            }
            work.settings().put_scope(scope.name, scope.properties);
            return {};
        }));
        note.write(work);
        return {};
    });
}

std::vector<UserSetting> SystemService::settings(const Identity& identity,
                                                 const std::string& type) const {
    std::vector<UserSetting> list = store_.read(
        [&](const Repositories& rows) { return rows.settings().of_user(identity.user, type); });
    if (type == "init" && list.empty()) {
        // An administrator exists, so this server is set up: the vendor's console asks here, and
        // opens its wizard when the list is empty (spec 2.2).
        list.push_back({"init", identity.user, "init", "init", "init", R"({"init":true})", {}});
    }
    return list;
}

Result<UserSetting> SystemService::put_setting(const Actor& by, UserSetting setting) {
    setting.id = ids_.next();
    setting.user = by.who.user;
    setting.created_at = clock_.now();
    if (setting.key.empty()) {
        setting.key = setting.id;
    }
    FormRules rules;
    rules.limit_text(setting.type, "type", key_characters_max);
    rules.limit_text(setting.key, "key", key_characters_max);
    rules.limit_text(setting.name, "name", name_characters_max);
    rules.require(
        setting.content.size() <= content_bytes_max, "content",
        text("内容不能超过{}字节", "the content has at most {} bytes", content_bytes_max));
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    return store_.write([&](UnitOfWork& work) -> Result<UserSetting> {
        const auto known = work.settings().of_user(by.who.user, setting.type);
        const auto same = std::ranges::find(known, setting.key, &UserSetting::key);
        if (same != known.end()) {
            setting.id = same->id;
            setting.created_at = same->created_at;
            setting.name = setting.name.empty() ? same->name : setting.name;
        } else if (known.size() >= settings_per_type_max) {
            return Error::of(
                ErrorCode::invalid_argument,
                text("最多可保存{}条, 请先删除不用的记录",
                     "at most {} of these can be saved: delete some first", settings_per_type_max));
        }
        work.settings().put(setting);
        AuditNote note(by);
        if (same != known.end()) {
            note.changed(*same, setting);
        } else {
            note.added(setting);
        }
        note.write(work);
        return setting;
    });
}

void SystemService::remove_setting(const Actor& by, const std::string& type,
                                   const std::string& key) {
    (void)store_.write([&](UnitOfWork& work) -> Result<void> {
        AuditNote note(by);
        for (const UserSetting& each : work.settings().of_user(by.who.user, type)) {
            if (each.key == key) {
                note.removed(each);
            }
        }
        note.write(work);
        work.settings().remove(by.who.user, type, key);
        return {};
    });
}

std::vector<DictionaryItem> SystemService::dictionary(const std::string& id) {
    if (id == "instance-state" || id == "device-state") {
        return items({DeviceState::not_active, DeviceState::offline, DeviceState::online});
    }
    if (id == "device-type") {
        return items({DeviceType::device, DeviceType::children_device, DeviceType::gateway});
    }
    if (id == "firmware-upgrade-mode") {
        return items({UpgradeMode::push, UpgradeMode::pull});
    }
    if (id == "firmware-upgrade-state") {
        return items({RecordState::waiting, RecordState::processing, RecordState::success,
                      RecordState::failed, RecordState::canceled});
    }
    if (id == "sign-method") {
        return {{"md5", {"MD5", "MD5"}}, {"sha256", {"SHA256", "SHA256"}}};
    }
    return {};
}

}  // namespace updraft
