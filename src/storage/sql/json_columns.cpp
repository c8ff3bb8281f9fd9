#include "storage/sql/json_columns.hpp"

#include <boost/json.hpp>

#include "app/ports.hpp"

namespace json = boost::json;

namespace updraft::sql {
namespace {

json::value parsed(std::string_view text) {
    boost::system::error_code code;
    json::value value = json::parse(text, code);
    if (code) {
        throw StorageError(StorageError::Cause::broken, "a JSON column does not hold JSON");
    }
    return value;
}

const json::array& array_in(const json::value& value) {
    const auto* array = value.if_array();
    if (array == nullptr) {
        throw StorageError(StorageError::Cause::broken, "a JSON column does not hold a list");
    }
    return *array;
}

std::string member(const json::value& object, std::string_view name) {
    const auto* members = object.if_object();
    const json::value* value = members != nullptr ? members->if_contains(name) : nullptr;
    const auto* string = value != nullptr ? value->if_string() : nullptr;
    return string != nullptr ? std::string(std::string_view(*string)) : std::string();
}

const json::value& list_member(const json::value& object, std::string_view name) {
    static const json::value empty = json::array();
    const auto* members = object.if_object();
    const json::value* value = members != nullptr ? members->if_contains(name) : nullptr;
    return value != nullptr ? *value : empty;
}

std::vector<std::string> strings_in(const json::value& value) {
    std::vector<std::string> list;
    for (const json::value& each : array_in(value)) {
        if (const auto* string = each.if_string()) {
            list.emplace_back(std::string_view(*string));
        }
    }
    return list;
}

}  // namespace

std::string to_json(const TextMap& map) {
    if (map.empty()) {
        return "{}";
    }
    json::object object;
    for (const auto& [key, value] : map) {
        object[key] = value;
    }
    return json::serialize(object);
}

std::string to_json(const std::vector<std::string>& list) {
    return json::serialize(json::array(list.begin(), list.end()));
}

std::string to_json(const std::vector<FirmwareProperty>& properties) {
    json::array array;
    for (const FirmwareProperty& each : properties) {
        array.push_back({{"id", each.id}, {"name", each.name}, {"value", each.value}});
    }
    return json::serialize(array);
}

std::string to_json(const std::vector<TransportDetail>& transports) {
    json::array array;
    for (const TransportDetail& transport : transports) {
        json::array features;
        for (const Feature& feature : transport.features) {
            features.push_back({{"id", feature.id}, {"name", feature.name}});
        }
        array.push_back({{"id", transport.id}, {"features", std::move(features)}});
    }
    return json::serialize(array);
}

std::string to_json(const std::vector<ScriptConfigKey>& keys) {
    json::array array;
    for (const ScriptConfigKey& key : keys) {
        array.push_back({{"property", key.property}, {"name", key.name}, {"type", key.type}});
    }
    return json::serialize(array);
}

std::string to_json(const std::vector<MenuGrant>& grants) {
    json::array array;
    for (const MenuGrant& grant : grants) {
        array.push_back({{"menu", grant.menu_code},
                         {"buttons", json::array(grant.buttons.begin(), grant.buttons.end())}});
    }
    return json::serialize(array);
}

std::string to_json(const std::vector<Permission>& permissions) {
    json::array array;
    for (const Permission& each : permissions) {
        array.push_back(
            {{"id", each.id}, {"actions", json::array(each.actions.begin(), each.actions.end())}});
    }
    return json::serialize(array);
}

TextMap map_from(std::string_view text) {
    TextMap map;
    if (text == "{}") {
        return map;
    }
    const json::value value = parsed(text);
    const auto* object = value.if_object();
    if (object == nullptr) {
        throw StorageError(StorageError::Cause::broken, "a JSON column does not hold a map");
    }
    for (const auto& [key, each] : *object) {
        if (const auto* string = each.if_string()) {
            map[std::string(key)] = std::string(std::string_view(*string));
        }
    }
    return map;
}

std::vector<std::string> list_from(std::string_view text) {
    return text == "[]" ? std::vector<std::string>() : strings_in(parsed(text));
}

std::vector<FirmwareProperty> properties_from(std::string_view text) {
    std::vector<FirmwareProperty> properties;
    const json::value value = parsed(text);
    for (const json::value& each : array_in(value)) {
        properties.push_back({member(each, "id"), member(each, "name"), member(each, "value")});
    }
    return properties;
}

std::vector<TransportDetail> transports_from(std::string_view text) {
    std::vector<TransportDetail> transports;
    const json::value value = parsed(text);
    for (const json::value& each : array_in(value)) {
        TransportDetail transport{member(each, "id"), {}};
        for (const json::value& feature : array_in(list_member(each, "features"))) {
            transport.features.push_back({member(feature, "id"), member(feature, "name")});
        }
        transports.push_back(std::move(transport));
    }
    return transports;
}

std::vector<ScriptConfigKey> config_keys_from(std::string_view text) {
    std::vector<ScriptConfigKey> keys;
    const json::value value = parsed(text);
    for (const json::value& each : array_in(value)) {
        keys.push_back({member(each, "property"), member(each, "name"), member(each, "type")});
    }
    return keys;
}

std::vector<MenuGrant> grants_from(std::string_view text) {
    std::vector<MenuGrant> grants;
    const json::value value = parsed(text);
    for (const json::value& each : array_in(value)) {
        grants.push_back({member(each, "menu"), strings_in(list_member(each, "buttons"))});
    }
    return grants;
}

std::vector<Permission> permissions_from(std::string_view text) {
    std::vector<Permission> permissions;
    const json::value value = parsed(text);
    for (const json::value& each : array_in(value)) {
        permissions.push_back({member(each, "id"), strings_in(list_member(each, "actions"))});
    }
    return permissions;
}

}  // namespace updraft::sql
