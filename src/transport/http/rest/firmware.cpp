#include "transport/http/rest/firmware.hpp"

#include "transport/http/rest/crud.hpp"
#include "transport/http/rest/json_reader.hpp"

namespace updraft::rest {
namespace {

Result<std::vector<FirmwareProperty>> properties_of(const std::vector<json::object>& rows) {
    std::vector<FirmwareProperty> properties;
    for (const json::object& row : rows) {
        JsonReader reader(row);
        properties.push_back({reader.text("id").value_or(""), reader.text("name").value_or(""),
                              reader.text("value").value_or("")});
        UPDRAFT_CHECK(reader.finish());
    }
    return properties;
}

Result<std::vector<FirmwareArtifact>> artifacts_of(const std::vector<json::object>& rows) {
    std::vector<FirmwareArtifact> artifacts;
    for (const json::object& row : rows) {
        JsonReader reader(row);
        FirmwareArtifact artifact;
        artifact.file = FileId(reader.text("fileId").value_or(""));
        artifact.part = reader.text("part").value_or(artifact.part);
        artifact.name = reader.text("name").value_or("");
        artifact.version = reader.text("version").value_or("");
        UPDRAFT_CHECK(reader.finish());
        artifacts.push_back(std::move(artifact));
    }
    return artifacts;
}

/// By name in any case, or as an object with `value`; nothing if it is neither: row 11 says so.
std::optional<SignMethod> sign_method_of(const json::value& member) {
    const json::value* name = &member;
    if (const json::object* choice = member.if_object()) {
        name = choice->if_contains("value");
    }
    if (name == nullptr || !name->is_string()) {
        return std::nullopt;
    }
    return sign_method_named(std::string_view(name->as_string()));
}

/// Sets the members that the request gives; what is missing or wrong is the form rules' business.
Result<void> fill_in(Firmware& firmware, const json::object& row) {
    JsonReader reader(row);
    const auto take = [&](std::string& member, std::string_view name) {
        if (auto value = reader.text(name)) {
            member = *std::move(value);
        }
    };
    take(firmware.name, "name");
    take(firmware.product.value, "productId");
    take(firmware.version, "version");
    take(firmware.sign, "sign");
    take(firmware.url, "url");
    take(firmware.description, "description");
    take(firmware.part, "part");
    if (const auto order = reader.integer("versionOrder", INT32_MIN, INT32_MAX)) {
        firmware.version_order = static_cast<int>(*order);
    }
    if (const auto size = reader.integer("size")) {
        firmware.size_bytes = *size;
    }
    if (const auto rows = reader.objects("properties")) {
        UPDRAFT_TRY(firmware.properties, properties_of(*rows));
    }
    if (const auto rows = reader.objects("moreArtifacts")) {
        UPDRAFT_TRY(firmware.more_artifacts, artifacts_of(*rows));
    }
    if (reader.has("signMethod")) {
        firmware.sign_method = sign_method_of(row.at("signMethod"));
    }
    return reader.finish();
}

FirmwareService::Form form_of(const json::object& row) {
    JsonReader reader(row);
    return {FirmwareId(reader.text("id").value_or("")),
            [row](Firmware& firmware) { return fill_in(firmware, row); }};
}

std::vector<FirmwareService::Form> forms_of(const std::vector<json::object>& rows) {
    std::vector<FirmwareService::Form> forms;
    forms.reserve(rows.size());
    for (const json::object& row : rows) {
        forms.push_back(form_of(row));
    }
    return forms;
}

/// A firmware with its further artifacts and what is known of their files.
json::object firmware_detail_json(const Repositories& rows, const Firmware& firmware,
                                  Language language) {
    json::array artifacts;
    for (const FirmwareArtifact& artifact : firmware.more_artifacts) {
        json::object row{{"fileId", artifact.file.value},
                         {"part", artifact.part},
                         {"name", artifact.name},
                         {"version", artifact.version}};
        if (const auto file = rows.files().find(artifact.file)) {
            row["filename"] = file->name;
            row["size"] = file->size_bytes;
            row["md5"] = file->md5;
            put_text(row, "sha1", file->sha1);
            row["sha256"] = file->sha256;
        }
        artifacts.emplace_back(std::move(row));
    }
    json::object json = firmware_json(firmware, language);
    json["moreArtifacts"] = std::move(artifacts);
    return json;
}

}  // namespace

json::object firmware_json(const Firmware& firmware, Language /*language*/) {
    json::array properties;  // always an array: a console's dialog reads its length (row 21)
    for (const FirmwareProperty& property : firmware.properties) {
        json::object row{{"id", property.id}, {"value", property.value}};
        put_text(row, "name", property.name);
        properties.emplace_back(std::move(row));
    }
    return {{"id", firmware.id.value},
            {"productId", firmware.product.value},
            {"productName", firmware.product_name},
            {"name", firmware.name},
            {"version", firmware.version},
            {"versionOrder", firmware.version_order},
            {"url", firmware.url},
            {"sign", firmware.sign},
            {"signMethod", name_of(*firmware.sign_method)},
            {"size", firmware.size_bytes},
            {"part", firmware.part},
            {"properties", std::move(properties)},
            {"description", firmware.description},
            {"createTime", to_millis(firmware.created_at)},
            {"creatorId", firmware.creator.value},
            {"creatorName", firmware.creator_name}};
}

void firmware_routes(Api& api, const Store& store, FirmwareService& firmwares) {
    CrudResource resource;
    resource.bases = {"/firmware"};
    resource.permission = permission::firmware;
    resource.word = "firmware";
    query_with(
        resource, api, store,
        [](const Repositories& rows) -> const Firmwares& { return rows.firmwares(); },
        firmware_json);
    resource.find = [&store](const Call& call, const std::string& id) -> Result<json::value> {
        return store.read([&](const Repositories& rows) -> Result<json::value> {
            const auto firmware = rows.firmwares().find(FirmwareId(id));
            if (!firmware) {
                return Error::not_found("固件", "firmware", id);
            }
            return json::value(firmware_detail_json(rows, *firmware, call.language));
        });
    };
    resource.insert = [&store, &firmwares](
                          const Call& call,
                          const std::vector<json::object>& rows) -> Result<json::array> {
        UPDRAFT_TRY(const auto added, firmwares.create(forms_of(rows), call.by));
        return store.read([&](const Repositories& all) {
            json::array list;
            for (const Firmware& firmware : added) {
                list.emplace_back(firmware_detail_json(all, firmware, call.language));
            }
            return list;
        });
    };
    resource.save = [&firmwares](const Call& call, const std::vector<json::object>& rows) {
        return firmwares.save(forms_of(rows), call.by);
    };
    resource.replace = [&firmwares](const Call& call, const std::string& id,
                                    const json::object& row) -> Result<void> {
        FirmwareService::Form form = form_of(row);
        form.id = FirmwareId(id);
        UPDRAFT_TRY(const Firmware changed, firmwares.change(form, call.by));
        return {};
    };
    resource.remove = [&firmwares](const Call& call, const std::string& id) -> Result<json::value> {
        UPDRAFT_TRY(const Firmware removed, firmwares.remove(FirmwareId(id), call.by));
        return json::value(firmware_json(removed, call.language));
    };
    crud_routes(api, resource);

    const auto exists = [&firmwares](const Call& call) -> Result<Answer> {
        const json::object asked{{"versionOrder", call.parameter("versionOrder")}};
        JsonReader reader(asked);
        const auto order = reader.integer("versionOrder", INT32_MIN, INT32_MAX);
        UPDRAFT_CHECK(reader.finish());
        const ProductId product(call.parameter("productId"));
        return json::value(order && firmwares.order_is_taken(product, static_cast<int>(*order)));
    };
    const auto next = [&firmwares](const Call& call) -> Result<Answer> {
        UPDRAFT_TRY(const int order, firmwares.next_order(ProductId(call.parameter("productId"))));
        return json::value(order);
    };
    const Access query = Access::permitted(permission::firmware, permission::query);
    api.route(http::Method::get, "/firmware/{productId}/{versionOrder}/exists", query, exists);
    api.route(http::Method::get, "/firmware/{productId}/version-order/next", query, next);
}

}  // namespace updraft::rest
