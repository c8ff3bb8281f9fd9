#include "transport/http/rest/devices_json.hpp"

#include <boost/json/serialize.hpp>

#include "transport/http/rest/json_reader.hpp"
#include "transport/http/rest/protocols.hpp"

namespace updraft::rest {
namespace {

void put_time(json::object& object, std::string_view name, const std::optional<Instant>& at) {
    if (at) {
        object[name] = to_millis(*at);
    }
}

bool switched_on(const Query& query, std::string_view name) {
    const json::value* value = query.context.if_contains(name);
    return value == nullptr || !value->is_bool() || value->as_bool();
}

json::object firmware_info_json(const DeviceId& device, const FirmwareInfo& info) {
    json::object json{{"deviceId", device.value},
                      {"version", info.version},
                      {"properties", text_map_json(info.properties)},
                      {"updateTime", to_millis(info.updated_at)}};
    if (info.version_order) {
        json["versionOrder"] = *info.version_order;
    }
    return json;
}

json::array tags_json(const Device& device) {
    json::array tags;
    for (const auto& [key, value] : device.tags) {
        tags.push_back(json::object{
            {"deviceId", device.id.value}, {"key", key}, {"name", key}, {"value", value}});
    }
    return tags;
}

void put_product(json::object& json, const ProductCatalog::Entry& entry, Language language) {
    const Product& product = entry.product;
    json["productName"] = product.name;
    json["metadata"] = product.metadata;
    json["features"] = features_json(entry.features, language);
    put_text(json, "protocol", product.protocol.value);
    put_text(json, "protocolName", entry.package ? entry.package->name : "");
    put_text(json, "transport", product.transport_protocol);
    put_text(json, "accessId", product.access_id);
    put_text(json, "accessProvider", product.access_provider);
    put_text(json, "accessName", product.access_name);
}

}  // namespace

DetailSwitches switches_of(const Query& query) {
    return {switched_on(query, "includeTags"), switched_on(query, "includeRelations"),
            switched_on(query, "includeFirmwareInfos")};
}

json::object device_json(const DeviceRow& row, Language language) {
    const Device& device = row.device;
    json::object json{{"id", device.id.value},
                      {"name", device.name},
                      {"productId", device.product.value},
                      {"productName", row.product_name},
                      {"deviceType", enum_json(device.device_type, language)},
                      {"state", enum_json(device.state, language)},
                      {"describe", device.description},
                      {"configuration", text_map_json(device.configuration)},
                      {"createTime", to_millis(device.created_at)}};
    put_text(json, "parentId", device.parent ? device.parent->value : "");
    put_text(json, "creatorId", device.creator.value);
    put_time(json, "registryTime", device.registered_at);
    return json;
}

json::object device_detail_json(const DeviceRow& row, ProductCatalog& catalog,
                                const DetailSwitches& switches, Language language) {
    const Device& device = row.device;
    json::object json = device_json(row, language);
    put_time(json, "registerTime", device.registered_at);
    put_time(json, "onlineTime", device.online_at);
    put_time(json, "offlineTime", device.offline_at);
    put_text(json, "address", device.address);
    json["features"] = json::array{};
    if (const ProductCatalog::Entry* entry = catalog.find(device.product)) {
        put_product(json, *entry, language);
        Configuration effective = device.configuration;
        effective.insert(entry->product.configuration.begin(), entry->product.configuration.end());
        json["cachedConfiguration"] = text_map_json(effective);
    }
    if (switches.tags) {
        json["tags"] = tags_json(device);
    }
    if (switches.relations) {
        json["relations"] = json::array{};
    }
    if (switches.firmware_info && device.firmware) {
        json["firmwareInfo"] = firmware_info_json(device.id, *device.firmware);
    }
    return json;
}

Text log_label(const std::string& type) {
    static const std::map<std::string, Text> labels{
        {"readFirmware", {"读取固件信息", "Read firmware"}},
        {"readFirmwareReply", {"读取固件信息回复", "Read firmware reply"}},
        {"reportFirmware", {"上报固件信息", "Report firmware"}},
        {"pullFirmware", {"拉取固件信息", "Pull firmware"}},
        {"pullFirmwareReply", {"拉取固件信息回复", "Pull firmware reply"}},
        {"upgradeFirmware", {"推送固件信息", "Push firmware"}},
        {"upgradeFirmwareReply", {"推送固件信息回复", "Push firmware reply"}},
        {"upgradeFirmwareProgress", {"固件更新进度", "Upgrade progress"}},
        {"online", {"上线", "Online"}},
        {"offline", {"离线", "Offline"}},
        {"recordState", {"升级状态", "Upgrade state"}},
    };
    const auto found = labels.find(type);
    return found == labels.end() ? Text{type, type} : found->second;
}

/// A line without a message tells of a record's new state.
static std::string content_of(const DeviceLogEntry& entry) {
    if (!entry.content.empty() || !entry.step || !entry.step->state) {
        return entry.content;
    }
    json::object step{{"state", name_of(*entry.step->state)}, {"attempt", entry.step->attempt}};
    put_text(step, "errorReason", entry.step->error_reason);
    return json::serialize(step);
}

json::object device_log_json(const DeviceLogEntry& entry, Language language) {
    json::object json{{"id", entry.id},
                      {"deviceId", entry.device.value},
                      {"type", choice_json(entry.type, log_label(entry.type), language)},
                      {"timestamp", to_millis(entry.at)},
                      {"content", content_of(entry)}};
    put_text(json, "recordId", entry.record ? entry.record->value : "");
    return json;
}

}  // namespace updraft::rest
