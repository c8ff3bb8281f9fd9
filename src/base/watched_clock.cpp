#include "base/watched_clock.hpp"

#include <time.h>

#include <utility>

namespace updraft {

WatchedClock::Sources WatchedClock::of_machine() {
    return {[] { return to_millis(SystemClock().now()); },
            [] {
                timespec at{};
                ::clock_gettime(CLOCK_BOOTTIME, &at);
                constexpr std::int64_t ms_per_s = 1'000;
                constexpr std::int64_t ns_per_ms = 1'000'000;
                return at.tv_sec * ms_per_s + at.tv_nsec / ns_per_ms;
            }};
}

WatchedClock::WatchedClock(milliseconds jump_min, Sources sources)
    : jump_min_ms_(jump_min.count()),
      sources_(std::move(sources)),
      offset_ms_(sources_.wall() - sources_.passed()) {}

Instant WatchedClock::now() const {
    const std::int64_t passed = sources_.passed();
    const std::int64_t wall = sources_.wall();
    std::int64_t offset = offset_ms_.load(std::memory_order_relaxed);
    const std::int64_t departed = wall - passed - offset;
    if (is_jump(departed)) {
        return from_millis(passed + offset);
    }
    if (departed > 1 || departed < -1) {  // one is the rounding of two clocks
        offset_ms_.compare_exchange_strong(offset, wall - passed);  // else another was faster
    }
    return from_millis(wall);
}

std::optional<milliseconds> WatchedClock::jump() const {
    const std::int64_t passed = sources_.passed();
    const std::int64_t departed = sources_.wall() - passed - offset_ms_.load();
    return is_jump(departed) ? std::optional(milliseconds(departed)) : std::nullopt;
}

void WatchedClock::adopt(milliseconds by) {
    offset_ms_.fetch_add(by.count());
}

}  // namespace updraft
