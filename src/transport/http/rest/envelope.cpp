// The envelopes of spec 2.1: one place that knows how a result, a refusal and a list look on the
// wire.
#include <boost/json/serialize.hpp>

#include <cctype>
#include <charconv>

#include "base/bytes.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {
namespace {

constexpr const char* json_type = "application/json;charset=UTF-8";
constexpr const char* ndjson_type = "application/x-ndjson;charset=UTF-8";
constexpr const char* event_stream_type = "text/event-stream;charset=UTF-8";
constexpr const char* retry_after_seconds = "5";
constexpr std::size_t chunk_bytes = std::size_t{32} * 1024;

/// HTTP status and the member `code` of the error envelope.
struct Status {
    int http;
    std::string_view code;
};

/// The table of spec 2.1. JetLinks' consoles show the message of 400, 403, 404 and 500 only, so a
/// refusal that a person causes is one of those.
Status status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::malformed:
            return {400, "illegal_argument"};
        case ErrorCode::unauthorized:
        case ErrorCode::token_expired:
            return {401, "unauthorized"};
        case ErrorCode::access_denied:
            return {403, "access_denied"};
        case ErrorCode::login_failed:
            return {400, "illegal_password"};
        case ErrorCode::user_disabled:
            return {400, "user_disabled"};
        case ErrorCode::not_found:
            return {404, "not_found"};
        case ErrorCode::duplicate_key:
            return {400, "duplicate_key"};
        case ErrorCode::referenced:
            return {400, "error.data.referenced"};
        case ErrorCode::conflict:
            return {400, "conflict"};
        case ErrorCode::too_large:
            return {413, "payload_too_large"};
        case ErrorCode::too_many_requests:
            return {400, "too_many_requests"};
        case ErrorCode::method_not_allowed:
            return {406, "method_not_allowed"};
        case ErrorCode::unsupported_media_type:
            return {415, "unsupported_media_type"};
        case ErrorCode::range_not_satisfiable:
            return {416, "range_not_satisfiable"};
        case ErrorCode::precondition_failed:
            return {412, "precondition_failed"};
        case ErrorCode::device_offline:
            return {500, "client_offline"};
        case ErrorCode::device_timeout:
            return {500, "time_out"};
        case ErrorCode::timeout:
            return {504, "timeout"};
        case ErrorCode::unavailable:
            return {503, "unavailable"};
        case ErrorCode::storage_full:
            return {507, "storage_full"};
        case ErrorCode::internal:
            return {500, "internal_server_error"};
    }
    return {500, "internal_server_error"};
}

json::array properties_of(const std::vector<FieldError>& fields) {
    json::array names;
    for (const FieldError& field : fields) {
        names.emplace_back(field.property);
    }
    return names;
}

/// "script:12" is line 12 of the member `script`: the name alone, and the line as the detail.
json::object field_json(const FieldError& field, const std::string& message) {
    json::object row{{"property", field.property}, {"message", message}, {"detail", message}};
    const std::size_t colon = field.property.rfind(':');
    if (colon == std::string::npos) {
        return row;
    }
    int line = 0;
    const char* end = field.property.data() + field.property.size();
    const auto [stop, error] = std::from_chars(field.property.data() + colon + 1, end, line);
    if (error == std::errc{} && stop == end && line > 0) {
        row["property"] = field.property.substr(0, colon);
        row["detail"] = json::object{{"line", line}};
    }
    return row;
}

json::array validation_of(const std::vector<FieldError>& fields, Language language) {
    json::array list;
    for (const FieldError& field : fields) {
        list.push_back(field_json(field, field.message.in(language)));
    }
    return list;
}

json::array references_of(const std::vector<Reference>& references) {
    json::array list;
    for (const Reference& each : references) {
        list.push_back(json::object{{"dataId", each.data_id},
                                    {"referenceType", each.reference_type},
                                    {"referenceId", each.reference_id},
                                    {"referenceName", each.reference_name}});
    }
    return list;
}

/// The member `result` of an error envelope; null: it has none.
json::value details_of(const Error& error, Language language) {
    switch (error.code) {
        case ErrorCode::unauthorized:
        case ErrorCode::token_expired:
            return json::object{{"value", "expired"}, {"text", error.message.in(language)}};
        case ErrorCode::duplicate_key:
        case ErrorCode::method_not_allowed:
        case ErrorCode::unsupported_media_type:
            return properties_of(error.fields);
        case ErrorCode::referenced:
            return references_of(error.references);
        default:
            break;
    }
    return error.fields.empty() ? json::value(nullptr) : validation_of(error.fields, language);
}

http::Response refusal_with(const Error& error, std::string_view code, Language language,
                            Instant now) {
    const int status = status_of(error.code).http;
    json::object envelope{{"message", error.message.in(language)}};
    if (json::value details = details_of(error, language); !details.is_null()) {
        envelope["result"] = std::move(details);
    }
    envelope["status"] = status;
    envelope["code"] = code;
    envelope["timestamp"] = to_millis(now);
    http::Response response{status, {{"Content-Type", json_type}}, json::serialize(envelope)};
    if (error.code == ErrorCode::unavailable || error.code == ErrorCode::too_many_requests) {
        response.headers.emplace_back("Retry-After", retry_after_seconds);
    }
    return response;
}

/// How the client wants to read the answer.
enum class Format : std::uint8_t { envelope, bare, ndjson, events };

