#include "transport/http/devices/jetlinks_http.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <future>

#include "base/log.hpp"
#include "transport/http/devices/proofs.hpp"
#include "transport/http/url.hpp"

namespace updraft::device_http {
namespace {

namespace json = boost::json;

http::Response answer(int status, std::string body) {
    return {status, {{"Content-Type", "application/json"}}, std::move(body)};
}

http::Response accepted() {
    return answer(200, R"({"success":true})");
}

/// Who asks; a Response when the request does not prove it.
std::variant<SignedInDevice, http::Response> identified(const DeviceSignIn& sign_in,
                                                        const http::Request& request) {
    if (!request.header("Authorization")) {
        return jetlinks_refusal(401, "unauthorized", "Authorization header is required");
    }
    const std::optional<std::string> token = bearer_token(request);
    if (!token) {
        return jetlinks_refusal(401, "unauthorized", "Illegal token format");
    }
    const DeviceId id(request.parameter("deviceId"));
    Result<SignedInDevice> device = sign_in.http(
        {id, {proof::Token{*token}}, UnknownDevice::enroll, {}, request.remote_address});
    if (!device) {
        log::info("http", "device refused path={} address={} why=\"{}\"",
                  http::without_query(request.target), request.remote_address,
                  device.error().message.en);
        return sign_in_refusal(device.error(), sign_in);
    }
    return *std::move(device);
}

/// Waits for what a package makes of the bytes: a script works on another thread.
Result<DecodedUplinks> decoded(DeviceDialects& dialects, const SignedInDevice& from,
                               const http::Request& request) {
    std::promise<Result<DecodedUplinks>> promise;
    dialects.decode(from, request.path, request.body,
                    [&](auto result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
}

Result<TopicMessage> encoded(DeviceDialects& dialects, const SignedInDevice& to,
                             DownlinkMessage message) {
    std::promise<Result<TopicMessage>> promise;
    dialects.encode(to.protocol, std::move(message),
                    [&](auto result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
}

/// Stock packages refuse every body that is not JSON (spec 4.6); only `direct` carries any bytes.
bool has_broken_body(const UplinkBody& body) {
    const auto* other = std::get_if<uplink::OtherUplink>(&body);
    if (other == nullptr || other->message_type == "DIRECT" || other->body.empty()) {
        return false;
    }
    boost::system::error_code failed;
    (void)json::parse(other->body, failed);
    return failed.failed();
}

http::Response reply_of(TopicMessage message) {
    if (message.topic.empty() && message.payload.empty()) {
        return accepted();  // the package has no words for it
    }
    const bool is_json = message.payload.starts_with('{') || message.payload.starts_with('[');
    return {200,
            {{"Content-Type", is_json ? "application/json" : "application/octet-stream"}},
            std::move(message.payload)};
}

http::Response reply(DeviceDialects& dialects, const SignedInDevice& to,
                     const DeviceInbox::Handled& handled) {
    if (!handled.stored) {
        return jetlinks_refusal(500, "server_error", {});
    }
    if (!handled.reply) {
        return accepted();
    }
    Result<TopicMessage> message = encoded(dialects, to, *handled.reply);
    if (!message) {
        log::warn("http", "answer not encoded device={} why=\"{}\"", to.id,
                  message.error().message.en);
        return jetlinks_refusal(500, "server_error", {});
    }
    return reply_of(*std::move(message));
}

http::Response handle(const DeviceHttpServices& services, const http::Request& request) {
    std::variant<SignedInDevice, http::Response> who = identified(services.sign_in, request);
    if (auto* refusal = std::get_if<http::Response>(&who)) {
        return std::move(*refusal);
    }
    const auto& device = std::get<SignedInDevice>(who);
    Result<DecodedUplinks> message = decoded(services.dialects, device, request);
    const bool says_offline = message && *message && !(*message)->gateway &&
                              std::holds_alternative<uplink::Offline>((*message)->body);
    if (!says_offline) {
        services.presence.seen(device.id, request.remote_address);
    }
    if (!message) {
        const bool malformed = message.error().code == ErrorCode::malformed;
        log::info("http", "message dropped device={} path={}", device.id,
                  http::without_query(request.target));
        return jetlinks_refusal(500, malformed ? "request_body_format_error" : "server_error", {});
    }
    if (!*message) {
        return jetlinks_refusal(400, "bad_request", {});
    }
    if (has_broken_body((*message)->body)) {
        return jetlinks_refusal(500, "request_body_format_error", {});
    }
    DeviceInbox::Handled handled = services.messages.handle_now(device.id, std::move(**message));
    for (UplinkMessage& further : message->more) {
        DeviceInbox::Handled also = services.messages.handle_now(device.id, std::move(further));
        handled.stored = handled.stored && also.stored;
        if (also.reply) {
            handled.reply = std::move(also.reply);  // one answer: to the last that wants one
        }
    }
    return reply(services.dialects, device, handled);
}

/// A pull without news, from memory; nothing: handle() has to look. What a script says takes
/// longer.
std::optional<http::Response> handle_at_once(const DeviceHttpServices& services,
                                             const http::Request& request) {
    const std::optional<std::string> token = bearer_token(request);
    const auto device = token ? services.sign_in.http_at_once(
                                    DeviceId(request.parameter("deviceId")), proof::Token{*token})
                              : std::nullopt;
    if (!device) {
        return std::nullopt;
    }
    auto message = services.dialects.decode_at_once(*device, request.path, request.body);
    if (!message || !*message || !**message ||
        !std::holds_alternative<uplink::FirmwarePull>((**message)->body)) {
        return std::nullopt;
    }
    services.presence.seen(device->id, request.remote_address);
    const auto handled = services.messages.handle_at_once(device->id, std::move(***message));
    if (!handled) {
        return std::nullopt;
    }
    if (!handled->reply) {
        return accepted();
    }
    std::optional<TopicMessage> words =
        services.dialects.encode_at_once(device->protocol, *handled->reply);
    return words ? std::optional(reply_of(*std::move(words))) : std::nullopt;
}

}  // namespace

http::Response jetlinks_refusal(int status, std::string_view code, std::string_view message) {
    json::object body{{"success", false}, {"code", code}};
    if (!message.empty()) {
        body["message"] = message;
    }
    return answer(status, json::serialize(body));
}

void jetlinks_http_routes(http::Router& router, const DeviceHttpServices& services,
                          const DeviceHttpOptions& options) {
    http::RouteOptions route;
    route.body_bytes_max = options.body_bytes_max;
    route.yields = true;
    route.at_once = [services](const http::Request& request) {
        return handle_at_once(services, request);
    };
    router.add(
        http::Method::post, "/{productId}/{deviceId}/{topic...}",
        [services](const http::Request& request) {
            try {
                return handle(services, request);
            } catch (const std::exception& error) {
                log::error("http", "device request failed path={} what={}",
                           http::without_query(request.target), error.what());
                return jetlinks_refusal(500, "server_error", {});
            }
        },
        route);
}

http::Response sign_in_refusal(const Error& error, const DeviceSignIn& sign_in) {
    if (error.code != ErrorCode::too_many_requests) {
        return jetlinks_refusal(401, "unauthorized", "Device no register or token not match");
    }
    http::Response response = jetlinks_refusal(429, "too_many_requests", error.message.en);
    response.headers.emplace_back("Retry-After", std::to_string(sign_in.retry_after().count()));
    return response;
}

}  // namespace updraft::device_http
