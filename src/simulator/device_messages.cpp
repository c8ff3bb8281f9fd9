#include "simulator/device_messages.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "client/digest.hpp"

namespace updraft::simulator {

namespace json = boost::json;

namespace {

std::string text_of(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    if (value == nullptr || value->is_null()) {
        return {};
    }
    if (value->is_string()) {
        return std::string(value->get_string());
    }
    return json::serialize(*value);
}

std::int64_t number_of(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    if (value != nullptr && value->is_int64()) {
        return value->get_int64();
    }
    return 0;
}

bool is_forced(const json::object& object) {
    const json::value* const headers = object.if_contains("headers");
    if (headers == nullptr || !headers->is_object()) {
        return false;
    }
    return text_of(headers->get_object(), "force") == "true";
}

std::optional<UpgradeOrder> read_order(const json::object& object) {
    UpgradeOrder order;
    order.message_id = text_of(object, "messageId");
    order.url = text_of(object, "url");
    order.version = text_of(object, "version");
    order.sign = text_of(object, "sign");
    order.sign_method = text_of(object, "signMethod");
    order.firmware_id = text_of(object, "firmwareId");
    order.size_bytes = number_of(object, "size");
    order.force = is_forced(object);
    if (order.url.empty() || order.version.empty()) {
        return std::nullopt;
    }
    return order;
}

Downlink::Kind kind_of(std::string_view topic) {
    if (topic.ends_with("/firmware/upgrade")) {
        return Downlink::Kind::upgrade;
    }
    if (topic.ends_with("/firmware/pull/reply")) {
        return Downlink::Kind::pull_reply;
    }
    if (topic.ends_with("/firmware/read")) {
        return Downlink::Kind::read_firmware;
    }
    return Downlink::Kind::other;
}

}  // namespace

std::optional<Downlink> parse_downlink(std::string_view topic, std::string_view payload) {
    boost::system::error_code error;
    const json::value parsed = json::parse(payload, error);
    if (error || !parsed.is_object()) {
        return std::nullopt;
    }
    const json::object& object = parsed.get_object();

    Downlink downlink;
    downlink.kind = kind_of(topic);
    downlink.message_id = text_of(object, "messageId");
    const bool refused = text_of(object, "success") == "false";
    const bool may_order =
        downlink.kind == Downlink::Kind::upgrade || downlink.kind == Downlink::Kind::pull_reply;
    if (may_order && !refused) {
        downlink.order = read_order(object);
        if (!downlink.order) {
            return std::nullopt;
        }
    }
    return downlink;
}

Credentials sign_in(std::string_view secure_id, std::string_view secure_key, Instant now) {
    Credentials credentials;
    credentials.username = fmt::format("{}|{}", secure_id, to_millis(now));
    credentials.password = client::digest_hex(
        client::DigestKind::md5, fmt::format("{}|{}", credentials.username, secure_key));
    return credentials;
}

std::string report_body(std::string_view version, Instant now) {
    return json::serialize(json::object{{"timestamp", to_millis(now)}, {"version", version}});
}

std::string read_reply_body(std::string_view message_id, std::string_view version, Instant now) {
    return json::serialize(json::object{{"messageId", message_id},
                                        {"timestamp", to_millis(now)},
                                        {"success", true},
                                        {"version", version}});
}

std::string accept_body(std::string_view message_id, Instant now) {
    return json::serialize(
        json::object{{"messageId", message_id}, {"timestamp", to_millis(now)}, {"success", true}});
}

std::string refuse_body(std::string_view message_id, std::string_view code,
                        std::string_view message, Instant now) {
    return json::serialize(json::object{{"messageId", message_id},
                                        {"timestamp", to_millis(now)},
                                        {"success", false},
                                        {"code", code},
                                        {"message", message}});
}

std::string progress_body(const UpgradeOrder& order, const Progress& progress, Instant now) {
    json::object body{{"timestamp", to_millis(now)},
                      {"progress", progress.percent},
                      {"complete", progress.complete},
                      {"version", order.version},
                      {"success", progress.success}};
    if (!order.firmware_id.empty()) {
        body["firmwareId"] = order.firmware_id;
    }
    if (!progress.error_reason.empty()) {
        body["errorReason"] = progress.error_reason;
    }
    return json::serialize(body);
}

std::string pull_body(std::string_view message_id, std::string_view current_version,
                      PullOrder order, Instant now) {
    const json::object headers{{"latest", order == PullOrder::latest}, {"force", false}};
    return json::serialize(json::object{{"messageId", message_id},
                                        {"timestamp", to_millis(now)},
                                        {"currentVersion", current_version},
                                        {"requestVersion", ""},
                                        {"headers", headers}});
}

}  // namespace updraft::simulator
