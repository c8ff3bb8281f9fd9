#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>

#include "storage/artifacts/artifact_hasher.hpp"
#include "storage/artifacts/open_file.hpp"

namespace updraft {

/// The digests of a file up to where its pieces came in order.
struct RunningDigests {
    explicit RunningDigests(const DigestAlgorithms& algorithms) : hasher(algorithms) {}
    ArtifactHasher hasher;
    std::int64_t bytes = 0;  ///< that they are of
};

/// What is known of the digests of uploads in pieces, so that the last piece need not read all
/// others again. Remembered in memory only: after a restart, or where it was forgotten because too
/// many were uploaded at a time, the file is read. Safe from every thread.
class PieceDigests {
public:
    /// Those of the file at `path` if it is still that version; nothing is remembered of it after
    /// that.
    [[nodiscard]] std::optional<RunningDigests> take(const std::string& path,
                                                     const OpenFile::Version& version);
    void keep(const std::string& path, const OpenFile::Version& version, RunningDigests digests);
    void forget(const std::string& path) noexcept;

private:
    struct Entry {
        std::string path;
        OpenFile::Version version;
        RunningDigests digests;
    };
    static constexpr std::size_t entries_max = 256;  ///< of some hundred bytes each

    std::mutex mutex_;
    std::list<Entry> entries_;  ///< the latest in front
};

}  // namespace updraft
