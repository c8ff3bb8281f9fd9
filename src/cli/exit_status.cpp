#include "cli/exit_status.hpp"

namespace updraft::cli {

ExitStatus status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::unauthorized:
        case ErrorCode::token_expired:
        case ErrorCode::access_denied:
        case ErrorCode::login_failed:
        case ErrorCode::user_disabled:
            return ExitStatus::not_allowed;
        case ErrorCode::timeout:
        case ErrorCode::unavailable:
        case ErrorCode::too_many_requests:
            return ExitStatus::unreachable;
        case ErrorCode::precondition_failed:
            return ExitStatus::gave_up;
        case ErrorCode::invalid_argument:
        case ErrorCode::malformed:
        case ErrorCode::not_found:
        case ErrorCode::duplicate_key:
        case ErrorCode::referenced:
        case ErrorCode::conflict:
        case ErrorCode::too_large:
        case ErrorCode::method_not_allowed:
        case ErrorCode::unsupported_media_type:
        case ErrorCode::range_not_satisfiable:
        case ErrorCode::device_offline:
        case ErrorCode::device_timeout:
        case ErrorCode::storage_full:
        case ErrorCode::internal:
            return ExitStatus::refused;
    }
    return ExitStatus::refused;
}

const char* name_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::invalid_argument:
            return "invalid_argument";
        case ErrorCode::malformed:
            return "malformed";
        case ErrorCode::unauthorized:
            return "unauthorized";
        case ErrorCode::token_expired:
            return "token_expired";
        case ErrorCode::access_denied:
            return "access_denied";
        case ErrorCode::login_failed:
            return "login_failed";
        case ErrorCode::user_disabled:
            return "user_disabled";
        case ErrorCode::not_found:
            return "not_found";
        case ErrorCode::duplicate_key:
            return "duplicate_key";
        case ErrorCode::referenced:
            return "referenced";
        case ErrorCode::conflict:
            return "conflict";
        case ErrorCode::too_large:
            return "too_large";
        case ErrorCode::too_many_requests:
            return "too_many_requests";
        case ErrorCode::method_not_allowed:
            return "method_not_allowed";
        case ErrorCode::unsupported_media_type:
            return "unsupported_media_type";
        case ErrorCode::range_not_satisfiable:
            return "range_not_satisfiable";
        case ErrorCode::precondition_failed:
            return "not_confirmed";
        case ErrorCode::device_offline:
            return "device_offline";
        case ErrorCode::device_timeout:
            return "device_timeout";
        case ErrorCode::timeout:
            return "timeout";
        case ErrorCode::unavailable:
            return "unavailable";
        case ErrorCode::storage_full:
            return "storage_full";
        case ErrorCode::internal:
            return "internal";
    }
    return "internal";
}

}  // namespace updraft::cli