Format format_of(const http::Request& request) {
    const std::string accept = to_lower(request.header("Accept").value_or(""));
    if (accept.find("ndjson") != std::string::npos) {
        return Format::ndjson;
    }
    if (accept.find("text/event-stream") != std::string::npos) {
        return Format::events;
    }
    const std::string wrapper = request.header("X-Response-Wrapper").value_or("");
    return equals_ignoring_case(wrapper, "ignore") ? Format::bare : Format::envelope;
}

const char* content_type_of(Format format) {
    switch (format) {
        case Format::envelope:
        case Format::bare:
            return json_type;
        case Format::ndjson:
            return ndjson_type;
        case Format::events:
            return event_stream_type;
    }
    return json_type;
}

/// The end of the success envelope, after the result.
std::string tail_of(Instant now) {
    return R"("status":200,"timestamp":)" + std::to_string(to_millis(now)) + "}";
}

std::string item_line(Format format, const json::value& item) {
    return format == Format::events ? "data:" + json::serialize(item) + "\n\n"
                                    : json::serialize(item) + "\n";
}

std::string whole(Format format, const json::value* result, Instant now) {
    switch (format) {
        case Format::envelope:
            return R"({"message":"success",)" +
                   (result == nullptr ? "" : "\"result\":" + json::serialize(*result) + ",") +
                   tail_of(now);
        case Format::bare:
            return result == nullptr ? "" : json::serialize(*result);
        case Format::ndjson:
        case Format::events:
            break;
    }
    std::string lines;
    if (result != nullptr && result->is_array()) {
        for (const json::value& item : result->as_array()) {
            lines += item_line(format, item);
        }
    } else if (result != nullptr) {
        lines = item_line(format, *result);
    }
    return lines;
}

/// Writes a list item by item, in chunks: however long it is, memory stays flat.
void stream(http::BodyWriter& out, const StreamedList& list, Format format, Instant now) {
    const bool lines = format == Format::ndjson || format == Format::events;
    std::string chunk;
    if (format == Format::envelope) {
        chunk = R"({"message":"success","result":)";
    }
    chunk += lines ? "" : "[";
    bool first = true;
    bool alive = true;
    list.produce([&](const json::value& item) {
        if (lines) {
            chunk += item_line(format, item);
        } else {
            chunk += first ? "" : ",";
            chunk += json::serialize(item);
        }
        first = false;
        if (chunk.size() >= chunk_bytes) {
            alive = out.write(chunk);
            chunk.clear();
        }
        return alive;
    });
    chunk += lines ? "" : "]";
    if (format == Format::envelope) {
        chunk += "," + tail_of(now);
    }
    if (alive && !chunk.empty()) {
        (void)out.write(chunk);
    }
}

/// `create_time` is `createTime`: columns may be written both ways (spec 2.3.2).
std::string camel_case(std::string_view column) {
    std::string name;
    bool upper = false;
    for (const char c : column) {
        if (c == '_') {
            upper = true;
            continue;
        }
        name += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
        upper = false;
    }
    return name;
}

}  // namespace

std::string_view code_of(ErrorCode code) {
    return status_of(code).code;
}

http::Response refusal(const Error& error, Language language, Instant now) {
    return refusal_with(error, status_of(error.code).code, language, now);
}

std::function<http::Response(const Error&, Language, const http::Request*)> server_refusals(
    const http::Router& router, const Clock& clock) {
    return [&router, &clock](const Error& error, Language language, const http::Request* request) {
        if (error.code == ErrorCode::not_found) {
            return refusal_with(error, "error.resource_not_found", language, clock.now());
        }
        if (error.code != ErrorCode::method_not_allowed || request == nullptr) {
            return refusal(error, language, clock.now());
        }
        Error with_methods = error;
        with_methods.fields.clear();
        for (const http::Method method : router.find(request->method, request->path).allowed) {
            with_methods.fields.push_back({std::string(http::name_of(method)), error.message});
        }
        return refusal(with_methods, language, clock.now());
    };
}

http::Response success(const Answer& answer, const Call& call) {
    if (const auto* own = std::get_if<http::Response>(&answer)) {
        return *own;
    }
    const Format format = format_of(call.request);
    http::Response response{200, {{"Content-Type", content_type_of(format)}}, std::string()};
    if (const auto* list = std::get_if<StreamedList>(&answer)) {
        response.body = [list = *list, format, now = call.received_at](http::BodyWriter& out) {
            stream(out, list, format, now);
        };
    } else {
        response.body = whole(format, std::get_if<json::value>(&answer), call.received_at);
    }
    return response;
}

Result<void> within_row_limit(std::int64_t rows, std::int64_t rows_max) {
    if (rows <= rows_max) {
        return {};
    }
    return Error::of(ErrorCode::invalid_argument,
                     text("结果共{}条, 超过单次查询上限{}条, 请分页查询或增加查询条件",
                          "{} rows match, over the limit of {} for one answer: ask for pages or "
                          "narrow the search",
                          rows, rows_max));
}

void project(json::object& row, const Query& query) {
    if (!query.includes.empty()) {
        json::object kept;
        for (const std::string& column : query.includes) {
            const std::string name = camel_case(column);
            if (const json::value* value = row.if_contains(name)) {
                kept[name] = *value;
            }
        }
        row = std::move(kept);
    }
    for (const std::string& column : query.excludes) {
        row.erase(camel_case(column));
    }
}

}  // namespace updraft::rest
