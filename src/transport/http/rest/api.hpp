#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "app/identity.hpp"
#include "app/query.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "transport/http/router.hpp"

namespace updraft {
class AccessService;
}

namespace updraft::rest {

namespace json = boost::json;

/// One call of the REST API by a person who may make it.
struct Call {
    const http::Request& request;
    const Identity& identity;  ///< of an open route without token: an empty one
    std::string token;         ///< empty on open routes without one
    Language language = Language::zh;
    Instant received_at;

    /// The body as JSON. An absent or empty body is null. Errors: malformed, with the parser's words.
    [[nodiscard]] Result<json::value> body() const;
    /// The body as a JSON object; a missing one is {}. Errors: malformed.
    [[nodiscard]] Result<json::object> object() const;
    /// The QueryParam of a GET (query string) or POST (body) (spec 2.3.1).
    [[nodiscard]] Result<Query> query() const;
};

/// `result` is absent from the envelope.
struct NoResult {};

/// A JSON array whose items are written one by one: no-paging answers. `produce` runs on the worker
/// thread and calls `emit` for each item; emit returns false when the client has gone.
struct StreamedList {
    std::function<void(const std::function<bool(const json::value&)>& emit)> produce;
};

/// What a handler answers: the `result` of the envelope, a streamed list, or a whole response of its own.
using Answer = std::variant<NoResult, json::value, StreamedList, http::Response>;
using ApiHandler = std::function<Result<Answer>(const Call&)>;

/// Who may call a route.
struct Access {
    enum class Kind : std::uint8_t { open, signed_in, permitted };
    Kind kind = Kind::signed_in;
    std::string resource;  ///< spec 2.13, for `permitted`
    std::string action;

    static Access open() { return {Kind::open, {}, {}}; }
    static Access signed_in() { return {Kind::signed_in, {}, {}}; }
    static Access permitted(std::string_view resource, std::string_view action) {
        return {Kind::permitted, std::string(resource), std::string(action)};
    }
};

/// Registers REST routes: finds the token (header X-Access-Token, parameter :X_Access_Token, bearer),
/// checks the permission, calls the handler, and wraps its answer in the envelope of spec 2.1, honouring
/// `X-Response-Wrapper: Ignore`, `Accept: application/x-ndjson` and Accept-Language.
class Api {
public:
    Api(http::Router& router, AccessService& access, const Clock& clock)
        : router_(router), access_(access), clock_(clock) {}

    void route(http::Method method, std::string pattern, Access access, ApiHandler handler,
               http::RouteOptions options = {});
    /// The same handler for GET (query string) and POST (body): the query endpoints of spec 2.3.7.
    void query_route(const std::string& pattern, const Access& access, const ApiHandler& handler);

    /// The identity behind a request's token; nothing if it has none or an ended one.
    [[nodiscard]] std::optional<Identity> identity_of(const http::Request& request) const;
    [[nodiscard]] http::Router& router() { return router_; }
    [[nodiscard]] AccessService& access() { return access_; }
    [[nodiscard]] const Clock& clock() const { return clock_; }

private:
    http::Router& router_;
    AccessService& access_;
    const Clock& clock_;
};

/// The error envelope and HTTP status of spec 2.1, in the asked language; also for refusals that the
/// HTTP server makes itself.
[[nodiscard]] http::Response refusal(const Error& error, Language language, Instant now);

/// A success envelope around `result`.
[[nodiscard]] http::Response success(const Answer& answer, const Call& call);

/// The page envelope of spec 2.3.6 with each row made by `to_json` and projected by includes/excludes.
template <class Row, class ToJson>
[[nodiscard]] json::object page_json(const Page<Row>& page, const Query& query, ToJson&& to_json);

/// Keeps only `includes` (if any) and drops `excludes`.
void project(json::object& row, const Query& query);

/// `{"value":"push","text":"平台推送"}` in the caller's language.
template <class Enum>
[[nodiscard]] json::object enum_json(Enum value, Language language);

}  // namespace updraft::rest
