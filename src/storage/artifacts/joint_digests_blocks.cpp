#include "storage/artifacts/joint_digests_blocks.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

// Steps of MD5 between rounds of SHA-1 and SHA-256, unrolled by templates: a processor that waits
// for one of them finds the next ones' instructions within its reach.
#define UPDRAFT_SHA_CODE __attribute__((target("sha,sse4.1,ssse3"), always_inline))

namespace updraft {
namespace {

// -- MD5 (RFC 1321 3.4) ---------------------------------------------------------------------------

constexpr std::array<std::uint32_t, 64> md5_constants{
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
constexpr std::array<std::array<int, 4>, 4> md5_rotations{
    {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};

constexpr std::size_t md5_word(std::size_t step) {
    switch (step / 16) {
        case 0:
            return step;
        case 1:
            return (5 * step + 1) % 16;
        case 2:
            return (3 * step + 5) % 16;
        default:
            return 7 * step % 16;
    }
}

struct Md5Words {
    std::uint32_t a, b, c, d;
};

template <std::size_t Step>
UPDRAFT_SHA_CODE inline void md5_step(Md5Words& w, const char* block) {
    std::uint32_t word = 0;
    std::memcpy(&word, block + 4 * md5_word(Step), sizeof(word));
    // What does not wait for b, which is the newest, is summed first.
    std::uint32_t sum = w.a + word + md5_constants[Step];
    if constexpr (Step < 16) {
        sum += w.d ^ (w.b & (w.c ^ w.d));
    } else if constexpr (Step < 32) {
        sum += ~w.d & w.c;
        sum += w.d & w.b;
    } else if constexpr (Step < 48) {
        sum += w.b ^ (w.c ^ w.d);
    } else {
        sum += w.c ^ (w.b | ~w.d);
    }
    const std::uint32_t next = w.b + std::rotl(sum, md5_rotations[Step / 16][Step % 4]);
    w = {w.d, next, w.b, w.c};
}

template <std::size_t Group>
UPDRAFT_SHA_CODE inline void md5_steps(Md5Words& w, const char* block) {
    md5_step<4 * Group>(w, block);
    md5_step<4 * Group + 1>(w, block);
    md5_step<4 * Group + 2>(w, block);
    md5_step<4 * Group + 3>(w, block);
}

// -- SHA-1 (FIPS 180-4 6.1.2), four rounds at a time ----------------------------------------------

struct Sha1Words {
    __m128i abcd;
    __m128i before;  ///< abcd before the last four rounds: their e comes from it
    std::array<__m128i, 4> schedule;
};

template <std::size_t Group>
UPDRAFT_SHA_CODE inline void sha1_rounds(Sha1Words& w, __m128i e, const char* block) {
    __m128i& words = w.schedule[Group % 4];
    if constexpr (Group < 4) {
        const __m128i turned = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
        words = _mm_shuffle_epi8(
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 16 * Group)), turned);
    } else {
        words =
            _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(words, w.schedule[(Group + 1) % 4]),
                                             w.schedule[(Group + 2) % 4]),
                               w.schedule[(Group + 3) % 4]);
    }
    const __m128i sum = Group == 0 ? _mm_add_epi32(e, words) : _mm_sha1nexte_epu32(w.before, words);
    w.before = w.abcd;
    w.abcd = _mm_sha1rnds4_epu32(w.abcd, sum, Group / 5);
}

// -- SHA-256 (FIPS 180-4 6.2.2), four rounds at a time --------------------------------------------

alignas(16) constexpr std::array<std::uint32_t, 64> sha256_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

struct Sha256Words {
    __m128i abef;
    __m128i cdgh;
    std::array<__m128i, 4> schedule;
};

template <std::size_t Group>
UPDRAFT_SHA_CODE inline void sha256_rounds(Sha256Words& w, const char* block) {
    __m128i& words = w.schedule[Group % 4];
    if constexpr (Group < 4) {
        const __m128i turned = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
        words = _mm_shuffle_epi8(
            _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 16 * Group)), turned);
    } else {
        const __m128i& newest = w.schedule[(Group + 3) % 4];
        const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(words, w.schedule[(Group + 1) % 4]),
                                          _mm_alignr_epi8(newest, w.schedule[(Group + 2) % 4], 4));
        words = _mm_sha256msg2_epu32(sum, newest);
    }
    const __m128i constants =
        _mm_load_si128(reinterpret_cast<const __m128i*>(sha256_constants.data() + 4 * Group));
    const __m128i sum = _mm_add_epi32(words, constants);
    w.cdgh = _mm_sha256rnds2_epu32(w.cdgh, w.abef, sum);
    w.abef = _mm_sha256rnds2_epu32(w.abef, w.cdgh, _mm_shuffle_epi32(sum, 0x0E));
}

