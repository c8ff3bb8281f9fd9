#pragma once

#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "base/text.hpp"

namespace updraft {

/// What kind of refusal an Error is. Each protocol maps every value to its own status in one `switch`
/// without `default` (REST: the table of spec 2.1). No decision is ever made on the text of an error.
enum class ErrorCode : std::uint8_t {
    invalid_argument,   ///< the request's content breaks a rule; `fields` may name which member
    malformed,          ///< not parseable at all: bad JSON, bad multipart, bad packet
    unauthorized,       ///< no sign-in
    token_expired,      ///< a sign-in that has ended
    access_denied,      ///< signed in, but not allowed
    login_failed,       ///< wrong user name or password
    user_disabled,      ///< the user exists and is switched off
    not_found,          ///< the row does not exist
    duplicate_key,      ///< a unique value is taken; `fields` names the columns
    referenced,         ///< a deletion would orphan rows; `references` names them
    conflict,           ///< the state of things forbids it now
    too_large,          ///< over a configured limit
    too_many_requests,  ///< over a configured rate; try again later
    method_not_allowed,
    unsupported_media_type,
    range_not_satisfiable,
    precondition_failed,
    device_offline,     ///< a command needs a connected device
    device_timeout,     ///< the device did not answer in time
    timeout,            ///< the server did not finish in time
    unavailable,        ///< stopping, or a queue is full: try again later
    storage_full,       ///< the disk has no room; nothing was changed
    internal,           ///< our own mistake
};

/// One member of a request that broke a rule.
struct FieldError {
    std::string property;  ///< the JSON member's name
    Text message;
    friend bool operator==(const FieldError&, const FieldError&) = default;
};

/// A row that stands in the way of a deletion (spec 2.9).
struct Reference {
    std::string data_id;         ///< the row that was to be deleted
    std::string reference_type;  ///< e.g. "firmware-upgrade-task"
    std::string reference_id;
    std::string reference_name;
    friend bool operator==(const Reference&, const Reference&) = default;
};

/// Why something that a user or a device asked for was refused. The message names the value that was
/// wrong and what would be right; it never holds secrets or SQL.
struct Error {
    ErrorCode code = ErrorCode::internal;
    Text message;
    std::vector<FieldError> fields;
    std::vector<Reference> references;

    /// A refusal of one member of a request.
    [[nodiscard]] static Error invalid(std::string property, Text message) {
        Error error{ErrorCode::invalid_argument, message, {}, {}};
        error.fields.push_back({std::move(property), std::move(message)});
        return error;
    }
    [[nodiscard]] static Error of(ErrorCode code, Text message) {
        return Error{code, std::move(message), {}, {}};
    }
    /// "数据不存在" with what was looked for.
    [[nodiscard]] static Error not_found(std::string_view kind_zh, std::string_view kind_en,
                                         std::string_view id) {
        return Error{ErrorCode::not_found, text("数据不存在: {2} {1}", "no such {0}: {1}", kind_en, id, kind_zh), {}, {}};
    }
    friend bool operator==(const Error&, const Error&) = default;
};

/// A `T`, or why there is none. What the machine did to us (database gone, disk full) is an exception.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
public:
    using std::expected<T, Error>::expected;
    Result(Error error) : std::expected<T, Error>(std::unexpected(std::move(error))) {}  // NOLINT(google-explicit-constructor)
};

template <>
class [[nodiscard]] Result<void> : public std::expected<void, Error> {
public:
    using std::expected<void, Error>::expected;
    Result() = default;
    Result(Error error) : std::expected<void, Error>(std::unexpected(std::move(error))) {}  // NOLINT(google-explicit-constructor)
};

}  // namespace updraft

#define UPDRAFT_CONCAT_INNER(a, b) a##b
#define UPDRAFT_CONCAT(a, b) UPDRAFT_CONCAT_INNER(a, b)

/// `UPDRAFT_TRY(const Firmware firmware, firmwares.find(id));` declares the value or returns the error.
/// For plain functions only, never in a coroutine.
#define UPDRAFT_TRY(declaration, ...)                                            \
    auto UPDRAFT_CONCAT(try_result_, __LINE__) = (__VA_ARGS__);                  \
    if (!UPDRAFT_CONCAT(try_result_, __LINE__)) {                                \
        return std::move(UPDRAFT_CONCAT(try_result_, __LINE__)).error();         \
    }                                                                            \
    declaration = *std::move(UPDRAFT_CONCAT(try_result_, __LINE__))

/// The same for a Result<void>: returns the error, or goes on.
#define UPDRAFT_CHECK(...)                                                       \
    if (auto check_result = (__VA_ARGS__); !check_result) {                      \
        return std::move(check_result).error();                                  \
    }
