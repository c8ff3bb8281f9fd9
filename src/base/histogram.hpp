#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace updraft {

/// Counts observations in buckets, for latencies and sizes. Observing is three atomic additions:
/// safe from every thread, never blocks.
class Histogram {
public:
    /// `bounds` are the largest values of the buckets, rising; a last bucket takes what is above.
    explicit Histogram(std::vector<double> bounds);

    void observe(double value);

    struct Snapshot {
        std::vector<double> bounds;
        std::vector<std::uint64_t> counts;  ///< one more than bounds; each bucket alone
        double sum = 0;

        /// Adds what another histogram of the same bounds has counted.
        void add(const Snapshot& other);
    };
    /// Observations that arrive meanwhile may be in it or not.
    [[nodiscard]] Snapshot snapshot() const;

private:
    const std::vector<double> bounds_;
    const std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
    std::atomic<double> sum_{0};
};

/// Bounds for latencies in seconds: half a millisecond to half a minute.
[[nodiscard]] std::vector<double> latency_bounds();

}  // namespace updraft
