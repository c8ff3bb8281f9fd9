#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/identity.hpp"
#include "app/query.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "domain/names.hpp"
#include "transport/http/router.hpp"

namespace updraft {
class AccessService;
class AuditService;
}  // namespace updraft

namespace updraft::rest {

namespace json = boost::json;

/// One call of the REST API by a person who may make it. Lives during the handler only: what a
/// StreamedList captures must be copies.
struct Call {
    const http::Request& request;
    const Identity& identity;  ///< of an open route without token: an empty one
    /// The same person with where they speak from, for what changes something. A sign-in puts in
    /// whom it names, so that a refusal tells it.
    Actor& by;
    std::string token;  ///< empty on open routes without one
    Language language = Language::zh;
    Instant received_at;

    /// The body as JSON. An absent or empty body is null. Errors: malformed, with the parser's
    /// words; unsupported_media_type for a body that says it is something else.
    [[nodiscard]] Result<json::value> body() const;
    /// The body as a JSON object; a missing one is {}. Errors: as body().
    [[nodiscard]] Result<json::object> object() const;
    /// The body as a list of objects: an array, or one object as a list of one. Errors: as body().
    [[nodiscard]] Result<std::vector<json::object>> objects() const;
    /// The body as a list of strings (ids): a JSON array; a missing one is {}. Errors: as body().
    [[nodiscard]] Result<std::vector<std::string>> strings() const;
    /// The QueryParam of a GET (query string) or POST (body) (spec 2.3.1).
    [[nodiscard]] Result<Query> query() const;
    /// A path parameter.
    [[nodiscard]] const std::string& parameter(std::string_view name) const {
        return request.parameter(name);
    }
};

/// `result` is absent from the envelope.
struct NoResult {};

/// A JSON array whose items are written one by one: no-paging answers. `produce` runs on the worker
/// thread after the handler has returned, and calls `emit` for each item; emit returns false when
/// the client has gone.
struct StreamedList {
    std::function<void(const std::function<bool(const json::value&)>& emit)> produce;
};

/// What a handler answers: the `result` of the envelope, a streamed list, or a whole response of
/// its own.
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

/// What an operator does by calling a route, in the words of the audit log.
struct Act {
    /// Who makes the entry, and when.
    enum class Entry : std::uint8_t {
        by_service,  ///< in the unit of work that makes the change: every change of the store
        if_stored,   ///< the same, but a call may store nothing and then has no entry
        afterwards,  ///< the route, when it is done: it changes nothing that is stored
    };
    std::string_view name;  ///< "firmware.create"; a literal
    Entry entry = Entry::by_service;
};

/// Limits of the REST API; keys of the configuration under [api].
struct ApiOptions {
    /// More rows than this in one no-paging answer are refused before the first byte: a browser
    /// that draws them all would hang.
    std::int64_t streamed_rows_max = 200'000;
    std::size_t batch_rows_max = 50'000;       ///< rows of one batch request
    std::int64_t export_rows_max = 2'000'000;  ///< rows of one CSV file
};

/// Registers REST routes: finds the token (header X-Access-Token, parameter :X_Access_Token,
/// bearer), checks the permission, calls the handler, and wraps its answer in the envelope of
/// spec 2.1, honouring `X-Response-Wrapper: Ignore`, `Accept: application/x-ndjson` and
/// Accept-Language. An exception of a handler becomes a refusal here and its text goes to the log.
class Api {
public:
    Api(http::Router& router, AccessService& access, const Clock& clock, ApiOptions options = {})
        : router_(router), access_(access), clock_(clock), options_(options) {}

    void route(http::Method method, std::string pattern, Access access, ApiHandler handler,
               http::RouteOptions options = {});
    /// A route by which an operator does something: refusals go to the audit log here, and what is
    /// done by `act`'s rule. Every route that changes something is one (a test compares).
    void act(http::Method method, std::string pattern, Access access, Act act, ApiHandler handler,
             http::RouteOptions options = {});
    /// The same handler for GET (query string) and POST (body): the query endpoints of spec 2.3.7.
    void query_route(const std::string& pattern, const Access& access, const ApiHandler& handler);
    /// The same for an act: an export asks like a query.
    void query_act(const std::string& pattern, const Access& access, Act act,
                   const ApiHandler& handler);

