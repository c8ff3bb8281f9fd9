#include "transport/http/rest/system.hpp"

#include "transport/http/rest/json_reader.hpp"

namespace updraft::rest {
namespace {

using http::Method;

/// A console shows the firmware pages for every edition but "community" (A13).
constexpr std::string_view edition = "standard";

json::object scope_json(const ConfigScope& scope) {
    return {{"scope", scope.name}, {"properties", text_map_json(scope.properties)}};
}

json::object setting_json(const UserSetting& setting) {
    return {{"id", setting.id},
            {"userId", setting.user.value},
            {"type", setting.type},
            {"key", setting.key},
            {"name", setting.name},
            {"content", setting.content},
            {"createTime", to_millis(setting.created_at)}};
}

Result<Answer> save_scopes(SystemService& system, const Call& call) {
    UPDRAFT_TRY(const auto bodies, call.objects());
    std::vector<ConfigScope> scopes;
    for (const json::object& body : bodies) {
        JsonReader read(body);
        ConfigScope scope;
        scope.name = read.text("scope").value_or("");
        scope.properties =
            read.text_map("properties").value_or(std::map<std::string, std::string>{});
        UPDRAFT_CHECK(read.finish());
        scopes.push_back(std::move(scope));
    }
    UPDRAFT_CHECK(system.save_scopes(scopes, call.by));
    return json::value(true);
}

void config_routes(Api& api, SystemService& system, const std::string& version) {
    api.route(Method::get, "/system/version", Access::open(),
              [version](const Call&) -> Result<Answer> {
                  return json::value(json::object{{"edition", edition}, {"version", version}});
              });
    api.route(Method::get, "/system/config/front", Access::open(),
              [&system](const Call&) -> Result<Answer> {
                  return json::value(text_map_json(system.scopes({"front"}).front().properties));
              });
    api.route(Method::post, "/system/config/scopes", Access::signed_in(),
              [&system](const Call& call) -> Result<Answer> {
                  UPDRAFT_TRY(const auto names, call.strings());
                  json::array list;
                  for (const ConfigScope& scope : system.scopes(names)) {
                      list.push_back(scope_json(scope));
                  }
                  return json::value(std::move(list));
              });
    api.route(Method::get, "/system/config/{scope}",
              Access::permitted(permission::system_config, permission::query),
              [&system](const Call& call) -> Result<Answer> {
                  const auto scopes = system.scopes({call.parameter("scope")});
                  return json::value(text_map_json(scopes.front().properties));
              });
    api.act(Method::post, "/system/config/scope/_save",
            Access::permitted(permission::system_config, permission::save), {"config.save"},
            [&system](const Call& call) { return save_scopes(system, call); });
}

Result<Answer> put_setting(SystemService& system, const Call& call, std::string key) {
    UPDRAFT_TRY(const json::object body, call.object());
    JsonReader read(body);
    UserSetting setting;
    setting.type = call.parameter("type");
    setting.key = key.empty() ? read.text("key").value_or("") : std::move(key);
    setting.name = read.text("name").value_or("");
    setting.content = read.json_text("content").value_or("");
    UPDRAFT_CHECK(read.finish());
    UPDRAFT_TRY(const UserSetting saved, system.put_setting(call.by, std::move(setting)));
    return json::value(setting_json(saved));
}

void setting_routes(Api& api, SystemService& system) {
    const std::string of_type = "/user/settings/{type}";
    const std::string one = of_type + "/{key}";
    api.route(Method::get, of_type, Access::signed_in(),
              [&system](const Call& call) -> Result<Answer> {
                  json::array list;
                  for (const auto& each : system.settings(call.identity, call.parameter("type"))) {
                      list.push_back(setting_json(each));
                  }
                  return json::value(std::move(list));
              });
    api.route(Method::get, one, Access::signed_in(), [&system](const Call& call) -> Result<Answer> {
        for (const auto& each : system.settings(call.identity, call.parameter("type"))) {
            if (each.key == call.parameter("key")) {
                return json::value(setting_json(each));
            }
        }
        return Error::not_found("设置", "setting", call.parameter("key"));
    });
    api.act(Method::post, of_type, Access::signed_in(), {"setting.save"},
            [&system](const Call& call) { return put_setting(system, call, ""); });
    for (const Method method : {Method::patch, Method::post, Method::put}) {
        api.act(method, one, Access::signed_in(), {"setting.save"}, [&system](const Call& call) {
            return put_setting(system, call, call.parameter("key"));
        });
    }
    api.act(Method::del, one, Access::signed_in(), {"setting.delete"},
            [&system](const Call& call) -> Result<Answer> {
                system.remove_setting(call.by, call.parameter("type"), call.parameter("key"));
                return json::value(true);
            });
}

/// What the vendor's consoles ask of modules that are not part of this server: the answers mean
/// "nothing there".
void absent_module_routes(Api& api) {
    const auto none = [](const Call&) -> Result<Answer> { return json::value(json::array{}); };
    api.route(Method::get, "/application/sso/_all", Access::open(), none);
    api.route(Method::get, "/notify/channel/all", Access::signed_in(), none);
    api.route(Method::get, "/system/resources/ui", Access::signed_in(), none);
    api.route(Method::get, "/command-supports/service/metadataPreprocessor/exists",
              Access::signed_in(),
              [](const Call&) -> Result<Answer> { return json::value(false); });
    api.query_route("/notifications/_query", Access::signed_in(),
                    [](const Call& call) -> Result<Answer> {
                        UPDRAFT_TRY(const Query query, call.query());
                        return json::value(json::object{{"pageIndex", query.first_page_index},
                                                        {"pageSize", query.page_size},
                                                        {"total", 0},
                                                        {"data", json::array{}}});
                    });
    // A feature probe: anything but 404 would switch the feature on.
    api.route(Method::get, "/message/preprocessor/product/{product}/property/{property}",
              Access::signed_in(), [](const Call& call) -> Result<Answer> {
                  return Error::not_found("预处理", "preprocessor", call.parameter("product"));
              });
}

}  // namespace

void system_routes(Api& api, SystemService& system, std::string version) {
    config_routes(api, system, version);
    setting_routes(api, system);
    absent_module_routes(api);
    api.route(
        Method::get, "/dictionary/{id}/items", Access::signed_in(),
        [](const Call& call) -> Result<Answer> {
            json::array list;
            for (const auto& item : SystemService::dictionary(call.parameter("id"))) {
                const std::string& name = item.name.in(call.language);
                list.push_back(json::object{
                    {"id", item.value}, {"value", item.value}, {"text", name}, {"name", name}});
            }
            return json::value(std::move(list));
        });
}

}  // namespace updraft::rest
