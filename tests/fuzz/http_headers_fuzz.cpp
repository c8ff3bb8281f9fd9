// The values of header fields and what stands in targets, each line of the input one of them:
// ranges lie inside the file and do not overlap, what is decoded is UTF-8, dates and links read
// back what they wrote.
#include "app/urls.hpp"
#include "base/bytes.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "transport/http/ddi/links.hpp"
#include "transport/http/devices/proofs.hpp"
#include "transport/http/file_plan.hpp"
#include "transport/http/rest/api.hpp"
#include "transport/http/rest/files_multipart.hpp"
#include "transport/http/syntax.hpp"
#include "transport/http/url.hpp"

namespace updraft::fuzz {
namespace {

constexpr std::size_t ranges_max = 16;

void require_apart(const std::vector<http::ByteRange>& ranges, std::int64_t file_bytes) {
    UPDRAFT_ASSERT(ranges.size() <= ranges_max);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const http::ByteRange& a = ranges[i];
        UPDRAFT_ASSERT(a.first >= 0 && a.first <= a.last && a.last < file_bytes);
        for (std::size_t j = 0; j < i; ++j) {
            UPDRAFT_ASSERT(a.last < ranges[j].first || ranges[j].last < a.first);
        }
    }
}

/// Every header of a request for a file of 1000 bytes.
void plan_file(const http::Request& request) {
    const http::FileBody file{"/f", 1'000, "abc", 784'111'777'000};
    const http::FilePlan plan = http::plan_file(request, file, ranges_max);
    require_apart(plan.ranges, file.size_bytes);
    UPDRAFT_ASSERT((plan.status == 206) == !plan.ranges.empty());
}

void read_lists(std::string_view value) {
    for (const std::string_view element : http::list_elements(value)) {
        UPDRAFT_ASSERT(!element.empty() && element == http::trimmed(element));
    }
    for (const http::WeightedItem& item : http::weighted_list(value)) {
        UPDRAFT_ASSERT(item.weight >= 0 && item.weight <= 1'000);
    }
}

void read_dates(std::string_view value) {
    if (const auto date = http::parse_http_date(value)) {
        UPDRAFT_ASSERT(http::parse_http_date(http::http_date(*date)) == date);
    }
}

void read_urls(std::string_view value) {
    for (const auto plus : {http::PlusSign::literal, http::PlusSign::space}) {
        if (const auto decoded = http::percent_decode(value, plus)) {
            UPDRAFT_ASSERT(decoded->size() <= value.size() && is_utf8(*decoded));
        }
    }
    if (const auto target = http::parse_target(value)) {
        UPDRAFT_ASSERT(target->path == "*" || target->path.starts_with('/'));
        for (const auto& [name, text] : target->query) {
            UPDRAFT_ASSERT(is_utf8(name) && is_utf8(text));
        }
    }
    const std::string base = "http://h:8848/api";
    const auto own = parse_file_url(value, base);
    if (own) {
        UPDRAFT_ASSERT(is_hex(own->file.value, 32));
    }
    // What one reads as a file of ours is one also behind its absolute address.
    const auto again = parse_file_url(absolute_url(value, base), base);
    UPDRAFT_ASSERT(!own || (again && again->file == own->file));
}

void read_proofs(const http::Request& request) {
    if (const auto basic = device_http::basic_credentials(request)) {
        UPDRAFT_ASSERT(is_utf8(basic->user) && basic->user.find(':') == std::string::npos);
    }
    if (const auto token = device_http::bearer_token(request)) {
        UPDRAFT_ASSERT(!token->empty());
    }
    (void)rest::token_of(request);
    (void)request.language();
}

void read_links(const http::Request& request) {
    const auto links = http::ddi::Links::of(request, {}, true);
    if (!links) {
        return;
    }
    for (const std::string& link : {links->resource("configData"), links->file(7, "a b.bin").https,
                                    links->file(7, "a b.bin").http}) {
        UPDRAFT_ASSERT(link.find_first_of(" \"\\<>\r\n") == std::string::npos);
    }
}

}  // namespace

UPDRAFT_FUZZ_TARGET(http_headers) {
    http::Request request;
    request.target = "/DEFAULT/controller/v1/d1";
    request.parameters = {{"tenant", "DEFAULT"}, {"controllerId", "d1"}};
    while (!input.empty()) {
        const std::string_view line = input.substr(0, input.find('\n'));
        input.remove_prefix(std::min(line.size() + 1, input.size()));
        const std::size_t colon = std::min(line.find(": "), line.size());
        const std::string_view value = line.substr(std::min(colon + 2, line.size()));
        request.headers.emplace_back(line.substr(0, colon), value);
        for (const std::int64_t bytes : {0, 1, 1'000}) {
            require_apart(http::parse_ranges(value, bytes, ranges_max)
                              .value_or(std::vector<http::ByteRange>{}),
                          bytes);
        }
        read_lists(value);
        read_dates(value);
        read_urls(value);
        if (const auto boundary = rest::multipart_boundary(value); boundary && *boundary) {
            UPDRAFT_ASSERT(!(*boundary)->empty());
        }
    }
    plan_file(request);
    read_proofs(request);
    read_links(request);
}

}  // namespace updraft::fuzz
