#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace updraft::server {

/// What a backup folder holds: the file `manifest.json`, written last. The folder's layout:
///
///     manifest.json              this
///     updraft.db                 the database at one moment, whole by itself
///     artifacts/ab/abcdef...     every stored file's bytes that the database names, by SHA-256
///     updraft.toml               the settings that the backup was made with, without secrets
///     secret.key                 what opens the database's secrets; unless it is kept elsewhere
///     SHA256SUMS                 of all of these, for `sha256sum -c`
struct BackupManifest {
    static constexpr int newest_format = 1;
    static constexpr std::string_view file = "manifest.json";
    static constexpr std::string_view database_file = "updraft.db";
    static constexpr std::string_view settings_file = "updraft.toml";
    static constexpr std::string_view key_file = "secret.key";
    static constexpr std::string_view sums_file = "SHA256SUMS";

    struct File {
        std::string sha256;  ///< lower-case hex; of an artifact also its name
        std::int64_t size_bytes = 0;
        friend bool operator==(const File&, const File&) = default;
    };
    /// An artifact that the database names and the backup does not have.
    struct Lost {
        std::string sha256;
        std::string reason;  ///< "missing" or "damaged"
        friend bool operator==(const Lost&, const Lost&) = default;
    };

    /// Where the key of the database's secrets is.
    enum class KeyPlace : std::uint8_t {
        none,      ///< there are no secrets: a backup from before they were sealed
        here,      ///< in the backup
        left_out,  ///< it lies in the data folder and was left out on purpose
        outside,   ///< kept apart by an operator (`secrets.key_file`)
    };

    int format = newest_format;
    std::string version;  ///< of the program
    int schema_version = 0;
    std::string installation;  ///< the same for all backups of one installation
    Instant created_at;
    File database;
    File settings;
    KeyPlace key_place = KeyPlace::none;
    std::vector<std::string> key_ids;          ///< of the keys that the database's secrets need
    File key;                                  ///< if it is here
    std::map<std::string, std::int64_t> rows;  ///< by table
    std::vector<File> artifacts;               ///< by SHA-256, ascending
    std::vector<Lost> lost;

    [[nodiscard]] std::int64_t rows_of(const std::string& table) const;
    [[nodiscard]] std::int64_t artifact_bytes() const;
    [[nodiscard]] std::string to_json() const;
    /// Errors: malformed, saying what is missing or wrong; conflict for a newer format.
    [[nodiscard]] static Result<BackupManifest> parse(std::string_view json);
    friend bool operator==(const BackupManifest&, const BackupManifest&) = default;
};

/// Where an artifact lies in a backup, and in a data folder: "artifacts/ab/abcdef...".
[[nodiscard]] std::string artifact_path(const std::string& sha256);

}  // namespace updraft::server
