#include "app/file_service.hpp"

#include <algorithm>
#include <filesystem>
#include <mutex>

#include "app/audit.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"

namespace updraft {
namespace {

constexpr std::size_t id_bytes = 16;
constexpr std::size_t extension_characters_max = 16;
constexpr std::size_t session_characters_max = 64;

bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Browsers of old send whole paths. Control characters and broken UTF-8 never get into headers.
std::string plain_name(std::string_view name, std::size_t characters_max) {
    const auto slash = name.find_last_of("/\\");
    if (slash != std::string_view::npos) {
        name.remove_prefix(slash + 1);
    }
    std::string plain;
    for (const char c : name) {
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) {
            plain.push_back(c);
        }
    }
    if (plain.empty() || !is_utf8(plain)) {
        return "file";
    }
    while (code_points(plain) > characters_max) {
        do {
            plain.pop_back();
        } while (!is_utf8(plain));
    }
    return plain;
}

/// The cheapest sign of damage; all others are the scrub's to find.
bool has_wrong_size(const std::string& path, std::int64_t size_bytes) {
    std::error_code unknown;
    const std::uintmax_t size = std::filesystem::file_size(path, unknown);
    return !unknown && size != static_cast<std::uintmax_t>(size_bytes);
}

/// Errors: access_denied for a wrong key; unauthorized without any.
Result<void> may_download(const StoredFile& file, const std::optional<std::string>& access_key,
                          bool signed_in) {
    if (file.public_access) {
        return {};
    }
    if (access_key && !access_key->empty()) {
        if (!equals_constant_time(to_lower(*access_key), to_lower(file.access_key))) {
            return Error::of(ErrorCode::access_denied,
                             text("accessKey不正确", "the accessKey is wrong"));
        }
    } else if (!signed_in) {
        return Error::of(
            ErrorCode::unauthorized,
            text("下载需要accessKey或登录", "a download needs an accessKey or a sign-in"));
    }
    return {};
}

Error full_disk() {
    return Error::of(ErrorCode::storage_full,
                     text("磁盘空间不足，文件未保存", "the disk is full: nothing was stored"));
}

bool is_session_name(std::string_view name) {
    return !name.empty() && name.size() <= session_characters_max &&
           std::ranges::all_of(name, [](char c) { return is_word(c) || c == '-' || c == '_'; });
}

/// Two users' sessions of one name are two uploads.
std::string own_session(const std::string& session, const Identity& by) {
    std::string user;
    std::ranges::copy_if(by.user.value, std::back_inserter(user), is_word);
    return fmt::format("{}-{}", user, session);
}

}  // namespace

std::string extension_of(std::string_view name) {
    const auto dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0) {
        return {};
    }
    const std::string_view extension = name.substr(dot + 1);
    const bool plain = !extension.empty() && extension.size() <= extension_characters_max &&
                       std::ranges::all_of(extension, is_word);
    return plain ? std::string(extension) : std::string{};
}

Result<void> FileService::Upload::write(std::string_view bytes) {
    written_ += static_cast<std::int64_t>(bytes.size());
    if (written_ > files_.options_.file_bytes_max) {
        return Error::of(ErrorCode::too_large,
                         text("文件超过{}字节", "the file is larger than {} bytes",
                              files_.options_.file_bytes_max));
    }
    try {
        writer_->write(bytes);
    } catch (const StorageError& error) {
        if (error.cause() == StorageError::Cause::disk_full) {
            return full_disk();
        }
        throw;
    }
    return {};
}

Result<StoredFile> FileService::Upload::finish(const Description& description, const Actor& by) {
    const std::shared_lock lock(files_.artifacts_in_use_);
    ArtifactDigests digests;
    try {
        digests = writer_->finish();
    } catch (const StorageError& error) {
        if (error.cause() == StorageError::Cause::disk_full) {
            return full_disk();
        }
        throw;
    }
    return replaces_ ? files_.replace(*replaces_, digests, by)
                     : files_.add(digests, description, by);
}

FileService::Upload FileService::begin() {
    return {*this, artifacts_.begin()};
}

Result<FileService::Upload> FileService::begin_replacement(const FileId& id) {
    const auto refusal = store_.read([&](const Repositories& rows) -> Result<void> {
        if (!rows.files().find(id)) {
            return Error::not_found("文件", "file", id.value);
        }
        if (rows.firmwares().any_uses_file(id)) {
            return Error::of(ErrorCode::conflict,
                             text("文件已被固件使用，不可替换，请上传新文件",
                                  "a firmware uses this file: upload a new one instead"));
        }
        return {};
    });
    UPDRAFT_CHECK(refusal);
    Upload upload = begin();
    upload.replaces_ = id;
    return upload;
}

