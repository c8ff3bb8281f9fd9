#include "storage/artifacts/artifact_hasher.hpp"

#include <openssl/evp.h>

#include <array>
#include <span>

#include "base/bytes.hpp"

namespace updraft {
namespace {

/// OpenSSL's digests fail only when memory or the library itself is broken.
void check(bool worked) {
    if (!worked) {
        throw StorageError(StorageError::Cause::broken, "OpenSSL cannot compute a digest");
    }
}

EVP_MD* fetch(const char* name) {
    EVP_MD* algorithm = EVP_MD_fetch(nullptr, name, nullptr);
    if (algorithm == nullptr) {
        throw StorageError(StorageError::Cause::broken,
                           fmt::format("OpenSSL does not offer {}, which files need: allow it in "
                                       "openssl.cnf",
                                       name));
    }
    return algorithm;
}

std::string finish_hex(EVP_MD_CTX* context) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    check(EVP_DigestFinal_ex(context, digest.data(), &length) == 1);
    return to_hex(std::span(digest).first(length));
}

}  // namespace

void DigestAlgorithms::Free::operator()(EVP_MD* algorithm) const {
    EVP_MD_free(algorithm);
}

DigestAlgorithms::DigestAlgorithms()
    : md5_(fetch("MD5")), sha1_(fetch("SHA1")), sha256_(fetch("SHA256")) {}

void ArtifactHasher::Free::operator()(EVP_MD_CTX* context) const {
    EVP_MD_CTX_free(context);
}

ArtifactHasher::Context ArtifactHasher::start(const EVP_MD* algorithm) {
    Context context(EVP_MD_CTX_new());
    check(context && EVP_DigestInit_ex(context.get(), algorithm, nullptr) == 1);
    return context;
}

ArtifactHasher::ArtifactHasher(const DigestAlgorithms& algorithms, Way way) {
    if (way == Way::fastest && JointDigests::available()) {
        joint_.emplace();
        return;
    }
    md5_ = start(algorithms.md5());
    sha1_ = start(algorithms.sha1());
    sha256_ = start(algorithms.sha256());
}

void ArtifactHasher::update(std::string_view bytes) {
    // A slice that fits the cache is read from memory once for all digests.
    constexpr std::size_t slice_bytes = 16 * 1024;
    size_bytes_ += static_cast<std::int64_t>(bytes.size());
    if (joint_) {
        return joint_->update(bytes);
    }
    while (!bytes.empty()) {
        const std::string_view slice = bytes.substr(0, slice_bytes);
        check(EVP_DigestUpdate(md5_.get(), slice.data(), slice.size()) == 1);
        check(EVP_DigestUpdate(sha1_.get(), slice.data(), slice.size()) == 1);
        check(EVP_DigestUpdate(sha256_.get(), slice.data(), slice.size()) == 1);
        bytes.remove_prefix(slice.size());
    }
}

ArtifactDigests ArtifactHasher::finish() {
    if (joint_) {
        const JointDigests::Digests digests = joint_->finish();
        return {size_bytes_, to_hex(digests.md5), to_hex(digests.sha256), to_hex(digests.sha1)};
    }
    return {size_bytes_, finish_hex(md5_.get()), finish_hex(sha256_.get()),
            finish_hex(sha1_.get())};
}

void Sha256Hasher::Free::operator()(EVP_MD_CTX* context) const {
    EVP_MD_CTX_free(context);
}

Sha256Hasher::Sha256Hasher(const DigestAlgorithms& algorithms) : context_(EVP_MD_CTX_new()) {
    check(context_ && EVP_DigestInit_ex(context_.get(), algorithms.sha256(), nullptr) == 1);
}

void Sha256Hasher::update(std::string_view bytes) {
    check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256Hasher::finish() {
    return finish_hex(context_.get());
}

std::string sha256_of(const DigestAlgorithms& algorithms, std::string_view text) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    check(EVP_Digest(text.data(), text.size(), digest.data(), &length, algorithms.sha256(),
                     nullptr) == 1);
    return to_hex(std::span(digest).first(length));
}

}  // namespace updraft
