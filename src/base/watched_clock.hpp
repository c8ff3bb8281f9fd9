#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/clock.hpp"

namespace updraft {

/// The machine's wall clock, watched for being set. When it departs from the time that has passed
/// by more than a tolerance, now() goes on as if nothing had happened, until whoever keeps moments
/// in the future has moved them and adopts the jump. Smaller steps and drift are followed at once.
class WatchedClock final : public Clock {
public:
    /// A clock's milliseconds; `passed` counts on while the machine sleeps, and is never set.
    struct Sources {
        std::function<std::int64_t()> wall;
        std::function<std::int64_t()> passed;
    };
    [[nodiscard]] static Sources of_machine();

    explicit WatchedClock(milliseconds jump_min, Sources sources = of_machine());

    [[nodiscard]] Instant now() const override;

    /// How far the wall clock has been set (negative: back); nothing while it goes as it should.
    [[nodiscard]] std::optional<milliseconds> jump() const;
    /// Moves now() by that much: by a jump, or back by one that could not be stored.
    void adopt(milliseconds by);

    /// What the wall clock shows when nothing has passed yet: how a process that went before us saw
    /// it, so that a clock that was set in between counts as a jump.
    [[nodiscard]] milliseconds offset() const { return milliseconds(offset_ms_.load()); }
    void expect_offset(milliseconds offset) { offset_ms_ = offset.count(); }

private:
    [[nodiscard]] bool is_jump(std::int64_t departed) const {
        return departed > jump_min_ms_ || departed < -jump_min_ms_;
    }

    const std::int64_t jump_min_ms_;
    const Sources sources_;
    mutable std::atomic<std::int64_t> offset_ms_;
};

}  // namespace updraft
