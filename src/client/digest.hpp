#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

typedef struct evp_md_ctx_st EVP_MD_CTX;

namespace updraft::client {

enum class DigestKind : std::uint8_t { md5, sha256 };

/// The digest of a stream of bytes.
class Digest {
public:
    explicit Digest(DigestKind kind);

    void update(std::string_view bytes);
    /// Lower-case hex of everything since the start or the last reset; ends the stream until
    /// reset().
    [[nodiscard]] std::string hex();
    /// Begins a new stream.
    void reset();

private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const;
    };
    DigestKind kind_;
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

/// The digest of bytes at hand.
[[nodiscard]] std::string digest_hex(DigestKind kind, std::string_view bytes);

}  // namespace updraft::client
