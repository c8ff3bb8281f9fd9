#include "scripting/declaration.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/bytes.hpp"

namespace updraft::scripting {
namespace {

namespace json = boost::json;
using Failure = std::unexpected<ScriptFailure>;

constexpr std::size_t features_max = 32;
constexpr std::size_t keys_max = 32;
constexpr std::size_t id_bytes_max = 64;
constexpr std::size_t name_characters_max = 64;

Failure refuse(Text message) {
    return Failure(ScriptFailure{ScriptFailure::Kind::script, std::move(message), std::nullopt});
}

/// [0-9a-zA-Z_.-]+, at most 64.
bool is_id(std::string_view id) {
    return !id.empty() && id.size() <= id_bytes_max && std::ranges::all_of(id, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '_' || c == '.' || c == '-';
    });
}

/// The list under `name`; empty if there is none. An empty Lua table reads as an object.
std::expected<json::array, ScriptFailure> list_of(const json::object& declared, const char* name,
                                                  std::size_t longest) {
    const json::value* value = declared.if_contains(name);
    if (value == nullptr || value->is_null() ||
        (value->is_object() && value->get_object().empty())) {
        return json::array{};
    }
    if (!value->is_array()) {
        return refuse(
            text("{} 应为列表, 例如 {{\"a\"}}", "{} has to be a list, such as {{\"a\"}}", name));
    }
    if (value->get_array().size() > longest) {
        return refuse(text("{} 超过{}项", "{} has over {} entries", name, longest));
    }
    return value->get_array();
}

std::string text_of(const json::object& object, const char* name) {
    const json::value* value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

std::expected<std::vector<Feature>, ScriptFailure> read_features(const json::object& declared) {
    const auto list = list_of(declared, "features", features_max);
    if (!list) {
        return Failure(list.error());
    }
    std::vector<Feature> features;
    for (const json::value& each : *list) {
        Feature feature;
        if (each.is_string()) {
            feature.id = each.get_string();
        } else if (each.is_object()) {
            feature = {text_of(each.get_object(), "id"), text_of(each.get_object(), "name")};
        }
        if (!is_id(feature.id) || code_points(feature.name) > name_characters_max) {
            return refuse({"features 的每一项应为特性ID, 例如 \"supportFirmware\"",
                           "each of features is an id, such as \"supportFirmware\""});
        }
        if (feature.id == feature_support_firmware) {
            feature.name = "支持固件升级";
        } else if (feature.name.empty()) {
            feature.name = feature.id;
        }
        features.push_back(std::move(feature));
    }
    return features;
}

std::expected<std::vector<TransportDetail>, ScriptFailure> read_transports(
    const json::object& declared, const std::vector<Feature>& features) {
    const auto list = list_of(declared, "transports", 8);
    if (!list) {
        return Failure(list.error());
    }
    std::vector<TransportDetail> transports;
    for (const json::value& each : *list) {
        const std::string id = each.is_string() ? std::string(each.get_string()) : "";
        if (!equals_ignoring_case(id, "MQTT") && !equals_ignoring_case(id, "HTTP")) {
            return refuse(text("transports 中的 \"{}\" 不支持, 可选值: MQTT, HTTP",
                               "transports cannot hold \"{}\"; MQTT and HTTP are right",
                               is_id(id) ? id : std::string("?")));
        }
        const std::string spelled = equals_ignoring_case(id, "MQTT") ? "MQTT" : "HTTP";
        const bool twice = std::ranges::any_of(
            transports, [&](const TransportDetail& other) { return other.id == spelled; });
        if (!twice) {
            transports.push_back({spelled, features});
        }
    }
    if (transports.empty()) {
        return refuse({"脚本应声明 transports, 例如 transports = {\"MQTT\"}",
                       "a script declares its transports, such as transports = {\"MQTT\"}"});
    }
    return transports;
}

std::expected<std::vector<ScriptConfigKey>, ScriptFailure> read_keys(const json::object& declared) {
    const auto list = list_of(declared, "config", keys_max);
    if (!list) {
        return Failure(list.error());
    }
    std::vector<ScriptConfigKey> keys;
    for (const json::value& each : *list) {
        ScriptConfigKey key;
        if (each.is_object()) {
            key.property = text_of(each.get_object(), "property");
            key.name = text_of(each.get_object(), "name");
            const std::string type = text_of(each.get_object(), "type");
            key.type = type.empty() ? key.type : type;
        }
        if (!is_id(key.property)) {
            return refuse({"config 的每一项应有 property, 例如 {property = \"secureId\"}",
                           "each of config has a property, such as {property = \"secureId\"}"});
        }
        if (key.type != "string" && key.type != "password" && key.type != "boolean") {
            return refuse(text("config 中 {} 的 type 应为 string, password 或 boolean",
                               "the type of {} in config is string, password or boolean",
                               key.property));
        }
        if (code_points(key.name) > name_characters_max) {
            return refuse(text("config 中 {} 的 name 超过{}个字符",
                               "the name of {} in config has over {} characters", key.property,
                               name_characters_max));
        }
        if (std::ranges::any_of(keys, [&](const ScriptConfigKey& other) {
                return other.property == key.property;
            })) {
            return refuse(text("config 中 {} 重复", "{} is twice in config", key.property));
        }
        key.name = key.name.empty() ? key.property : key.name;
        keys.push_back(std::move(key));
    }
    return keys;
}

}  // namespace

std::expected<ScriptDeclaration, ScriptFailure> read_declaration(std::string_view json_text) {
    boost::system::error_code error;
    const json::value parsed = json::parse(json_text, error);
    if (error || !parsed.is_object()) {
        return refuse({"脚本的声明无法读取", "what the script declares cannot be read"});
    }
    const json::object& declared = parsed.get_object();
    const auto has = [&](const char* name) {
        const json::value* value = declared.if_contains(name);
        return value != nullptr && value->is_bool() && value->get_bool();
    };
    if (!has("decode")) {
        return refuse({"脚本应有 decode 函数", "a script has a function decode"});
    }
    const auto features = read_features(declared);
    if (!features) {
        return Failure(features.error());
    }
    const bool firmware = std::ranges::any_of(
        *features, [](const Feature& feature) { return feature.id == feature_support_firmware; });
    if (firmware && !has("encode")) {
        return refuse({"声明了 supportFirmware 的脚本应有 encode 函数",
                       "a script that declares supportFirmware has a function encode"});
    }
    auto transports = read_transports(declared, *features);
    if (!transports) {
        return Failure(transports.error());
    }
    auto keys = read_keys(declared);
    if (!keys) {
        return Failure(keys.error());
    }
    return ScriptDeclaration{*std::move(transports), *std::move(keys)};
}

}  // namespace updraft::scripting
