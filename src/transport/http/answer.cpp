#include "transport/http/answer.hpp"

#include <array>
#include <chrono>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "transport/http/gzip.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::http {

namespace {

constexpr std::size_t gzip_from_bytes = 1024;

void set_field(Fields& fields, std::string_view name, std::string value) {
    for (auto& [key, old] : fields) {
        if (equals_ignoring_case(key, name)) {
            old = std::move(value);
            return;
        }
    }
    fields.emplace_back(name, std::move(value));
}

void drop_field(Fields& fields, std::string_view name) {
    std::erase_if(fields,
                  [&](const auto& field) { return equals_ignoring_case(field.first, name); });
}

bool forbids_body(int status) {
    return status < 200 || status == 204 || status == 304;
}

void prepare_text(const Request& request, Answer& answer) {
    auto& body = std::get<std::string>(answer.response.body);
    if (body.size() > gzip_from_bytes && is_compressible(answer.response.headers)) {
        set_field(answer.response.headers, "Vary", "Accept-Encoding");
        if (accepts_gzip(request)) {
            GzipEncoder encoder;
            std::string packed = encoder.encode(body);
            packed += encoder.finish();
            body = std::move(packed);
            set_field(answer.response.headers, "Content-Encoding", "gzip");
        }
    }
    answer.length = static_cast<std::int64_t>(body.size());
}

void prepare_stream(const Request& request, Answer& answer) {
    if (is_compressible(answer.response.headers)) {
        set_field(answer.response.headers, "Vary", "Accept-Encoding");
        if (accepts_gzip(request)) {
            answer.gzip = true;
            set_field(answer.response.headers, "Content-Encoding", "gzip");
        }
    }
}

void prepare_events(Answer& answer) {
    Fields& headers = answer.response.headers;
    set_field(headers, "Content-Type", "text/event-stream;charset=UTF-8");
    set_field(headers, "Cache-Control", "no-cache");
    set_field(headers, "X-Accel-Buffering", "no");
}

/// Opens the file and makes sure that it is the one that was promised.
std::shared_ptr<const OpenFile> open_file(const FileBody& body, const AnswerContext& context) {
    if (body.opened) {
        return body.opened;
    }
    if (context.files != nullptr) {
        return context.files->open(body);
    }
    return OpenFiles(0).open(body);
}

/// One answer of several ranges (RFC 9110 14.6).
void prepare_parts(const FileBody& body, Answer& answer) {
    const std::string boundary = random_hex(12);
    Fields& headers = answer.response.headers;
    const std::string type =
        find_field(headers, "Content-Type").value_or("application/octet-stream");
    std::int64_t length = 0;
    for (const ByteRange& range : answer.ranges) {
        answer.part_heads.push_back(
            fmt::format("{}--{}\r\nContent-Type: {}\r\nContent-Range: bytes {}-{}/{}\r\n\r\n",
                        answer.part_heads.empty() ? "" : "\r\n", boundary, type, range.first,
                        range.last, body.size_bytes));
        length += static_cast<std::int64_t>(answer.part_heads.back().size()) + range.length();
    }
    answer.part_end = fmt::format("\r\n--{}--\r\n", boundary);
    answer.length = length + static_cast<std::int64_t>(answer.part_end.size());
    set_field(headers, "Content-Type", "multipart/byteranges; boundary=" + boundary);
}

/// Takes the place of the file when a condition or every range failed.
Answer refuse_file(const Request& request, const FilePlan& plan, const FileBody& body,
                   Fields headers, const AnswerContext& context) {
    const bool range = plan.status == 416;
    const Error error =
        range ? Error::of(ErrorCode::range_not_satisfiable,
                          text("请求范围超出文件大小 {}",
                               "the range is outside the file's {} bytes", body.size_bytes))
              : Error::of(ErrorCode::precondition_failed,
                          Text{"前置条件不满足", "a condition of the request does not hold"});
    Response response = context.refuse(error, request.language(), &request);
    response.status = plan.status;
    if (range) {
        set_field(response.headers, "Content-Range", fmt::format("bytes */{}", body.size_bytes));
    }
    if (const std::optional<std::string> etag = find_field(headers, "ETag")) {
        set_field(response.headers, "ETag", *etag);
    }
    return prepare_answer(request, std::move(response), context);
}

Answer prepare_file(const Request& request, Answer answer, const AnswerContext& context) {
    const FileBody body = std::get<FileBody>(answer.response.body);
    Fields& headers = answer.response.headers;
    set_field(headers, "Accept-Ranges", "bytes");
    if (!body.etag.empty()) {
        set_field(headers, "ETag", "\"" + body.etag + "\"");
    }
    if (body.modified_ms > 0) {
        set_field(headers, "Last-Modified", http_date(body.modified_ms / 1000));
    }
    FilePlan plan{answer.response.status, {}};
    if (answer.response.status == 200) {
        plan = plan_file(request, body, context.ranges_max);
    }
    if (plan.status == 412 || plan.status == 416) {
        return refuse_file(request, plan, body, std::move(headers), context);
    }
    answer.response.status = plan.status;
    if (plan.status == 304) {
        for (const std::string_view name :
             {"Content-Type", "Content-Disposition", "Accept-Ranges"}) {
            drop_field(headers, name);
        }
        return answer;
    }
    answer.file = open_file(body, context);
    answer.ranges = std::move(plan.ranges);
    if (answer.ranges.size() > 1) {
        prepare_parts(body, answer);
        return answer;
    }
    if (answer.ranges.size() == 1) {
        const ByteRange& range = answer.ranges.front();
        set_field(headers, "Content-Range",
                  fmt::format("bytes {}-{}/{}", range.first, range.last, body.size_bytes));
        answer.length = range.length();
        return answer;
    }
    answer.length = body.size_bytes;
    if (body.size_bytes > 0) {
        answer.ranges.push_back({0, body.size_bytes - 1});
    }
    return answer;
}

/// The Date field of this second, made once a second and thread.
std::string_view date_now() {
    thread_local std::int64_t second = -1;
    thread_local std::string date;
    const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                                 std::chrono::system_clock::now().time_since_epoch())
                                 .count();
    if (now != second) {
        second = now;
        date = http_date(now);
    }
    return date;
}

