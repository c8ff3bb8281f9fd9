#pragma once

#include <memory>
#include <string_view>

#include "app/ports.hpp"

struct evp_md_ctx_st;

namespace updraft::artifacts {

/// MD5 and SHA-256 of a stream in one pass.
class Digests {
public:
    Digests();
    Digests(const Digests&) = delete;
    Digests& operator=(const Digests&) = delete;
    ~Digests();

    void update(std::string_view bytes);
    /// The digests of all that was given; to be called once.
    [[nodiscard]] ArtifactDigests finish();

private:
    evp_md_ctx_st* md5_;
    evp_md_ctx_st* sha256_;
    std::int64_t size_bytes_ = 0;
};

}  // namespace updraft::artifacts
