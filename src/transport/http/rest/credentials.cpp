#include "transport/http/rest/credentials.hpp"

#include "transport/http/rest/crud.hpp"
#include "transport/http/rest/json_reader.hpp"

namespace updraft::rest {
namespace {

using http::Method;

constexpr seconds keep_old_default{24 * 3600};
constexpr seconds keep_old_max{30 * 24 * 3600};
constexpr std::int64_t expires_at_max = 253'402'300'799'999;  // the year 9999

Text kind_label(CredentialKind kind) {
    switch (kind) {
        case CredentialKind::token:
            return {"令牌", "Token"};
        case CredentialKind::mqtt_key:
            return {"MQTT密钥", "MQTT key"};
        case CredentialKind::authority:
            return {"证书颁发机构", "Certificate authority"};
    }
    return {};
}

/// Everything but the secret and its hash.
json::object credential_json(const DeviceCredential& credential, const Call& call) {
    json::object row{
        {"id", credential.id.value},
        {"kind", choice_json(name_of(credential.kind), kind_label(credential.kind), call.language)},
        {"name", credential.name},
        {"hint", credential.hint},
        {"productId", credential.product.value},
        {"createTime", to_millis(credential.created_at)},
        {"creatorId", credential.creator.value},
        {"expired", credential.expired(call.received_at)}};
    put_text(row, "deviceId", credential.device ? credential.device->value : "");
    if (credential.kind == CredentialKind::mqtt_key) {
        row["secureId"] = credential.lookup;
    }
    if (credential.kind == CredentialKind::authority) {
        row["authority"] = credential.lookup;
    }
    if (credential.expires_at) {
        row["expiresAt"] = to_millis(*credential.expires_at);
    }
    return row;
}

json::value told_json(const ToldCredential& told, const Call& call) {
    json::object row = credential_json(told.credential, call);
    if (told.credential.kind == CredentialKind::token) {
        row["token"] = told.secret;
    }
    if (told.credential.kind == CredentialKind::mqtt_key) {
        row["secureKey"] = told.secret;
    }
    return row;
}

Result<NewDeviceCredential> new_credential(const json::object& body) {
    JsonReader read(body);
    NewDeviceCredential request;
    const auto kind = read.choice(
        "kind", {CredentialKind::token, CredentialKind::mqtt_key, CredentialKind::authority});
    if (!kind && !read.has("kind")) {
        read.refuse("kind", nullptr, text("可选值: {}", "one of: {}", "token, mqttKey, authority"));
    }
    request.kind = kind.value_or(CredentialKind::token);
    request.name = read.text("name").value_or("");
    request.token = read.text("token");
    request.secure_id = read.text("secureId");
    request.authority = read.text("authority").value_or("");
    if (const auto expires_at = read.integer("expiresAt", 0, expires_at_max)) {
        request.expires_at = from_millis(*expires_at);
    }
    UPDRAFT_CHECK(read.finish());
    return request;
}

Result<Answer> list(const DeviceCredentialService& credentials, const CredentialOwner& owner,
                    const Call& call) {
    UPDRAFT_TRY(const std::vector<DeviceCredential> rows, credentials.list(owner));
    json::array list;
    for (const DeviceCredential& credential : rows) {
        list.push_back(credential_json(credential, call));
    }
    return json::value(std::move(list));
}

Result<Answer> create(DeviceCredentialService& credentials, const CredentialOwner& owner,
                      const Call& call) {
    UPDRAFT_TRY(const json::object body, call.object());
    UPDRAFT_TRY(const NewDeviceCredential request, new_credential(body));
    UPDRAFT_TRY(const ToldCredential told, credentials.create(owner, request, call.by));
    return told_json(told, call);
}

Result<Answer> rotate(DeviceCredentialService& credentials, const CredentialOwner& owner,
                      const Call& call) {
    UPDRAFT_TRY(const json::object body, call.object());
    JsonReader read(body);
    const auto keep_old = read.integer("keepOldSeconds", 0, keep_old_max.count());
    UPDRAFT_CHECK(read.finish());
    UPDRAFT_TRY(const ToldCredential told,
                credentials.rotate(owner, CredentialId(call.parameter("credentialId")),
                                   seconds(keep_old.value_or(keep_old_default.count())), call.by));
    return told_json(told, call);
}

/// The routes below one base; `Owner` is the id of its path.
template <class Owner>
void routes_below(Api& api, const std::string& base, std::string_view resource,
                  DeviceCredentialService& credentials) {
    const Access query = Access::permitted(resource, permission::query);
    const Access save = Access::permitted(resource, permission::save);
    const std::string all = base + "/{id}/credentials";
    const std::string one = all + "/{credentialId}";
    const auto owner = [](const Call& call) {
        return CredentialOwner(Owner(call.parameter("id")));
    };
    api.route(Method::get, all, query, [&credentials, owner](const Call& call) {
        return list(credentials, owner(call), call);
    });
    api.act(
        Method::post, all, save, {"credential.create"},
        [&credentials, owner](const Call& call) { return create(credentials, owner(call), call); });
    api.act(
        Method::post, one + "/_rotate", save, {"credential.rotate"},
        [&credentials, owner](const Call& call) { return rotate(credentials, owner(call), call); });
    api.act(Method::del, one, save, {"credential.revoke"},
            [&credentials, owner](const Call& call) -> Result<Answer> {
                UPDRAFT_CHECK(credentials.revoke(
                    owner(call), CredentialId(call.parameter("credentialId")), call.by));
                return json::value(true);
            });
}

}  // namespace

void credential_routes(Api& api, DeviceCredentialService& credentials) {
    for (const char* base : {"/device-product", "/device/product"}) {
        routes_below<ProductId>(api, base, permission::product, credentials);
    }
    for (const char* base : {"/device-instance", "/device/instance"}) {
        routes_below<DeviceId>(api, base, permission::device, credentials);
    }
}

}  // namespace updraft::rest
