#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/ports.hpp"
#include "storage/artifacts/artifact_folder.hpp"
#include "storage/artifacts/piece_digests.hpp"
#include "storage/artifacts/piece_journal.hpp"

namespace updraft {

/// The files of one upload in pieces. Their names are a digest of the session's: whatever a session
/// is called, it cannot lead out of the folder.
struct PieceFiles {
    std::string bytes;        ///< what was received, at its place
    std::string journal;      ///< what of it was received
    std::string new_journal;  ///< while the journal is rewritten
    std::string link;         ///< while the bytes become an artifact

    static constexpr std::string_view bytes_suffix = ".part";
    static constexpr std::string_view journal_suffix = ".pieces";
    static constexpr std::string_view new_journal_suffix = ".pieces-new";
    static constexpr std::string_view link_suffix = ".part-link";

    /// `name` is the session's digest.
    [[nodiscard]] static PieceFiles named(const ArtifactFolder& folder, const std::string& name);
    [[nodiscard]] static PieceFiles of(const ArtifactFolder& folder, const std::string& session);
};

/// What was received of an upload; nothing if it is unknown. Takes no lock: right for some moment
/// during the call.
[[nodiscard]] std::optional<PieceJournal> read_journal(const PieceFiles& files);

/// One upload in pieces, held by one thread at a time: a lock on its journal keeps out other
/// threads and other processes. The journal is therefore the first of its files to come and the
/// last to go. Once all bytes are there they may be an artifact's, too: nobody writes them any
/// more.
class PieceUpload {
public:
    /// Waits for whoever holds the upload.
    PieceUpload(const ArtifactFolder& folder, PieceDigests& digests, PieceFiles files);
    /// Removes the upload unless somebody works on it or it was changed at or after `before`.
    static void remove_if_abandoned(const ArtifactFolder& folder, PieceDigests& digests,
                                    const std::string& name, Instant before);

    /// Removes what was kept of a complete upload; one that was begun anew meanwhile stays.
    static void forget(const ArtifactFolder& folder, PieceDigests& digests,
                       const PieceFiles& files);

    /// As ArtifactStore::write_piece, for a piece that lies within `length`.
    [[nodiscard]] Result<std::optional<ArtifactDigests>> write(std::int64_t offset,
                                                               std::int64_t length,
                                                               std::string_view bytes);

private:
    PieceUpload(const ArtifactFolder& folder, PieceDigests& digests, PieceFiles files,
                OpenFile journal)
        : folder_(folder),
          digests_(digests),
          files_(std::move(files)),
          journal_(std::move(journal)) {}

    [[nodiscard]] bool holds(std::int64_t offset, std::string_view bytes) const;
    void write_bytes(std::int64_t offset, std::string_view bytes, bool is_new);
    void add_piece(PieceJournal& state, std::int64_t offset, std::string_view bytes);
    void rewrite_journal(const PieceJournal& state);
    [[nodiscard]] ArtifactDigests finish(const PieceJournal& state);
    void discard() noexcept;

    const ArtifactFolder& folder_;
    PieceDigests& digests_;
    const PieceFiles files_;
    OpenFile journal_;
};

}  // namespace updraft
