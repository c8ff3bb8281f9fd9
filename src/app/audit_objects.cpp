#include <boost/json/array.hpp>

#include "app/access_passwords.hpp"
#include "app/audit.hpp"
#include "domain/names.hpp"

// One function for each kind of object that operators change. The members are named as in the API,
// without the words that people see: the log is the same in every language.
namespace updraft {
namespace {

namespace json = boost::json;

constexpr std::size_t text_bytes_max = 4'096;

/// Long text (a script, a thing model, a picture) by its size and digest: that it changed, not how.
json::value text_or_digest(const std::string& text) {
    if (text.size() <= text_bytes_max) {
        return json::string(text);
    }
    return json::object{{"bytes", text.size()}, {"sha256", json::string(secret_sha256(text))}};
}

/// A file's address without its key.
std::string without_key(std::string url) {
    const std::string_view parameter = "accessKey=";
    const auto at = url.find(parameter);
    if (at != std::string::npos) {
        const auto from = at + parameter.size();
        url.replace(from, std::min(url.find_first_of("&#", from), url.size()) - from, "***");
    }
    return url;
}

json::object texts(const std::map<std::string, std::string>& values) {
    json::object object;
    for (const auto& [key, value] : values) {
        object[key] = text_or_digest(value);
    }
    return object;
}

json::value time_or_null(const std::optional<Instant>& time) {
    return time ? json::value(to_millis(*time)) : json::value(nullptr);
}

template <class Ids>
json::array ids_json(const Ids& ids) {
    json::array list;
    for (const auto& id : ids) {
        list.emplace_back(id.value);
    }
    return list;
}

}  // namespace

AuditedObject audited(const Product& p) {
    return {"product",
            p.id.value,
            p.name,
            {{"id", p.id.value},
             {"name", p.name},
             {"describe", p.description},
             {"deviceType", name_of(p.device_type)},
             {"messageProtocol", p.protocol.value},
             {"transportProtocol", p.transport_protocol},
             {"accessId", p.access_id},
             {"accessProvider", p.access_provider},
             {"accessName", p.access_name},
             {"storePolicy", p.store_policy},
             {"metadata", text_or_digest(p.metadata)},
             {"state", p.enabled ? 1 : 0}},
            p.configuration,
            {}};
}

AuditedObject audited(const ProtocolPackage& p) {
    return {"protocol",
            p.id.value,
            p.name,
            {{"id", p.id.value},
             {"name", p.name},
             {"description", p.description},
             {"type", p.type},
             {"script", text_or_digest(p.script)},
             {"state", p.enabled ? 1 : 0}},
            p.configuration,
            {}};
}

AuditedObject audited(const Device& d) {
    return {"device",
            d.id.value,
            d.name,
            {{"id", d.id.value},
             {"name", d.name},
             {"productId", d.product.value},
             {"deviceType", name_of(d.device_type)},
             {"parentId", d.parent ? json::value(d.parent->value) : json::value(nullptr)},
             {"describe", d.description},
             {"tags", texts(d.tags)},
             {"state", name_of(d.state)}},
            d.configuration,
            {}};
}

AuditedObject audited(const Firmware& f) {
    json::array properties;
    for (const FirmwareProperty& each : f.properties) {
        properties.push_back(
            json::object{{"id", each.id}, {"name", each.name}, {"value", each.value}});
    }
    json::array artifacts;
    for (const FirmwareArtifact& each : f.more_artifacts) {
        artifacts.push_back(json::object{{"fileId", each.file.value},
                                         {"part", each.part},
                                         {"name", each.name},
                                         {"version", each.version}});
    }
    return {"firmware",
            f.id.value,
            f.name,
            {{"id", f.id.value},
             {"productId", f.product.value},
             {"name", f.name},
             {"version", f.version},
             {"versionOrder", f.version_order},
             {"url", without_key(f.url)},
             {"sign", f.sign},
             {"signMethod", f.sign_method ? name_of(*f.sign_method) : std::string_view()},
             {"size", f.size_bytes},
             {"part", f.part},
             {"properties", std::move(properties)},
             {"moreArtifacts", std::move(artifacts)},
             {"description", f.description}},
            std::nullopt,
            {}};
}

AuditedObject audited(const UpgradeTask& t) {
    constexpr std::size_t devices_max = 10;
    json::array first;
    for (const DeviceId& device : t.devices) {
        if (first.size() == devices_max) {
            break;
        }
        first.emplace_back(device.value);
    }
    json::object object{{"id", t.id.value},
                        {"name", t.name},
                        {"productId", t.product.value},
                        {"firmwareId", t.firmware.value},
                        {"targetVersion", t.target_version},
                        {"mode", name_of(t.mode)},
                        {"responseTimeoutSeconds", t.response_timeout.count()},
                        {"timeoutSeconds", t.upgrade_timeout.count()},
                        {"releaseType", name_of(t.release_type)},
                        {"description", t.description},
                        {"stopped", t.stopped},
                        {"force", t.forced},
                        {"deployment", name_of(t.deployment)},
                        {"confirmationRequired", t.confirmation_required},
                        {"deviceCount", t.planned_total}};
    if (t.rate_per_second) {
        object["rate"] = *t.rate_per_second;
    }
    if (t.max_concurrent) {
        object["maxConcurrent"] = *t.max_concurrent;
    }
    if (!t.terms.empty()) {
        object["terms"] = text_or_digest(t.terms);
    }
    if (!first.empty()) {
        object["firstDevices"] = std::move(first);
    }
    return {"task", t.id.value, t.name, std::move(object), std::nullopt, {}};
}

AuditedObject audited(const RecordRow& row) {
    const UpgradeRecord& r = row.record;
    return {"record",
            r.id.value,
            row.device_name,
            {{"id", r.id.value},
             {"taskId", r.task.value},
             {"taskName", row.task_name},
             {"deviceId", r.device.value},
             {"firmwareId", r.firmware.value},
             {"state", name_of(r.state)}},
            std::nullopt,
            {}};
}

AuditedObject audited(const StoredFile& f) {
    return {"file",
            f.id.value,
            f.name,
            {{"id", f.id.value},
             {"name", f.name},
             {"extension", f.extension},
             {"length", f.size_bytes},
             {"md5", f.md5},
             {"sha256", f.sha256},
             {"publicAccess", f.public_access},
             {"temporary", f.temporary}},
            std::nullopt,
            {}};
}

AuditedObject audited(const User& u) {
    return {"user",
            u.id.value,
            u.username,
            {{"id", u.id.value},
             {"username", u.username},
             {"name", u.name},
             {"email", u.email},
             {"telephone", u.telephone},
             {"avatar", text_or_digest(u.avatar)},
             {"description", u.description},
             {"status", u.enabled ? 1 : 0},
             {"roleIdList", ids_json(u.roles)}},
            std::nullopt,
            u.password_hash};
}

AuditedObject audited(const Role& r) {
    json::array grants;
    for (const MenuGrant& each : r.grants) {
        grants.push_back(
            json::object{{"code", each.menu_code},
                         {"buttons", json::array(each.buttons.begin(), each.buttons.end())}});
    }
    return {"role",
            r.id.value,
            r.name,
            {{"id", r.id.value},
             {"name", r.name},
             {"description", r.description},
             {"menus", std::move(grants)}},
            std::nullopt,
            {}};
}

AuditedObject audited(const ApiToken& t) {
    json::array scopes;
    for (const Permission& each : t.scopes) {
        scopes.push_back(json::object{
            {"id", each.id}, {"actions", json::array(each.actions.begin(), each.actions.end())}});
    }
    return {"token",
            t.id.value,
            t.name,
            {{"id", t.id.value},
             {"userId", t.user.value},
             {"name", t.name},
             {"scopes", std::move(scopes)},
             {"expireTime", time_or_null(t.expires_at)}},
            std::nullopt,
            {}};
}

AuditedObject audited(const DeviceCredential& c) {
    json::object object{{"id", c.id.value},
                        {"kind", name_of(c.kind)},
                        {"productId", c.product.value},
                        {"name", c.name},
                        {"expireTime", time_or_null(c.expires_at)}};
    if (c.device) {
        object["deviceId"] = c.device->value;
    }
    if (c.kind != CredentialKind::token) {
        object["lookup"] = c.lookup;  // a secureId or an authority's hash: no secrets
    }
    return {"credential", c.id.value, c.name, std::move(object), std::nullopt, {}};
}

AuditedObject audited(const ConfigScope& s) {
    return {"config",     s.name, s.name, {{"scope", s.name}, {"properties", texts(s.properties)}},
            std::nullopt, {}};
}

AuditedObject audited(const UserSetting& s) {
    return {"setting",
            s.key,
            s.name,
            {{"type", s.type},
             {"key", s.key},
             {"name", s.name},
             {"content", text_or_digest(s.content)}},
            std::nullopt,
            {}};
}

}  // namespace updraft
