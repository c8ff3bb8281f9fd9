#include "transport/http/file_plan.hpp"

#include <limits>

#include "base/bytes.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::http {

namespace {

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// A position of any length; one beyond 63 bits is beyond every file all the same.
std::int64_t position_of(std::string_view digits) {
    return parse_decimal(digits).value_or(std::numeric_limits<std::int64_t>::max());
}

enum class RangeKind : std::uint8_t { satisfiable, unsatisfiable, invalid };

/// One "first-last", "first-" or "-suffix".
RangeKind parse_range(std::string_view spec, std::int64_t size, ByteRange& range) {
    const std::size_t dash = spec.find('-');
    if (dash == std::string_view::npos) {
        return RangeKind::invalid;
    }
    const std::string_view first = trimmed(spec.substr(0, dash));
    const std::string_view last = trimmed(spec.substr(dash + 1));
    if (first.empty()) {
        if (!all_digits(last)) {
            return RangeKind::invalid;
        }
        const std::int64_t suffix = position_of(last);
        range = {std::max<std::int64_t>(size - suffix, 0), size - 1};
        return suffix == 0 || size == 0 ? RangeKind::unsatisfiable : RangeKind::satisfiable;
    }
    if (!all_digits(first) || (!last.empty() && !all_digits(last))) {
        return RangeKind::invalid;
    }
    range.first = position_of(first);
    range.last = last.empty() ? std::numeric_limits<std::int64_t>::max() : position_of(last);
    if (range.last < range.first) {
        return RangeKind::invalid;
    }
    range.last = std::min(range.last, size - 1);
    return range.first < size ? RangeKind::satisfiable : RangeKind::unsatisfiable;
}

bool touch(const ByteRange& a, const ByteRange& b) {
    return a.first <= b.last + 1 && b.first <= a.last + 1;
}

/// Merges into the earliest range that each touches, until none touches another.
std::vector<ByteRange> merged(const std::vector<ByteRange>& ranges) {
    std::vector<ByteRange> result;
    for (ByteRange range : ranges) {
        for (auto other = result.begin(); other != result.end();) {
            if (touch(*other, range)) {
                range = {std::min(other->first, range.first), std::max(other->last, range.last)};
                result.erase(other);
                other = result.begin();
            } else {
                ++other;
            }
        }
        result.push_back(range);
    }
    return result;
}

enum class Comparison : std::uint8_t { strong, weak };

/// True if a list of entity tags, or `*`, contains ours, which is strong (RFC 9110 8.8.3.2).
bool etag_matches(std::string_view list, const std::string& etag, Comparison comparison) {
    if (trimmed(list) == "*") {
        return true;
    }
    const std::string quoted = "\"" + etag + "\"";
    for (std::string_view tag : list_elements(list)) {
        if (tag.starts_with("W/")) {
            if (comparison == Comparison::strong) {
                continue;
            }
            tag.remove_prefix(2);
        }
        if (!etag.empty() && tag == quoted) {
            return true;
        }
    }
    return false;
}

/// All lines of a list-valued field as one.
std::optional<std::string> joined(const Fields& headers, std::string_view name) {
    std::optional<std::string> result;
    for (const auto& [key, value] : headers) {
        if (equals_ignoring_case(key, name)) {
            result = result ? *result + "," + value : value;
        }
    }
    return result;
}

std::optional<std::int64_t> date_in(const Request& request, std::string_view name) {
    const std::optional<std::string> value = request.header(name);
    return value ? parse_http_date(*value) : std::nullopt;
}

/// 412, 304, or 200 when nothing stands in the way.
int weigh_conditions(const Request& request, const FileBody& file) {
    const std::int64_t modified = file.modified_ms / 1000;
    if (const std::optional<std::string> tags = joined(request.headers, "If-Match")) {
        if (!etag_matches(*tags, file.etag, Comparison::strong)) {
            return 412;
        }
    } else if (const auto date = date_in(request, "If-Unmodified-Since");
               date && modified > *date) {
        return 412;
    }
    if (const std::optional<std::string> tags = joined(request.headers, "If-None-Match")) {
        return etag_matches(*tags, file.etag, Comparison::weak) ? 304 : 200;
    }
    const auto date = date_in(request, "If-Modified-Since");
    return date && file.modified_ms > 0 && modified <= *date ? 304 : 200;
}

/// True if the Range header may be used: the client's part is of the file we have (RFC
/// 9110 13.1.5).
bool if_range_holds(const Request& request, const FileBody& file) {
    const std::optional<std::string> condition = request.header("If-Range");
    if (!condition) {
        return true;
    }
    const std::string_view value = trimmed(*condition);
    if (value.starts_with('"') || value.starts_with("W/")) {
        return value != "*" && etag_matches(value, file.etag, Comparison::strong);
    }
    const std::optional<std::int64_t> date = parse_http_date(value);
    return date && file.modified_ms > 0 && *date == file.modified_ms / 1000;
}

}  // namespace

std::optional<std::vector<ByteRange>> parse_ranges(std::string_view header, std::int64_t size_bytes,
                                                   std::size_t ranges_max) {
    const std::size_t equals = header.find('=');
    if (equals == std::string_view::npos ||
        !equals_ignoring_case(trimmed(header.substr(0, equals)), "bytes")) {
        return std::nullopt;
    }
    const std::vector<std::string_view> specs = list_elements(header.substr(equals + 1));
    if (specs.empty() || specs.size() > ranges_max) {
        return std::nullopt;
    }
    std::vector<ByteRange> ranges;
    for (const std::string_view spec : specs) {
        ByteRange range;
        switch (parse_range(spec, size_bytes, range)) {
            case RangeKind::satisfiable:
                ranges.push_back(range);
                break;
            case RangeKind::unsatisfiable:
                break;
            case RangeKind::invalid:
                return std::nullopt;
        }
    }
    return merged(ranges);
}

FilePlan plan_file(const Request& request, const FileBody& file, std::size_t ranges_max) {
    FilePlan plan{weigh_conditions(request, file), {}};
    const std::optional<std::string> range = request.header("Range");
    if (plan.status != 200 || request.method != Method::get || !range ||
        !if_range_holds(request, file)) {
        return plan;
    }
    std::optional<std::vector<ByteRange>> ranges =
        parse_ranges(*range, file.size_bytes, ranges_max);
    if (ranges) {
        plan.status = ranges->empty() ? 416 : 206;
        plan.ranges = std::move(*ranges);
    }
    return plan;
}

}  // namespace updraft::http