// -- all three ------------------------------------------------------------------------------------

struct Words {
    Md5Words md5;
    Sha1Words sha1;
    __m128i sha1_e;
    Sha256Words sha256;
};

/// A sixteenth of a block: SHA-1 has twenty groups of rounds, the others sixteen.
template <std::size_t Part>
UPDRAFT_SHA_CODE inline void one_part(Words& w, const char* md5, const char* sha) {
    md5_steps<Part>(w.md5, md5);
    sha256_rounds<Part>(w.sha256, sha);
    sha1_rounds<Part + Part / 4>(w.sha1, w.sha1_e, sha);
    if constexpr (Part % 4 == 3) {
        sha1_rounds<Part + Part / 4 + 1>(w.sha1, w.sha1_e, sha);
    }
}

template <std::size_t... Parts>
UPDRAFT_SHA_CODE inline void one_block(Words& w, const char* md5, const char* sha,
                                       std::index_sequence<Parts...> /*parts*/) {
    (one_part<Parts>(w, md5, sha), ...);
}

UPDRAFT_SHA_CODE inline Words loaded(const JointDigests::State& state) {
    Words w{};
    w.md5 = {state.md5[0], state.md5[1], state.md5[2], state.md5[3]};
    const auto number = [](std::uint32_t word) { return static_cast<int>(word); };
    const auto& s = state.sha1;
    w.sha1.abcd = _mm_set_epi32(number(s[0]), number(s[1]), number(s[2]), number(s[3]));
    w.sha1_e = _mm_set_epi32(number(s[4]), 0, 0, 0);
    const auto& t = state.sha256;
    w.sha256.abef = _mm_set_epi32(number(t[0]), number(t[1]), number(t[4]), number(t[5]));
    w.sha256.cdgh = _mm_set_epi32(number(t[2]), number(t[3]), number(t[6]), number(t[7]));
    return w;
}

UPDRAFT_SHA_CODE inline void store(const Words& w, JointDigests::State& state) {
    const auto word = [](int number) { return static_cast<std::uint32_t>(number); };
    state.md5 = {w.md5.a, w.md5.b, w.md5.c, w.md5.d};
    const __m128i& s = w.sha1.abcd;
    state.sha1 = {word(_mm_extract_epi32(s, 3)), word(_mm_extract_epi32(s, 2)),
                  word(_mm_extract_epi32(s, 1)), word(_mm_extract_epi32(s, 0)),
                  word(_mm_extract_epi32(w.sha1_e, 3))};
    const __m128i& abef = w.sha256.abef;
    const __m128i& cdgh = w.sha256.cdgh;
    state.sha256 = {word(_mm_extract_epi32(abef, 3)), word(_mm_extract_epi32(abef, 2)),
                    word(_mm_extract_epi32(cdgh, 3)), word(_mm_extract_epi32(cdgh, 2)),
                    word(_mm_extract_epi32(abef, 1)), word(_mm_extract_epi32(abef, 0)),
                    word(_mm_extract_epi32(cdgh, 1)), word(_mm_extract_epi32(cdgh, 0))};
}

__attribute__((target("sha,sse4.1,ssse3"))) void compress(JointDigests::State& state,
                                                          const char* md5, const char* sha,
                                                          std::size_t blocks) {
    Words w = loaded(state);
    for (; blocks > 0; --blocks) {
        const Words before = w;
        one_block(w, md5, sha, std::make_index_sequence<16>{});
        w.md5 = {w.md5.a + before.md5.a, w.md5.b + before.md5.b, w.md5.c + before.md5.c,
                 w.md5.d + before.md5.d};
        w.sha1_e = _mm_sha1nexte_epu32(w.sha1.before, before.sha1_e);
        w.sha1.abcd = _mm_add_epi32(w.sha1.abcd, before.sha1.abcd);
        w.sha256.abef = _mm_add_epi32(w.sha256.abef, before.sha256.abef);
        w.sha256.cdgh = _mm_add_epi32(w.sha256.cdgh, before.sha256.cdgh);
        md5 += JointDigests::block_bytes;
        sha += JointDigests::block_bytes;
    }
    store(w, state);
}

}  // namespace

bool can_compress_jointly() {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    const bool has_sse =
        __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_1) != 0 && (c & bit_SSSE3) != 0;
    return has_sse && __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}

void compress_jointly(JointDigests::State& state, const char* md5, const char* sha,
                      std::size_t blocks) {
    compress(state, md5, sha, blocks);
}

}  // namespace updraft

#else

#include "base/assert.hpp"

namespace updraft {

bool can_compress_jointly() {
    return false;
}

void compress_jointly(JointDigests::State&, const char*, const char*, std::size_t) {
    UPDRAFT_ASSERT(false && "nobody asks where it cannot be done");
}

}  // namespace updraft

#endif
