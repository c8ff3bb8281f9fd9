#include "app/protocol_service.hpp"

#include <algorithm>

#include "app/audit.hpp"
#include "base/bytes.hpp"
#include "domain/form_rules.hpp"

namespace updraft {
namespace {

constexpr std::size_t references_shown_max = 10;
constexpr std::string_view device_path = "/{productId}/{deviceId}";
constexpr std::string_view plain_https_package = "https.pull";

const ProtocolId hawkbit_ddi{"hawkbit.ddi"};

ProtocolPackage builtin(std::string id, std::string name, std::string description,
                        std::initializer_list<const char*> transports) {
    ProtocolPackage package;
    package.id = ProtocolId(std::move(id));
    package.name = std::move(name);
    package.description = std::move(description);
    package.type = protocol_type_builtin;
    const std::vector<Feature> firmware{{std::string(feature_support_firmware), "支持固件升级"}};
    for (const char* transport : transports) {
        package.transports.push_back({transport, firmware});
    }
    return package;
}

/// The packages that Updraft speaks itself.
std::vector<ProtocolPackage> builtin_packages() {
    return {builtin("jetlinks.v3.0", "JetLinks V3.0", "JetLinks官方协议 3.0, 服务器内置",
                    {"MQTT", "WebSocket", "HTTP", "CoAP"}),
            builtin("jetlinks.v2.0", "JetLinks V2.0", "JetLinks官方协议 2.0, 服务器内置",
                    {"MQTT", "WebSocket", "HTTP", "CoAP"}),
            builtin(std::string(plain_https_package), "HTTPS",
                    "每个产品一个固定下载地址, 适用于ESP-IDF, Arduino和脚本, 服务器内置", {"HTTP"}),
            builtin(hawkbit_ddi.value, "hawkBit DDI",
                    "Eclipse hawkBit的设备接口(DDI v1): SWUpdate, RAUC, Zephyr", {"HTTP"})};
}

Query products_of(const ProtocolId& id) {
    Query query;
    query.page_size = references_shown_max;
    query.terms = {term("messageProtocol", boost::json::value(id.value))};
    return query;
}

/// Refuses what would leave products without their protocol.
Result<void> unused(const Repositories& rows, const ProtocolId& id, Text message) {
    const Page<ProductRow> products = rows.products().page(products_of(id));
    if (products.rows.empty()) {
        return {};
    }
    Error error = Error::of(ErrorCode::referenced, std::move(message));
    for (const ProductRow& row : products.rows) {
        error.references.push_back(
            {id.value, "device-product", row.product.id.value, row.product.name});
    }
    return error;
}

Text cannot_disable() {
    return text("该消息协议已被产品引用，不可禁用",
                "products use this protocol, so it cannot be disabled");
}

Result<void> checked(const ProtocolPackage& package) {
    FormRules rules;
    rules.require_text(package.name, "name", text("请输入名称", "enter a name"), 64);
    rules.limit_text(package.description, "description", 200);
    rules.require(package.type == protocol_type_jar || package.type == protocol_type_lua ||
                      package.type == protocol_type_builtin,
                  "type",
                  text("类型 {} 不支持, 可选值: lua, jar",
                       "type {} is not supported, use lua or jar", package.type));
    rules.require(package.type != protocol_type_lua || !package.script.empty(), "script",
                  text("请输入脚本", "enter a script"));
    const auto found = package.configuration.find(std::string(feature_support_firmware));
    if (found != package.configuration.end()) {
        rules.require(found->second == "true" || found->second == "false",
                      "configuration.supportFirmware",
                      text("supportFirmware 的值应为 true 或 false, 而不是 {}",
                           "supportFirmware is true or false, not {}", found->second));
    }
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    return {};
}

void overwrite(ProtocolPackage& package, const ProtocolForm& form) {
    package.name = form.name.value_or(package.name);
    package.description = form.description.value_or(package.description);
    package.type = form.type.value_or(package.type);
    package.enabled = form.enabled.value_or(package.enabled);
    package.configuration = form.configuration.value_or(package.configuration);
    if (package.type == protocol_type_lua && form.declared) {
        package.script = *form.script;
        package.transports = form.declared->transports;
        package.config_keys = form.declared->config_keys;
    } else if (package.type == protocol_type_jar && !package.script.empty()) {
        package.script.clear();
        package.transports.clear();
        package.config_keys.clear();
    }
}

/// A refusal of the member `script`; behind the name its line, for the `detail` of the answer.
Error script_refused(const ScriptFailure& failure) {
    if (failure.kind == ScriptFailure::Kind::later) {
        return Error::of(ErrorCode::unavailable, failure.message);
    }
    return Error::invalid(failure.line ? fmt::format("script:{}", *failure.line) : "script",
                          failure.described());
}

ProtocolRoute up(std::string_view tail, Text description) {
    return {fmt::format("{}{}", device_path, tail), true, false, std::move(description)};
}

ProtocolRoute down(std::string_view tail, Text description) {
    return {fmt::format("{}{}", device_path, tail), false, true, std::move(description)};
}

ConfigKey secret(std::string property, Text name) {
    ConfigKey key;
    key.property = std::move(property);
    key.name = std::move(name);
    key.type = "password";
    return key;
}

ConfigMetadata mqtt_keys() {
    ConfigKey id{"secureId", {"secureId", "secureId"}, {"密钥ID", "id of the key"}, "string", false,
                 {}};
    ConfigKey plain{"plainAuth",
                    {"明文认证", "Plain sign-in"},
                    {"开启后设备也可直接使用secureId和secureKey作为用户名和密码",
                     "devices may also send secureId and secureKey as they are"},
                    "boolean",
                    true,
                    {}};
    return {{"MQTT认证配置", "MQTT authentication"},
            {"用户名为secureId|时间戳, 密码为md5(用户名|secureKey)",
             "user name secureId|timestamp, password md5(user name|secureKey)"},
            {std::move(id), secret("secureKey", {"secureKey", "secureKey"}), std::move(plain)}};
}

ConfigMetadata http_keys() {
    return {{"HTTP认证配置", "HTTP authentication"},
            {"请求头Authorization: Bearer 令牌", "header Authorization: Bearer token"},
            {secret("bearer_token", {"Token", "Token"})}};
}

ConfigMetadata ddi_keys() {
    return {{"hawkBit认证配置", "hawkBit authentication"},
            {"设备的值为TargetToken, 产品的值为GatewayToken",
             "a device's value is its TargetToken, a product's is its GatewayToken"},
            {secret("bearer_token", {"Token", "Token"})}};
}

std::vector<ProtocolRoute> ddi_routes() {
    const auto route = [](std::string_view tail, bool up, Text description) {
        return ProtocolRoute{fmt::format("/{{tenant}}/controller/v1/{{deviceId}}{}", tail), up, !up,
                             std::move(description)};
    };
    return {route("", false, {"轮询", "Poll"}),
            route("/deploymentBase/{actionId}", false, {"获取升级内容", "Fetch an update"}),
            route("/deploymentBase/{actionId}/feedback", true, {"上报升级进度", "Report on it"}),
            route("/cancelAction/{actionId}/feedback", true, {"答复取消", "Answer to a cancel"}),
            route("/configData", true, {"上报设备属性", "Report attributes"})};
}

ConfigMetadata coap_keys() {
    ConfigKey algorithm{"encAlg", {"加密算法", "Cipher"}, {"", ""}, "enum", true, {"AES"}};
    ConfigKey key = secret("secureKey", {"密钥", "Key"});
    key.description = {"16位密钥KEY", "exactly 16 bytes"};
    return {{"CoAP认证配置", "CoAP authentication"},
            {"使用CoAP进行数据上报时,需要对数据进行加密", "messages over CoAP are encrypted"},
            {std::move(algorithm), std::move(key)}};
}

/// What a script asks for, over each of its transports.
std::optional<ConfigMetadata> script_keys(const ProtocolPackage& package,
                                          std::string_view transport) {
    const bool served = std::ranges::any_of(package.transports, [&](const TransportDetail& each) {
        return equals_ignoring_case(each.id, transport);
    });
    if (!served || package.config_keys.empty()) {
        return std::nullopt;
    }
    ConfigMetadata metadata{{package.name + "配置", "Configuration of " + package.name},
                            {package.description, package.description},
                            {}};
    for (const ScriptConfigKey& declared : package.config_keys) {
        ConfigKey key;
        key.property = declared.property;
        key.name = {declared.name, declared.name};
        key.type = declared.type;
        metadata.keys.push_back(std::move(key));
    }
    return metadata;
}

}  // namespace

void ProtocolService::install_builtin(const Actor* by) {
    const Instant now = clock_.now();
    (void)store_.write([&](UnitOfWork& work) -> Result<void> {
        if (by != nullptr) {
            AuditNote(*by).write(work);
        }
        for (ProtocolPackage package : builtin_packages()) {
            const std::optional<ProtocolPackage> known = work.protocols().find(package.id);
            if (!known) {
                package.created_at = now;
                work.protocols().add(package);
                continue;
            }
            package.enabled = known->enabled;  // a person's choice outlives an update
            package.configuration = known->configuration;
            package.creator = known->creator;
            package.created_at = known->created_at;
            if (!(package == *known)) {
                work.protocols().update(package);
            }
        }
        return {};
    });
}

Result<ProtocolPackage> ProtocolService::add_one(UnitOfWork& work, const ProtocolForm& form,
                                                 const Actor& by) {
    ProtocolPackage package;
    package.id = form.id.empty() ? ProtocolId(ids_.next()) : form.id;
    package.type = protocol_type_jar;
    package.creator = by.who.user;
    package.created_at = clock_.now();
    overwrite(package, form);
    if (package.type == protocol_type_builtin) {
        return Error::invalid("type",
                              text("类型 {} 不支持, 可选值: lua, jar",
                                   "type {} is not supported, use lua or jar", package.type));
    }
    UPDRAFT_CHECK(checked(package));
    if (package.id.value.size() > 64 || !is_utf8(package.id.value)) {
        return Error::invalid("id", text("ID长度不能超过64位", "an id has at most 64 characters"));
    }
    if (work.protocols().find(package.id)) {
        Error taken =
            Error::invalid("id", text("协议ID {} 已存在", "protocol id {} is taken", package.id));
        taken.code = ErrorCode::duplicate_key;
        return taken;
    }
    work.protocols().add(package);
    return package;
}

Result<void> ProtocolService::update_one(UnitOfWork& work, const ProtocolPackage& known,
                                         const ProtocolForm& form, AuditNote& note) {
    ProtocolPackage package = known;
    overwrite(package, form);
    if (known.type == protocol_type_builtin || package.type == protocol_type_builtin) {
        package.type = known.type;
        package.name = known.type == protocol_type_builtin ? known.name : package.name;
    }
    UPDRAFT_CHECK(checked(package));
    if (known.enabled && !package.enabled) {
        UPDRAFT_CHECK(unused(work, known.id, cannot_disable()));
    }
    work.protocols().update(package);
    note.changed(known, package);
    return {};
}

Result<std::vector<ProtocolPackage>> ProtocolService::add(const std::vector<ProtocolForm>& forms,
                                                          const Actor& by) {
    UPDRAFT_TRY(const auto checked_forms, with_declarations(forms));
    UPDRAFT_TRY(
        auto stored, store_.write([&](UnitOfWork& work) -> Result<std::vector<ProtocolPackage>> {
            std::vector<ProtocolPackage> added;
            AuditNote note(by);
            UPDRAFT_CHECK(each_row(checked_forms, [&](const ProtocolForm& form) -> Result<void> {
                UPDRAFT_TRY(ProtocolPackage package, add_one(work, form, by));
                note.added(package);
                added.push_back(std::move(package));
                return {};
            }));
            note.write(work);
            return added;
        }));
    for (const ProtocolPackage& package : stored) {
        tell_changed(package.id);
    }
    return stored;
}

Result<SaveCounts> ProtocolService::save(const std::vector<ProtocolForm>& forms, const Actor& by) {
    UPDRAFT_TRY(const auto checked_forms, with_declarations(forms));
    std::vector<ProtocolId> saved;
    UPDRAFT_TRY(const SaveCounts stored, store_.write([&](UnitOfWork& work) -> Result<SaveCounts> {
        SaveCounts counts;
        AuditNote note(by);
        saved.clear();
        UPDRAFT_CHECK(each_row(checked_forms, [&](const ProtocolForm& form) -> Result<void> {
            const std::optional<ProtocolPackage> known =
                form.id.empty() ? std::nullopt : work.protocols().find(form.id);
            if (known) {
                ++counts.updated;
                saved.push_back(known->id);
                return update_one(work, *known, form, note);
            }
            ++counts.added;
            UPDRAFT_TRY(const ProtocolPackage package, add_one(work, form, by));
            note.added(package);
            saved.push_back(package.id);
            return {};
        }));
        note.write(work);
        return counts;
    }));
    for (const ProtocolId& id : saved) {
        tell_changed(id);
    }
    return stored;
}

Result<void> ProtocolService::replace(const ProtocolForm& form, const Actor& by) {
    UPDRAFT_TRY(const auto forms, with_declarations({form}));
    UPDRAFT_CHECK(store_.write([&](UnitOfWork& work) -> Result<void> {
        const std::optional<ProtocolPackage> known = work.protocols().find(form.id);
        if (!known) {
            return Error::not_found("协议", "protocol", form.id.value);
        }
        AuditNote note(by);
        UPDRAFT_CHECK(update_one(work, *known, forms.front(), note));
        note.write(work);
        return {};
    }));
    tell_changed(form.id);
    return {};
}

Result<ProtocolPackage> ProtocolService::remove(const ProtocolId& id, const Actor& by) {
    UPDRAFT_TRY(auto removed, store_.write([&](UnitOfWork& work) -> Result<ProtocolPackage> {
        std::optional<ProtocolPackage> package = work.protocols().find(id);
        if (!package) {
            return Error::not_found("协议", "protocol", id.value);
        }
        UPDRAFT_CHECK(unused(work, id,
                             text("该消息协议已被产品引用，不可删除",
                                  "products use this protocol, so it cannot be deleted")));
        if (package->type == protocol_type_builtin) {
            return Error::of(ErrorCode::conflict,
                             text("内置协议不可删除", "a built-in protocol cannot be deleted"));
        }
        work.protocols().remove(id);
        AuditNote note(by);
        note.removed(*package);
        note.write(work);
        return *std::move(package);
    }));
    tell_changed(id);
    return removed;
}

void ProtocolService::on_changed(Changed changed) {
    changed_ = std::move(changed);
    Query all;
    all.paging = false;
    store_.read([&](const Repositories& rows) {
        rows.protocols().each(all, [&](const ProtocolPackage& package) {
            changed_(package.id, package);
            return true;
        });
    });
}

void ProtocolService::tell_changed(const ProtocolId& id) {
    if (!changed_) {
        return;
    }
    const std::scoped_lock lock(telling_);
    changed_(id, store_.read([&](const Repositories& rows) { return rows.protocols().find(id); }));
}

Result<ScriptDeclaration> ProtocolService::check_script(const std::string& script) const {
    if (script.empty()) {
        return Error::invalid("script", {"请输入脚本", "enter a script"});
    }
    if (script.size() > options_.script_bytes_max) {
        return Error::invalid("script", text("脚本有{}字节, 超过上限{}字节",
                                             "the script has {} bytes, over the limit of {}",
                                             script.size(), options_.script_bytes_max));
    }
    if (!is_utf8(script) || script.find('\0') != std::string::npos) {
        return Error::invalid("script", {"脚本应为UTF-8文本", "a script is UTF-8 text"});
    }
    if (scripts_ == nullptr) {
        return Error::of(ErrorCode::unavailable, {"脚本未启用", "scripts are not available here"});
    }
    auto declared = scripts_->check(script);
    if (!declared) {
        return script_refused(declared.error());
    }
    return *std::move(declared);
}

Result<std::vector<ProtocolForm>> ProtocolService::with_declarations(
    std::vector<ProtocolForm> forms) const {
    std::size_t scripts = 0;
    for (std::size_t index = 0; index < forms.size(); ++index) {
        ProtocolForm& form = forms[index];
        if (!form.script ||
            form.type.value_or(std::string(protocol_type_lua)) != protocol_type_lua) {
            continue;
        }
        if (++scripts > options_.scripts_per_request_max) {
            return Error::invalid("script",
                                  text("一次最多保存{}个脚本", "at most {} scripts at a time",
                                       options_.scripts_per_request_max));
        }
        Result<ScriptDeclaration> declared = check_script(*form.script);
        if (!declared) {
            return at_row(declared.error(), index, forms.size());
        }
        form.declared = *std::move(declared);
    }
    return forms;
}

Result<ScriptAnswer> ProtocolService::try_script(const ScriptSample& sample) const {
    std::string script = sample.script.value_or("");
    if (!sample.script) {
        const std::optional<ProtocolPackage> package =
            store_.read([&](const Repositories& rows) { return rows.protocols().find(sample.id); });
        if (!package) {
            return Error::not_found("协议", "protocol", sample.id.value);
        }
        script = package->script;
    }
    if (script.empty() || script.size() > options_.script_bytes_max) {
        return Error::invalid("script", text("脚本应有1至{}字节", "a script has 1 to {} bytes",
                                             options_.script_bytes_max));
    }
    if (scripts_ == nullptr) {
        return Error::of(ErrorCode::unavailable, {"脚本未启用", "scripts are not available here"});
    }
    ScriptAnswer answer = scripts_->attempt(script, sample.call);
    if (answer.failure && answer.failure->kind == ScriptFailure::Kind::later) {
        return Error::of(ErrorCode::unavailable, answer.failure->message);
    }
    return answer;
}

Result<void> ProtocolService::set_enabled(const ProtocolId& id, bool enabled, const Actor& by) {
    ProtocolForm form;
    form.id = id;
    form.enabled = enabled;
    return replace(form, by);
}

std::vector<ProtocolRoute> ProtocolService::routes(const ProtocolPackage& package,
                                                   std::string_view transport) {
    if (package.type != protocol_type_builtin) {
        return {};
    }
    if (package.id.value == plain_https_package) {
        return {{"/ota/{productId}", false, true, {"下载下一个固件", "The next image"}},
                {"/ota/{productId}/report",
                 true,
                 false,
                 {"上报升级进度", "Report the progress of an upgrade"}}};
    }
    if (package.id == hawkbit_ddi) {
        return ddi_routes();
    }
    std::vector<ProtocolRoute> routes{
        up("/firmware/report", {"上报固件版本", "Report the firmware version"}),
        up("/firmware/pull", {"拉取固件更新", "Ask for a firmware"}),
        up("/firmware/upgrade/progress", {"上报升级进度", "Report the progress of an upgrade"}),
    };
    if (equals_ignoring_case(transport, "MQTT") || equals_ignoring_case(transport, "WebSocket")) {
        routes.push_back(down("/firmware/pull/reply", {"固件拉取回复", "Answer to a pull"}));
        routes.push_back(down("/firmware/upgrade", {"推送固件升级", "Upgrade notice"}));
        routes.push_back(up("/firmware/upgrade/reply", {"固件升级回复", "Answer to the notice"}));
        routes.push_back(down("/firmware/read", {"读取固件版本", "Read the firmware version"}));
        routes.push_back(up("/firmware/read/reply", {"读取固件版本回复", "Answer to the read"}));
        routes.push_back(up("/online", {"设备上线", "Online"}));
        routes.push_back(up("/offline", {"设备离线", "Offline"}));
    }
    return routes;
}

std::optional<ConfigMetadata> ProtocolService::config_metadata(const ProtocolPackage& package,
                                                               std::string_view transport) {
    if (package.type == protocol_type_lua) {
        return script_keys(package, transport);
    }
    if (package.type != protocol_type_builtin) {
        return std::nullopt;
    }
    const std::string id = to_lower(transport);
    if (id == "mqtt") {
        return mqtt_keys();
    }
    if (package.id == hawkbit_ddi) {
        return id == "http" ? std::optional(ddi_keys()) : std::nullopt;
    }
    if (id == "http" || id == "websocket") {
        return http_keys();
    }
    if (id == "coap") {
        return coap_keys();
    }
    return std::nullopt;
}

}  // namespace updraft
