#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "app/ports.hpp"
#include "storage/artifacts/joint_digests.hpp"

// As <openssl/types.h> declares them, so that this header does without OpenSSL.
using EVP_MD = struct evp_md_st;
using EVP_MD_CTX = struct evp_md_ctx_st;

namespace updraft {

/// MD5, SHA-1 and SHA-256, looked up in OpenSSL once: a lookup for each file costs more than a
/// small file.
class DigestAlgorithms {
public:
    /// Throws StorageError{broken} when this OpenSSL does not offer one of them (MD5 under FIPS).
    DigestAlgorithms();

    [[nodiscard]] const EVP_MD* md5() const { return md5_.get(); }
    [[nodiscard]] const EVP_MD* sha1() const { return sha1_.get(); }
    [[nodiscard]] const EVP_MD* sha256() const { return sha256_.get(); }

private:
    struct Free {
        void operator()(EVP_MD* algorithm) const;
    };
    std::unique_ptr<EVP_MD, Free> md5_;
    std::unique_ptr<EVP_MD, Free> sha1_;
    std::unique_ptr<EVP_MD, Free> sha256_;
};

/// All digests of a stream of bytes in one pass.
class ArtifactHasher {
public:
    enum class Way : std::uint8_t {
        fastest,  ///< that this processor has
        openssl,
    };
    explicit ArtifactHasher(const DigestAlgorithms& algorithms, Way way = Way::fastest);

    void update(std::string_view bytes);
    /// The digests of all bytes so far; nothing may follow.
    [[nodiscard]] ArtifactDigests finish();

private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const;
    };
    using Context = std::unique_ptr<EVP_MD_CTX, Free>;
    static Context start(const EVP_MD* algorithm);

    std::optional<JointDigests> joint_;  ///< in place of the three
    Context md5_;
    Context sha1_;
    Context sha256_;
    std::int64_t size_bytes_ = 0;
};

/// SHA-256 of a stream of bytes: what re-reading needs.
class Sha256Hasher {
public:
    explicit Sha256Hasher(const DigestAlgorithms& algorithms);
    void update(std::string_view bytes);
    /// Lower-case hex; nothing may follow.
    [[nodiscard]] std::string finish();

private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const;
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

/// SHA-256 of a short text as lower-case hex.
[[nodiscard]] std::string sha256_of(const DigestAlgorithms& algorithms, std::string_view text);

}  // namespace updraft