bool is_servers_own(std::string_view name) {
    for (const std::string_view own :
         {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Date"}) {
        if (equals_ignoring_case(name, own)) {
            return true;
        }
    }
    return false;
}

void append_field(std::string& head, std::string_view name, std::string_view value) {
    head.append(name).append(": ");
    for (const char c : value) {
        const bool control = static_cast<unsigned char>(c) < 0x20 && c != '\t';
        head += control ? ' ' : c;  // a line break would start a field of the attacker's choice
    }
    head.append("\r\n");
}

}  // namespace

Answer prepare_answer(const Request& request, Response response, const AnswerContext& context) {
    Answer answer;
    answer.response = std::move(response);
    if (std::holds_alternative<FileBody>(answer.response.body)) {
        answer = prepare_file(request, std::move(answer), context);
    } else if (std::holds_alternative<std::string>(answer.response.body)) {
        prepare_text(request, answer);
    } else if (std::holds_alternative<EventStream>(answer.response.body)) {
        prepare_events(answer);
    } else {
        prepare_stream(request, answer);
    }
    answer.has_body = request.method != Method::head && !forbids_body(answer.response.status);
    if (request.header("Origin")) {
        set_field(answer.response.headers, "Access-Control-Allow-Origin", "*");
    }
    return answer;
}

std::string head_text(const Answer& answer, const HeadOptions& options) {
    const int status = answer.response.status;
    std::string head;
    head.reserve(512);
    fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\nDate: {}\r\n", status,
                   reason_phrase(status), date_now());
    for (const auto& [name, value] : answer.response.headers) {
        if (!is_servers_own(name)) {
            append_field(head, name, value);
        }
    }
    if (!forbids_body(status)) {
        if (answer.length) {
            fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", *answer.length);
        } else if (options.chunked) {
            head.append("Transfer-Encoding: chunked\r\n");
        }
    }
    if (!options.keep_alive) {
        head.append("Connection: close\r\n");
    } else if (options.minor_version == 0) {
        head.append("Connection: keep-alive\r\n");
    }
    head.append("\r\n");
    return head;
}

}  // namespace updraft::http
