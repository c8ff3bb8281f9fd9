#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace updraft {

/// A rate with a small burst: at most `per_second` a second in the long run.
class TokenBucket {
public:
    /// Starts full. The burst is a fifth of a second's worth, at least one.
    TokenBucket(int per_second, Instant now)
        : per_second_(std::max(per_second, 1)),
          capacity_(std::max<std::int64_t>(per_second_ / 5, 1) * one),
          tokens_(capacity_),
          filled_at_(now) {}

    [[nodiscard]] bool has(Instant now) {
        refill(now);
        return tokens_ >= one;
    }
    void take() { tokens_ -= one; }
    void give_back() { tokens_ = std::min(capacity_, tokens_ + one); }

    /// When the next token will be there.
    [[nodiscard]] Instant next_at() const {
        const std::int64_t missing = std::max<std::int64_t>(one - tokens_, 0);
        return filled_at_ + milliseconds{(missing + per_second_ - 1) / per_second_};
    }

private:
    static constexpr std::int64_t one = 1'000;  // so that a millisecond brings per_second_ of these

    void refill(Instant now) {
        if (now > filled_at_) {
            const std::int64_t elapsed =
                std::min<std::int64_t>((now - filled_at_).count(), 3'600'000);
            tokens_ = std::min(capacity_, tokens_ + elapsed * per_second_);
        }
        filled_at_ = now;  // a clock that was set back starts anew
    }

    std::int64_t per_second_;
    std::int64_t capacity_;
    std::int64_t tokens_;
    Instant filled_at_;
};

}  // namespace updraft
