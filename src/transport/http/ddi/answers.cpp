#include "transport/http/ddi/answers.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "protocol/ddi/documents.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::http::ddi {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view hal_type = "application/hal+json";
constexpr std::size_t etag_bytes = 16;

/// What hawkBit calls a kind of refusal.
struct Kind {
    int status;
    std::string_view code;
    std::string_view exception;
};

Kind kind_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
        case ErrorCode::malformed:
            return {400, "hawkbit.server.error.rest.body.notReadable",
                    "MessageNotReadableException"};
        case ErrorCode::unauthorized:
        case ErrorCode::token_expired:
        case ErrorCode::login_failed:
            return {401, "hawkbit.server.error.unauthorized", "InsufficientPermissionException"};
        case ErrorCode::access_denied:
        case ErrorCode::user_disabled:
            return {403, "hawkbit.server.error.insufficientpermission",
                    "InsufficientPermissionException"};
        case ErrorCode::not_found:
            return {404, "hawkbit.server.error.repo.entityNotFound", "EntityNotFoundException"};
        case ErrorCode::method_not_allowed:
            return {405, "hawkbit.server.error.methodNotAllowed",
                    "HttpRequestMethodNotSupportedException"};
        case ErrorCode::conflict:
        case ErrorCode::referenced:
        case ErrorCode::duplicate_key:
            return {409, "hawkbit.server.error.repo.concurrentModification",
                    "ConcurrentModificationException"};
        case ErrorCode::precondition_failed:
            return {412, "hawkbit.server.error.artifact.notMatching",
                    "PreconditionFailedException"};
        case ErrorCode::too_large:
            return {413, "hawkbit.server.error.quota.fileSizeExceeded",
                    "FileSizeQuotaExceededException"};
        case ErrorCode::unsupported_media_type:
            return {415, "hawkbit.server.error.mediaTypeNotSupported",
                    "HttpMediaTypeNotSupportedException"};
        case ErrorCode::range_not_satisfiable:
            return {416, "hawkbit.server.error.artifact.rangeNotSatisfiable",
                    "RangeNotSatisfiableException"};
        case ErrorCode::too_many_requests:
            return {429, "hawkbit.server.error.quota.tooManyEntries",
                    "AssignmentQuotaExceededException"};
        case ErrorCode::unavailable:
        case ErrorCode::storage_full:
        case ErrorCode::timeout:
        case ErrorCode::device_timeout:
        case ErrorCode::device_offline:
            return {503, "hawkbit.server.error.unavailable", "ServiceUnavailableException"};
        case ErrorCode::internal:
            break;
    }
    return {500, "hawkbit.server.error.repo.genericError", "GenericServerException"};
}

Response refusal_as(const Kind& kind, const Error& error, Language language) {
    if (kind.status == 401) {
        return {401, {}, std::string()};
    }
    Response response{
        kind.status,
        {{"Content-Type", "application/json;charset=UTF-8"}},
        updraft::ddi::to_json(updraft::ddi::ErrorDocument{
            fmt::format("org.eclipse.hawkbit.repository.exception.{}", kind.exception),
            std::string(kind.code), error.message.in(language)})};
    if (kind.status == 503) {
        response.headers.emplace_back("Retry-After", "5");
    }
    return response;
}

/// The digest of the bytes, as hawkBit writes it: a leading 0 and 32 hex digits.
std::string etag_of(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr);
    return "\"0" + to_hex(std::span(digest.data(), etag_bytes)) + "\"";
}

std::string media_type_of(std::string_view value) {
    return to_lower(trimmed(value.substr(0, value.find(';'))));
}

bool has_etag(const Request& request, const std::string& etag) {
    for (const auto& [name, value] : request.headers) {
        if (!equals_ignoring_case(name, "If-None-Match")) {
            continue;
        }
        for (std::string_view each : list_elements(value)) {
            if (each.starts_with("W/")) {
                each.remove_prefix(2);
            }
            if (each == etag || each == "*") {
                return true;
            }
        }
    }
    return false;
}

/// Which of our two types the client reads; empty: neither.
std::string_view accepted_type(const Request& request) {
    std::string all;
    for (const auto& [name, value] : request.headers) {
        if (equals_ignoring_case(name, "Accept")) {
            all += all.empty() ? "" : ",";
            all += value;
        }
    }
    if (trimmed(all).empty()) {
        return json_type;
    }
    std::string_view found;
    for (const WeightedItem& item : weighted_list(all)) {
        const std::string type = media_type_of(item.name);
        if (item.weight == 0) {
            continue;
        }
        if (type == json_type || type == "*/*" || type == "application/*") {
            return json_type;
        }
        if (type == hal_type) {
            found = hal_type;
        }
    }
    return found;
}

}  // namespace

Response document(const Request& request, std::string json) {
    const std::string_view type = accepted_type(request);
    if (type.empty()) {
        Response response = refusal(
            Error::of(ErrorCode::unsupported_media_type,
                      text("请接受application/json", "accept application/json to be answered")),
            request.language());
        response.status = 406;
        return response;
    }
    const std::string etag = etag_of(json);
    if (has_etag(request, etag)) {
        return {304, {{"ETag", etag}}, std::string()};
    }
    return {200,
            {{"Content-Type", fmt::format("{};charset=UTF-8", type)},
             {"ETag", etag},
             {"Cache-Control", "no-cache"}},
            std::move(json)};
}

Response done() {
    return {200, {}, std::string()};
}

Response refusal(const Error& error, Language language) {
    return refusal_as(kind_of(error.code), error, language);
}

Response not_cancelable(const Error& error, Language language) {
    constexpr Kind kind{405, "hawkbit.server.error.action.notCancelable",
                        "CancelActionNotAllowedException"};
    return refusal_as(kind, error, language);
}

Result<std::string_view> json_body(const Request& request) {
    const std::string type = media_type_of(request.header("Content-Type").value_or(""));
    if (type.empty() || type == json_type || type == hal_type) {
        return std::string_view(request.body);
    }
    return Error::of(ErrorCode::unsupported_media_type,
                     text("Content-Type应为application/json, 而不是{}",
                          "Content-Type is application/json here, not {}",
                          is_utf8(type) ? type : std::string("?")));  // a header holds any bytes
}

}  // namespace updraft::http::ddi
