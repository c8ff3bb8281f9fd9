#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace updraft::log {

/// Lets one line through in a while: for what goes wrong as often as somebody tries. Safe from
/// every thread.
class Sparing {
public:
    explicit Sparing(std::chrono::seconds every) : every_(every) {}

    /// How many lines were left out since the last one; nothing if this one is to be left out, too.
    [[nodiscard]] std::optional<std::uint64_t> due() {
        const std::int64_t now = std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::steady_clock::now().time_since_epoch())
                                     .count();
        std::int64_t next = next_ms_.load();
        if (now < next || !next_ms_.compare_exchange_strong(
                              next, now + std::chrono::milliseconds(every_).count())) {
            ++left_out_;
            return std::nullopt;
        }
        return left_out_.exchange(0);
    }

private:
    const std::chrono::seconds every_;
    std::atomic<std::int64_t> next_ms_{0};
    std::atomic<std::uint64_t> left_out_{0};
};

/// How often a line about the same trouble of the disk is written.
inline constexpr std::chrono::seconds storage_trouble_every{10};

}  // namespace updraft::log
