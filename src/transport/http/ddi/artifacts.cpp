#include "transport/http/ddi/artifacts.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/cut_text.hpp"
#include "transport/http/ddi/answers.hpp"
#include "transport/http/file_plan.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::http::ddi {
namespace {

constexpr std::size_t disposition_name_max = 78;
constexpr std::size_t any_number_of_ranges = 1'000;

/// The name plain where it may be, quoted where it has specials.
std::string disposition_of(std::string_view filename) {
    std::string name;
    bool plain = true;
    for (const char c : cut(filename, disposition_name_max)) {
        const auto byte = static_cast<unsigned char>(c);
        const bool safe =
            byte < 0x80 &&
            (std::isalnum(byte) != 0 || std::string_view("-._+").find(c) != std::string_view::npos);
        plain = plain && safe;
        name += byte < 0x20 || byte >= 0x7F || c == '"' || c == '\\' ? '_' : c;
    }
    return fmt::format(
        fmt::runtime(plain ? "attachment;filename={}" : "attachment;filename=\"{}\""), name);
}

bool is_range_list(std::string_view value) {
    constexpr std::string_view unit = "bytes=";
    if (!value.starts_with(unit)) {
        return false;
    }
    const auto elements = list_elements(value.substr(unit.size()));
    return !elements.empty() && std::ranges::all_of(elements, [](std::string_view each) {
        const std::size_t dash = each.find('-');
        return dash != std::string_view::npos && each.size() > 1 &&
               each.find_first_not_of("0123456789-") == std::string_view::npos &&
               each.find('-', dash + 1) == std::string_view::npos;
    });
}

/// What hawkBit refuses and RFC 9110 lets pass: malformed lists, and parts that overlap.
bool is_refused(std::string_view value, std::int64_t size) {
    if (!is_range_list(value)) {
        return true;
    }
    std::vector<ByteRange> ranges;
    for (const std::string_view each : list_elements(value.substr(6))) {
        const auto one = parse_ranges(fmt::format("bytes={}", each), size, any_number_of_ranges);
        if (!one || one->empty()) {
            return true;
        }
        ranges.push_back(one->front());
    }
    std::ranges::sort(ranges, {}, &ByteRange::first);
    return std::ranges::adjacent_find(ranges, [](const ByteRange& a, const ByteRange& b) {
               return b.first <= a.last;
           }) != ranges.end();
}

Response refused_range(const Request& request, const FileBody& file) {
    Response response = refusal(
        Error::of(ErrorCode::range_not_satisfiable,
                  text("请求范围超出文件大小 {}, 格式错误或相互重叠",
                       "the range is malformed, overlaps, or is outside the file's {} bytes",
                       file.size_bytes)),
        request.language());
    response.headers.emplace_back("Content-Range", fmt::format("bytes */{}", file.size_bytes));
    response.headers.emplace_back("ETag", "\"" + file.etag + "\"");
    return response;
}

}  // namespace

Response artifact(const Request& request, const DdiService::Download& download) {
    const StoredFile& file = download.file;
    const std::string& etag = file.sha1.empty() ? file.sha256 : file.sha1;
    const FileBody body{download.path, file.size_bytes, etag, to_millis(file.created_at)};
    const std::optional<std::string> range = request.header("Range");
    if (range && request.method == Method::get && is_refused(trimmed(*range), body.size_bytes)) {
        // A condition that fails, or that asks for the whole file, comes before the range.
        Request whole = request;
        std::erase_if(whole.headers,
                      [](const auto& field) { return equals_ignoring_case(field.first, "Range"); });
        Request first = whole;
        first.headers.emplace_back("Range", "bytes=0-0");
        const bool counts = plan_file(whole, body, 1).status == 200 &&
                            (body.size_bytes == 0 || plan_file(first, body, 1).status == 206);
        if (counts) {
            return refused_range(request, body);
        }
    }
    return {200,
            {{"Content-Type", "application/octet-stream"},
             {"Content-Disposition", disposition_of(download.filename)},
             {"X-Content-Type-Options", "nosniff"}},
            body};
}

bool sends_all(const Request& request, const Response& answer) {
    const auto* file = std::get_if<FileBody>(&answer.body);
    return file != nullptr && request.method == Method::get &&
           plan_file(request, *file, any_number_of_ranges).status == 200;
}

Response md5sum(const DdiService::Download& download) {
    return {200,
            {{"Content-Type", "text/plain"},
             {"Content-Disposition", disposition_of(download.filename + ".MD5SUM")},
             {"X-Content-Type-Options", "nosniff"}},
            fmt::format("{}  {}", download.file.md5, download.filename)};
}

}  // namespace updraft::http::ddi
