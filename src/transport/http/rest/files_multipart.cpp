#include "transport/http/rest/files_multipart.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace updraft::rest {
namespace {

constexpr std::size_t part_header_bytes_max = 8 * 1024;
constexpr std::size_t boundary_bytes_max = 200;  // RFC 2046 allows 70; some clients send more

Error malformed(std::string_view zh, std::string_view en) {
    return Error::of(ErrorCode::malformed, text("multipart请求体不正确: {0}",
                                                "the multipart body is malformed: {1}", zh, en));
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The value of a parameter of a header, quoted or bare: `name="a \"b\""`. Browsers escape a quote
/// as %22 and keep a backslash, so that only \" is an escape.
std::optional<std::string> parameter(std::string_view header, std::string_view wanted) {
    std::size_t at = header.find(';');
    while (at != std::string_view::npos && at < header.size()) {
        ++at;
        const auto equals = header.find('=', at);
        if (equals == std::string_view::npos) {
            return std::nullopt;
        }
        const std::string_view name = trimmed(header.substr(at, equals - at));
        std::string value;
        std::size_t end = equals + 1;
        while (end < header.size() && (header[end] == ' ' || header[end] == '\t')) {
            ++end;
        }
        if (end < header.size() && header[end] == '"') {
            for (++end; end < header.size() && header[end] != '"'; ++end) {
                if (header[end] == '\\' && end + 1 < header.size() && header[end + 1] == '"') {
                    ++end;
                }
                value.push_back(header[end]);
            }
            at = header.find(';', end);
        } else {
            at = header.find(';', end);
            value = trimmed(header.substr(end, at == std::string_view::npos ? at : at - end));
        }
        if (equals_ignoring_case(name, wanted)) {
            return value;
        }
    }
    return std::nullopt;
}

/// `UTF-8''%E5%9B%BA.bin` (RFC 8187); nothing for another character set or broken escapes.
std::optional<std::string> extended_value(std::string_view value) {
    const auto first = value.find('\'');
    const auto second = first == std::string_view::npos ? first : value.find('\'', first + 1);
    if (second == std::string_view::npos ||
        !equals_ignoring_case(value.substr(0, first), "utf-8")) {
        return std::nullopt;
    }
    std::string decoded;
    for (std::size_t i = second + 1; i < value.size(); ++i) {
        if (value[i] != '%') {
            decoded.push_back(value[i]);
            continue;
        }
        const auto byte = from_hex(value.substr(i + 1, 2));
        if (!byte || byte->size() != 1) {
            return std::nullopt;
        }
        decoded += *byte;
        i += 2;
    }
    return is_utf8(decoded) ? std::optional(decoded) : std::nullopt;
}

}  // namespace

Result<std::optional<std::string>> multipart_boundary(std::string_view content_type) {
    const std::string type = to_lower(trimmed(content_type.substr(0, content_type.find(';'))));
    if (type != "multipart/form-data") {
        return std::optional<std::string>{};
    }
    std::optional<std::string> boundary = parameter(content_type, "boundary");
    const bool usable = boundary && !boundary->empty() && boundary->size() <= boundary_bytes_max &&
                        boundary->find_first_of("\r\n") == std::string::npos;
    if (!usable) {
        return malformed("Content-Type中缺少boundary", "the Content-Type has no usable boundary");
    }
    return boundary;
}

/// The first boundary may stand at the very beginning: a line break is put before it, so that every
/// boundary looks alike.
MultipartReader::MultipartReader(std::string_view boundary, Source source)
    : delimiter_(fmt::format("\r\n--{}", boundary)), source_(std::move(source)), buffer_("\r\n") {}

bool MultipartReader::fill() {
    if (source_ended_) {
        return false;
    }
    const std::string bytes = source_();
    source_ended_ = bytes.empty();
    buffer_ += bytes;
    return !source_ended_;
}

Result<std::string> MultipartReader::read() {
    if (place_ == Place::at_boundary || place_ == Place::at_end) {
        return std::string{};
    }
    while (true) {
        const auto found = buffer_.find(delimiter_);
        if (found != std::string::npos) {
            std::string bytes = buffer_.substr(0, found);
            if (bytes.empty()) {
                place_ = Place::at_boundary;
            } else {
                buffer_.erase(0, found);
            }
            return bytes;
        }
        if (buffer_.size() >= delimiter_.size()) {  // the rest may be the beginning of a boundary
            const std::size_t certain = buffer_.size() - delimiter_.size() + 1;
            std::string bytes = buffer_.substr(0, certain);
            buffer_.erase(0, certain);
            return bytes;
        }
        if (!fill()) {
            return malformed("在结束分隔符之前中断", "it ends before the closing boundary");
        }
    }
}

/// Behind a boundary: true if a part follows, false at the end.
Result<bool> MultipartReader::pass_boundary() {
    buffer_.erase(0, delimiter_.size());
    while (true) {
        if (buffer_.starts_with("--")) {
            return false;
        }
        const auto end = buffer_.find("\r\n");
        if (end != std::string::npos) {
            if (!trimmed(std::string_view(buffer_).substr(0, end)).empty()) {
                return malformed("分隔符后有多余内容", "there is something behind a boundary");
            }
            buffer_.erase(0, end + 2);
            return true;
        }
        if (buffer_.size() > part_header_bytes_max || !fill()) {
            return malformed("在分隔符处中断", "it ends in a boundary");
        }
    }
}

Result<MultipartReader::Part> MultipartReader::read_headers() {
    std::optional<Part> part;
    std::size_t header_bytes = 0;
    while (true) {
        const auto end = buffer_.find("\r\n");
        if (end == std::string::npos) {
            if (header_bytes + buffer_.size() > part_header_bytes_max) {
                return malformed("头部过长", "the headers of a part are too long");
            }
            if (!fill()) {
                return malformed("在头部中断", "it ends in the headers of a part");
            }
            continue;
        }
        const std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 2);
        header_bytes += end + 2;
        if (header_bytes > part_header_bytes_max) {
            return malformed("头部过长", "the headers of a part are too long");
        }
        if (line.empty()) {
            break;
        }
        const auto colon = line.find(':');
        if (colon == std::string::npos ||
            !equals_ignoring_case(trimmed(std::string_view(line).substr(0, colon)),
                                  "content-disposition")) {
            continue;
        }
        const std::string_view value = std::string_view(line).substr(colon + 1);
        part = Part{parameter(value, "name").value_or(""), parameter(value, "filename")};
        if (const auto extended = parameter(value, "filename*")) {
            if (auto decoded = extended_value(*extended)) {
                part->file_name = std::move(decoded);
            }
        }
    }
    if (!part) {
        return malformed("缺少Content-Disposition", "a part has no Content-Disposition");
    }
    return *std::move(part);
}

Result<std::optional<MultipartReader::Part>> MultipartReader::next_part() {
    while (place_ == Place::before_first || place_ == Place::in_part) {
        UPDRAFT_TRY(const std::string skipped, read());
    }
    if (place_ == Place::at_end) {
        return std::optional<Part>{};
    }
    UPDRAFT_TRY(const bool follows, pass_boundary());
    if (!follows) {
        place_ = Place::at_end;
        return std::optional<Part>{};
    }
    UPDRAFT_TRY(Part part, read_headers());
    place_ = Place::in_part;
    return std::optional(std::move(part));
}

}  // namespace updraft::rest
