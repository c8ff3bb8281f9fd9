#include "transport/http/request_head.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::http {

namespace {

constexpr std::size_t fields_max = 100;

HeadRefusal malformed(std::string_view zh, std::string_view en) {
    return HeadRefusal{400, Text{std::string(zh), std::string(en)}};
}

Method method_of(std::string_view name) {
    for (const Method method : {Method::get, Method::head, Method::post, Method::put, Method::patch,
                                Method::del, Method::options}) {
        if (name == name_of(method)) {
            return method;
        }
    }
    return Method::other;
}

/// Visible text, spaces, tabs and bytes above ASCII (RFC 9110 5.5).
bool is_field_value(std::string_view value) {
    return std::ranges::all_of(value, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
    });
}

std::optional<HeadRefusal> read_request_line(std::string_view line, RequestHead& head) {
    const std::size_t first = line.find(' ');
    const std::size_t second = line.rfind(' ');
    if (first == std::string_view::npos || first == second || !is_token(line.substr(0, first))) {
        return malformed("请求行格式错误", "the request line is malformed");
    }
    head.method = method_of(line.substr(0, first));
    head.target = line.substr(first + 1, second - first - 1);
    const bool printable = std::ranges::all_of(
        head.target, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; });
    if (head.target.empty() || !printable) {
        return malformed("请求地址格式错误", "the request target is malformed");
    }
    const std::string_view version = line.substr(second + 1);
    const bool is_version = version.size() == 8 && version.starts_with("HTTP/") &&
                            version[6] == '.' && version[5] >= '0' && version[5] <= '9' &&
                            version[7] >= '0' && version[7] <= '9';
    if (!is_version) {
        return malformed("HTTP版本格式错误", "the HTTP version is malformed");
    }
    if (version[5] != '1') {
        return HeadRefusal{
            505, Text{"仅支持HTTP/1.1和HTTP/1.0", "only HTTP/1.1 and HTTP/1.0 are spoken here"}};
    }
    head.minor_version = version[7] == '0' ? 0 : 1;
    return std::nullopt;
}

std::optional<HeadRefusal> read_fields(std::string_view lines, RequestHead& head) {
    while (!lines.empty()) {
        const std::size_t end = lines.find("\r\n");
        const std::string_view line = lines.substr(0, end);
        lines.remove_prefix(end + 2);
        const std::size_t colon = line.find(':');
        // No space before the colon and no folded line: proxies disagree on what those mean.
        if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
            return malformed("请求头格式错误", "a header field is malformed");
        }
        const std::string_view value = trimmed(line.substr(colon + 1));
        if (!is_field_value(value)) {
            return malformed("请求头包含非法字符", "a header field contains a control character");
        }
        if (head.headers.size() == fields_max) {
            return HeadRefusal{431,
                               text("请求头超过{}个", "more than {} header fields", fields_max)};
        }
        head.headers.emplace_back(line.substr(0, colon), value);
    }
    return std::nullopt;
}

/// Content-Length and Transfer-Encoding (RFC 9112 6.3): at most one of them, once, and plain.
std::optional<HeadRefusal> read_framing(RequestHead& head) {
    std::size_t lengths = 0;
    std::size_t codings = 0;
    std::size_t hosts = 0;
    for (const auto& [name, value] : head.headers) {
        if (equals_ignoring_case(name, "Content-Length")) {
            const std::optional<std::int64_t> length = parse_decimal(value);
            if (!length || ++lengths > 1) {
                return malformed("Content-Length格式错误",
                                 "Content-Length must be one decimal number");
            }
            head.content_length = *length;
            head.has_length = true;
        } else if (equals_ignoring_case(name, "Transfer-Encoding")) {
            if (!equals_ignoring_case(value, "chunked") || ++codings > 1) {
                return HeadRefusal{501, Text{"仅支持chunked传输编码",
                                             "only the transfer coding chunked is known"}};
            }
            head.chunked = true;
        } else if (equals_ignoring_case(name, "Host")) {
            ++hosts;
        }
    }
    if (head.chunked && (head.has_length || head.minor_version == 0)) {
        return malformed("Transfer-Encoding与Content-Length不能同时使用",
                         "Transfer-Encoding excludes Content-Length and needs HTTP/1.1");
    }
    if (hosts > 1 || (hosts == 0 && head.minor_version == 1)) {
        return malformed("缺少Host请求头", "exactly one Host header is needed");
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::size_t> find_head_end(std::string_view received, std::size_t from) {
    const std::size_t end = received.find("\r\n\r\n", from < 3 ? 0 : from - 3);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    return end + 4;
}

std::variant<RequestHead, HeadRefusal> parse_head(std::string_view text) {
    RequestHead head;
    if (!text.ends_with("\r\n\r\n")) {
        return malformed("请求头不完整", "the head does not end in an empty line");
    }
    const std::size_t line_end = text.find("\r\n");
    if (std::optional<HeadRefusal> refusal = read_request_line(text.substr(0, line_end), head)) {
        return *std::move(refusal);
    }
    const std::string_view fields = text.substr(line_end + 2, text.size() - line_end - 4);
    if (std::optional<HeadRefusal> refusal = read_fields(fields, head)) {
        return *std::move(refusal);
    }
    if (std::optional<HeadRefusal> refusal = read_framing(head)) {
        return *std::move(refusal);
    }
    const bool says_close = field_has_token(head.headers, "Connection", "close");
    const bool says_keep = field_has_token(head.headers, "Connection", "keep-alive");
    head.keep_alive = !says_close && (head.minor_version == 1 || says_keep);
    head.expects_continue =
        head.minor_version == 1 && field_has_token(head.headers, "Expect", "100-continue");
    return head;
}

}  // namespace updraft::http
