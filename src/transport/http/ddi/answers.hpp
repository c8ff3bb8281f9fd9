#pragma once

#include <string>

#include "base/result.hpp"
#include "transport/http/message.hpp"

namespace updraft::http::ddi {

/// The document with a strong ETag over its bytes; 304 where the client has it, 406 where it would
/// not read it.
[[nodiscard]] Response document(const Request& request, std::string json);

/// 200 without a body: all that a client takes for success (hawkbit-ddi 1).
[[nodiscard]] Response done();

/// The refusal with hawkBit's status and body; 401 has none.
[[nodiscard]] Response refusal(const Error& error, Language language);

/// 405 for an answer to a cancel that nobody asked for, which hawkBit has a name for.
[[nodiscard]] Response not_cancelable(const Error& error, Language language);

/// The body of a request that says to be JSON, or says nothing. Errors: unsupported_media_type.
[[nodiscard]] Result<std::string_view> json_body(const Request& request);

}  // namespace updraft::http::ddi
