#include "storage/artifacts/joint_digests.hpp"

#include <algorithm>
#include <cstring>

#include "storage/artifacts/joint_digests_blocks.hpp"

namespace updraft {
namespace {

constexpr std::size_t length_bytes = 8;

/// Where the lengths stand in the last block: MD5 writes its number from the low end, the others
/// from the high end.
void put_length(char* at, std::uint64_t bits, bool low_end_first) {
    for (std::size_t i = 0; i < length_bytes; ++i) {
        const std::size_t shift = 8 * (low_end_first ? i : length_bytes - 1 - i);
        at[i] = static_cast<char>(bits >> shift & 0xFFU);
    }
}

template <std::size_t Words>
void put_high_end_first(const std::array<std::uint32_t, Words>& words, std::uint8_t* to) {
    for (std::size_t i = 0; i < 4 * Words; ++i) {
        to[i] = static_cast<std::uint8_t>(words[i / 4] >> (8 * (3 - i % 4)));
    }
}

}  // namespace

bool JointDigests::available() {
    static const bool can = can_compress_jointly();
    return can;
}

void JointDigests::update(std::string_view bytes) {
    size_bytes_ += bytes.size();
    if (rest_bytes_ > 0) {
        const std::size_t taken = std::min(bytes.size(), block_bytes - rest_bytes_);
        std::memcpy(rest_.data() + rest_bytes_, bytes.data(), taken);
        rest_bytes_ += taken;
        bytes.remove_prefix(taken);
        if (rest_bytes_ < block_bytes) {
            return;
        }
        compress_jointly(state_, rest_.data(), rest_.data(), 1);
        rest_bytes_ = 0;
    }
    const std::size_t blocks = bytes.size() / block_bytes;
    compress_jointly(state_, bytes.data(), bytes.data(), blocks);
    bytes.remove_prefix(blocks * block_bytes);
    std::ranges::copy(bytes, rest_.begin());
    rest_bytes_ = bytes.size();
}

JointDigests::Digests JointDigests::finish() {
    std::array<char, 2 * block_bytes> end_of_md5{};
    std::copy_n(rest_.begin(), rest_bytes_, end_of_md5.begin());
    end_of_md5[rest_bytes_] = static_cast<char>(0x80);
    const std::size_t blocks = rest_bytes_ + 1 + length_bytes > block_bytes ? 2 : 1;
    const std::size_t length_at = blocks * block_bytes - length_bytes;
    std::array<char, 2 * block_bytes> end_of_sha = end_of_md5;
    put_length(end_of_md5.data() + length_at, size_bytes_ * 8, true);
    put_length(end_of_sha.data() + length_at, size_bytes_ * 8, false);
    compress_jointly(state_, end_of_md5.data(), end_of_sha.data(), blocks);
    Digests digests;
    std::memcpy(digests.md5.data(), state_.md5.data(), digests.md5.size());
    put_high_end_first(state_.sha1, digests.sha1.data());
    put_high_end_first(state_.sha256, digests.sha256.data());
    return digests;
}

}  // namespace updraft
