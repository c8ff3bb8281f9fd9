// Range headers: whatever comes, the ranges lie inside the file and do not overlap.
#include "base/assert.hpp"
#include "transport/http/file_plan.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::int64_t file_bytes = data[0] * 256 + data[1];
    const std::string_view header(reinterpret_cast<const char*>(data + 2), size - 2);
    const auto ranges = updraft::http::parse_ranges(header, file_bytes, 16);
    if (!ranges) {
        return 0;
    }
    for (std::size_t i = 0; i < ranges->size(); ++i) {
        const updraft::http::ByteRange& a = (*ranges)[i];
        UPDRAFT_ASSERT(a.first >= 0 && a.first <= a.last && a.last < file_bytes);
        for (std::size_t j = 0; j < i; ++j) {
            const updraft::http::ByteRange& b = (*ranges)[j];
            UPDRAFT_ASSERT(a.last < b.first || b.last < a.first);
        }
    }
    return 0;
}
