#include "transport/http/rest/protocols.hpp"

#include <boost/json/parse.hpp>

#include "base/bytes.hpp"
#include "transport/http/rest/crud.hpp"
#include "transport/http/rest/json_reader.hpp"

namespace updraft::rest {
namespace {

using http::Method;

json::object protocol_json(const ProtocolPackage& package, Language) {
    json::object row{{"id", package.id.value},
                     {"name", package.name},
                     {"description", package.description},
                     {"type", package.type},
                     {"state", package.enabled ? 1 : 0},
                     {"configuration", text_map_json(package.configuration)},
                     {"createTime", to_millis(package.created_at)}};
    put_text(row, "creatorId", package.creator.value);
    return row;
}

json::array declared_transports_json(const std::vector<TransportDetail>& transports,
                                     Language language) {
    json::array list;
    for (const TransportDetail& transport : transports) {
        list.push_back(json::object{{"id", transport.id},
                                    {"features", features_json(transport.features, language)}});
    }
    return list;
}

json::array config_keys_json(const std::vector<ScriptConfigKey>& keys) {
    json::array list;
    for (const ScriptConfigKey& key : keys) {
        list.push_back(
            json::object{{"property", key.property}, {"name", key.name}, {"type", key.type}});
    }
    return list;
}

json::object brief_json(const ProtocolPackage& package) {
    return {{"id", package.id.value},
            {"name", package.name},
            {"description", package.description},
            {"configuration", text_map_json(package.configuration)}};
}

json::array routes_json(const std::vector<ProtocolRoute>& routes, Language language) {
    json::array list;
    for (const ProtocolRoute& route : routes) {
        list.push_back(json::object{{"topic", route.address},
                                    {"address", route.address},
                                    {"upstream", route.upstream},
                                    {"downstream", route.downstream},
                                    {"group", text("远程升级", "Remote upgrade").in(language)},
                                    {"description", route.description.in(language)}});
    }
    return list;
}

json::object transport_json(const ProtocolPackage& package, const std::string& transport,
                            Language language) {
    return {{"id", transport},
            {"name", transport},
            {"features", features_json(features_of(package, transport), language)},
            {"routes", routes_json(ProtocolService::routes(package, transport), language)},
            {"document", ""},
            {"metadata", ""}};
}

json::array transports_json(const ProtocolPackage& package, Language language) {
    json::array list;
    for (const TransportDetail& transport : package.transports) {
        list.push_back(transport_json(package, transport.id, language));
    }
    return list;
}

bool serves(const ProtocolPackage& package, const std::string& transport) {
    return std::ranges::any_of(package.transports, [&](const TransportDetail& each) {
        return equals_ignoring_case(each.id, transport);
    });
}

Result<ProtocolPackage> package_of(const Store& store, const std::string& id) {
    std::optional<ProtocolPackage> package =
        store.read([&](const Repositories& rows) { return rows.protocols().find(ProtocolId(id)); });
    if (!package) {
        return Error::not_found("协议", "protocol", id);
    }
    return *std::move(package);
}

Result<ProtocolForm> protocol_form(const json::object& body) {
    JsonReader read(body);
    ProtocolForm form;
    form.id = ProtocolId(read.text("id").value_or(""));
    form.name = read.text("name");
    form.description = read.text("description");
    form.type = read.text("type");
    form.enabled = read.switch_state("state");
    form.configuration = read.text_map("configuration");
    form.script = read.text("script");
    UPDRAFT_CHECK(read.finish());
    return form;
}

CrudResource protocol_resource(const Api& api, const Store& store, ProtocolService& protocols) {
    CrudResource resource;
    resource.bases = {"/protocol"};
    resource.permission = permission::protocol;
    resource.word = "protocol";
    query_with(
        resource, api, store,
        [](const Repositories& rows) -> const Queries<ProtocolPackage>& {
            return rows.protocols();
        },
        protocol_json);
    resource.find = [&store](const Call& call, const std::string& id) -> Result<json::value> {
        UPDRAFT_TRY(const ProtocolPackage package, package_of(store, id));
        json::object row = protocol_json(package, call.language);
        put_text(row, "script", package.script);
        row["transports"] = transports_json(package, call.language);
        row["configKeys"] = config_keys_json(package.config_keys);
        return json::value(std::move(row));
    };
    resource.insert = [&protocols](const Call& call, const auto& rows) -> Result<json::array> {
        UPDRAFT_TRY(const auto forms, forms_of(rows, protocol_form));
        UPDRAFT_TRY(const auto added, protocols.add(forms, call.by));
        json::array list;
        for (const ProtocolPackage& package : added) {
            list.push_back(protocol_json(package, call.language));
        }
        return list;
    };
    resource.save = [&protocols](const Call& call, const auto& rows) -> Result<SaveCounts> {
        UPDRAFT_TRY(const auto forms, forms_of(rows, protocol_form));
        return protocols.save(forms, call.by);
    };
    resource.replace = [&protocols](const Call& call, const std::string& id,
                                    const json::object& row) -> Result<void> {
        UPDRAFT_TRY(ProtocolForm form, protocol_form(row));
        form.id = ProtocolId(id);
        return protocols.replace(form, call.by);
    };
    resource.remove = [&protocols](const Call& call, const std::string& id) -> Result<json::value> {
        UPDRAFT_TRY(const ProtocolPackage package, protocols.remove(ProtocolId(id), call.by));
        return json::value(protocol_json(package, call.language));
    };
    return resource;
}

/// The enabled packages that serve a transport; all enabled ones for an empty transport.
json::array supports_json(const Store& store, const std::string& transport) {
    json::array list;
    Query all;
    all.paging = false;
    store.read([&](const Repositories& rows) {
        rows.protocols().each(all, [&](const ProtocolPackage& package) {
            if (package.enabled &&
                (transport.empty() || package.transports.empty() || serves(package, transport))) {
                list.push_back(brief_json(package));
            }
            return true;
        });
    });
    return list;
}

void overview_routes(Api& api, const Store& store) {
    const Access query = Access::permitted(permission::protocol, permission::query);
    api.route(Method::get, "/protocol/providers", query, [](const Call&) -> Result<Answer> {
        return json::value(json::array{protocol_type_lua, protocol_type_jar, "local"});
    });
    api.route(Method::get, "/protocol/supports", query, [&store](const Call&) -> Result<Answer> {
        return json::value(supports_json(store, ""));
    });
    api.route(Method::get, "/protocol/supports/{transport}", query,
              [&store](const Call& call) -> Result<Answer> {
                  return json::value(supports_json(store, call.parameter("transport")));
              });
}

void package_routes(Api& api, const Store& store) {
    const Access query = Access::permitted(permission::protocol, permission::query);
    api.route(Method::get, "/protocol/{id}/exists", query,
              [&store](const Call& call) -> Result<Answer> {
                  return json::value(package_of(store, call.parameter("id")).has_value());
              });
    api.route(
        Method::post, "/protocol/{id}/detail", query, [&store](const Call& call) -> Result<Answer> {
            UPDRAFT_TRY(const ProtocolPackage package, package_of(store, call.parameter("id")));
            json::object detail = brief_json(package);
            detail["transports"] = transports_json(package, call.language);
            return json::value(std::move(detail));
        });
    api.route(Method::get, "/protocol/{id}/transports", query,
              [&store](const Call& call) -> Result<Answer> {
                  UPDRAFT_TRY(const ProtocolPackage package,
                              package_of(store, call.parameter("id")));
                  return json::value(transports_json(package, call.language));
              });
    api.route(Method::get, "/protocol/{id}/transport/{transport}", query,
              [&store](const Call& call) -> Result<Answer> {
                  UPDRAFT_TRY(const ProtocolPackage package,
                              package_of(store, call.parameter("id")));
                  const std::string& transport = call.parameter("transport");
                  if (!package.transports.empty() && !serves(package, transport)) {
                      return Error::not_found("传输协议", "transport", transport);
                  }
                  return json::value(transport_json(package, transport, call.language));
              });
    api.route(
        Method::get, "/protocol/{id}/{transport}/configuration", query,
        [&store](const Call& call) -> Result<Answer> {
            UPDRAFT_TRY(const ProtocolPackage package, package_of(store, call.parameter("id")));
            const auto metadata =
                ProtocolService::config_metadata(package, call.parameter("transport"));
            return metadata ? Answer(json::value(config_metadata_json(*metadata, call.language)))
                            : Answer(NoResult{});
        });
}

void change_routes(Api& api, ProtocolService& protocols) {
    const Access save = Access::permitted(permission::protocol, permission::save);
    for (const bool enable : {true, false}) {
        api.act(Method::post, enable ? "/protocol/{id}/_deploy" : "/protocol/{id}/_un-deploy", save,
                {enable ? "protocol.enable" : "protocol.disable"},
                [&protocols, enable](const Call& call) -> Result<Answer> {
                    UPDRAFT_CHECK(
                        protocols.set_enabled(ProtocolId(call.parameter("id")), enable, call.by));
                    return json::value(true);
                });
    }
    api.act(Method::post, "/protocol/default-protocol/_save", save, {"protocol.restore"},
            [&protocols](const Call& call) -> Result<Answer> {
                protocols.install_builtin(&call.by);
                return json::value(true);
            });
}

/// Parses a script's item for an answer; it is the script's, and may be anything.
json::value item_json(const std::string& item) {
    boost::system::error_code error;
    json::value value = json::parse(item, error);
    return error ? json::value(nullptr) : value;
}

json::object outcome_json(const ScriptAnswer& answer, ScriptCall::Direction direction,
                          Language language) {
    json::object outcome;
    json::array log;
    for (const std::string& line : answer.log) {
        log.emplace_back(line);
    }
    outcome["log"] = std::move(log);
    if (answer.failure) {
        json::object error{{"message", answer.failure->message.in(language)}};
        if (answer.failure->line) {
            error["line"] = *answer.failure->line;
        }
        outcome["error"] = std::move(error);
    } else if (direction == ScriptCall::Direction::decode) {
        outcome["message"] =
            answer.items.empty() ? json::value(nullptr) : item_json(answer.items.front());
        if (answer.items.size() > 1) {
            json::array messages;
            for (const std::string& item : answer.items) {
                messages.push_back(item_json(item));
            }
            outcome["messages"] = std::move(messages);
        }
    } else if (answer.items.size() == 2) {
        const std::string& payload = answer.items[1];
        outcome["topic"] =
            is_utf8(answer.items[0]) ? json::value(answer.items[0]) : json::value("");
        outcome["payloadHex"] =
            to_hex({reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size()});
        if (is_utf8(payload)) {
            outcome["payload"] = payload;
        }
    }
    return outcome;
}

Result<ScriptSample> script_sample(const json::object& body) {
    JsonReader read(body);
    ScriptSample sample;
    sample.script = read.text("script");
    sample.id = ProtocolId(read.text("id").value_or(""));
    const std::string direction = read.text("direction").value_or("");
    sample.call.topic = read.text("topic").value_or("");
    sample.call.payload = read.text("payload").value_or("");
    const std::optional<std::string> hex = read.text("payloadHex");
    const std::optional<std::string> message = read.json_text("message");
    sample.call.product = ProductId(read.text("productId").value_or(""));
    sample.call.device = DeviceId(read.text("deviceId").value_or(""));
    UPDRAFT_CHECK(read.finish());
    if (!sample.script && sample.id.empty()) {
        return Error::invalid("script", {"请输入脚本", "enter a script, or the id of a package"});
    }
    if (direction == "encode") {
        sample.call.direction = ScriptCall::Direction::encode;
        sample.call.payload = message.value_or("{}");
    } else if (direction != "decode") {
        return Error::invalid("direction", {"可选值: decode, encode", "one of: decode, encode"});
    } else if (hex) {
        std::optional<std::string> bytes = from_hex(*hex);
        if (!bytes) {
            return Error::invalid(
                "payloadHex", {"应为偶数个十六进制数字", "an even number of hex digits is right"});
        }
        sample.call.payload = *std::move(bytes);
    }
    return sample;
}

void script_routes(Api& api, ProtocolService& protocols) {
    const Access save = Access::permitted(permission::protocol, permission::save);
    api.route(Method::post, "/protocol/script/_check", save,
              [&protocols](const Call& call) -> Result<Answer> {
                  UPDRAFT_TRY(const json::object body, call.object());
                  JsonReader read(body);
                  const std::string script = read.text("script").value_or("");
                  UPDRAFT_CHECK(read.finish());
                  UPDRAFT_TRY(const ScriptDeclaration declared, protocols.check_script(script));
                  return json::value(json::object{
                      {"transports", declared_transports_json(declared.transports, call.language)},
                      {"configKeys", config_keys_json(declared.config_keys)}});
              });
    api.route(Method::post, "/protocol/script/_try", save,
              [&protocols](const Call& call) -> Result<Answer> {
                  UPDRAFT_TRY(const json::object body, call.object());
                  UPDRAFT_TRY(const ScriptSample sample, script_sample(body));
                  UPDRAFT_TRY(const ScriptAnswer answer, protocols.try_script(sample));
                  return json::value(outcome_json(answer, sample.call.direction, call.language));
              });
}

json::object value_type_json(const ConfigKey& key) {
    json::object type{{"id", key.type}, {"type", key.type}, {"name", key.type}};
    if (!key.choices.empty()) {
        json::array elements;
        for (const std::string& choice : key.choices) {
            elements.push_back(json::object{{"value", choice}, {"text", choice}});
        }
        type["elements"] = std::move(elements);
    }
    return type;
}

}  // namespace

json::array features_json(const std::vector<Feature>& features, Language language) {
    json::array list;
    for (const Feature& feature : features) {
        const bool firmware = feature.id == feature_support_firmware;
        const std::string name =
            firmware ? text("支持固件升级", "Supports firmware upgrades").in(language)
                     : feature.name;
        list.push_back(json::object{{"id", feature.id}, {"name", name}});
    }
    return list;
}

json::object config_metadata_json(const ConfigMetadata& metadata, Language language) {
    json::array properties;
    for (const ConfigKey& key : metadata.keys) {
        json::array scopes{"product"};
        if (!key.product_only) {
            scopes.emplace_back("device");
        }
        properties.push_back(json::object{{"property", key.property},
                                          {"name", key.name.in(language)},
                                          {"description", key.description.in(language)},
                                          {"type", value_type_json(key)},
                                          {"scopes", std::move(scopes)}});
    }
    return {{"name", metadata.name.in(language)},
            {"description", metadata.description.in(language)},
            {"scopes", json::array{"product", "device"}},
            {"properties", std::move(properties)}};
}

json::array config_metadata_list(const std::optional<ProtocolPackage>& package,
                                 const std::string& transport, Language language) {
    json::array list;
    if (package) {
        if (const auto metadata = ProtocolService::config_metadata(*package, transport)) {
            list.push_back(config_metadata_json(*metadata, language));
        }
    }
    return list;
}

void protocol_routes(Api& api, const Store& store, ProtocolService& protocols) {
    crud_routes(api, protocol_resource(api, store, protocols));
    overview_routes(api, store);
    package_routes(api, store);
    change_routes(api, protocols);
    script_routes(api, protocols);
}

}  // namespace updraft::rest