/// The artifact is on disk and has no row yet: whatever goes wrong here must not leave it behind.
Result<StoredFile> FileService::add(const ArtifactDigests& digests, const Description& description,
                                    const Actor& by) {
    StoredFile file;
    file.id = FileId(random_hex(id_bytes));
    file.name = plain_name(description.name, options_.name_characters_max);
    file.extension =
        description.extension.empty() ? extension_of(file.name) : description.extension;
    file.size_bytes = digests.size_bytes;
    file.md5 = digests.md5;
    file.sha1 = digests.sha1;
    file.sha256 = digests.sha256;
    file.access_key = random_hex(id_bytes);
    file.public_access = description.public_access;
    file.temporary = description.temporary;
    file.creator = by.who.user;
    file.created_at = clock_.now();
    try {
        return store_.write([&](UnitOfWork& work) -> Result<StoredFile> {
            work.files().add(file);
            AuditNote note(by);
            note.added(file);
            note.write(work);
            return file;
        });
    } catch (const StorageError& error) {
        remove_if_unused(digests.sha256);
        if (error.cause() == StorageError::Cause::disk_full) {
            return full_disk();
        }
        throw;
    }
}

Result<StoredFile> FileService::replace(const FileId& id, const ArtifactDigests& digests,
                                        const Actor& by) {
    std::string before;
    auto replaced = store_.write([&](UnitOfWork& work) -> Result<StoredFile> {
        auto file = work.files().find(id);
        if (!file) {
            return Error::not_found("文件", "file", id.value);
        }
        if (work.firmwares().any_uses_file(id)) {
            return Error::of(ErrorCode::conflict,
                             text("文件已被固件使用，不可替换，请上传新文件",
                                  "a firmware uses this file: upload a new one "
                                  "instead"));
        }
        before = file->sha256;
        const StoredFile old = *file;
        file->size_bytes = digests.size_bytes;
        file->md5 = digests.md5;
        file->sha1 = digests.sha1;
        file->sha256 = digests.sha256;
        work.files().update(*file);
        AuditNote note(by);
        note.changed(old, *file);
        note.write(work);
        return *file;
    });
    remove_if_unused(replaced ? before : digests.sha256);
    return replaced;
}

/// The caller holds the lock in either mode. A concurrent upload of the same bytes between the
/// count and the removal would hold it too, so this is only for bytes that collect() would take
/// anyway; the check is made where rows are added, on the writer.
void FileService::remove_if_unused(const std::string& sha256) {
    if (sha256.empty()) {
        return;
    }
    try {
        const auto unused = store_.write([&](UnitOfWork& work) -> Result<bool> {
            return work.files().count_of_artifact(sha256) == 0;
        });
        if (unused && *unused) {
            artifacts_.remove(sha256);
        }
    } catch (const StorageError& error) {
        log::warn("files", "unused artifact left behind sha256={} reason=\"{}\"", sha256,
                  error.what());
    }
}

Result<std::optional<StoredFile>> FileService::write_piece(const Piece& piece,
                                                           std::string_view bytes,
                                                           const Description& description,
                                                           const Actor& by) {
    if (!is_session_name(piece.session)) {
        return Error::invalid("sessionId",
                              text("会话ID只能由1~64个字母、数字、-和_组成",
                                   "a session id is 1 to 64 letters, digits, - and _"));
    }
    if (piece.length_bytes < 1 || piece.length_bytes > options_.file_bytes_max) {
        return Error::invalid("length",
                              text("length {} 不在 1..{} 之间", "length {} is outside 1..{}",
                                   piece.length_bytes, options_.file_bytes_max));
    }
    const std::shared_lock lock(artifacts_in_use_);
    try {
        UPDRAFT_TRY(const std::optional<ArtifactDigests> digests,
                    artifacts_.write_piece(own_session(piece.session, by.who), piece.offset_bytes,
                                           piece.length_bytes, bytes));
        if (!digests) {
            return std::optional<StoredFile>{};
        }
        UPDRAFT_TRY(StoredFile file, add(*digests, description, by));
        artifacts_.forget_partial(own_session(piece.session, by.who));
        return std::optional(std::move(file));
    } catch (const StorageError& error) {
        if (error.cause() == StorageError::Cause::disk_full) {
            return full_disk();
        }
        throw;
    }
}

Result<PartialUpload> FileService::progress_of(const std::string& session,
                                               const Identity& by) const {
    auto upload = artifacts_.partial(own_session(session, by));
    if (!upload) {
        return Error::not_found("上传会话", "upload session", session);
    }
    upload->session = session;
    return *std::move(upload);
}

Result<FileService::Download> FileService::open(const FileId& id,
                                                const std::optional<std::string>& access_key,
                                                bool signed_in) const {
    const Freshness::Stamp stamp = freshness_ ? freshness_->stamp(id) : 0;
    const auto file = store_.read([&](const Repositories& rows) { return rows.files().find(id); });
    if (!file) {
        return Error::not_found("文件", "file", id.value);
    }
    UPDRAFT_CHECK(may_download(*file, access_key, signed_in));
    UPDRAFT_TRY(Download download, with_bytes(*file));
    remember(id, stamp, download);
    return download;
}

