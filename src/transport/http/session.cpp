#include "transport/http/session.hpp"

#include <utility>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "transport/http/syntax.hpp"
#include "transport/http/url.hpp"
#include "transport/http/websocket_codec.hpp"

namespace updraft::http {

using net::awaitable;
using net::IoResult;
using net::IoStatus;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr std::size_t receive_bytes = 4096;        ///< room for a head that waits
constexpr std::size_t receive_body_bytes = 65536;  ///< room while a body arrives
constexpr std::int64_t small_body_bytes = 16'384;  ///< one that need not wait for large ones

}  // namespace

Session::Session(std::shared_ptr<ServerShared> server, std::unique_ptr<net::ByteStream> stream,
                 std::string host, Place place)
    : server_(std::move(server)),
      stream_(std::move(stream)),
      host_(std::move(host)),
      place_(place),
      held_(server_->options.buffers.get()) {
    ++server_->connections_open;
    ++server_->connections_total;
    if (place_ == Place::at_the_door) {
        ++server_->turned_away;
    }
}

Session::~Session() {
    stream_->close();
    {
        const std::lock_guard lock(server_->mutex);
        server_->sessions.erase(this);
    }
    if (place_ == Place::at_the_door) {
        --server_->turned_away;
    } else {
        server_->discharge(host_);
    }
    --server_->connections_open;
}

void Session::stop() {
    stopping_ = true;
    if (end_stream_) {
        end_stream_();
    } else if (reading_head_) {
        stream_->close();
    }
}

awaitable<void> Session::run(std::shared_ptr<Session> self) {
    {
        const std::lock_guard lock(self->server_->mutex);
        self->server_->sessions.emplace(self.get(), self);
    }
    if (self->server_->stopping) {
        co_return;
    }
    const IoResult shaken =
        co_await self->stream_->handshake(self->server_->options.header_timeout);
    if (shaken.status == IoStatus::ok) {
        co_await self->serve();
    }
    self->stream_->close();
}

awaitable<void> Session::turn_away(std::shared_ptr<Session> self) {
    ++self->server_->refused_total;
    const IoResult shaken = co_await self->stream_->handshake(milliseconds(2000));
    if (shaken.status == IoStatus::ok) {
        self->began_ = SteadyClock::now();
        self->head_.keep_alive = false;
        Answer answer = prepare_answer(self->request_, self->busy(), {self->server_->refuse, 1});
        co_await self->send(std::move(answer));
        // What the client is just sending must not make the kernel reset the connection.
        self->stream_->finish_writing();
        co_await self->drain();
    }
    self->stream_->close();
}

awaitable<void> Session::serve() {
    for (;;) {
        reading_head_ = true;
        const HeadState state = co_await read_head();
        reading_head_ = false;
        if (state != HeadState::complete) {
            co_return;
        }
        const Next next = co_await serve_request();
        if (next == Next::close || stopping_) {
            co_return;
        }
        request_ = {};
        if (received_.empty() && received_.capacity() > receive_body_bytes) {
            received_ = {};
        }
        (void)held_.resize(0);
    }
}

awaitable<bool> Session::receive(milliseconds deadline) {
    const std::size_t room = reading_head_ || has_small_body() ? receive_bytes : receive_body_bytes;
    const std::size_t before = received_.size();
    received_.resize(before + room);
    const std::span<char> space(received_.data() + before, room);
    const IoResult result = co_await stream_->read_some(space, deadline);
    received_.resize(before + (result.status == IoStatus::ok ? result.bytes : 0));
    co_return result.status == IoStatus::ok;
}

