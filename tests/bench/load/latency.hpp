#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace updraft::bench {

/// Latencies of one run; keeps each of them.
class Latencies {
public:
    void add(std::chrono::nanoseconds took) { microseconds_.push_back(as_microseconds(took)); }
    void clear() { microseconds_.clear(); }
    [[nodiscard]] std::size_t count() const { return microseconds_.size(); }
    /// `"p50_ms":..,"p95_ms":..,"p99_ms":..,"max_ms":..`, for a JSON object; zeros if there are
    /// none.
    [[nodiscard]] std::string json();

private:
    static float as_microseconds(std::chrono::nanoseconds took) {
        return std::chrono::duration<float, std::micro>(took).count();
    }
    std::vector<float> microseconds_;
};

}  // namespace updraft::bench
