#include "transport/http/rest/users.hpp"

#include "transport/http/rest/crud.hpp"
#include "transport/http/rest/json_reader.hpp"
#include "transport/http/rest/users_json.hpp"

namespace updraft::rest {

json::object user_json(const User& user, Language language) {
    const bool admin = user.username == admin_username;
    const Text kind = admin ? text("管理员", "administrator") : text("普通用户", "user");
    json::array role_ids;
    for (const RoleId& id : user.roles) {
        role_ids.emplace_back(id.value);
    }
    json::object row{
        {"id", user.id.value},
        {"username", user.username},
        {"name", user.name},
        {"type", json::object{{"id", admin ? "admin" : "user"}, {"name", kind.in(language)}}},
        {"status", user.enabled ? 1 : 0},
        {"roleIds", std::move(role_ids)},
        {"createTime", to_millis(user.created_at)}};
    put_text(row, "email", user.email);
    put_text(row, "telephone", user.telephone);
    put_text(row, "avatar", user.avatar);
    put_text(row, "description", user.description);
    return row;
}

json::object user_detail_json(const User& user, const std::vector<Role>& roles, Language language) {
    json::object row = user_json(user, language);
    json::array list;
    for (const Role& role : roles) {
        list.push_back(json::object{{"id", role.id.value}, {"name", role.name}});
    }
    row["roleList"] = std::move(list);
    row["orgList"] = json::array{};
    return row;
}

json::object role_json(const Role& role, Language) {
    json::array grants;
    for (const MenuGrant& grant : role.grants) {
        json::array buttons(grant.buttons.begin(), grant.buttons.end());
        grants.push_back(json::object{{"code", grant.menu_code}, {"buttons", std::move(buttons)}});
    }
    json::object row{{"id", role.id.value},
                     {"name", role.name},
                     {"grants", std::move(grants)},
                     {"createTime", to_millis(role.created_at)}};
    put_text(row, "description", role.description);
    return row;
}

namespace {

constexpr std::size_t users_per_request_max = 50;  // hashing each password takes its time

std::vector<RoleId> role_ids(const std::vector<std::string>& texts) {
    return {texts.begin(), texts.end()};
}

/// `roleIds`, or `roleList` and `roles` as lists of objects with an id, as consoles send rows back.
std::optional<std::vector<RoleId>> roles_in(JsonReader& read) {
    if (const auto ids = read.texts("roleIds")) {
        return role_ids(*ids);
    }
    const auto list = read.objects(read.has("roles") ? "roles" : "roleList");
    if (!list) {
        return std::nullopt;
    }
    std::vector<RoleId> roles;
    for (const json::object& item : *list) {
        JsonReader role(item);
        roles.emplace_back(role.text("id").value_or(""));
    }
    return roles;
}

Result<UserForm> user_form(const json::object& body) {
    JsonReader read(body);
    UserForm form;
    form.id = UserId(read.text("id").value_or(""));
    form.username = read.text("username");
    form.password = read.text("password");
    form.name = read.text("name");
    form.email = read.text("email");
    form.telephone = read.text("telephone");
    form.avatar = read.text("avatar");
    form.description = read.text("description");
    form.enabled = read.switch_state("status");
    form.roles = roles_in(read);
    UPDRAFT_CHECK(read.finish());
    return form;
}

Result<RoleForm> role_form(const json::object& body) {
    JsonReader read(body);
    RoleForm form;
    form.id = RoleId(read.text("id").value_or(""));
    form.name = read.text("name");
    form.description = read.text("description");
    if (const auto grants = read.objects("grants")) {
        form.grants.emplace();
        for (const json::object& item : *grants) {
            JsonReader grant(item);
            form.grants->push_back({grant.text("code").value_or(""),
                                    grant.texts("buttons").value_or(std::vector<std::string>{})});
            UPDRAFT_CHECK(grant.finish());
        }
    }
    UPDRAFT_CHECK(read.finish());
    return form;
}

Result<std::vector<UserForm>> user_forms(const std::vector<json::object>& rows) {
    if (rows.size() > users_per_request_max) {
        return Error::of(
            ErrorCode::too_large,
            text("单次最多提交{}个用户", "at most {} users at once", users_per_request_max));
    }
    return forms_of(rows, user_form);
}

CrudResource user_resource(const Api& api, const Store& store, UserService& users) {
    CrudResource resource;
    resource.bases = {"/user"};
    resource.permission = permission::user;
    resource.word = "user";
    query_with(
        resource, api, store,
        [](const Repositories& rows) -> const Queries<User>& { return rows.users(); }, user_json);
    resource.find = [&store](const Call& call, const std::string& id) -> Result<json::value> {
        return store.read([&](const Repositories& rows) -> Result<json::value> {
            const std::optional<User> user = rows.users().find(UserId(id));
            if (!user) {
                return Error::not_found("用户", "user", id);
            }
            return json::value(user_detail_json(*user, roles_of(rows, *user), call.language));
        });
    };
    resource.insert = [&users](const Call& call, const auto& rows) -> Result<json::array> {
        UPDRAFT_TRY(const auto forms, user_forms(rows));
        UPDRAFT_TRY(const auto added, users.add(forms, call.by));
        json::array list;
        for (const User& user : added) {
            list.push_back(user_json(user, call.language));
        }
        return list;
    };
    resource.save = [&users](const Call& call, const auto& rows) -> Result<SaveCounts> {
        UPDRAFT_TRY(const auto forms, user_forms(rows));
        return users.save(forms, call.by);
    };
    resource.replace = [&users](const Call& call, const std::string& id,
                                const json::object& row) -> Result<void> {
        UPDRAFT_TRY(UserForm form, user_form(row));
        form.id = UserId(id);
        return users.replace(form, call.by);
    };
    resource.remove = [&users](const Call& call, const std::string& id) -> Result<json::value> {
        UPDRAFT_TRY(const User user, users.remove(UserId(id), call.by));
        return json::value(user_json(user, call.language));
    };
    return resource;
}

CrudResource role_resource(const Api& api, const Store& store, UserService& users) {
    CrudResource resource;
    resource.bases = {"/role"};
    resource.permission = permission::role;
    resource.word = "role";
    query_with(
        resource, api, store,
        [](const Repositories& rows) -> const Queries<Role>& { return rows.roles(); }, role_json);
    resource.find = [&store](const Call& call, const std::string& id) -> Result<json::value> {
        const auto role =
            store.read([&](const Repositories& rows) { return rows.roles().find(RoleId(id)); });
        if (!role) {
            return Error::not_found("角色", "role", id);
        }
        return json::value(role_json(*role, call.language));
    };
    resource.insert = [&users](const Call& call, const auto& rows) -> Result<json::array> {
        UPDRAFT_TRY(const auto forms, forms_of(rows, role_form));
        UPDRAFT_TRY(const auto added, users.add_roles(forms, call.by));
        json::array list;
        for (const Role& role : added) {
            list.push_back(role_json(role, call.language));
        }
        return list;
    };
    resource.save = [&users](const Call& call, const auto& rows) -> Result<SaveCounts> {
        UPDRAFT_TRY(const auto forms, forms_of(rows, role_form));
        return users.save_roles(forms, call.by);
    };
    resource.replace = [&users](const Call& call, const std::string& id,
                                const json::object& row) -> Result<void> {
        UPDRAFT_TRY(RoleForm form, role_form(row));
        form.id = RoleId(id);
        return users.replace_role(form, call.by);
    };
    resource.remove = [&users](const Call& call, const std::string& id) -> Result<json::value> {
        UPDRAFT_TRY(const Role role, users.remove_role(RoleId(id), call.by));
        return json::value(role_json(role, call.language));
    };
    return resource;
}

}  // namespace

void user_routes(Api& api, const Store& store, UserService& users) {
    crud_routes(api, user_resource(api, store, users));
    crud_routes(api, role_resource(api, store, users));
}

}  // namespace updraft::rest
