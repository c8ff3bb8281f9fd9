#include "client/digest.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

#include "base/bytes.hpp"

namespace updraft::client {

namespace {

/// Fetched once: OpenSSL 3.0's implicit fetch costs more than hashing a short text.
const EVP_MD* algorithm(DigestKind kind) {
    static EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
    static EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return kind == DigestKind::md5 ? md5 : sha256;
}

}  // namespace

void Digest::Free::operator()(EVP_MD_CTX* context) const {
    EVP_MD_CTX_free(context);
}

Digest::Digest(DigestKind kind) : kind_(kind), context_(EVP_MD_CTX_new()) {
    reset();
}

void Digest::update(std::string_view bytes) {
    EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

std::string Digest::hex() {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> value{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context_.get(), value.data(), &length);
    return to_hex(std::span(value).first(length));
}

void Digest::reset() {
    if (!context_ || EVP_DigestInit_ex(context_.get(), algorithm(kind_), nullptr) != 1) {
        throw std::runtime_error("OpenSSL offers no MD5 or SHA-256 here");
    }
}

std::string digest_hex(DigestKind kind, std::string_view bytes) {
    Digest digest(kind);
    digest.update(bytes);
    return digest.hex();
}

}  // namespace updraft::client
