#include "storage/artifacts/artifact_files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <map>
#include <mutex>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "storage/artifacts/digests.hpp"
#include "storage/artifacts/pieces.hpp"
#include "storage/artifacts/posix_file.hpp"

namespace updraft::artifacts {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t write_back_bytes = 16 << 20;
constexpr std::size_t read_bytes = 1 << 20;

void rename_file(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) {
        fail("cannot rename", from);
    }
}

void make_folder(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) {
        errno = error.value();
        fail("cannot make folder", folder);
    }
}

/// The folders of the store and the way of a finished file to its address.
class Layout {
public:
    explicit Layout(const fs::path& folder)
        : artifacts_(folder / "artifacts"), uploads_(folder / "uploads") {
        make_folder(artifacts_);
        make_folder(uploads_);
    }

    [[nodiscard]] const fs::path& uploads() const { return uploads_; }
    [[nodiscard]] fs::path address(const std::string& sha256) const {
        return artifacts_ / sha256.substr(0, 2) / sha256;
    }

    /// Moves a synced file to the address of its content. Bytes that are there already are kept,
    /// and `path` goes; a copy of another size is damaged and is replaced.
    void settle(const fs::path& path, const ArtifactDigests& digests) const {
        const fs::path target = address(digests.sha256);
        const fs::path folder = target.parent_path();
        std::error_code ignored;
        if (fs::file_size(target, ignored) == static_cast<std::uintmax_t>(digests.size_bytes) &&
            !ignored && fs::exists(meta(target))) {
            fs::remove(path);
            return;
        }
        if (!fs::exists(folder)) {
            make_folder(folder);
            sync_folder(artifacts_);
        }
        write_meta(meta(target), digests);
        rename_file(path, target);
        sync_folder(folder);
    }

    [[nodiscard]] static fs::path meta(const fs::path& target) { return target.string() + ".meta"; }

private:
    void write_meta(const fs::path& path, const ArtifactDigests& digests) const {
        const fs::path fresh = uploads_ / ("new-" + random_hex(16));
        {
            File file(fresh, File::Mode::create_new);
            file.write_at(0, fmt::format("{} {}\n", digests.size_bytes, digests.md5));
            file.sync();
        }
        rename_file(fresh, path);
    }

    fs::path artifacts_;
    fs::path uploads_;
};

class FileWriter final : public ArtifactWriter {
public:
    explicit FileWriter(const Layout& layout)
        : layout_(layout),
          file_(layout.uploads() / ("new-" + random_hex(16)), File::Mode::create_new) {}
    FileWriter(const FileWriter&) = delete;
    FileWriter& operator=(const FileWriter&) = delete;
    ~FileWriter() override {
        if (!finished_) {
            std::error_code ignored;
            fs::remove(file_.path(), ignored);
        }
    }

    void write(std::string_view bytes) override {
        file_.write_at(size_, bytes);
        digests_.update(bytes);
        size_ += static_cast<std::int64_t>(bytes.size());
        if (size_ - handed_over_ >= write_back_bytes) {
            file_.start_writing_back(handed_over_, size_ - handed_over_);
            handed_over_ = size_;
        }
    }

    [[nodiscard]] ArtifactDigests finish() override {
        file_.sync();
        ArtifactDigests digests = digests_.finish();
        layout_.settle(file_.path(), digests);
        finished_ = true;
        return digests;
    }

private:
    const Layout& layout_;
    File file_;
    Digests digests_;
    std::int64_t size_ = 0;
    std::int64_t handed_over_ = 0;
    bool finished_ = false;
};

std::string sha256_of(std::string_view bytes) {
    Digests digests;
    digests.update(bytes);
    return digests.finish().sha256;
}

ArtifactDigests digests_of(const File& file) {
    Digests digests;
    std::vector<char> buffer(read_bytes);
    for (std::int64_t offset = 0;;) {
        const std::size_t count = file.read_at(offset, buffer);
        if (count == 0) {
            return digests.finish();
        }
        digests.update(std::string_view(buffer.data(), count));
        offset += static_cast<std::int64_t>(count);
    }
}

class ArtifactFiles final : public ArtifactStore {
public:
    explicit ArtifactFiles(const fs::path& folder) : layout_(folder) {
        // What a crash left behind; nobody can go on with an upload that has no session.
        for (const auto& entry : fs::directory_iterator(layout_.uploads())) {
            if (entry.path().filename().string().starts_with("new-")) {
                fs::remove(entry.path());
            }
        }
    }

    [[nodiscard]] std::unique_ptr<ArtifactWriter> begin() override {
        return std::make_unique<FileWriter>(layout_);
    }