awaitable<Session::HeadState> Session::read_head() {
    const ServerOptions& options = server_->options;
    const auto head_max = static_cast<std::size_t>(options.header_bytes_max);
    SteadyClock::time_point due = SteadyClock::time_point::max();
    std::size_t searched = 0;
    for (;;) {
        if (searched == 0) {
            while (
                received_.starts_with("\r\n")) {  // some clients end a body with one (RFC 9112 2.2)
                received_.erase(0, 2);
            }
        }
        const std::optional<std::size_t> end = find_head_end(received_, searched);
        if (end.value_or(received_.size()) > head_max) {
            began_ = SteadyClock::now();
            route_ = nullptr;
            co_await refuse_head(
                {431, text("请求头超过{}字节", "the request's head is larger than {} bytes",
                           options.header_bytes_max)});
            co_return HeadState::refused;
        }
        if (end) {
            auto parsed = parse_head(std::string_view(received_).substr(0, *end));
            received_.erase(0, *end);
            began_ = SteadyClock::now();
            route_ = nullptr;
            if (auto* refusal = std::get_if<HeadRefusal>(&parsed)) {
                co_await refuse_head(std::move(*refusal));
                co_return HeadState::refused;
            }
            head_ = std::get<RequestHead>(std::move(parsed));
            co_return HeadState::complete;
        }
        searched = received_.size();
        if (searched > receive_bytes &&
            !held_.resize(searched + receive_bytes, net::MemoryBudget::Use::small)) {
            began_ = SteadyClock::now();
            route_ = nullptr;
            begin_refusal_of_head();
            co_await refuse(busy());
            co_return HeadState::refused;
        }
        milliseconds deadline = options.idle_timeout;
        if (!received_.empty()) {
            const SteadyClock::time_point now = SteadyClock::now();
            due = std::min(due, now + options.header_timeout);
            deadline = std::max(std::chrono::ceil<milliseconds>(due - now), milliseconds(1));
        }
        const bool more = co_await receive(deadline);
        if (!more || SteadyClock::now() > due) {
            co_return HeadState::gone;
        }
    }
}

/// There is no request that could be kept alive.
void Session::begin_refusal_of_head() {
    head_ = {};
    head_.keep_alive = false;
    request_ = {};
    request_.remote_address = stream_->remote_address();
    decoder_ = BodyDecoder(head_);
}

awaitable<void> Session::refuse_head(HeadRefusal refusal_of_head) {
    begin_refusal_of_head();
    const ErrorCode code =
        refusal_of_head.status == 431 ? ErrorCode::too_large : ErrorCode::malformed;
    Response response = refusal(code, std::move(refusal_of_head.message));
    response.status = refusal_of_head.status;
    co_await refuse(std::move(response));
}

Response Session::refusal(ErrorCode code, Text message) {
    const Error error = Error::of(code, std::move(message));
    return server_->refuse(error, request_.language(), &request_);
}

Response Session::busy() {
    Response response =
        refusal(ErrorCode::unavailable,
                Text{"服务器繁忙,请稍后再试", "the server is busy, try again later"});
    response.status = 503;
    if (!find_field(response.headers, "Retry-After")) {
        response.headers.emplace_back("Retry-After", "1");
    }
    return response;
}

/// Fills request_ from head_; a Response when the target is malformed.
std::optional<Response> Session::build_request() {
    request_ = {};
    request_.method = head_.method;
    request_.target = std::move(head_.target);
    request_.headers = std::move(head_.headers);
    request_.remote_address = stream_->remote_address();
    request_.tls = stream_->is_tls();
    decoder_ = BodyDecoder(head_);
    pace_ = {server_->options.body_timeout, server_->options.body_rate_min};
    said_continue_ = false;
    handler_ended_ = false;
    std::optional<Target> target = parse_target(request_.target);
    if (!target) {
        return refusal(ErrorCode::malformed,
                       Text{"请求地址格式错误", "the request target has a broken escape"});
    }
    request_.path = std::move(target->path);
    request_.query = std::move(target->query);
    return std::nullopt;
}

