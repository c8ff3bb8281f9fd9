#include "transport/http/rest/devices.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <memory>

#include "transport/http/rest/crud.hpp"
#include "transport/http/rest/devices_json.hpp"
#include "transport/http/rest/json_reader.hpp"
#include "transport/http/rest/protocols.hpp"

namespace updraft::rest {
namespace {

using http::Method;

const Queries<DeviceRow>& devices_in(const Repositories& rows) {
    return rows.devices();
}

auto detail_maker() {
    return [](const Repositories& rows, const Query& query, Language language) {
        return [catalog = std::make_shared<ProductCatalog>(rows), switches = switches_of(query),
                language](const DeviceRow& row) {
            return device_detail_json(row, *catalog, switches, language);
        };
    };
}

std::optional<DeviceRow> row_of(const Repositories& rows, const std::string& id) {
    std::optional<Device> device = rows.devices().find(DeviceId(id));
    if (!device) {
        return std::nullopt;
    }
    const std::optional<Product> product = rows.products().find(device->product);
    return DeviceRow{*std::move(device), product ? product->name : std::string()};
}

/// `make(repositories, row)` for the device of the path, else not_found.
template <class Make>
ApiHandler of_device(const Store& store, Make make) {
    return [&store, make](const Call& call) -> Result<Answer> {
        return store.read([&](const Repositories& rows) -> Result<Answer> {
            const std::optional<DeviceRow> row = row_of(rows, call.parameter("id"));
            if (!row) {
                return Error::not_found("设备", "device", call.parameter("id"));
            }
            return Answer(json::value(make(rows, *row, call.language)));
        });
    };
}

/// Tags as an object, or as a list of {"key","value"}: consoles send both.
std::optional<std::map<std::string, std::string>> tags_in(const json::object& body,
                                                          JsonReader& read) {
    const json::value* tags = body.if_contains("tags");
    if (tags == nullptr || !tags->is_array()) {
        return read.text_map("tags");
    }
    std::map<std::string, std::string> values;
    for (const json::object& item : read.objects("tags").value_or(std::vector<json::object>{})) {
        JsonReader tag(item);
        if (const auto key = tag.text("key")) {
            values[*key] = tag.text("value").value_or("");
        }
    }
    return values;
}

Result<DeviceForm> device_form(const json::object& body) {
    JsonReader read(body);
    DeviceForm form;
    form.id = DeviceId(read.text("id").value_or(""));
    form.name = read.text("name");
    if (auto product = read.text("productId")) {
        form.product = ProductId(*std::move(product));
    }
    form.device_type = read.choice(
        "deviceType", {DeviceType::device, DeviceType::children_device, DeviceType::gateway});
    form.parent = read.text("parentId");
    form.description = read.text(read.has("describe") ? "describe" : "description");
    form.configuration = read.text_map("configuration");
    form.tags = tags_in(body, read);
    UPDRAFT_CHECK(read.finish());
    return form;
}

CrudResource device_resource(const Api& api, const Store& store, DeviceService& devices) {
    CrudResource resource;
    resource.bases = {"/device-instance", "/device/instance"};
    resource.permission = permission::device;
    resource.word = "device";
    query_with(resource, api, store, devices_in, device_json);
    resource.find = [&store](const Call& call, const std::string& id) -> Result<json::value> {
        const auto row = store.read([&](const Repositories& rows) { return row_of(rows, id); });
        if (!row) {
            return Error::not_found("设备", "device", id);
        }
        json::object json = device_json(*row, call.language);
        json["attributes"] = text_map_json(row->device.attributes);
        return json::value(std::move(json));
    };
    resource.insert = [&store, &devices](const Call& call,
                                         const auto& rows) -> Result<json::array> {
        UPDRAFT_TRY(const auto forms, forms_of(rows, device_form));
        UPDRAFT_TRY(const auto added, devices.add(forms, call.by));
        json::array list;
        store.read([&](const Repositories& repositories) {
            ProductCatalog catalog(repositories);
            for (const Device& device : added) {
                const ProductCatalog::Entry* entry = catalog.find(device.product);
                list.push_back(
                    device_json({device, entry == nullptr ? std::string() : entry->product.name},
                                call.language));
            }
        });
        return list;
    };
    resource.save = [&devices](const Call& call, const auto& rows) -> Result<SaveCounts> {
        UPDRAFT_TRY(const auto forms, forms_of(rows, device_form));
        return devices.save(forms, call.by);
    };
    resource.replace = [&devices](const Call& call, const std::string& id,
                                  const json::object& row) -> Result<void> {
        UPDRAFT_TRY(DeviceForm form, device_form(row));
        form.id = DeviceId(id);
        return devices.replace(form, call.by);
    };
    resource.remove = [&devices](const Call& call, const std::string& id) -> Result<json::value> {
        UPDRAFT_TRY(const Device device, devices.remove(DeviceId(id), call.by));
        return json::value(device_json({device, ""}, call.language));
    };
    return resource;
}

Result<Answer> validate_id(const Store& store, const Call& call) {
    const std::string id = call.request.query_value("id").value_or("");
    std::string reason;
    if (const Result<void> good = checked_id(id); !good) {
        reason = good.error().message.in(call.language);
    } else if (store.read([&](const Repositories& rows) { return row_of(rows, id).has_value(); })) {
        reason = text("设备ID已存在", "the device id is taken").in(call.language);
    }
    return json::value(json::object{{"passed", reason.empty()}, {"reason", reason}});
}

void read_routes(Api& api, const std::string& base, const Store& store) {
    const Access query = Access::permitted(permission::device, permission::query);
    api.query_route(base + "/detail/_query", query,
                    with_query(made_page_of(store, devices_in, detail_maker())));
    api.query_route(base + "/detail/_query/no-paging", query,
                    with_query(made_list_of(api, store, devices_in, detail_maker())));
    api.route(Method::get, base + "/{id}/detail", query,
              of_device(store, [](const Repositories& rows, const DeviceRow& row, Language in) {
                  ProductCatalog catalog(rows);
                  json::object json = device_detail_json(row, catalog, {}, in);
                  json["attributes"] = text_map_json(row.device.attributes);
                  return json;
              }));
    api.route(Method::get, base + "/{id}/state", query,
              of_device(store, [](const Repositories&, const DeviceRow& row, Language in) {
                  return enum_json(row.device.state, in);
              }));
    api.route(Method::get, base + "/{id}/config-metadata", query,
              of_device(store, [](const Repositories& rows, const DeviceRow& row, Language in) {
                  ProductCatalog catalog(rows);
                  const ProductCatalog::Entry* entry = catalog.find(row.device.product);
                  return entry == nullptr
                             ? json::array{}
                             : config_metadata_list(entry->package,
                                                    entry->product.transport_protocol, in);
              }));
    api.route(Method::get, base + "/{id}/exists", query,
              [&store](const Call& call) -> Result<Answer> {
                  return json::value(store.read([&](const Repositories& rows) {
                      return row_of(rows, call.parameter("id")).has_value();
                  }));
              });
    api.route(Method::get, base + "/id/_validate", query,
              [&store](const Call& call) { return validate_id(store, call); });
}

/// The log of one device: what was asked, and-ed with the device.
Result<Answer> device_logs(const Store& store, const Call& call) {
    UPDRAFT_TRY(Query query, call.query());
    std::vector<Term> terms{term("deviceId", json::value(call.parameter("id")))};
    if (!query.terms.empty()) {
        Term asked;
        asked.terms = std::move(query.terms);
        terms.push_back(std::move(asked));
    }
    query.terms = std::move(terms);
    if (query.sorts.empty()) {
        query.sorts.push_back({"timestamp", true, nullptr});
    }
    const auto page =
        store.read([&](const Repositories& rows) { return rows.device_logs().page(query); });
    return json::value(page_json(page, query, [&](const DeviceLogEntry& entry) {
        return device_log_json(entry, call.language);
    }));
}

/// Commands that devices answer; upgrades are sent by tasks only.
constexpr std::string_view commands[] = {"READ_PROPERTY", "WRITE_PROPERTY", "INVOKE_FUNCTION",
                                         "READ_FIRMWARE", "STATE_CHECK",    "DISCONNECT"};

Result<Answer> send_message(DeviceService& devices, const Call& call) {
    UPDRAFT_TRY(json::object body, call.object());
    JsonReader read(body);
    DeviceCommand command;
    command.message_type = read.text("messageType").value_or("");
    command.message_id = read.text("messageId").value_or("");
    if (std::ranges::find(commands, command.message_type) == std::end(commands)) {
        const std::string allowed = fmt::format("{}", fmt::join(commands, ", "));
        read.refuse("messageType", json::value(command.message_type),
                    text("可选值: {}", "one of: {}", allowed));
    }
    UPDRAFT_CHECK(read.finish());
    for (const char* ours : {"messageType", "messageId", "deviceId"}) {
        body.erase(ours);
    }
    command.body = json::serialize(body);
    const DeviceId id(call.parameter("id"));
    UPDRAFT_TRY(const std::string payload, devices.command(id, command));
    boost::system::error_code failed;
    json::value reply = json::parse(payload, failed);
    if (failed || !reply.is_object()) {
        reply = json::object{{"message", payload}};
    }
    json::object& answer = reply.as_object();
    answer.emplace("messageType", command.message_type + "_REPLY");
    answer.emplace("deviceId", id.value);
    answer.emplace("success", true);  // the default of the protocol when absent (spec 4.1)
    return json::value(json::array{std::move(reply)});
}

std::vector<DeviceId> ids_of(const std::vector<std::string>& texts) {
    return {texts.begin(), texts.end()};
}

void batch_routes(Api& api, const std::string& base, DeviceService& devices) {
    const Access save = Access::permitted(permission::device, permission::save);
    const Access remove = Access::permitted(permission::device, permission::remove);
    using Batch =
        Result<std::int64_t> (DeviceService::*)(const std::vector<DeviceId>&, const Actor&);
    const auto batch = [&](const std::string& path, const Access& access, Act word, Batch act) {
        api.act(Method::put, base + path, access, word,
                [&devices, act](const Call& call) -> Result<Answer> {
                    UPDRAFT_TRY(const auto ids, call.strings());
                    UPDRAFT_TRY(const std::int64_t count, (devices.*act)(ids_of(ids), call.by));
                    return json::value(count);
                });
    };
    batch("/batch/_deploy", save, {"device.enable"}, &DeviceService::deploy);
    batch("/batch/_unDeploy", save, {"device.disable"}, &DeviceService::undeploy);
    batch("/batch/_delete", remove, {"device.delete"}, &DeviceService::remove_all);
}

void change_routes(Api& api, const std::string& base, DeviceService& devices) {
    const Access save = Access::permitted(permission::device, permission::save);
    api.act(Method::post, base + "/{id}/deploy", save, {"device.enable"},
            [&devices](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const std::int64_t count,
                            devices.deploy({DeviceId(call.parameter("id"))}, call.by));
                return json::value(json::object{{"total", count}, {"success", true}});
            });
    api.act(Method::post, base + "/{id}/undeploy", save, {"device.disable"},
            [&devices](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const std::int64_t count,
                            devices.undeploy({DeviceId(call.parameter("id"))}, call.by));
                return json::value(count);
            });
    api.act(Method::post, base + "/{id}/disconnect", save,
            {"device.disconnect", Act::Entry::afterwards},
            [&devices](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const bool was_connected,
                            devices.disconnect(DeviceId(call.parameter("id"))));
                return json::value(was_connected);
            });
    api.act(Method::put, base + "/{id}/configuration/_reset", save, {"device.configuration.reset"},
            [&devices](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const Configuration configuration,
                            devices.reset_configuration(DeviceId(call.parameter("id")), call.by));
                return json::value(text_map_json(configuration));
            });
    api.act(Method::post, base + "/{id}/attributes/_request", save, {"device.attributes.request"},
            [&devices](const Call& call) -> Result<Answer> {
                UPDRAFT_CHECK(devices.request_attributes(DeviceId(call.parameter("id")), call.by));
                return json::value(true);
            });
    api.act(Method::post, base + "/{id}/message", save, {"device.command", Act::Entry::afterwards},
            [&devices](const Call& call) { return send_message(devices, call); });
}

}  // namespace

void device_routes(Api& api, const Store& store, DeviceService& devices) {
    const CrudResource resource = device_resource(api, store, devices);
    crud_routes(api, resource);
    for (const std::string& base : resource.bases) {
        read_routes(api, base, store);
        api.query_route(base + "/{id}/logs",
                        Access::permitted(permission::device, permission::query),
                        [&store](const Call& call) { return device_logs(store, call); });
        batch_routes(api, base, devices);
        change_routes(api, base, devices);
    }
}

}  // namespace updraft::rest
