#include "transport/http/rest/api.hpp"

#include <boost/json/parse.hpp>

#include <exception>
#include <utility>

#include "app/access_service.hpp"
#include "app/audit.hpp"
#include "app/ports.hpp"
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "base/log_sparing.hpp"

namespace updraft::rest {
namespace {

constexpr std::string_view bearer = "bearer ";

/// The media type without parameters, lower case.
std::string media_type(std::string_view content_type) {
    std::string_view type = content_type.substr(0, content_type.find(';'));
    while (!type.empty() && type.back() == ' ') {
        type.remove_suffix(1);
    }
    return to_lower(type);
}

bool is_json(std::string_view type) {
    return type == "application/json" || type == "text/json" || type.ends_with("+json");
}

/// A header may hold any bytes, an answer may not.
Error not_json(std::string_view type) {
    return Error::invalid("application/json",
                          text("不支持的内容类型 {}, 请使用 application/json",
                               "content type {} is not supported, send application/json",
                               is_utf8(type) ? type : std::string_view("?")));
}

Error expected(std::string_view zh, std::string_view en) {
    return Error::of(ErrorCode::malformed, text("请求体应为{0}", "the body must be {1}", zh, en));
}

/// Nothing, or why `identity` may not call a route.
std::optional<Error> refused(const Access& access, const Result<Identity>& identity) {
    if (access.kind == Access::Kind::open) {
        return std::nullopt;
    }
    if (!identity) {
        return identity.error();
    }
    if (access.kind == Access::Kind::permitted && !identity->may(access.resource, access.action)) {
        return Error::of(ErrorCode::access_denied,
                         text("当前用户无权限[{}]:{}", "you lack the permission [{}]:{}",
                              access.resource, access.action));
    }
    return std::nullopt;
}

/// The id in a route's path: what was asked for, if the call was refused.
std::string object_of(const http::Request& request) {
    return request.parameters.empty() ? std::string() : request.parameters.back().second;
}

}  // namespace

std::string token_of(const http::Request& request) {
    if (auto token = request.header("X-Access-Token"); token && !token->empty()) {
        return *std::move(token);
    }
    if (auto token = request.query_value(":X_Access_Token"); token && !token->empty()) {
        return *std::move(token);
    }
    const auto authorization = request.header("Authorization");
    if (authorization && equals_ignoring_case(authorization->substr(0, bearer.size()), bearer)) {
        return authorization->substr(bearer.size());
    }
    return {};
}

Result<json::value> Call::body() const {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    if (std::ranges::all_of(request.body, is_blank)) {
        return json::value(nullptr);
    }
    const std::string type = media_type(request.header("Content-Type").value_or(""));
    if (!type.empty() && !is_json(type)) {
        Error error = not_json(type);
        error.code = ErrorCode::unsupported_media_type;
        return error;
    }
    boost::system::error_code failed;
    json::value value = json::parse(request.body, failed);
    if (failed) {
        return Error::of(ErrorCode::malformed, text("请求体不是合法的JSON: {}",
                                                    "the body is not JSON: {}", failed.message()));
    }
    return value;
}

Result<json::object> Call::object() const {
    UPDRAFT_TRY(json::value value, body());
    if (value.is_null()) {
        return json::object{};
    }
    if (!value.is_object()) {
        return expected("JSON对象", "a JSON object");
    }
    return std::move(value.as_object());
}

Result<std::vector<json::object>> Call::objects() const {
    UPDRAFT_TRY(json::value value, body());
    std::vector<json::object> list;
    if (value.is_object()) {
        list.push_back(std::move(value.as_object()));
        return list;
    }
    if (!value.is_array()) {
        return expected("JSON对象或对象数组", "a JSON object or an array of objects");
    }
    list.reserve(value.as_array().size());
    for (json::value& item : value.as_array()) {
        if (!item.is_object()) {
            return expected("JSON对象数组", "an array of JSON objects");
        }
        list.push_back(std::move(item.as_object()));
    }
    return list;
}

Result<std::vector<std::string>> Call::strings() const {
    UPDRAFT_TRY(const json::value value, body());
    std::vector<std::string> list;
    if (value.is_null()) {
        return list;
    }
    if (!value.is_array()) {
        return expected("字符串数组", "an array of strings");
    }
    for (const json::value& item : value.as_array()) {
        if (item.is_string()) {
            list.emplace_back(item.as_string());
        } else if (item.is_int64()) {
            list.push_back(std::to_string(item.as_int64()));
        } else {
            return expected("字符串数组", "an array of strings");
        }
    }
    return list;
}

Result<Query> Call::query() const {
    if (request.method == http::Method::get || request.method == http::Method::head) {
        return parse_query(request.query);
    }
    UPDRAFT_TRY(const json::value value, body());
    return parse_query(value);
}

Error error_of_current_exception() {
    try {
        throw;
    } catch (const StorageError& failed) {
        static log::Sparing sparing(log::storage_trouble_every);
        if (const auto left_out = sparing.due()) {
            log::error("http", "storage failed reason=\"{}\" not_told={}", failed.what(),
                       *left_out);
        }
        switch (failed.cause()) {
            case StorageError::Cause::queue_full:
            case StorageError::Cause::stopping:
                return Error::of(
                    ErrorCode::unavailable,
                    text("服务器繁忙, 请稍后重试", "the server is busy, try again shortly"));
            case StorageError::Cause::disk_full:
                return Error::of(ErrorCode::storage_full,
                                 text("磁盘空间不足, 未做任何更改; 请清理磁盘后重试",
                                      "the disk is full, nothing was changed; free some space and "
                                      "try again"));
            case StorageError::Cause::not_synced:
                return Error::of(ErrorCode::internal,
                                 text("磁盘写入失败, 更改未被确认; 请检查磁盘",
                                      "the disk did not take what was written: the change is not "
                                      "confirmed; look at the disk"));
            case StorageError::Cause::broken:
                break;
        }
    } catch (const std::exception& failed) {
        log::error("http", "a handler failed reason=\"{}\"", failed.what());
    }
    return Error::of(ErrorCode::internal, text("服务器内部错误", "internal server error"));
}

std::string address_of(const http::Request& request) {
    return request.remote_address.substr(0, request.remote_address.rfind(':'));
}

http::Response Api::answer(const http::Request& request, const Access& access, const Act* act,
                           const ApiHandler& handler) const {
    const Language language = request.language();
    const Instant now = clock_.now();
    try {
        const std::string token = token_of(request);
        const Result<Identity> identity = access_.identify(token);
        Actor by = actor_of(request, identity, act, now);
        if (const std::optional<Error> error = refused(access, identity)) {
            record_refusal(by, request, *error);
            return refusal(*error, language, now);
        }
        const Call call{request, by.who, by, identity ? token : std::string(), language, now};
        const Result<Answer> result = handler(call);
        if (!result) {
            record_refusal(by, request, result.error());
            return refusal(result.error(), language, now);
        }
        if (act != nullptr) {
            record_done(by, request, *act);
        }
        return success(*result, call);
    } catch (const http::BodyCut&) {
        throw;  // there is nobody left to answer
    } catch (const std::exception&) {
        return refusal(error_of_current_exception(), language, now);
    }
}

Actor Api::actor_of(const http::Request& request, const Result<Identity>& identity, const Act* act,
                    Instant now) const {
    Actor by(identity ? *identity : Identity{}, act != nullptr ? act->name : std::string_view());
    if (act == nullptr || audit_ == nullptr) {
        return by;
    }
    by.via = !identity ? AuditVia::nobody : identity->machine ? AuditVia::token : AuditVia::session;
    by.address = address_of(request);
    if (std::optional<std::string> client =
            client_behind_ ? client_behind_(request) : std::nullopt) {
        by.proxy = std::exchange(by.address, *std::move(client));
    }
    by.user_agent = request.header("User-Agent").value_or("");
    by.at = now;
    by.entry_bytes_max = audit_->options().entry_bytes_max;
    return by;
}

/// Whoever is not signed in is no operator: only a sign-in that fails is worth an entry.
void Api::record_refusal(const Actor& by, const http::Request& request, const Error& error) const {
    if (audit_ != nullptr && !by.action.empty() && error.code != ErrorCode::unauthorized &&
        error.code != ErrorCode::token_expired) {
        audit_->refused(by, object_of(request), code_of(error.code));
    }
}

void Api::record_done(const Actor& by, const http::Request& request, const Act& act) const {
    if (audit_ == nullptr || by.noted || act.entry == Act::Entry::if_stored) {
        return;
    }
    if (act.entry == Act::Entry::by_service) {
        // Our own mistake: the entry comes too late to be as durable as the change.
        log::error("audit", "a service made no entry action={}", act.name);
    }
    audit_->done(by, object_of(request));
}

void Api::record_in(AuditService& log, ClientBehind client_behind) {
    audit_ = &log;
    client_behind_ = std::move(client_behind);
}

void Api::route(http::Method method, std::string pattern, Access access, ApiHandler handler,
                http::RouteOptions options) {
    router_.add(
        method, std::move(pattern),
        [this, access = std::move(access), handler = std::move(handler)](
            const http::Request& request) { return answer(request, access, nullptr, handler); },
        options);
}

void Api::act(http::Method method, std::string pattern, Access access, Act act, ApiHandler handler,
              http::RouteOptions options) {
    router_.add(
        method, std::move(pattern),
        [this, access = std::move(access), act, handler = std::move(handler)](
            const http::Request& request) { return answer(request, access, &act, handler); },
        options);
}

void Api::query_route(const std::string& pattern, const Access& access, const ApiHandler& handler) {
    route(http::Method::get, pattern, access, handler);
    route(http::Method::post, pattern, access, handler);
}

void Api::query_act(const std::string& pattern, const Access& access, Act act,
                    const ApiHandler& handler) {
    this->act(http::Method::get, pattern, access, act, handler);
    this->act(http::Method::post, pattern, access, act, handler);
}

std::optional<Identity> Api::identity_of(const http::Request& request) const {
    Result<Identity> identity = access_.identify(token_of(request));
    return identity ? std::optional<Identity>(*std::move(identity)) : std::nullopt;
}

}  // namespace updraft::rest
