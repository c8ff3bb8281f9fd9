#include "client/http_client.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/json.hpp>
#include <mutex>
#include <set>
#include <stdexcept>
#include <utility>

#include "base/bytes.hpp"
#include "client/task_group.hpp"
#include "client/url.hpp"

namespace updraft::client {

namespace http = boost::beast::http;
namespace json = boost::json;

namespace {

Error unavailable(const std::string& base_url) {
    return Error::of(ErrorCode::unavailable,
                     text("无法连接服务器 {}", "no connection to the server {}", base_url));
}

Error not_http(const std::string& base_url) {
    return Error::of(ErrorCode::malformed,
                     text("{} 的应答不是HTTP", "the answer of {} is not HTTP", base_url));
}

std::string request_text(const HttpCall& call, const Url& base, std::string_view prefix) {
    std::string request = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
                                      call.method, prefix, call.target, base.authority);
    for (const auto& [name, value] : call.headers) {
        request += fmt::format("{}: {}\r\n", name, value);
    }
    if (!call.body.empty() || (call.method != "GET" && call.method != "HEAD")) {
        request += fmt::format("Content-Length: {}\r\n", call.body.size());
    }
    return request + "\r\n" + call.body;
}

using Parser = http::response_parser<http::string_body>;

HttpAnswer answer_of(Parser& parser) {
    HttpAnswer answer;
    answer.status = static_cast<int>(parser.get().result_int());
    for (const auto& field : parser.get()) {
        const auto name = field.name_string();
        const auto value = field.value();
        answer.headers[to_lower({name.data(), name.size()})] =
            std::string(value.data(), value.size());
    }
    answer.body = std::move(parser.get().body());
    return answer;
}

enum class Outcome : std::uint8_t { answered, no_connection, not_http };

/// What one call needs; outlives its coroutine.
struct Exchange {
    TaskGroup& group;
    Endpoint endpoint;
    SSL_CTX* tls;
    milliseconds deadline;
    std::string request;
    const HttpClient::TakeBody& take;
    Parser parser;
    Outcome outcome = Outcome::no_connection;
};

/// Hands what has come of a success's body on; false if nobody wants more.
bool hand_on(Exchange& exchange) {
    const bool success = exchange.parser.is_header_done() &&
                         exchange.parser.get().result() >= http::status::ok &&
                         exchange.parser.get().result() < http::status::multiple_choices;
    std::string& body = exchange.parser.get().body();
    if (!exchange.take || !success || body.empty()) {
        return true;
    }
    const bool more = exchange.take(body);
    body.clear();
    return more;
}

/// Reads until the answer is whole.
awaitable<Outcome> read_answer(Exchange& exchange, net::ByteStream& stream) {
    std::array<char, 16 * 1024> buffer;  // NOLINT: filled before it is read
    std::string pending;
    while (!exchange.parser.is_done()) {
        const net::IoResult got = co_await stream.read_some(buffer, exchange.deadline);
        boost::system::error_code error;
        if (got.status == net::IoStatus::closed && exchange.parser.got_some()) {
            exchange.parser.put_eof(error);  // an answer without a length ends with its connection
            co_return !error && exchange.parser.is_done() ? Outcome::answered
                                                          : Outcome::no_connection;
        }
        if (got.status != net::IoStatus::ok) {
            co_return Outcome::no_connection;
        }
        pending.append(buffer.data(), got.bytes);
        const std::size_t used =
            exchange.parser.put(boost::asio::const_buffer(pending.data(), pending.size()), error);
        pending.erase(0, used);
        if (error && error != http::error::need_more) {
            co_return Outcome::not_http;
        }
        if (!hand_on(exchange)) {
            break;
        }
    }
    co_return Outcome::answered;
}

/// `exchange` outlives this: send() runs the loop until it has ended.
awaitable<void> exchange_once(Exchange* exchange) {
    const Endpoint endpoint = exchange->endpoint;
    const std::unique_ptr<net::ByteStream> stream =
        co_await connect_to(exchange->group, endpoint, exchange->tls, exchange->deadline);
    if (!stream) {
        co_return;
    }
    const StopHook hook(exchange->group, [&stream] { stream->close(); });
    const net::IoResult sent = co_await stream->write_all(exchange->request, exchange->deadline);
    // A server that refuses a large body answers before it has read it all: look for that answer.
    const bool may_have_answered = sent.status == net::IoStatus::ok || sent.bytes > 0;
    if (may_have_answered) {
        exchange->outcome = co_await read_answer(*exchange, *stream);
    }
    stream->close();
}

}  // namespace

