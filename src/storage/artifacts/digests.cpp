#include "storage/artifacts/digests.hpp"

#include <openssl/evp.h>

#include <array>

#include "base/bytes.hpp"

namespace updraft::artifacts {
namespace {

/// Fetched once: OpenSSL 3.0 looks an algorithm up again for every implicit use.
EVP_MD* fetched(const char* name) {
    EVP_MD* digest = EVP_MD_fetch(nullptr, name, nullptr);
    if (digest == nullptr) {
        throw StorageError(StorageError::Cause::broken, std::string("this OpenSSL has no ") + name);
    }
    return digest;
}

void must(int result) {
    if (result != 1) {
        throw StorageError(StorageError::Cause::broken, "a digest failed");
    }
}

EVP_MD_CTX* started(const EVP_MD* digest) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    if (context == nullptr || EVP_DigestInit_ex2(context, digest, nullptr) != 1) {
        EVP_MD_CTX_free(context);
        throw StorageError(StorageError::Cause::broken, "a digest did not start");
    }
    return context;
}

std::string hex_of(EVP_MD_CTX* context) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
    must(EVP_DigestFinal_ex(context, bytes.data(), &size));
    return to_hex(std::span(bytes).first(size));
}

}  // namespace

Digests::Digests() {
    static EVP_MD* const md5 = fetched("MD5");
    static EVP_MD* const sha256 = fetched("SHA256");
    md5_ = started(md5);
    sha256_ = started(sha256);
}

Digests::~Digests() {
    EVP_MD_CTX_free(md5_);
    EVP_MD_CTX_free(sha256_);
}

void Digests::update(std::string_view bytes) {
    must(EVP_DigestUpdate(md5_, bytes.data(), bytes.size()));
    must(EVP_DigestUpdate(sha256_, bytes.data(), bytes.size()));
    size_bytes_ += static_cast<std::int64_t>(bytes.size());
}

ArtifactDigests Digests::finish() {
    return {size_bytes_, hex_of(md5_), hex_of(sha256_)};
}

}  // namespace updraft::artifacts