    /// The client behind a proxy of ours; nothing if the peer is the client itself.
    using ClientBehind = std::function<std::optional<std::string>(const http::Request&)>;
    /// Where acts are recorded; none are before. `log` must outlive the routes.
    void record_in(AuditService& log, ClientBehind client_behind);

    /// The identity behind a request's token; nothing if it has none or an ended one.
    [[nodiscard]] std::optional<Identity> identity_of(const http::Request& request) const;
    [[nodiscard]] http::Router& router() { return router_; }
    [[nodiscard]] AccessService& access() { return access_; }
    [[nodiscard]] const Clock& clock() const { return clock_; }
    [[nodiscard]] const ApiOptions& options() const { return options_; }

private:
    [[nodiscard]] http::Response answer(const http::Request& request, const Access& access,
                                        const Act* act, const ApiHandler& handler) const;
    [[nodiscard]] Actor actor_of(const http::Request& request, const Result<Identity>& identity,
                                 const Act* act, Instant now) const;
    void record_refusal(const Actor& by, const http::Request& request, const Error& error) const;
    void record_done(const Actor& by, const http::Request& request, const Act& act) const;

    http::Router& router_;
    AccessService& access_;
    AuditService* audit_ = nullptr;
    ClientBehind client_behind_;
    const Clock& clock_;
    const ApiOptions options_;
};

/// The token of a request in the order of spec 2.2; empty if it has none.
[[nodiscard]] std::string token_of(const http::Request& request);

/// The error envelope and HTTP status of spec 2.1, in the asked language.
[[nodiscard]] http::Response refusal(const Error& error, Language language, Instant now);

/// The member `code` of the error envelope.
[[nodiscard]] std::string_view code_of(ErrorCode code);

/// Where a request comes from, without the port.
[[nodiscard]] std::string address_of(const http::Request& request);

/// Makes the refusals that the HTTP server itself has to answer (its parameter `refuse`): adds the
/// allowed methods of a path, and the code of an unknown path. `router` and `clock` must outlive
/// it.
[[nodiscard]] std::function<http::Response(const Error&, Language, const http::Request*)>
server_refusals(const http::Router& router, const Clock& clock);

/// What a caught exception is to the client: unavailable, storage_full or internal. Logs its text.
/// Call it inside a catch block.
[[nodiscard]] Error error_of_current_exception();

/// A success envelope around `result`.
[[nodiscard]] http::Response success(const Answer& answer, const Call& call);

/// Refuses a list that would be longer than `rows_max`, saying how to get it in pages.
[[nodiscard]] Result<void> within_row_limit(std::int64_t rows, std::int64_t rows_max);

/// Keeps only `includes` (if any) and drops `excludes`.
void project(json::object& row, const Query& query);

/// The page envelope of spec 2.3.6 with each row made by `to_json` and projected by
/// includes/excludes.
template <class Row, class ToJson>
[[nodiscard]] json::object page_json(const Page<Row>& page, const Query& query, ToJson&& to_json) {
    json::array data;
    data.reserve(page.rows.size());
    for (const Row& row : page.rows) {
        json::object item = to_json(row);
        project(item, query);
        data.emplace_back(std::move(item));
    }
    return {{"pageIndex", page.page_index + query.first_page_index},
            {"pageSize", page.page_size},
            {"total", page.total},
            {"data", std::move(data)}};
}

/// A `Text` in the language that was asked for.
[[nodiscard]] inline json::object choice_json(std::string_view value, const Text& label,
                                              Language language) {
    return {{"value", value}, {"text", label.in(language)}};
}

/// `{"value":"push","text":"平台推送"}` in the caller's language.
template <class Enum>
[[nodiscard]] json::object enum_json(Enum value, Language language) {
    return choice_json(name_of(value), label_of(value), language);
}

}  // namespace updraft::rest
