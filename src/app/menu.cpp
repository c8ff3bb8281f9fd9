#include "app/menu.hpp"

#include <algorithm>

namespace updraft {
namespace {

namespace on = permission;

Permission allow(std::string_view resource, std::initializer_list<std::string_view> actions) {
    Permission permission{std::string(resource), {}};
    for (const std::string_view action : actions) {
        permission.actions.emplace_back(action);
    }
    return permission;
}

MenuButton button(std::string id, std::vector<Permission> permissions) {
    static const std::map<std::string, Text> names{{"view", {"查看", "View"}},
                                                   {"add", {"新增", "Add"}},
                                                   {"update", {"编辑", "Edit"}},
                                                   {"delete", {"删除", "Delete"}},
                                                   {"action", {"启/禁用", "Enable or disable"}}};
    Text name = names.at(id);
    return {std::move(id), std::move(name), std::move(permissions)};
}

/// The table of spec 2.13; unlike the shipped one, 编辑 lets a person save the edited firmware.
std::vector<MenuButton> firmware_buttons() {
    const auto task_read = allow(on::upgrade_task, {on::query});
    const auto task_run = allow(on::upgrade_task, {on::query, on::save, on::deploy});
    const auto products = allow(on::product, {on::query});
    const auto devices = allow(on::device, {on::query});
    const auto config = allow(on::system_config, {on::query});
    return {
        button("view", {task_read, allow(on::firmware, {on::query}), devices}),
        button("update",
               {task_run, allow(on::firmware, {on::query, on::save}), products, devices, config}),
        button("delete", {allow(on::firmware, {on::query, on::remove}),
                          allow(on::upgrade_task, {on::remove})}),
        button("add",
               {allow(on::firmware, {on::query, on::save}), task_run, products, devices, config}),
    };
}

/// Buttons of a page that manages one resource, with what it has to read besides.
std::vector<MenuButton> crud_buttons(std::string_view resource,
                                     const std::vector<Permission>& also_read) {
    const auto with = [&](Permission own) {
        std::vector<Permission> all = also_read;
        all.insert(all.begin(), std::move(own));
        return all;
    };
    return {
        button("view", with(allow(resource, {on::query}))),
        button("add", with(allow(resource, {on::query, on::save}))),
        button("update", with(allow(resource, {on::query, on::save}))),
        button("delete", with(allow(resource, {on::query, on::remove}))),
        button("action", with(allow(resource, {on::query, on::save, on::deploy}))),
    };
}

MenuEntry page(std::string id, std::string code, Text name, std::string url, std::string icon,
               std::vector<MenuButton> buttons) {
    return {std::move(id),
            std::move(code),
            std::move(name),
            std::move(url),
            std::move(icon),
            std::move(buttons),
            {}};
}

MenuEntry folder(std::string id, std::string code, Text name, std::string url, std::string icon,
                 std::vector<MenuEntry> children) {
    return {std::move(id),      std::move(code), std::move(name),
            std::move(url),     std::move(icon), {},
            std::move(children)};
}

std::vector<MenuEntry> build_menu() {
    const Permission protocols = allow(on::protocol, {on::query});
    const Permission products = allow(on::product, {on::query});
    const Permission devices = allow(on::device, {on::query});
    const Permission roles = allow(on::role, {on::query});
    MenuEntry operation =
        folder("iot-link", "link", {"运维管理", "Operations"}, "/iot/link", "icon-yunweiguanli",
               {page("iot-link-firmware", "device/Firmware", {"远程升级", "Remote upgrade"},
                     "/iot/link/firmware", "icon-yuanchengshengji", firmware_buttons()),
                page("iot-link-protocol", "link/Protocol", {"协议管理", "Protocols"},
                     "/iot/link/protocol", "icon-xieyiguanli", crud_buttons(on::protocol, {}))});
    MenuEntry device = folder(
        "iot-device", "device", {"设备管理", "Devices"}, "/iot/device", "icon-shebei",
        {page("iot-device-product", "device/Product", {"产品", "Products"}, "/iot/device/product",
              "icon-chanpin", crud_buttons(on::product, {protocols, devices})),
         page("iot-device-instance", "device/Instance", {"设备", "Devices"}, "/iot/device/instance",
              "icon-shebei1", crud_buttons(on::device, {products, protocols}))});
    MenuEntry system =
        folder("system", "system", {"系统管理", "System"}, "/system", "icon-xitongguanli",
               {page("system-user", "system/User", {"用户管理", "Users"}, "/system/user",
                     "icon-yonghuguanli", crud_buttons(on::user, {roles})),
                page("system-role", "system/Role", {"角色管理", "Roles"}, "/system/role",
                     "icon-jiaoseguanli", crud_buttons(on::role, {allow(on::user, {on::query})})),
                page("system-basis", "system/Basis", {"基础配置", "Settings"}, "/system/basis",
                     "icon-jichupeizhi",
                     {button("view", {allow(on::system_config, {on::query})}),
                      button("update", {allow(on::system_config, {on::query, on::save})})}),
                page("system-audit", "system/Audit", {"审计日志", "Audit log"}, "/system/audit",
                     "icon-rizhifuwu", {button("view", {allow(on::audit, {on::query})})})});
    std::vector<MenuEntry> iot;
    iot.push_back(std::move(operation));
    iot.push_back(std::move(device));
    std::vector<MenuEntry> menu;
    menu.push_back(
        folder("iot", "iot", {"物联网", "IoT"}, "/iot", "icon-wulianwang", std::move(iot)));
    menu.push_back(std::move(system));
    return menu;
}

bool granted(const std::vector<MenuGrant>& grants, const std::string& code,
             const std::string& button_id) {
    return std::ranges::any_of(grants, [&](const MenuGrant& grant) {
        return grant.menu_code == code &&
               std::ranges::find(grant.buttons, button_id) != grant.buttons.end();
    });
}

std::vector<MenuEntry> allowed_of(const std::vector<MenuEntry>& entries,
                                  const std::vector<MenuGrant>& grants) {
    std::vector<MenuEntry> allowed;
    for (const MenuEntry& entry : entries) {
        MenuEntry kept = entry;
        std::erase_if(kept.buttons, [&](const MenuButton& each) {
            return !granted(grants, entry.code, each.id);
        });
        kept.children = allowed_of(entry.children, grants);
        if (!kept.buttons.empty() || !kept.children.empty()) {
            allowed.push_back(std::move(kept));
        }
    }
    return allowed;
}

void collect(const std::vector<MenuEntry>& entries,
             std::map<std::string, std::set<std::string>>& permissions) {
    for (const MenuEntry& entry : entries) {
        for (const MenuButton& each : entry.buttons) {
            for (const Permission& permission : each.permissions) {
                permissions[permission.id].insert(permission.actions.begin(),
                                                  permission.actions.end());
            }
        }
        collect(entry.children, permissions);
    }
}

}  // namespace

const std::vector<MenuEntry>& whole_menu() {
    static const std::vector<MenuEntry> menu = build_menu();
    return menu;
}

std::vector<MenuEntry> menu_of(bool admin, const std::vector<MenuGrant>& grants) {
    return admin ? whole_menu() : allowed_of(whole_menu(), grants);
}

std::map<std::string, std::set<std::string>> permissions_of(const std::vector<MenuGrant>& grants) {
    std::map<std::string, std::set<std::string>> permissions;
    collect(allowed_of(whole_menu(), grants), permissions);
    return permissions;
}

const std::vector<ResourceName>& resources() {
    static const std::vector<ResourceName> all{
        {std::string(on::firmware), {"固件管理", "Firmware"}},
        {std::string(on::upgrade_task), {"固件升级任务管理", "Upgrade tasks"}},
        {std::string(on::product), {"设备产品", "Products"}},
        {std::string(on::device), {"设备实例", "Devices"}},
        {std::string(on::protocol), {"协议管理", "Protocols"}},
        {std::string(on::system_config), {"系统配置", "System configuration"}},
        {std::string(on::user), {"用户管理", "Users"}},
        {std::string(on::role), {"角色管理", "Roles"}},
        {std::string(on::user_token), {"用户令牌", "User tokens"}},
        {std::string(on::audit), {"审计日志", "Audit log"}},
    };
    return all;
}

const std::vector<std::string>& actions() {
    static const std::vector<std::string> all{std::string(on::query), std::string(on::save),
                                              std::string(on::remove), std::string(on::deploy)};
    return all;
}

}  // namespace updraft
