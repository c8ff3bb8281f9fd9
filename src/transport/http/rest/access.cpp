#include "transport/http/rest/access.hpp"

#include "app/menu.hpp"
#include "transport/http/rest/json_reader.hpp"
#include "transport/http/rest/users_json.hpp"

namespace updraft::rest {
namespace {

using http::Method;

/// The user behind a call with their roles.
struct Person {
    User user;
    std::vector<Role> roles;
};

Result<Person> person_of(const Store& store, const Identity& identity) {
    return store.read([&](const Repositories& rows) -> Result<Person> {
        std::optional<User> user = rows.users().find(identity.user);
        if (!user) {
            return Error::not_found("用户", "user", identity.user.value);
        }
        std::vector<Role> roles = roles_of(rows, *user);
        return Person{*std::move(user), std::move(roles)};
    });
}

/// What the identity may do, per resource, in the order of the resources.
json::array permissions_json(const Identity& identity, Language language) {
    json::array list;
    for (const ResourceName& resource : resources()) {
        json::array allowed;
        for (const std::string& action : actions()) {
            if (identity.may(resource.id, action)) {
                allowed.emplace_back(action);
            }
        }
        if (!allowed.empty()) {
            list.push_back(json::object{{"id", resource.id},
                                        {"name", resource.name.in(language)},
                                        {"actions", std::move(allowed)}});
        }
    }
    return list;
}

json::array roles_json(const std::vector<Role>& roles) {
    json::array list;
    for (const Role& role : roles) {
        list.push_back(json::object{{"id", role.id.value}, {"name", role.name}});
    }
    return list;
}

json::object signed_in_json(const SignedIn& signed_in, Language language) {
    json::array permissions = permissions_json(signed_in.identity, language);
    json::array authority;
    for (const json::value& each : permissions) {
        authority.push_back(each.at("id"));
    }
    return {
        {"userId", signed_in.user.id.value},
        {"token", signed_in.token},
        {"expires", signed_in.idle_timeout ? signed_in.idle_timeout->count() : std::int64_t{-1}},
        {"user", user_detail_json(signed_in.user, signed_in.roles, language)},
        {"permissions", std::move(permissions)},
        {"roles", roles_json(signed_in.roles)},
        {"currentAuthority", std::move(authority)}};
}

/// Whom a refused sign-in named, if there is such a user. Any other name stays out of the audit
/// log: people type their password into the wrong field.
std::string known_username(const Store& store, const std::string& typed) {
    const bool known = store.read(
        [&](const Repositories& rows) { return rows.users().find_by_username(typed).has_value(); });
    return known ? typed : std::string();
}

Result<Answer> sign_in(const Store& store, AccessService& access, const Call& call) {
    UPDRAFT_TRY(const json::object body, call.object());
    JsonReader read(body);
    SignIn request;
    request.username = read.text("username").value_or("");
    request.password = read.text("password").value_or("");
    request.encrypt_id = read.text("encryptId").value_or("");
    request.expires_ms = read.integer("expires", -1);
    request.address = address_of(call.request);
    UPDRAFT_CHECK(read.finish());
    const Result<SignedIn> signed_in = access.sign_in(request, call.by);
    if (!signed_in) {
        call.by.who.username = known_username(store, request.username);
        return signed_in.error();
    }
    return json::value(signed_in_json(*signed_in, call.language));
}

/// Before a sign-in: what the login page asks.
void login_page_routes(Api& api, const Store& store, AccessService& access) {
    api.route(Method::get, "/authorize/captcha/config", Access::open(),
              [](const Call&) -> Result<Answer> {
                  return json::value(json::object{{"enabled", false}, {"type", "image"}});
              });
    api.route(Method::get, "/authorize/captcha/image", Access::open(),
              [](const Call&) -> Result<Answer> {
                  return Error::of(ErrorCode::conflict,
                                   text("验证码未启用", "captchas are switched off"));
              });
    api.route(Method::get, "/authorize/login/configs", Access::open(),
              [&access](const Call&) -> Result<Answer> {
                  json::object encrypt{{"enabled", false}};
                  if (const LoginEncryption* encryption = access.encryption()) {
                      encrypt = {{"enabled", true},
                                 {"publicKey", encryption->public_key()},
                                 {"id", encryption->id()}};
                  }
                  return json::value(json::object{{"encrypt", std::move(encrypt)}});
              });
    api.act(Method::post, "/authorize/login", Access::open(), {"session.sign_in"},
            [&store, &access](const Call& call) { return sign_in(store, access, call); });
}

void set_up_routes(Api& api, AccessService& access) {
    api.route(Method::get, "/setup", Access::open(), [&access](const Call& call) -> Result<Answer> {
        const std::string token = call.request.query_value("token").value_or("");
        return json::value(json::object{{"valid", access.is_set_up_token(token)}});
    });
    api.act(Method::post, "/setup", Access::open(), {"user.create"},
            [&access](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const json::object body, call.object());
                JsonReader read(body);
                const std::string token = read.text("token").value_or("");
                const std::string password = read.text("password").value_or("");
                UPDRAFT_CHECK(read.finish());
                UPDRAFT_CHECK(access.set_up(token, password, call.by));
                return json::value(true);
            });
}

void session_routes(Api& api, const Store& store, AccessService& access) {
    const auto sign_out = [&access](const Call& call) -> Result<Answer> {
        UPDRAFT_CHECK(only_a_person(call.identity));
        access.sign_out(call.token, call.by);
        return json::value(true);
    };
    api.act(Method::get, "/user-token/reset", Access::signed_in(), {"session.sign_out"}, sign_out);
    api.route(Method::get, "/user-token/token/{token}/logged",
              Access::permitted(permission::user_token, permission::query),
              [&access](const Call& call) -> Result<Answer> {
                  return json::value(access.is_signed_in(call.parameter("token")));
              });
    api.route(
        Method::get, "/authorize/me", Access::signed_in(),
        [&store](const Call& call) -> Result<Answer> {
            UPDRAFT_TRY(const Person person, person_of(store, call.identity));
            json::array dimensions;
            for (const Role& role : person.roles) {
                dimensions.push_back(json::object{
                    {"id", role.id.value},
                    {"name", role.name},
                    {"type", json::object{{"id", "role"},
                                          {"name", text("角色", "role").in(call.language)}}}});
            }
            return json::value(json::object{
                {"user", json::object{{"id", person.user.id.value},
                                      {"username", person.user.username},
                                      {"name", person.user.name},
                                      {"userType", call.identity.admin ? "admin" : "user"}}},
                {"permissions", permissions_json(call.identity, call.language)},
                {"dimensions", std::move(dimensions)},
                {"attributes", json::object{}}});
        });
    api.route(Method::get, "/user/detail", Access::signed_in(),
              [&store](const Call& call) -> Result<Answer> {
                  UPDRAFT_TRY(const Person person, person_of(store, call.identity));
                  return json::value(user_detail_json(person.user, person.roles, call.language));
              });
    api.act(Method::post, "/user/passwd", Access::signed_in(), {"user.password.change"},
            [&access](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const json::object body, call.object());
                JsonReader read(body);
                const std::string old_password = read.text("oldPassword").value_or("");
                const std::string new_password = read.text("newPassword").value_or("");
                UPDRAFT_CHECK(read.finish());
                UPDRAFT_CHECK(access.change_password(call.by, call.token, address_of(call.request),
                                                     old_password, new_password));
                return json::value(true);
            });
}