struct HttpClient::State {
    Url base;
    std::string prefix;
    std::shared_ptr<SSL_CTX> tls;
    std::mutex mutex;
    std::set<TaskGroup*> calls;  ///< under way; guarded by `mutex`
    bool cancelled = false;      ///< guarded by `mutex`

    /// True if the call may be made; then it is known to cancel() until end().
    bool begin(TaskGroup& group) {
        const std::lock_guard lock(mutex);
        if (!cancelled) {
            calls.insert(&group);
        }
        return !cancelled;
    }
    void end(TaskGroup& group) {
        const std::lock_guard lock(mutex);
        calls.erase(&group);
    }
};

HttpClient::HttpClient(std::string base_url, HttpClientOptions options)
    : base_url_(std::move(base_url)),
      options_(std::move(options)),
      state_(std::make_unique<State>()) {
    const std::optional<Url> base = parse_url(base_url_);
    if (!base) {
        throw std::invalid_argument(
            fmt::format("{} is no address of a server, like http://127.0.0.1:8848", base_url_));
    }
    state_->base = *base;
    state_->prefix = base->target;
    while (state_->prefix.ends_with('/')) {
        state_->prefix.pop_back();
    }
    if (base->tls) {
        state_->tls = make_client_tls_context(options_.ca_file, options_.verify);
    }
}

HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::send(const HttpCall& call, const TakeBody& take) {
    boost::asio::io_context loop(1);
    TaskGroup group(loop);
    Exchange exchange{group,
                      state_->base.endpoint,
                      state_->tls.get(),
                      options_.deadline,
                      request_text(call, state_->base, state_->prefix),
                      take,
                      {},
                      Outcome::no_connection};
    if (take) {
        exchange.parser.body_limit(boost::none);
    } else {
        exchange.parser.body_limit(options_.answer_bytes_max);
    }
    exchange.parser.eager(true);
    exchange.parser.skip(call.method == "HEAD");
    if (!state_->begin(group)) {
        return unavailable(base_url_);
    }
    group.start("http call", exchange_once(&exchange));
    loop.run();
    state_->end(group);
    switch (exchange.outcome) {
        case Outcome::answered:
            return answer_of(exchange.parser);
        case Outcome::not_http:
            return not_http(base_url_);
        case Outcome::no_connection:
            break;
    }
    return unavailable(base_url_);
}

void HttpClient::cancel() {
    const std::lock_guard lock(state_->mutex);
    state_->cancelled = true;
    for (TaskGroup* const group : state_->calls) {
        boost::asio::post(group->loop(), [group] { group->stop(); });
    }
}

