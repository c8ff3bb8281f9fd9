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
    /// upload's own file is gone afterwards: renamed, in place of an artifact that is there
    /// already. So an upload of the same bytes heals what was damaged, known or not.
    void keep(const OpenFile& upload, const ArtifactDigests& digests) const;

    /// The same for bytes that stay where they are, too, and that nobody writes any more: the
    /// artifact is a second name of their file. `link` is a free name beside it. Where the file
    /// system knows no such thing they are moved.
    void keep_linked(const OpenFile& upload, const std::string& link,
                     const ArtifactDigests& digests) const;

    /// The artifact's path; nothing if it is missing, no regular file, or `sha256` is no lower-case
    /// SHA-256.
    [[nodiscard]] std::optional<std::string> find(const std::string& sha256) const;
    /// Removes the artifact, sound or damaged, if it is there.
    void remove(const std::string& sha256) const;
    /// As ArtifactStore::each, with those that were set aside. Files that are not where their name
    /// says are none of ours.
    void each(const std::function<bool(const std::string&, Instant)>& use) const;

    /// The artifacts that find() gives, in order of their names, whose first two digits are
    /// `prefix`.
    [[nodiscard]] std::vector<std::string> list(const std::string& prefix) const;
    /// The artifact's file, past the page cache if the file system can; nothing if it is gone.
    [[nodiscard]] std::optional<OpenFile> open_on_disk(const std::string& sha256) const;

    /// Takes a damaged artifact, which was read through `file`, out of reach of find() for good;
    /// false if it was replaced or removed meanwhile. The bytes are kept for whoever wants to look.
    [[nodiscard]] bool set_aside(OpenFile& file, const std::string& sha256) const;
    /// The artifacts that were set aside and not uploaded again since.
    [[nodiscard]] std::vector<std::string> damaged() const;
    [[nodiscard]] std::string damaged_path_of(const std::string& sha256) const;
    /// Makes an artifact that was set aside, and proved sound since, findable again.
    void put_back(const std::string& sha256) const;

private:
    struct Place {
        std::string folder;
        std::string path;
    };
    [[nodiscard]] Place place_of(const std::string& sha256) const;
    /// The artifact is at its place: makes that last, and forgets a damaged one.
    void settle(const Place& place, const std::string& sha256) const;

    DigestAlgorithms algorithms_;
    std::string artifacts_;
    std::string uploads_;
    std::string damaged_;
};

}  // namespace updraft
