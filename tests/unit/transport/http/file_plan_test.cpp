#include "transport/http/file_plan.hpp"

#include <gtest/gtest.h>

#include "transport/http/syntax.hpp"

namespace updraft::http {

namespace {

constexpr std::int64_t modified = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
const char* const same_date = "Sun, 06 Nov 1994 08:49:37 GMT";
const char* const earlier = "Sun, 06 Nov 1994 08:49:36 GMT";

FileBody a_file() {
    return {"/x", 100, "abc", modified * 1000 + 500};
}

int status_of(Fields headers, Method method = Method::get) {
    Request request;
    request.method = method;
    request.headers = std::move(headers);
    return plan_file(request, a_file(), 16).status;
}

using Ranges = std::optional<std::vector<ByteRange>>;
Ranges ranges(std::string_view header, std::int64_t size = 100, std::size_t most = 16) {
    return parse_ranges(header, size, most);
}

}  // namespace

TEST(Ranges, ReadsEveryForm) {
    EXPECT_EQ(ranges("bytes=0-0"), Ranges({{0, 0}}));
    EXPECT_EQ(ranges("bytes=10-19"), Ranges({{10, 19}}));
    EXPECT_EQ(ranges("bytes=90-"), Ranges({{90, 99}}));
    EXPECT_EQ(ranges("bytes=-10"), Ranges({{90, 99}}));
    EXPECT_EQ(ranges("bytes=-1000"), Ranges({{0, 99}}));
    EXPECT_EQ(ranges("bytes=50-1000"), Ranges({{50, 99}}));
    EXPECT_EQ(ranges("Bytes=0-1"), Ranges({{0, 1}}));
    EXPECT_EQ(ranges("bytes=0-99999999999999999999999"), Ranges({{0, 99}}));
}

TEST(Ranges, SeveralKeepTheirOrder) {
    EXPECT_EQ(ranges("bytes=50-59, 0-9,-1"), Ranges({{50, 59}, {0, 9}, {99, 99}}));
}

TEST(Ranges, OverlappingAndTouchingOnesBecomeOne) {
    EXPECT_EQ(ranges("bytes=0-9,5-14"), Ranges({{0, 14}}));
    EXPECT_EQ(ranges("bytes=0-9,10-14"), Ranges({{0, 14}}));
    EXPECT_EQ(ranges("bytes=0-4,10-14,3-11,50-60"), Ranges({{0, 14}, {50, 60}}));
}

TEST(Ranges, UnsatisfiableOnesAreLeftOut) {
    EXPECT_EQ(ranges("bytes=100-"), Ranges(std::vector<ByteRange>{}));
    EXPECT_EQ(ranges("bytes=-0"), Ranges(std::vector<ByteRange>{}));
    EXPECT_EQ(ranges("bytes=500-600,1-2"), Ranges({{1, 2}}));
    EXPECT_EQ(ranges("bytes=99999999999999999999-"), Ranges(std::vector<ByteRange>{}));
    EXPECT_EQ(ranges("bytes=0-", 0), Ranges(std::vector<ByteRange>{}));
    EXPECT_EQ(ranges("bytes=-5", 0), Ranges(std::vector<ByteRange>{}));
}

// An invalid header means the whole file, never an error (RFC 9110 14.2).
TEST(Ranges, BadSyntaxIsIgnored) {
    for (const std::string_view header :
         {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-3", "bytes=1", "bytes=1-2-3",
          "items=0-1", "bytes=+1-2", "bytes=0-1,x", "bytes=0x1-2", "bytes=--1"}) {
        EXPECT_EQ(ranges(header), std::nullopt) << header;
    }
    EXPECT_EQ(ranges("bytes=0-1,3-4,6-7", 100, 2), std::nullopt);
}

TEST(Conditions, IfMatch) {
    EXPECT_EQ(status_of({{"If-Match", "\"abc\""}}), 200);
    EXPECT_EQ(status_of({{"If-Match", "*"}}), 200);
    EXPECT_EQ(status_of({{"If-Match", "\"x\", \"abc\""}}), 200);
    EXPECT_EQ(status_of({{"If-Match", "\"x\""}}), 412);
    EXPECT_EQ(status_of({{"If-Match", "W/\"abc\""}}), 412);
    // If-Match wins over If-Unmodified-Since.
    EXPECT_EQ(status_of({{"If-Match", "\"abc\""}, {"If-Unmodified-Since", earlier}}), 200);
}

TEST(Conditions, IfUnmodifiedSince) {
    EXPECT_EQ(status_of({{"If-Unmodified-Since", same_date}}), 200);
    EXPECT_EQ(status_of({{"If-Unmodified-Since", earlier}}), 412);
    EXPECT_EQ(status_of({{"If-Unmodified-Since", "yesterday"}}), 200);
}

TEST(Conditions, IfNoneMatch) {
    EXPECT_EQ(status_of({{"If-None-Match", "\"abc\""}}), 304);
    EXPECT_EQ(status_of({{"If-None-Match", "W/\"abc\""}}), 304);
    EXPECT_EQ(status_of({{"If-None-Match", "*"}}, Method::head), 304);
    EXPECT_EQ(status_of({{"If-None-Match", "\"x\""}}), 200);
    // If-None-Match wins over If-Modified-Since.
    EXPECT_EQ(status_of({{"If-None-Match", "\"x\""}, {"If-Modified-Since", same_date}}), 200);
    // and over ranges.
    EXPECT_EQ(status_of({{"If-None-Match", "\"abc\""}, {"Range", "bytes=0-1"}}), 304);
}

TEST(Conditions, IfModifiedSince) {
    EXPECT_EQ(status_of({{"If-Modified-Since", same_date}}), 304);
    EXPECT_EQ(status_of({{"If-Modified-Since", earlier}}), 200);
    EXPECT_EQ(status_of({{"If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT"}}), 304);
    EXPECT_EQ(status_of({{"If-Modified-Since", "Sun Nov  6 08:49:37 1994"}}), 304);
}

TEST(Conditions, IfRange) {
    const std::pair<std::string, std::string> range{"Range", "bytes=0-1"};
    EXPECT_EQ(status_of({range}), 206);
    EXPECT_EQ(status_of({range, {"If-Range", "\"abc\""}}), 206);
    EXPECT_EQ(status_of({range, {"If-Range", "\"x\""}}), 200);
    EXPECT_EQ(status_of({range, {"If-Range", "W/\"abc\""}}), 200);
    EXPECT_EQ(status_of({range, {"If-Range", same_date}}), 206);
    EXPECT_EQ(status_of({range, {"If-Range", earlier}}), 200);
    EXPECT_EQ(status_of({{"Range", "bytes=500-"}, {"If-Range", "\"x\""}}), 200);
    EXPECT_EQ(status_of({{"Range", "bytes=500-"}}), 416);
}

// RFC 9110 14.2: ranges are defined for GET only.
TEST(Conditions, HeadIgnoresRanges) {
    EXPECT_EQ(status_of({{"Range", "bytes=0-1"}}, Method::head), 200);
    EXPECT_EQ(status_of({{"Range", "bytes=500-"}}, Method::head), 200);
}

TEST(HttpDate, ReadsWhatItWrites) {
    EXPECT_EQ(http_date(modified), same_date);
    EXPECT_EQ(parse_http_date(same_date), modified);
    EXPECT_EQ(parse_http_date("Sun, 31 Feb 1994 08:49:37 GMT"), std::nullopt);
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37"), std::nullopt);
    EXPECT_EQ(parse_http_date(""), std::nullopt);
    EXPECT_EQ(parse_http_date(","), std::nullopt);
}

}  // namespace updraft::http