    [[nodiscard]] Result<std::optional<ArtifactDigests>> write_piece(
        const std::string& session, std::int64_t offset, std::int64_t length,
        std::string_view bytes) override {
        if (length < 0) {
            return Error::invalid("length",
                                  text("文件长度 {} 无效，不能小于 {}",
                                       "the length {} is invalid, it is at least {}", length, 0));
        }
        const auto size = static_cast<std::int64_t>(bytes.size());
        if (offset < 0 || offset > length || size > length - offset) {
            return Error::invalid("offset", text("分片 {}+{} 超出文件长度 {}",
                                                 "the piece {}+{} is outside the file's length {}",
                                                 offset, size, length));
        }
        const fs::path base = base_of(session);
        const std::shared_ptr<Pieces> pieces = pieces_of(base, length);
        const std::lock_guard lock(pieces->mutex);
        if (pieces->length() != length) {
            return Error::invalid("length", text("文件长度 {} 与之前的 {} 不一致",
                                                 "the length {} differs from the first piece's {}",
                                                 length, pieces->length()));
        }
        if (pieces->stored) {  // the same piece came twice at once
            return pieces->stored;
        }
        pieces->write(offset, bytes);
        if (!pieces->complete()) {
            return std::optional<ArtifactDigests>();
        }
        const ArtifactDigests digests = digests_of(pieces->data());
        layout_.settle(pieces->data().path(), digests);
        pieces->stored = digests;
        forget(base);
        Pieces::remove(base);
        return pieces->stored;
    }

    [[nodiscard]] std::optional<PartialUpload> partial(const std::string& session) const override {
        const fs::path base = base_of(session);
        if (!Pieces::exists(base)) {
            return std::nullopt;
        }
        const std::shared_ptr<Pieces> pieces = pieces_of(base, 0);
        const std::lock_guard lock(pieces->mutex);
        return PartialUpload{session, pieces->length(), pieces->received()};
    }

    [[nodiscard]] std::optional<std::string> path_of(const std::string& sha256) const override {
        if (!is_address(sha256)) {
            return std::nullopt;
        }
        const fs::path path = layout_.address(sha256);
        struct stat status{};
        if (::stat(path.c_str(), &status) != 0) {
            return std::nullopt;
        }
        const auto expected = recorded_size(path);
        if (expected && *expected != status.st_size) {
            return std::nullopt;
        }
        return path.string();
    }

    void remove(const std::string& sha256) override {
        if (!is_address(sha256)) {
            return;
        }
        const fs::path path = layout_.address(sha256);
        std::error_code ignored;
        fs::remove(path, ignored);
        fs::remove(Layout::meta(path), ignored);
    }

    void remove_abandoned(Instant before) override {
        for (const auto& entry : fs::directory_iterator(layout_.uploads())) {
            struct stat status{};
            if (::stat(entry.path().c_str(), &status) != 0 ||
                std::int64_t{status.st_mtim.tv_sec} * 1000 >= to_millis(before)) {
                continue;
            }
            const std::string name = entry.path().filename().string();
            std::error_code ignored;
            if (name.starts_with("part-") && name.ends_with(".map")) {  // written with each piece
                const fs::path base = layout_.uploads() / name.substr(0, name.size() - 4);
                forget(base);
                Pieces::remove(base);
            } else if (name.starts_with("new-")) {
                fs::remove(entry.path(), ignored);
            }
        }
    }

private:
    static bool is_address(const std::string& sha256) {
        return is_hex(sha256, 64) && to_lower(sha256) == sha256;
    }

    static std::optional<std::int64_t> recorded_size(const fs::path& path) {
        const fs::path meta = Layout::meta(path);
        if (!fs::exists(meta)) {
            return std::nullopt;
        }
        std::array<char, 64> text{};
        const std::size_t count = File(meta, File::Mode::read).read_at(0, text);
        std::int64_t size = 0;
        const auto [end, code] = std::from_chars(text.data(), text.data() + count, size);
        return code == std::errc{} ? std::optional(size) : std::nullopt;
    }

    /// A client's session may be any text; its digest is a safe file name.
    [[nodiscard]] fs::path base_of(const std::string& session) const {
        return layout_.uploads() / ("part-" + sha256_of(session).substr(0, 32));
    }

    [[nodiscard]] std::shared_ptr<Pieces> pieces_of(const fs::path& base,
                                                    std::int64_t length) const {
        const std::lock_guard lock(mutex_);
        std::shared_ptr<Pieces>& pieces = open_[base];
        if (!pieces) {
            try {
                pieces = std::make_shared<Pieces>(base, length);
            } catch (...) {
                open_.erase(base);
                throw;
            }
        }
        return pieces;
    }
    void forget(const fs::path& base) const {
        const std::lock_guard lock(mutex_);
        open_.erase(base);
    }

    Layout layout_;
    mutable std::mutex mutex_;
    mutable std::map<fs::path, std::shared_ptr<Pieces>> open_;  ///< guarded by mutex_
};

}  // namespace
}  // namespace updraft::artifacts

namespace updraft {

std::unique_ptr<ArtifactStore> open_artifact_files(const std::string& folder) {
    return std::make_unique<artifacts::ArtifactFiles>(folder);
}

}  // namespace updraft
