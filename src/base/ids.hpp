#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/clock.hpp"

namespace updraft {

/// Makes the ids of rows: increasing in time, unique over restarts and over nodes.
///
/// Layout of the 63 bits, as JetLinks' snowflakes: 41 bits of milliseconds since 2021-01-01, 10 bits
/// of node, 12 bits of sequence. A burst of more than 4,096 in one millisecond borrows from the next
/// ones, so that ids never repeat. Safe from every thread.
class SnowflakeIds {
public:
    SnowflakeIds(const Clock& clock, std::uint16_t node) : clock_(clock), node_(node & 0x3FFU) {}

    /// The next id.
    [[nodiscard]] std::int64_t next_number();
    /// The next id as the decimal text that goes over the API.
    [[nodiscard]] std::string next() { return std::to_string(next_number()); }

private:
    const Clock& clock_;
    const std::uint16_t node_;
    std::atomic<std::int64_t> last_tick_{0};  ///< milliseconds since the epoch above << 12 | sequence
};

/// `bytes` bytes from the system's generator as lower-case hex: tokens, access keys, secrets.
[[nodiscard]] std::string random_hex(std::size_t bytes);

}  // namespace updraft