/// The answer to OPTIONS of a path that has these methods (spec 2.1).
Response Session::preflight(const std::vector<Method>& allowed) const {
    Response response{204, {}, std::string()};
    std::string methods;
    for (const Method method : allowed) {
        methods.append(name_of(method)).append(", ");
    }
    response.headers.emplace_back("Allow", methods + "OPTIONS");
    if (request_.header("Access-Control-Request-Method")) {
        response.headers.emplace_back("Access-Control-Allow-Methods",
                                      "GET, POST, PUT, PATCH, DELETE, OPTIONS");
        response.headers.emplace_back(
            "Access-Control-Allow-Headers",
            request_.header("Access-Control-Request-Headers").value_or("*"));
        response.headers.emplace_back("Access-Control-Max-Age", "1800");
    }
    return response;
}

awaitable<Session::Next> Session::serve_request() {
    ++server_->requests_total;
    if (std::optional<Response> malformed = build_request()) {
        const Next next = co_await refuse(*std::move(malformed));
        co_return next;
    }
    Router::Match match = server_->router.find(request_.method, request_.path);
    const bool options = request_.method == Method::options;
    if (match.route == nullptr && options && (!match.allowed.empty() || request_.path == "*")) {
        Answer answer = prepare_answer(request_, preflight(match.allowed), {server_->refuse, 1});
        const Next next = co_await send(std::move(answer));
        co_return next;
    }
    if (match.route == nullptr) {
        Response response = refuse_path(match.allowed);
        const Next next = co_await refuse(std::move(response));
        co_return next;
    }
    request_.parameters = std::move(match.parameters);
    route_ = match.route;
    const Next next = co_await serve_route(match.route);
    co_return next;
}

Response Session::refuse_path(const std::vector<Method>& allowed) {
    if (allowed.empty()) {
        return refusal(ErrorCode::not_found,
                       text("路径不存在: {}", "no such path: {}", request_.path));
    }
    Response response = refusal(ErrorCode::method_not_allowed,
                                Text{"不支持的请求方法", "this path does not have that method"});
    if (response.status == 404 || find_field(response.headers, "Allow")) {
        return response;  // whoever words the refusal knows the path better
    }
    std::string names;
    for (const Method method : allowed) {
        names.append(names.empty() ? "" : ", ").append(name_of(method));
    }
    response.headers.emplace_back("Allow", names);
    return response;
}

std::int64_t Session::body_limit(const Route& route) const {
    if (route.options.body_bytes_max > 0) {
        return route.options.body_bytes_max;
    }
    return route.options.streaming_body ? server_->options.upload_bytes_max
                                        : server_->options.body_bytes_max;
}

Response Session::too_large(std::int64_t limit) {
    Response response = refusal(
        ErrorCode::too_large, text("请求体超过{}字节", "the body is larger than {} bytes", limit));
    response.status = 413;
    return response;
}

awaitable<Session::Next> Session::serve_route(const Route* route) {
    const std::int64_t limit = body_limit(*route);
    if (head_.content_length > limit) {
        Response response = too_large(limit);
        const Next next = co_await refuse(std::move(response));
        co_return next;
    }
    if (route->websocket) {
        const Next next = co_await serve_websocket(route);
        co_return next;
    }
    if (route->options.streaming_body) {
        const Next next = co_await serve_upload(route);
        co_return next;
    }
    const BodyState body = co_await read_body(limit);
    if (body == BodyState::gone) {
        co_return Next::close;
    }
    if (body != BodyState::complete) {
        Response response = refuse_body(body, limit);
        const Next next = co_await refuse(std::move(response));
        co_return next;
    }
    Answer answer;
    std::optional<Answer> at_once = answer_at_once(*route);
    if (at_once) {
        const Next next = co_await send(*std::move(at_once));
        co_return next;
    }
    std::function<void()> work = [this, route, &answer] { answer = run_handler(*route); };
    const bool ran = co_await server_->workers.run(std::move(work));
    if (!ran) {
        ++server_->refused_total;
        answer = prepare_answer(request_, busy(), {server_->refuse, 1});
    }
    const Next next = co_await send(std::move(answer));
    co_return next;
}

