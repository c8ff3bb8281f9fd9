#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/secret_box.hpp"

/// The file with the key of everything that is sealed in the database: a line of 64 hex digits, as
/// `openssl rand -hex 32` prints it. While a new key replaces an old one there are two: the first
/// seals, all of them open. Lines that begin with `#` are remarks.
namespace updraft::server {

inline constexpr std::string_view secret_key_file = "secret.key";

/// Where the key lies: in the data folder, made on the first start, or where an operator keeps it.
struct SecretKeyPlace {
    std::filesystem::path file;
    bool configured = false;  ///< `secrets.key_file`: never made or replaced by the server

    /// `key_file` "": in the data folder.
    [[nodiscard]] static SecretKeyPlace of(const std::filesystem::path& data,
                                           const std::string& key_file);
};

/// Errors: not_found (no file), malformed (no key in it, or something else).
[[nodiscard]] Result<std::vector<SecretBox::Key>> read_secret_keys(
    const std::filesystem::path& file);

/// Replaces the file at once or not at all, for its owner alone, and returns when it is on the
/// disk. Throws StorageError.
void write_secret_keys(const std::filesystem::path& file, const std::vector<SecretBox::Key>& keys);

/// Refuses keys that do not open what was sealed with `key_ids`. Errors: conflict.
[[nodiscard]] Result<void> check_keys(const std::filesystem::path& file,
                                      const std::vector<SecretBox::Key>& keys,
                                      const std::vector<std::string>& key_ids);

/// What a database is opened with (SqliteOptions::secrets). Makes the key of a data folder in which
/// nothing is sealed yet, and nothing else: without the right key it throws std::runtime_error, in
/// both languages.
[[nodiscard]] std::shared_ptr<const SecretBox> secrets_for(const SecretKeyPlace& place,
                                                           const std::vector<std::string>& key_ids);

}  // namespace updraft::server