json::array menu_json(const std::vector<MenuEntry>& entries, const std::string& parent,
                      Language language) {
    json::array list;
    std::int64_t index = 0;
    for (const MenuEntry& entry : entries) {
        json::array buttons;
        for (const MenuButton& button : entry.buttons) {
            buttons.push_back(json::object{{"id", button.id},
                                           {"name", button.name.in(language)},
                                           {"enabled", true},
                                           {"granted", true}});
        }
        json::object node{{"id", entry.id},
                          {"parentId", parent},
                          {"code", entry.code},
                          {"name", entry.name.in(language)},
                          {"url", entry.url},
                          {"icon", entry.icon},
                          {"sortIndex", ++index},
                          {"granted", true},
                          {"options", json::object{}},
                          {"buttons", std::move(buttons)},
                          {"children", menu_json(entry.children, entry.id, language)}};
        list.push_back(std::move(node));
    }
    return list;
}

void menu_routes(Api& api, const Store& store) {
    const auto own_tree = [&store](const Call& call) -> Result<Answer> {
        UPDRAFT_TRY(const Person person, person_of(store, call.identity));
        std::vector<MenuGrant> grants;
        for (const Role& role : person.roles) {
            grants.insert(grants.end(), role.grants.begin(), role.grants.end());
        }
        return json::value(menu_json(menu_of(call.identity.admin, grants), "", call.language));
    };
    api.query_route("/menu/user-own/tree", Access::signed_in(), own_tree);
    // What a role can be granted: every page with every button.
    const auto whole = [](const Call& call) -> Result<Answer> {
        return json::value(menu_json(whole_menu(), "", call.language));
    };
    api.query_route("/menu/_all/tree", Access::permitted(permission::role, permission::query),
                    whole);
}

}  // namespace

void access_routes(Api& api, const Store& store, AccessService& access) {
    login_page_routes(api, store, access);
    set_up_routes(api, access);
    session_routes(api, store, access);
    menu_routes(api, store);
}

}  // namespace updraft::rest
