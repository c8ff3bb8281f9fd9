#include "app/access_passwords.hpp"

#include <argon2.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <chrono>
#include <new>
#include <stdexcept>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace updraft {
namespace {

constexpr std::uint32_t passes = 2;
constexpr std::uint32_t memory_kib = 19 * 1024;
constexpr std::uint32_t lanes = 1;
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_bytes = 32;
constexpr std::chrono::seconds wait_max{5};
constexpr int rsa_bits = 2048;

/// A turn at the hasher, given back at the end of the scope.
class Turn {
public:
    explicit Turn(std::counting_semaphore<2>& turns)
        : turns_(turns), taken_(turns.try_acquire_for(wait_max)) {}
    ~Turn() {
        if (taken_) {
            turns_.release();
        }
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    [[nodiscard]] bool taken() const { return taken_; }

private:
    std::counting_semaphore<2>& turns_;
    bool taken_;
};

Error too_busy() {
    return Error::of(ErrorCode::unavailable, text("登录请求过多, 请稍后重试",
                                                  "too many sign-ins at once, try again shortly"));
}

std::string encoded_hash(const std::string& password) {
    const std::string salt = from_hex(random_hex(salt_bytes)).value();
    std::string encoded(
        argon2_encodedlen(passes, memory_kib, lanes, salt_bytes, hash_bytes, Argon2_id), '\0');
    const int failed =
        argon2id_hash_encoded(passes, memory_kib, lanes, password.data(), password.size(),
                              salt.data(), salt.size(), hash_bytes, encoded.data(), encoded.size());
    if (failed != ARGON2_OK) {
        throw std::runtime_error(argon2_error_message(failed));
    }
    encoded.resize(encoded.find('\0'));
    return encoded;
}

/// The bytes behind base64 text in one line; nothing if it is none.
std::optional<std::string> from_base64(const std::string& base64) {
    if (base64.empty() || base64.size() % 4 != 0 || base64.size() > 4096) {
        return std::nullopt;
    }
    std::string bytes(base64.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(base64.data()),
                                     static_cast<int>(base64.size()));
    if (size < 0) {
        return std::nullopt;
    }
    const std::size_t padding = base64.ends_with("==") ? 2 : base64.ends_with("=") ? 1 : 0;
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return bytes;
}

std::string to_base64(const unsigned char* bytes, std::size_t size) {
    std::string base64(4 * ((size + 2) / 3) + 1, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()), bytes,
                                       static_cast<int>(size));
    base64.resize(static_cast<std::size_t>(length));
    return base64;
}

}  // namespace

std::string secret_sha256(std::string_view secret) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (EVP_Digest(secret.data(), secret.size(), digest.data(), &size, EVP_sha256(), nullptr) !=
        1) {
        throw std::runtime_error("OpenSSL could not compute a SHA-256");
    }
    return to_hex(std::span(digest.data(), size));
}

Result<void> checked_password(const std::string& password) {
    if (code_points(password) < password_characters_min) {
        return Error::invalid("password",
                              text("密码长度至少为{}位", "a password has at least {} characters",
                                   password_characters_min));
    }
    if (password.size() > password_bytes_max) {
        return Error::invalid(
            "password",
            text("密码长度不能超过{}字节", "a password has at most {} bytes", password_bytes_max));
    }
    return {};
}

PasswordHasher::PasswordHasher() : decoy_(encoded_hash(random_hex(salt_bytes))) {}

Result<std::string> PasswordHasher::hash(const std::string& password) {
    const Turn turn(at_once_);
    if (!turn.taken()) {
        return too_busy();
    }
    return encoded_hash(password);
}

Result<bool> PasswordHasher::matches(const std::string& password, const std::string& encoded) {
    const Turn turn(at_once_);
    if (!turn.taken()) {
        return too_busy();
    }
    const std::string& against = encoded.empty() ? decoy_ : encoded;
    const int outcome = argon2id_verify(against.c_str(), password.data(), password.size());
    if (outcome != ARGON2_OK && outcome != ARGON2_VERIFY_MISMATCH) {
        throw std::runtime_error(argon2_error_message(outcome));
    }
    return outcome == ARGON2_OK && !encoded.empty();
}

struct LoginEncryption::Key {
    EVP_PKEY* pair = nullptr;
    ~Key() { EVP_PKEY_free(pair); }
};

LoginEncryption::LoginEncryption() : key_(std::make_unique<Key>()), id_(random_hex(16)) {
    key_->pair = EVP_RSA_gen(rsa_bits);
    unsigned char* der = nullptr;
    const int size = key_->pair == nullptr ? -1 : i2d_PUBKEY(key_->pair, &der);
    if (size <= 0) {
        throw std::runtime_error("OpenSSL could not make a key pair for sign-in");
    }
    public_key_ = to_base64(der, static_cast<std::size_t>(size));
    OPENSSL_free(der);
}

LoginEncryption::~LoginEncryption() = default;

Result<std::string> LoginEncryption::decrypt(const std::string& key_id,
                                             const std::string& base64) const {
    const Error wrong =
        Error::of(ErrorCode::login_failed, text("密码解密失败, 请刷新页面后重试",
                                                "the password could not be decrypted, reload the "
                                                "page and try again"));
    const std::optional<std::string> cipher = from_base64(base64);
    if (key_id != id_ || !cipher) {
        return wrong;
    }
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context{
        EVP_PKEY_CTX_new(key_->pair, nullptr), &EVP_PKEY_CTX_free};
    if (!context) {
        throw std::bad_alloc();
    }
    std::array<unsigned char, rsa_bits / 8> plain{};
    std::size_t size = plain.size();
    const bool decrypted = EVP_PKEY_decrypt_init(context.get()) == 1 &&
                           EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
                           EVP_PKEY_decrypt(context.get(), plain.data(), &size,
                                            reinterpret_cast<const unsigned char*>(cipher->data()),
                                            cipher->size()) == 1;
    if (!decrypted) {
        return wrong;
    }
    return std::string(reinterpret_cast<const char*>(plain.data()), size);
}

}  // namespace updraft