/// The answer to a body that is not taken because of what is in it, or of what others send.
Response Session::refuse_body(BodyState body, std::int64_t limit) {
    if (body == BodyState::no_room) {
        return busy();
    }
    return body == BodyState::too_large
               ? too_large(limit)
               : refusal(ErrorCode::malformed,
                         Text{"请求体分块格式错误", "the body's chunks are malformed"});
}

bool Session::has_small_body() const {
    return !head_.chunked && head_.content_length <= small_body_bytes;
}

awaitable<bool> Session::receive_body() {
    const SteadyClock::time_point before = SteadyClock::now();
    const std::size_t had = received_.size();
    const bool more = co_await receive(pace_.deadline());
    pace_.came(received_.size() - had, SteadyClock::now() - before);
    co_return more && !pace_.is_over();
}

awaitable<Session::BodyState> Session::read_body(std::int64_t bytes_max) {
    if (decoder_.done()) {
        co_return BodyState::complete;
    }
    if (!head_.chunked) {
        request_.body.reserve(static_cast<std::size_t>(
            std::min<std::int64_t>(head_.content_length, receive_body_bytes)));
    }
    for (;;) {
        // One byte of room above the limit shows that the limit is passed.
        const auto room = static_cast<std::size_t>(bytes_max) + 1 - request_.body.size();
        const std::size_t used = decoder_.decode(received_, request_.body, room);
        received_.erase(0, used);
        if (decoder_.failed()) {
            co_return BodyState::malformed;
        }
        if (request_.body.size() > static_cast<std::size_t>(bytes_max)) {
            co_return BodyState::too_large;
        }
        if (decoder_.done()) {
            co_return BodyState::complete;
        }
        if (head_.expects_continue && !std::exchange(said_continue_, true)) {
            const bool said = co_await write("HTTP/1.1 100 Continue\r\n\r\n", More::none);
            if (!said) {
                co_return BodyState::gone;
            }
        }
        const bool is_small = has_small_body();
        const std::size_t more_bytes = is_small ? receive_bytes : receive_body_bytes;
        const auto use = is_small ? net::MemoryBudget::Use::small : net::MemoryBudget::Use::bulk;
        if (!held_.resize(request_.body.capacity() + received_.size() + more_bytes, use)) {
            co_return BodyState::no_room;
        }
        const bool more = co_await receive_body();
        if (!more) {
            co_return BodyState::gone;
        }
    }
}

/// On the loop; nothing: the handler has to work for it.
std::optional<Answer> Session::answer_at_once(const Route& route) {
    if (!route.options.at_once) {
        return std::nullopt;
    }
    try {
        std::optional<Response> response = route.options.at_once(request_);
        if (!response) {
            return std::nullopt;
        }
        if (auto* file = std::get_if<FileBody>(&response->body)) {
            file->opened = server_->files.find(*file);
            if (!file->opened) {
                return std::nullopt;
            }
        }
        return prepare_answer(request_, *std::move(response),
                              {server_->refuse, server_->options.ranges_max, &server_->files});
    } catch (const std::exception& error) {
        log::error("http", "handler failed method={} path={} what={}", name_of(request_.method),
                   loggable_path(), error.what());
    }
    return std::nullopt;
}

/// On a worker thread. BodyCut passes through: there is nobody left to answer.
Answer Session::run_handler(const Route& route) {
    const AnswerContext context{server_->refuse, server_->options.ranges_max, &server_->files};
    try {
        return prepare_answer(request_, route.handler(request_), context);
    } catch (const BodyCut&) {
        throw;
    } catch (const std::exception& error) {
        log::error("http", "handler failed method={} path={} what={}", name_of(request_.method),
                   loggable_path(), error.what());
    }
    Response response =
        refusal(ErrorCode::internal, Text{"服务器内部错误", "internal server error"});
    return prepare_answer(request_, std::move(response), context);
}

}  // namespace updraft::http
