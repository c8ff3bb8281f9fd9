#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "server/backup_manifest.hpp"

namespace updraft::server {

/// Told how many bytes of how many are done; may throw to end the work, which then leaves nothing.
using BackupProgress = std::function<void(std::int64_t done, std::int64_t total)>;

struct BackupOptions {
    std::filesystem::path data;
    std::filesystem::path to;                   ///< missing, or an empty folder
    std::optional<std::filesystem::path> base;  ///< an earlier backup, whose artifacts are linked
    std::int64_t bytes_per_second = 0;          ///< 0: as fast as the disks go
    std::string settings;                       ///< what `updraft.toml` gets
    std::string key_file;                       ///< `secrets.key_file`; "": in the data folder
    bool without_key =
        false;  ///< leaves the key out; one outside the data folder never comes along
    BackupProgress progress = [](std::int64_t, std::int64_t) {};
};

struct BackupOutcome {
    BackupManifest manifest;
    std::int64_t copied_bytes = 0;  ///< of artifacts
    std::int64_t linked_bytes = 0;
};

/// Backs a data folder up while a server works on it: one consistent snapshot of the database, and
/// the bytes of every file that it names, each compared with its digest. The target appears at
/// once, whole and synced, or not at all. An artifact that is missing or damaged is left out and
/// told in the manifest. Errors: invalid_argument (no database, target not empty, base of another
/// installation), not_found and conflict (the data folder's key does not open its database),
/// storage_full, conflict (a newer schema; a database that is damaged). Throws
/// StorageError.
[[nodiscard]] Result<BackupOutcome> make_backup(const BackupOptions& options);

struct RestoreOptions {
    std::filesystem::path from;
    std::filesystem::path data;                     ///< made if it is missing
    std::optional<std::filesystem::path> key_file;  ///< the key, for a backup without it
    bool force = false;  ///< what is in the data folder is moved aside, never removed
    std::int64_t bytes_per_second = 0;
    BackupProgress progress = [](std::int64_t, std::int64_t) {};
};

struct RestoreOutcome {
    BackupManifest manifest;
    std::optional<std::filesystem::path> moved_to;  ///< where what was there before is now
};

/// Restores a backup into a data folder that no server uses. Every file is compared with its digest
/// before anything is changed, and again while it is copied; the database comes last. Errors:
/// invalid_argument (no backup, folder not empty, no key for its secrets), malformed, conflict
/// (altered or missing files, newer format or schema, a server runs on the folder), storage_full.
/// Throws StorageError.
[[nodiscard]] Result<RestoreOutcome> restore_backup(const RestoreOptions& options);

}  // namespace updraft::server
