#include "storage/artifacts/artifact_files.hpp"

#include <fcntl.h>

#include <filesystem>
#include <set>

#include "base/assert.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "storage/artifacts/artifact_folder.hpp"
#include "storage/artifacts/piece_upload.hpp"

namespace updraft {
namespace {

constexpr std::string_view upload_suffix = ".upload";
constexpr std::size_t upload_name_bytes = 16;
/// So much is given to the disk at a time: it works while the digests are computed, and neither the
/// end of an upload nor another file's sync waits for gigabytes.
constexpr std::int64_t begin_sync_bytes = std::int64_t{8} << 20;

/// A new file for an upload, held by a lock for as long as it is open: an upload file without one
/// is what a crash has left.
OpenFile new_upload_file(const ArtifactFolder& folder) {
    while (true) {
        std::string path =
            fmt::format("{}/{}{}", folder.uploads(), random_hex(upload_name_bytes), upload_suffix);
        auto file = OpenFile::try_open(std::move(path), O_RDWR | O_CREAT | O_EXCL);
        if (!file) {
            continue;
        }
        file->lock();
        // Another server that starts right now may have taken the unlocked file for a leftover.
        if (file->is_at_its_path()) {
            return std::move(*file);
        }
    }
}

class FileWriter final : public ArtifactWriter {
public:
    explicit FileWriter(const ArtifactFolder& folder)
        : folder_(folder), hasher_(folder.algorithms()), file_(new_upload_file(folder)) {}
    FileWriter(const FileWriter&) = delete;
    FileWriter& operator=(const FileWriter&) = delete;
    ~FileWriter() override { discard(); }

    void write(std::string_view bytes) override {
        UPDRAFT_ASSERT(file_);
        removing_on_failure([&] {
            file_->write_at(written_, bytes);
            written_ += static_cast<std::int64_t>(bytes.size());
            if (written_ - sync_begun_ >= begin_sync_bytes) {
                file_->begin_sync(sync_begun_, written_ - sync_begun_);
                sync_begun_ = written_;
            }
            hasher_.update(bytes);
        });
    }

    ArtifactDigests finish() override {
        UPDRAFT_ASSERT(file_);
        ArtifactDigests digests = hasher_.finish();
        removing_on_failure([&] { folder_.keep(*file_, digests); });
        file_.reset();
        return digests;
    }

private:
    /// A full disk gets its room back at once, not when the caller is done with its error.
    template <class Action>
    void removing_on_failure(Action&& action) {
        try {
            action();
        } catch (...) {
            discard();
            throw;
        }
    }

    void discard() noexcept {
        if (file_) {
            remove_file_quietly(file_->path());
            file_.reset();  // an open file keeps its room
        }
    }

    const ArtifactFolder& folder_;
    ArtifactHasher hasher_;
    std::optional<OpenFile> file_;  ///< until the upload is finished or has failed
    std::int64_t written_ = 0;
    std::int64_t sync_begun_ = 0;  ///< up to here
};

/// Removes the file of a single upload unless a writer is at work on it; true if it is gone.
bool remove_leftover(const std::string& path) {
    const auto file = OpenFile::try_open(path, O_RDWR);
    return file && file->try_lock() && file->is_at_its_path() && remove_file(path);
}

class ArtifactFiles final : public ArtifactStore {
public:
    explicit ArtifactFiles(const std::string& folder) : folder_(folder) {
        std::size_t removed = 0;
        for (const std::string& name : names_in(folder_.uploads())) {
            if (name.ends_with(upload_suffix) && remove_leftover(upload_path(name))) {
                ++removed;
            }
        }
        if (removed > 0) {
            log::info("artifacts", "interrupted uploads removed files={}", removed);
        }
    }

    std::unique_ptr<ArtifactWriter> begin() override {
        return std::make_unique<FileWriter>(folder_);
    }

    Result<std::optional<ArtifactDigests>> write_piece(const std::string& session,
                                                       std::int64_t offset, std::int64_t length,
                                                       std::string_view bytes) override {
        const auto count = static_cast<std::int64_t>(bytes.size());
        if (length < 0) {
            return Error::invalid("length",
                                  text("length {} 不能小于 0", "length {} is less than 0", length));
        }
        if (offset < 0 || count > length || offset > length - count) {
            return Error::invalid(
                "offset",
                text("offset {} 加分片的 {} 字节不在 0..{} 之间",
                     "offset {} with a piece of {} bytes is outside 0..{}", offset, count, length));
        }
        PieceUpload upload(folder_, digests_, PieceFiles::of(folder_, session));
        return upload.write(offset, length, bytes);
    }

    void forget_partial(const std::string& session) override {
        PieceUpload::forget(folder_, digests_, PieceFiles::of(folder_, session));
    }

    std::optional<PartialUpload> partial(const std::string& session) const override {
        const auto journal = read_journal(PieceFiles::of(folder_, session));
        if (!journal) {
            return std::nullopt;
        }
        const ReceivedRanges& received = journal->received;
        return PartialUpload{session, journal->length_bytes, received.total_bytes(),
                             received.first_missing()};
    }

    std::optional<std::string> path_of(const std::string& sha256) const override {
        return folder_.find(sha256);
    }

    void remove(const std::string& sha256) override { folder_.remove(sha256); }

    void each(const std::function<bool(const std::string&, Instant)>& use) const override {
        folder_.each(use);
    }

    void remove_abandoned(Instant before) override {
        std::set<std::string> piece_uploads;
        for (const std::string& name : names_in(folder_.uploads())) {
            const std::filesystem::path path(name);
            const std::string suffix = path.extension().string();
            if (suffix == upload_suffix) {
                const auto facts = facts_of(upload_path(name));
                if (facts && facts->changed_at_ms < to_millis(before)) {
                    remove_leftover(upload_path(name));
                }
            } else if (suffix == PieceFiles::bytes_suffix || suffix == PieceFiles::journal_suffix ||
                       suffix == PieceFiles::new_journal_suffix ||
                       suffix == PieceFiles::link_suffix) {
                piece_uploads.insert(path.stem().string());
            }
        }
        for (const std::string& name : piece_uploads) {
            PieceUpload::remove_if_abandoned(folder_, digests_, name, before);
        }
    }

private:
    std::string upload_path(const std::string& name) const {
        return folder_.uploads() + "/" + name;
    }

    const ArtifactFolder folder_;
    PieceDigests digests_;
};

}  // namespace

std::unique_ptr<ArtifactStore> open_artifact_files(const std::string& folder) {
    return std::make_unique<ArtifactFiles>(folder);
}

}  // namespace updraft
