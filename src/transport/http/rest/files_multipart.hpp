#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace updraft::rest {

/// Reads multipart/form-data (RFC 7578) as it comes, without holding more than one chunk of it:
/// parts may be larger than memory. Boundaries may lie across chunks.
class MultipartReader {
public:
    /// The next bytes of the body; empty at its end.
    using Source = std::function<std::string()>;

    struct Part {
        std::string name;
        std::optional<std::string> file_name;  ///< absent for an ordinary form field
    };

    MultipartReader(std::string_view boundary, Source source);

    /// The next part, skipping what is left of the current one; nothing after the last. Errors:
    /// malformed, also when the body ends before the closing boundary.
    [[nodiscard]] Result<std::optional<Part>> next_part();

    /// The next bytes of the current part; empty at its end. Errors: malformed.
    [[nodiscard]] Result<std::string> read();

private:
    enum class Place : std::uint8_t { before_first, in_part, at_boundary, at_end };

    [[nodiscard]] bool fill();
    [[nodiscard]] Result<bool> pass_boundary();
    [[nodiscard]] Result<Part> read_headers();

    const std::string delimiter_;  ///< CRLF, two hyphens, boundary
    Source source_;
    std::string buffer_;
    bool source_ended_ = false;
    Place place_ = Place::before_first;
};

/// The boundary of a `multipart/form-data` content type; nothing for another type. Errors:
/// malformed when it has none or an unusable one.
[[nodiscard]] Result<std::optional<std::string>> multipart_boundary(std::string_view content_type);

}  // namespace updraft::rest
