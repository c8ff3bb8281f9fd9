#include "latency.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace updraft::bench {

std::string Latencies::json() {
    std::ranges::sort(microseconds_);
    const auto at = [&](double share) {
        if (microseconds_.empty()) {
            return 0.0;
        }
        const auto last = static_cast<double>(microseconds_.size() - 1);
        constexpr double microseconds_of_ms = 1000;
        return microseconds_[static_cast<std::size_t>(share * last)] / microseconds_of_ms;
    };
    return fmt::format(R"("p50_ms":{:.4f},"p95_ms":{:.4f},"p99_ms":{:.4f},"max_ms":{:.4f})",
                       at(0.5), at(0.95), at(0.99), at(1));
}

}  // namespace updraft::bench
