#include "base/ids.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "base/bytes.hpp"

namespace updraft {
namespace {

constexpr std::int64_t epoch_ms = 1'609'459'200'000;  // 2021-01-01T00:00:00Z
constexpr int sequence_bits = 12;
constexpr int node_bits = 10;

}  // namespace

std::int64_t SnowflakeIds::next_number() {
    const std::int64_t now = (to_millis(clock_.now()) - epoch_ms) << sequence_bits;
    std::int64_t last = last_tick_.load(std::memory_order_relaxed);
    std::int64_t next = 0;
    do {
        next = std::max(now, last + 1);
    } while (!last_tick_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    const std::int64_t sequence = next & ((1 << sequence_bits) - 1);
    const std::int64_t millis = next >> sequence_bits;
    return (millis << (node_bits + sequence_bits)) | (std::int64_t{node_} << sequence_bits) | sequence;
}

std::string random_hex(std::size_t bytes) {
    std::vector<std::uint8_t> random(bytes);
    if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
        throw std::runtime_error("the system's random generator failed");
    }
    return to_hex(random);
}

}  // namespace updraft
