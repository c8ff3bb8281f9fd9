#pragma once

#include <functional>
#include <optional>
#include <string>

#include "app/ports.hpp"
#include "storage/artifacts/artifact_hasher.hpp"
#include "storage/artifacts/open_file.hpp"

namespace updraft {

/// Where artifacts lie, and how an upload becomes one. Holds no state of its own: the folder is the
/// truth, so that any number of threads, and of servers on one folder, may use it at once.
class ArtifactFolder {
public:
    /// Makes the folders that are missing. Throws StorageError with the path when that fails.
    explicit ArtifactFolder(const std::string& folder);

    [[nodiscard]] const DigestAlgorithms& algorithms() const { return algorithms_; }
    /// The folder of uploads in progress.
    [[nodiscard]] const std::string& uploads() const { return uploads_; }

    /// Makes the finished upload the artifact of its digests and returns once that is durable. The
    /// upload's own file is gone afterwards: renamed, or dropped if the artifact is there already,
    /// which then counts as changed now.
    void keep(const OpenFile& upload, const ArtifactDigests& digests) const;

    /// The artifact's path; nothing if it is missing, no regular file, or `sha256` is no lower-case
    /// SHA-256.
    [[nodiscard]] std::optional<std::string> find(const std::string& sha256) const;
    /// Removes the artifact if it is there.
    void remove(const std::string& sha256) const;
    /// As ArtifactStore::each. Files that are not where their name says are none of ours.
    void each(const std::function<bool(const std::string&, Instant)>& use) const;

private:
    struct Place {
        std::string folder;
        std::string path;
    };
    [[nodiscard]] Place place_of(const std::string& sha256) const;

    DigestAlgorithms algorithms_;
    std::string artifacts_;
    std::string uploads_;
};

}  // namespace updraft
