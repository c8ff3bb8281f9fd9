#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "storage/artifacts/artifact_hasher.hpp"
#include "storage/artifacts/open_file.hpp"

/// Reading files whole, to prove or to copy their bytes.
namespace updraft {

/// Told how many bytes have just been read: to pace, to show, or to end the work by an exception.
using Pace = std::function<void(std::size_t bytes)>;

struct RereadFile {
    std::int64_t size_bytes = 0;
    std::string sha256;  ///< lower-case hex
    friend bool operator==(const RereadFile&, const RereadFile&) = default;
};

/// Reads `file` from its begin to its end. Throws StorageError when the disk does not give it.
[[nodiscard]] RereadFile reread(const DigestAlgorithms& algorithms, const OpenFile& file,
                                const Pace& pace);

/// Copies `from` to the new file `to` and returns once it is on the disk; what was read, and so
/// written. Throws StorageError; what is there of `to` then is the caller's to remove.
[[nodiscard]] RereadFile copy_file(const DigestAlgorithms& algorithms, const OpenFile& from,
                                   const std::string& to, const Pace& pace);

}  // namespace updraft
