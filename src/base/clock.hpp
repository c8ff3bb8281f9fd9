#pragma once

#include <chrono>
#include <cstdint>

namespace updraft {

/// A moment in UTC, to the millisecond: the resolution of every time in the API and on the wire.
using Instant = std::chrono::sys_time<std::chrono::milliseconds>;
using std::chrono::milliseconds;
using std::chrono::seconds;

[[nodiscard]] constexpr std::int64_t to_millis(Instant instant) {
    return instant.time_since_epoch().count();
}
[[nodiscard]] constexpr Instant from_millis(std::int64_t millis) {
    return Instant{milliseconds{millis}};
}

/// Where time comes from. A test moves it by hand. Safe from every thread.
class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Instant now() const = 0;
};

/// The machine's clock.
class SystemClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override {
        return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
    }
};

}  // namespace updraft
