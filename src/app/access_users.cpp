#include "app/access_users.hpp"

#include <algorithm>

#include "app/audit.hpp"
#include "app/menu.hpp"
#include "base/bytes.hpp"
#include "domain/form_rules.hpp"

namespace updraft {
namespace {

constexpr std::size_t text_characters_max = 64;
constexpr std::size_t long_text_characters_max = 200;
constexpr std::size_t avatar_characters_max = 2000;

bool holds(const Identity& by, const std::map<std::string, std::set<std::string>>& permissions) {
    return std::ranges::all_of(permissions, [&](const auto& each) {
        return std::ranges::all_of(
            each.second, [&](const std::string& action) { return by.may(each.first, action); });
    });
}

Error more_than_own_rights() {
    return Error::of(ErrorCode::access_denied,
                     text("不能授予或管理超出自身权限的用户和角色",
                          "you cannot grant or manage rights that you do not have yourself"));
}

Result<void> within_rights(const Identity& by, const Repositories& rows, const User& user) {
    const bool untouchable = user.username == admin_username && !by.admin;
    if (untouchable || !holds(by, identity_of(user, roles_of(rows, user)).permissions)) {
        return more_than_own_rights();
    }
    return {};
}

Result<void> checked(const User& user) {
    FormRules rules;
    rules.require_text(user.username, "username", text("请输入用户名", "enter a user name"),
                       text_characters_max);
    rules.require_text(user.name, "name", text("请输入姓名", "enter a name"), text_characters_max);
    rules.limit_text(user.email, "email", text_characters_max);
    rules.limit_text(user.telephone, "telephone", text_characters_max);
    rules.limit_text(user.avatar, "avatar", avatar_characters_max);
    rules.limit_text(user.description, "description", long_text_characters_max);
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    return {};
}

Result<void> roles_exist(const Repositories& rows, const User& user) {
    for (const RoleId& id : user.roles) {
        if (!rows.roles().find(id)) {
            return Error::invalid("roleIds", text("角色 {} 不存在", "there is no role {}", id));
        }
    }
    return {};
}

void overwrite(User& user, const UserForm& form) {
    user.username = form.username.value_or(user.username);
    user.name = form.name.value_or(user.name.empty() ? user.username : user.name);
    user.email = form.email.value_or(user.email);
    user.telephone = form.telephone.value_or(user.telephone);
    user.avatar = form.avatar.value_or(user.avatar);
    user.description = form.description.value_or(user.description);
    user.enabled = form.enabled.value_or(user.enabled);
    user.roles = form.roles.value_or(user.roles);
}

/// The role with what the form says about it, once `identity` may make it so.
Result<Role> changed(Role role, const RoleForm& form, const Identity& by) {
    if (!holds(by, permissions_of(role.grants))) {
        return more_than_own_rights();
    }
    role.name = form.name.value_or(role.name);
    role.description = form.description.value_or(role.description);
    role.grants = form.grants.value_or(role.grants);
    FormRules rules;
    rules.require_text(role.name, "name", text("请输入角色名称", "enter the role's name"),
                       text_characters_max);
    rules.limit_text(role.description, "description", long_text_characters_max);
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    if (!holds(by, permissions_of(role.grants))) {
        return more_than_own_rights();
    }
    return role;
}

}  // namespace

Result<std::vector<UserService::HashedForm>> UserService::hashed(const std::vector<UserForm>& forms,
                                                                 const Actor& by) {
    std::vector<HashedForm> rows;
    for (std::size_t index = 0; index < forms.size(); ++index) {
        HashedForm row{forms[index], std::nullopt};
        if (const auto& password = forms[index].password; password && !password->empty()) {
            UPDRAFT_CHECK(only_a_person(by.who));
            if (const Result<void> good = checked_password(*password); !good) {
                return at_row(good.error(), index, forms.size());
            }
            UPDRAFT_TRY(row.password_hash, access_.passwords().hash(*password));
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

Result<User> UserService::add_one(UnitOfWork& work, const HashedForm& row, const Actor& by) {
    User user;
    user.id = row.form.id.empty() ? UserId(ids_.next()) : row.form.id;
    user.created_at = clock_.now();
    overwrite(user, row.form);
    UPDRAFT_CHECK(checked(user));
    if (!row.password_hash) {
        return Error::invalid("password", text("请输入密码", "enter a password"));
    }
    user.password_hash = *row.password_hash;
    UPDRAFT_CHECK(checked_id(user.id.value));
    if (work.users().find_by_username(user.username) || work.users().find(user.id)) {
        Error taken = Error::invalid(
            "username", text("用户名 {} 已存在", "user name {} is taken", user.username));
        taken.code = ErrorCode::duplicate_key;
        return taken;
    }
    UPDRAFT_CHECK(roles_exist(work, user));
    UPDRAFT_CHECK(within_rights(by.who, work, user));
    work.users().add(user);
    return user;
}

Result<void> UserService::update_one(UnitOfWork& work, User user, const HashedForm& row,
                                     const Actor& by, AuditNote& note) {
    UPDRAFT_CHECK(within_rights(by.who, work, user));
    const User before = user;
    overwrite(user, row.form);
    if (before.username == admin_username && (user.username != before.username || !user.enabled)) {
        return Error::of(
            ErrorCode::conflict,
            text("管理员不能被改名或禁用", "the administrator cannot be renamed or disabled"));
    }
    UPDRAFT_CHECK(checked(user));
    if (user.username != before.username && work.users().find_by_username(user.username)) {
        Error taken = Error::invalid(
            "username", text("用户名 {} 已存在", "user name {} is taken", user.username));
        taken.code = ErrorCode::duplicate_key;
        return taken;
    }
    UPDRAFT_CHECK(roles_exist(work, user));
    UPDRAFT_CHECK(within_rights(by.who, work, user));
    user.password_hash = row.password_hash.value_or(user.password_hash);
    work.users().update(user);
    note.changed(before, user);
    if (row.password_hash || !user.enabled) {
        work.tokens().remove_all_of(user.id);
    }
    return {};
}

Result<std::vector<User>> UserService::add(const std::vector<UserForm>& forms, const Actor& by) {
    UPDRAFT_TRY(const auto rows, hashed(forms, by));
    return store_.write([&](UnitOfWork& work) -> Result<std::vector<User>> {
        std::vector<User> added;
        AuditNote note(by);
        UPDRAFT_CHECK(each_row(rows, [&](const HashedForm& row) -> Result<void> {
            UPDRAFT_TRY(User user, add_one(work, row, by));
            note.added(user);
            added.push_back(std::move(user));
            return {};
        }));
        note.write(work);
        return added;
    });
}

Result<SaveCounts> UserService::save(const std::vector<UserForm>& forms, const Actor& by) {
    UPDRAFT_TRY(const auto rows, hashed(forms, by));
    Result<SaveCounts> saved = store_.write([&](UnitOfWork& work) -> Result<SaveCounts> {
        SaveCounts counts;
        AuditNote note(by);
        UPDRAFT_CHECK(each_row(rows, [&](const HashedForm& row) -> Result<void> {
            const std::optional<User> known =
                row.form.id.empty() ? std::nullopt : work.users().find(row.form.id);
            if (known) {
                ++counts.updated;
                return update_one(work, *known, row, by, note);
            }
            ++counts.added;
            UPDRAFT_TRY(const User user, add_one(work, row, by));
            note.added(user);
            return {};
        }));
        note.write(work);
        return counts;
    });
    access_.forget_cached();
    return saved;
}

Result<void> UserService::replace(const UserForm& form, const Actor& by) {
    UPDRAFT_TRY(const auto rows, hashed({form}, by));
    const Result<void> done = store_.write([&](UnitOfWork& work) -> Result<void> {
        const std::optional<User> known = work.users().find(form.id);
        if (!known) {
            return Error::not_found("用户", "user", form.id.value);
        }
        AuditNote note(by);
        UPDRAFT_CHECK(update_one(work, *known, rows.front(), by, note));
        note.write(work);
        return {};
    });
    access_.forget_cached();
    return done;
}

Result<User> UserService::remove(const UserId& id, const Actor& by) {
    Result<User> removed = store_.write([&](UnitOfWork& work) -> Result<User> {
        std::optional<User> user = work.users().find(id);
        if (!user) {
            return Error::not_found("用户", "user", id.value);
        }
        if (user->username == admin_username || user->id == by.who.user) {
            return Error::of(ErrorCode::conflict,
                             text("不能删除管理员或当前登录的用户",
                                  "neither the administrator nor yourself can be deleted"));
        }
        UPDRAFT_CHECK(within_rights(by.who, work, *user));
        work.tokens().remove_all_of(id);
        work.api_tokens().remove_all_of(id);
        work.users().remove(id);
        AuditNote note(by);
        note.removed(*user);
        note.write(work);
        return *std::move(user);
    });
    access_.forget_cached();
    return removed;
}

Result<Role> UserService::add_role(UnitOfWork& work, const RoleForm& form, const Actor& by) {
    Role role;
    role.id = form.id.empty() ? RoleId(ids_.next()) : form.id;
    role.created_at = clock_.now();
    UPDRAFT_CHECK(checked_id(role.id.value));
    if (work.roles().find(role.id)) {
        Error taken =
            Error::invalid("id", text("角色ID {} 已存在", "role id {} is taken", role.id));
        taken.code = ErrorCode::duplicate_key;
        return taken;
    }
    UPDRAFT_TRY(role, changed(role, form, by.who));
    work.roles().add(role);
    return role;
}

Result<std::vector<Role>> UserService::add_roles(const std::vector<RoleForm>& forms,
                                                 const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<std::vector<Role>> {
        std::vector<Role> added;
        AuditNote note(by);
        UPDRAFT_CHECK(each_row(forms, [&](const RoleForm& form) -> Result<void> {
            UPDRAFT_TRY(Role role, add_role(work, form, by));
            note.added(role);
            added.push_back(std::move(role));
            return {};
        }));
        note.write(work);
        return added;
    });
}

Result<SaveCounts> UserService::save_roles(const std::vector<RoleForm>& forms, const Actor& by) {
    Result<SaveCounts> saved = store_.write([&](UnitOfWork& work) -> Result<SaveCounts> {
        SaveCounts counts;
        AuditNote note(by);
        UPDRAFT_CHECK(each_row(forms, [&](const RoleForm& form) -> Result<void> {
            const std::optional<Role> known =
                form.id.empty() ? std::nullopt : work.roles().find(form.id);
            if (!known) {
                ++counts.added;
                UPDRAFT_TRY(const Role added, add_role(work, form, by));
                note.added(added);
                return {};
            }
            ++counts.updated;
            UPDRAFT_TRY(const Role role, changed(*known, form, by.who));
            work.roles().update(role);
            note.changed(*known, role);
            return {};
        }));
        note.write(work);
        return counts;
    });
    access_.forget_cached();
    return saved;
}

Result<void> UserService::replace_role(const RoleForm& form, const Actor& by) {
    const Result<void> done = store_.write([&](UnitOfWork& work) -> Result<void> {
        const std::optional<Role> known = work.roles().find(form.id);
        if (!known) {
            return Error::not_found("角色", "role", form.id.value);
        }
        UPDRAFT_TRY(const Role role, changed(*known, form, by.who));
        work.roles().update(role);
        AuditNote note(by);
        note.changed(*known, role);
        note.write(work);
        return {};
    });
    access_.forget_cached();
    return done;
}

Result<Role> UserService::remove_role(const RoleId& id, const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<Role> {
        std::optional<Role> role = work.roles().find(id);
        if (!role) {
            return Error::not_found("角色", "role", id.value);
        }
        if (!holds(by.who, permissions_of(role->grants))) {
            return more_than_own_rights();
        }
        Error used = Error::of(ErrorCode::referenced, text("角色已分配给用户, 不可删除",
                                                           "users hold this role, so it cannot be "
                                                           "deleted"));
        Query all;
        all.paging = false;
        work.users().each(all, [&](const User& user) {
            if (std::ranges::find(user.roles, id) != user.roles.end()) {
                used.references.push_back({id.value, "user", user.id.value, user.username});
            }
            return used.references.size() < 10;
        });
        if (!used.references.empty()) {
            return used;
        }
        work.roles().remove(id);
        AuditNote note(by);
        note.removed(*role);
        note.write(work);
        return *std::move(role);
    });
}

}  // namespace updraft
