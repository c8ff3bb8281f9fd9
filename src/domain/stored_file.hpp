#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"

namespace updraft {

/// An uploaded file (spec 2.5): a name and an access key for an immutable artifact. Two files with
/// the same bytes share one artifact.
struct StoredFile {
    FileId id;              ///< 32 hex digits
    std::string name;       ///< as uploaded
    std::string extension;  ///< without the dot; may be empty
    std::int64_t size_bytes = 0;
    std::string md5;   ///< lower-case hex
    std::string sha1;  ///< lower-case hex, for hawkBit's clients; empty in a file from before 0006
    std::string sha256;  ///< lower-case hex; the artifact's address
    std::string access_key;
    bool public_access = false;
    bool temporary = false;
    UserId creator;
    Instant created_at;
    friend bool operator==(const StoredFile&, const StoredFile&) = default;
};

}  // namespace updraft
