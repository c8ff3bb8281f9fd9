#pragma once

#include <memory>
#include <semaphore>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace updraft {

/// Shortest password that a person may choose.
inline constexpr std::size_t password_characters_min = 8;
inline constexpr std::size_t password_bytes_max = 256;

/// What is stored of a token instead of it: the SHA-256, lower-case hex.
[[nodiscard]] std::string secret_sha256(std::string_view secret);

/// Refuses a password that is too short or too long, without repeating it.
[[nodiscard]] Result<void> checked_password(const std::string& password);

/// Argon2id with 19 MiB, two passes and one lane. At most two run at a time: each costs its memory
/// and some 30 ms of a core. Safe from every thread; blocks.
class PasswordHasher {
public:
    PasswordHasher();

    /// The encoded hash with a new salt. Errors: unavailable (too many at once for too long).
    [[nodiscard]] Result<std::string> hash(const std::string& password);
    /// Whether the password belongs to the encoded hash. An empty hash costs the same and never
    /// matches, so that nobody learns from the time which user names exist.
    [[nodiscard]] Result<bool> matches(const std::string& password, const std::string& encoded);

private:
    std::counting_semaphore<2> at_once_{2};
    std::string decoy_;  ///< stands in for the hash of a user who does not exist
};

/// Decrypts what a console encrypted with our public key (spec 2.2: RSA, PKCS#1 v1.5, base64), so
/// that a password is not in clear text on a plain HTTP connection. The key pair lives as long as
/// the process. Safe from every thread.
class LoginEncryption {
public:
    LoginEncryption();
    ~LoginEncryption();
    LoginEncryption(const LoginEncryption&) = delete;
    LoginEncryption& operator=(const LoginEncryption&) = delete;

    [[nodiscard]] const std::string& id() const { return id_; }
    /// SubjectPublicKeyInfo, DER, base64 in one line: what JSEncrypt takes.
    [[nodiscard]] const std::string& public_key() const { return public_key_; }
    /// Errors: login_failed (another key, not base64, not encrypted with it).
    [[nodiscard]] Result<std::string> decrypt(const std::string& key_id,
                                              const std::string& base64) const;

private:
    struct Key;
    std::unique_ptr<Key> key_;
    std::string id_;
    std::string public_key_;
};

}  // namespace updraft
