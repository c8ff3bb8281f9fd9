#pragma once

#include <cstddef>

#include "storage/artifacts/joint_digests.hpp"

/// The part of JointDigests that every kind of processor has another way for.
namespace updraft {

/// Whether compress_jointly() may be called.
[[nodiscard]] bool can_compress_jointly();

/// Takes so many whole blocks into the state: MD5 from `md5`, both others from `sha`; these are the
/// same bytes but for the last blocks of a stream.
void compress_jointly(JointDigests::State& state, const char* md5, const char* sha,
                      std::size_t blocks);

}  // namespace updraft
