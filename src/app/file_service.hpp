#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "app/freshness.hpp"
#include "app/identity.hpp"
#include "app/ports.hpp"
#include "app/urls.hpp"

namespace updraft {

/// Uploaded files and their downloads (spec 2.5). For worker threads; uploads block for long.
class FileService {
public:
    /// Every limit of files. Keys of the configuration under [files].
    struct Options {
        std::int64_t file_bytes_max = std::int64_t{16} << 30;
        std::size_t name_characters_max = 255;
        seconds keep_unreferenced{24 *
                                  3600};  ///< then a file that no firmware points at goes (row 25)
        seconds keep_abandoned_pieces{24 * 3600};
        /// Bytes without any file go after this: what a crash left between bytes and row. Must be
        /// longer than any upload takes from its last byte to its row.
        seconds keep_artifacts_without_file{3600};
        std::size_t remembered_max = 1'000;  ///< files whose downloads take no look at the store
        std::size_t collect_at_once = 100;   ///< files, and artifacts, removed by one collect()
    };

    /// What the uploader says about a file.
    struct Description {
        std::string name;       ///< as the browser sent it; a path is cut to its last part
        std::string extension;  ///< without the dot; empty: from the name
        bool public_access = false;
        bool temporary = false;
    };

    /// One upload in progress. Destroyed without finish(): nothing is left behind.
    class Upload {
    public:
        /// Appends. Errors: too_large, storage_full. After an error only destruction is left.
        [[nodiscard]] Result<void> write(std::string_view bytes);
        /// Makes it durable and adds the row.
        [[nodiscard]] Result<StoredFile> finish(const Description& description, const Actor& by);

    private:
        friend class FileService;
        Upload(FileService& files, std::unique_ptr<ArtifactWriter> writer)
            : files_(files), writer_(std::move(writer)) {}
        FileService& files_;
        std::unique_ptr<ArtifactWriter> writer_;
        std::int64_t written_ = 0;
        std::optional<FileId> replaces_;
    };

    FileService(Store& store, ArtifactStore& artifacts, const PublicUrls& urls, const Clock& clock,
                Options options, std::shared_ptr<const Freshness> freshness = nullptr)
        : store_(store),
          artifacts_(artifacts),
          urls_(urls),
          clock_(clock),
          options_(options),
          freshness_(std::move(freshness)) {}

    [[nodiscard]] Upload begin();
    /// An upload that gives an existing file new bytes; id and access key stay. Errors: not_found;
    /// conflict when a firmware points at it, because its digest would not fit any more.
    [[nodiscard]] Result<Upload> begin_replacement(const FileId& id);

    /// One piece of a file of `length_bytes`; pieces may come in any order. The last one gives the
    /// file. `session` is the client's name for the upload, apart for each user.
    struct Piece {
        std::string session;  ///< [0-9a-zA-Z_-]{1,64}
        std::int64_t offset_bytes = 0;
        std::int64_t length_bytes = 0;  ///< of the whole file
    };
    [[nodiscard]] Result<std::optional<StoredFile>> write_piece(const Piece& piece,
                                                                std::string_view bytes,
                                                                const Description& description,
                                                                const Actor& by);
    /// How far an upload in pieces of this user has come, to go on with it. Errors: not_found for
    /// one that never began, is finished, was given up, or is another user's.
    [[nodiscard]] Result<PartialUpload> progress_of(const std::string& session,
                                                    const Identity& by) const;

    /// A file that may be downloaded by whoever asked.
    struct Download {
        StoredFile file;
        std::string path;
    };
    /// `access_key` as given, `signed_in` when the request carries a live token. Errors: not_found
    /// for an unknown file or missing bytes; access_denied for a wrong key; unauthorized without
    /// any.
    [[nodiscard]] Result<Download> open(const FileId& id,
                                        const std::optional<std::string>& access_key,
                                        bool signed_in) const;

    /// The same for a file that was downloaded before, while its row has not changed; nothing: ask
    /// open(). From memory, so that an event loop may call it: whoever sends the bytes has to see
    /// whether they are still there.
    [[nodiscard]] std::optional<Download> open_at_once(
        const FileId& id, const std::optional<std::string>& access_key) const;
    /// The same for a link of one upgrade (app/download_links.hpp). Errors: not_found;
    /// access_denied for a link that is not good, or not any more.
    [[nodiscard]] Result<Download> open_link(const FileId& id, const DownloadLink& link) const;

    /// The address under which devices find the file.
    [[nodiscard]] std::string url_of(const StoredFile& file) const;

    /// Removes files that nothing has pointed at for 24 h, abandoned pieces, and artifacts that no
    /// file has; how many went. True in `more` when there is more to collect. One run is bounded.
    struct Collected {
        std::size_t files = 0;
        std::size_t artifacts_without_file = 0;
        bool more = false;
    };
    Collected collect();

private:
    [[nodiscard]] Result<Download> with_bytes(const StoredFile& file) const;
    [[nodiscard]] Result<StoredFile> add(const ArtifactDigests& digests,
                                         const Description& description, const Actor& by);
    [[nodiscard]] Result<StoredFile> replace(const FileId& id, const ArtifactDigests& digests,
                                             const Actor& by);
    void remember(const FileId& id, Freshness::Stamp stamp, const Download& download) const;
    void remove_if_unused(const std::string& sha256);
    [[nodiscard]] std::size_t remove_unreferenced(Instant now);
    [[nodiscard]] std::size_t remove_artifacts_without_file(Instant now);
    [[nodiscard]] bool knows_no_file() const;

    Store& store_;
    ArtifactStore& artifacts_;
    const PublicUrls& urls_;
    const Clock& clock_;
    const Options options_;
    /// Shared by whoever gives an artifact its row, exclusive for whoever removes artifacts without
    /// one.
    std::shared_mutex artifacts_in_use_;

    struct Remembrance {
        Freshness::Stamp stamp = 0;
        Download download;
    };
    const std::shared_ptr<const Freshness> freshness_;  ///< null: nothing is remembered
    mutable std::mutex remembered_mutex_;
    mutable std::unordered_map<FileId, Remembrance> remembered_;  ///< guarded
};

/// "bin" of "fw.bin"; empty if there is none or it is not made of letters and digits.
[[nodiscard]] std::string extension_of(std::string_view name);

}  // namespace updraft
