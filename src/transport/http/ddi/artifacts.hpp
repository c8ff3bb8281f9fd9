#pragma once

#include "app/ddi_service.hpp"
#include "transport/http/message.hpp"

namespace updraft::http::ddi {

/// The bytes of a file with the fields of hawkbit-ddi 10: its ETag is the SHA-1, and a Range that
/// hawkBit refuses (malformed, overlapping, behind the end) is refused. What else ranges and
/// conditions do is the server's business.
[[nodiscard]] Response artifact(const Request& request, const DdiService::Download& download);

/// Whether all of the file is sent by artifact(): no HEAD, no part, no condition that held it back.
[[nodiscard]] bool sends_all(const Request& request, const Response& answer);

/// `<md5>  <filename>`, as a file to be saved.
[[nodiscard]] Response md5sum(const DdiService::Download& download);

}  // namespace updraft::http::ddi