Result<FileService::Download> FileService::open_link(const FileId& id,
                                                     const DownloadLink& link) const {
    UPDRAFT_TRY(const StoredFile file,
                store_.read([&](const Repositories& rows) -> Result<StoredFile> {
                    if (urls_.links() != nullptr) {
                        UPDRAFT_CHECK(urls_.links()->check(link, id, rows, clock_.now()));
                    }
                    auto found = rows.files().find(id);
                    if (!found || urls_.links() == nullptr) {
                        return Error::not_found("文件", "file", id.value);
                    }
                    return *std::move(found);
                }));
    return with_bytes(file);
}

Result<FileService::Download> FileService::with_bytes(const StoredFile& file) const {
    const std::optional<std::string> path = artifacts_.path_of(file.sha256);
    if (!path || has_wrong_size(*path, file.size_bytes)) {
        log::error("files", "artifact missing or damaged file={} sha256={}", file.id, file.sha256);
        return Error::of(ErrorCode::not_found,
                         text("文件内容丢失或已损坏，请重新上传",
                              "the file's bytes are missing or damaged: upload it again"));
    }
    return Download{file, *path};
}

std::optional<FileService::Download> FileService::open_at_once(
    const FileId& id, const std::optional<std::string>& access_key) const {
    if (!freshness_) {
        return std::nullopt;
    }
    const Freshness::Stamp stamp = freshness_->stamp(id);
    const std::lock_guard lock(remembered_mutex_);
    const auto known = remembered_.find(id);
    if (known == remembered_.end() || known->second.stamp != stamp ||
        !may_download(known->second.download.file, access_key, false)) {
        return std::nullopt;
    }
    return known->second.download;
}

void FileService::remember(const FileId& id, Freshness::Stamp stamp,
                           const Download& download) const {
    if (!freshness_ || options_.remembered_max == 0) {
        return;
    }
    const std::lock_guard lock(remembered_mutex_);
    if (remembered_.size() >= options_.remembered_max && !remembered_.contains(id)) {
        remembered_.erase(remembered_.begin());
    }
    remembered_[id] = {stamp, download};
}

std::string FileService::url_of(const StoredFile& file) const {
    return file_url(file, store_.read([&](const Repositories& rows) { return urls_.base(rows); }));
}

FileService::Collected FileService::collect() {
    const Instant now = clock_.now();
    artifacts_.remove_abandoned(now - options_.keep_abandoned_pieces);
    Collected collected;
    collected.files = remove_unreferenced(now);
    collected.artifacts_without_file = remove_artifacts_without_file(now);
    collected.more = collected.files == options_.collect_at_once ||
                     collected.artifacts_without_file == options_.collect_at_once;
    return collected;
}

std::size_t FileService::remove_unreferenced(Instant now) {
    const std::unique_lock lock(artifacts_in_use_);
    std::vector<std::string> bytes_without_row;
    const auto removed = store_.write([&](UnitOfWork& work) -> Result<std::size_t> {
        const auto files =
            work.files().unreferenced(now - options_.keep_unreferenced, options_.collect_at_once);
        for (const StoredFile& file : files) {
            work.files().remove(file.id);
            if (work.files().count_of_artifact(file.sha256) == 0) {
                bytes_without_row.push_back(file.sha256);
            }
        }
        return files.size();
    });
    for (const std::string& sha256 : bytes_without_row) {
        artifacts_.remove(sha256);
    }
    if (*removed > 0) {
        log::info("files", "unreferenced files removed files={}", *removed);
    }
    return *removed;
}

/// An empty table beside a full folder is more likely a lost database than a thousand crashes.
bool FileService::knows_no_file() const {
    return store_.read([](const Repositories& rows) { return rows.files().count(Query{}); }) == 0;
}

/// Looks without the lock, because a folder of many artifacts takes its time, and again with it:
/// the same bytes may have been uploaded in between.
std::size_t FileService::remove_artifacts_without_file(Instant now) {
    const Instant before = now - options_.keep_artifacts_without_file;
    std::vector<std::string> suspects;
    store_.read([&](const Repositories& rows) {
        artifacts_.each([&](const std::string& sha256, Instant changed_at) {
            if (changed_at < before && rows.files().count_of_artifact(sha256) == 0) {
                suspects.push_back(sha256);
            }
            return suspects.size() < options_.collect_at_once;
        });
    });
    if (suspects.empty()) {
        return 0;
    }
    if (knows_no_file()) {
        log::warn("files",
                  "artifacts are kept although no file points at them: the database knows no file "
                  "at all and may be the wrong one artifacts={}",
                  suspects.size());
        return 0;
    }
    const std::unique_lock lock(artifacts_in_use_);
    const auto unused = store_.write([&](UnitOfWork& work) -> Result<std::vector<std::string>> {
        std::erase_if(suspects, [&](const std::string& sha256) {
            return work.files().count_of_artifact(sha256) > 0;
        });
        return suspects;
    });
    for (const std::string& sha256 : *unused) {
        artifacts_.remove(sha256);
    }
    log::info("files", "artifacts without a file removed artifacts={}", unused->size());
    return unused->size();
}

}  // namespace updraft
