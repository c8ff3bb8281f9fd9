#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transport/http/file_plan.hpp"
#include "transport/http/message.hpp"
#include "transport/http/open_files.hpp"
#include "transport/http/server.hpp"

namespace updraft::http {

/// A handler's response, made ready to be sent: compressed, its file opened, its ranges chosen.
struct Answer {
    Response response;
    std::shared_ptr<const OpenFile> file;
    std::vector<ByteRange> ranges;        ///< of the file; empty: nothing of it is sent
    std::vector<std::string> part_heads;  ///< for several ranges: what stands before each
    std::string part_end;                 ///< and behind the last
    std::optional<std::int64_t> length;   ///< nothing: chunked, or until the connection closes
    bool gzip = false;                    ///< of a streamed body
    bool has_body = true;                 ///< false for HEAD, 204 and 304
};

/// What an answer depends on besides the request.
struct AnswerContext {
    const Refuse& refuse;
    std::size_t ranges_max = 16;
    OpenFiles* files = nullptr;  ///< null: a file is opened for this answer alone
};

/// Makes a response ready. Opens files and compresses, so on a worker thread; of a short text or an
/// opened file also on an event loop.
[[nodiscard]] Answer prepare_answer(const Request& request, Response response,
                                    const AnswerContext& context);

/// How the connection goes on after an answer.
struct HeadOptions {
    int minor_version = 1;
    bool keep_alive = true;
    bool chunked = false;
};

/// The status line and the fields, empty line included. Fields that are the server's own (length,
/// framing, date) are not taken from the handler; line breaks in values become spaces.
[[nodiscard]] std::string head_text(const Answer& answer, const HeadOptions& options);

}  // namespace updraft::http