namespace {

ErrorCode code_of(int status) {
    switch (status) {
        case 400:
            return ErrorCode::invalid_argument;
        case 401:
            return ErrorCode::unauthorized;
        case 403:
            return ErrorCode::access_denied;
        case 404:
            return ErrorCode::not_found;
        case 405:
            return ErrorCode::method_not_allowed;
        case 409:
            return ErrorCode::conflict;
        case 413:
            return ErrorCode::too_large;
        case 415:
            return ErrorCode::unsupported_media_type;
        case 429:
            return ErrorCode::too_many_requests;
        case 503:
            return ErrorCode::unavailable;
        case 504:
            return ErrorCode::timeout;
        default:
            return ErrorCode::internal;
    }
}

std::string text_member(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

/// The members that broke a rule, or the rows that stand in the way (spec 2.1, 2.9).
void read_reasons(const json::object& envelope, Error& error) {
    const json::value* const result = envelope.if_contains("result");
    if (result == nullptr || !result->is_array()) {
        return;
    }
    for (const json::value& each : result->get_array()) {
        if (!each.is_object()) {
            continue;
        }
        const json::object& reason = each.get_object();
        if (reason.contains("property")) {
            const std::string message = text_member(reason, "message");
            error.fields.push_back({text_member(reason, "property"), {message, message}});
        } else if (reason.contains("referenceId")) {
            error.references.push_back(
                {text_member(reason, "dataId"), text_member(reason, "referenceType"),
                 text_member(reason, "referenceId"), text_member(reason, "referenceName")});
        }
    }
}

/// What the server says about a call that it refused; its sentence stands alone.
Error refusal_of(const HttpCall& call, const HttpAnswer& answer) {
    boost::system::error_code no_json;
    const json::value body = json::parse(answer.body, no_json);
    const json::object* const envelope = no_json ? nullptr : body.if_object();
    const std::string message = envelope == nullptr ? "" : text_member(*envelope, "message");
    if (message.empty()) {
        return Error::of(code_of(answer.status), text("{} {}: HTTP {}", "{} {}: HTTP {}",
                                                      call.method, call.target, answer.status));
    }
    Error error = Error::of(code_of(answer.status), text("{}", "{}", message));
    read_reasons(*envelope, error);
    return error;
}

}  // namespace

Result<HttpAnswer> RestClient::exchange(HttpCall call, const HttpClient::TakeBody& take) {
    if (!token_.empty()) {
        call.headers["X-Access-Token"] = token_;
    }
    if (language_) {
        call.headers["Accept-Language"] = *language_ == Language::zh ? "zh-CN" : "en";
    }
    call.headers.try_emplace("Accept", "application/json");
    UPDRAFT_TRY(HttpAnswer answer, http_.send(call, take));
    if (answer.status < 200 || answer.status > 299) {
        return refusal_of(call, answer);
    }
    return answer;
}

Result<json::value> RestClient::send(HttpCall call) {
    const std::string name = call.method + " " + call.target;
    UPDRAFT_TRY(const HttpAnswer answer, exchange(std::move(call)));
    boost::system::error_code error;
    json::value body = json::parse(answer.body, error);
    if (error || !body.is_object()) {
        return Error::of(ErrorCode::malformed,
                         text("{}: 应答不是JSON对象", "{}: the answer is no JSON object", name));
    }
    json::value* const result = body.get_object().if_contains("result");
    return result == nullptr ? json::value(nullptr) : std::move(*result);
}

Result<json::value> RestClient::call(std::string_view method, std::string_view target,
                                     const json::value& body) {
    HttpCall call;
    call.method = std::string(method);
    call.target = std::string(target);
    if (!body.is_null()) {
        call.headers["Content-Type"] = "application/json";
        call.body = json::serialize(body);
    }
    return send(std::move(call));
}

Result<void> RestClient::sign_in(std::string_view username, std::string_view password) {
    const json::value body = json::object{{"username", username}, {"password", password}};
    UPDRAFT_TRY(const json::value result, post("/authorize/login", body));
    const json::value* const token =
        result.is_object() ? result.get_object().if_contains("token") : nullptr;
    if (token == nullptr || !token->is_string()) {
        return Error::of(ErrorCode::login_failed,
                         text("登录应答中没有token", "the sign-in's answer has no token"));
    }
    token_ = std::string(token->get_string());
    return {};
}

Result<json::value> RestClient::upload(std::string_view file_name, std::string_view bytes) {
    // Long enough that no file holds it by accident.
    constexpr std::string_view boundary = "updraft-c7d1f0a35e9b48d2a6f4e1b0937c5d82";
    HttpCall call;
    call.method = "POST";
    call.target = "/file/upload";
    call.headers["Content-Type"] = fmt::format("multipart/form-data; boundary={}", boundary);
    call.body = fmt::format(
        "--{}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\n",
        boundary, file_name);
    call.body.append(bytes);
    call.body += fmt::format("\r\n--{}--\r\n", boundary);
    return send(std::move(call));
}

}  // namespace updraft::client
