#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/http/message.hpp"

namespace updraft::http {

/// Bytes first..last of a file, both included.
struct ByteRange {
    std::int64_t first = 0;
    std::int64_t last = 0;
    [[nodiscard]] std::int64_t length() const { return last - first + 1; }
    friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// What a Range header asks of a file of `size_bytes` (RFC 9110 14.1): nothing if the header has to
/// be ignored (no byte ranges, bad syntax, more than `ranges_max`), an empty list if no range is
/// satisfiable. Overlapping and touching ranges are merged; the others keep the order of the
/// request.
[[nodiscard]] std::optional<std::vector<ByteRange>> parse_ranges(std::string_view header,
                                                                 std::int64_t size_bytes,
                                                                 std::size_t ranges_max);

/// The answer to a request for a file.
struct FilePlan {
    int status = 200;               ///< 200, 206, 304, 412 or 416
    std::vector<ByteRange> ranges;  ///< for 206: one, or several as multipart/byteranges
};

/// Weighs the conditions of a GET or HEAD in the order of RFC 9110 13.2.2, then its ranges.
[[nodiscard]] FilePlan plan_file(const Request& request, const FileBody& file,
                                 std::size_t ranges_max);

}  // namespace updraft::http
