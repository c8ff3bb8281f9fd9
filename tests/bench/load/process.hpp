#pragma once

#include <chrono>

namespace updraft::bench {

using SteadyClock = std::chrono::steady_clock;

[[nodiscard]] inline double seconds_since(SteadyClock::time_point began) {
    return std::chrono::duration<double>(SteadyClock::now() - began).count();
}

[[nodiscard]] inline SteadyClock::duration as_duration(double seconds) {
    return std::chrono::duration_cast<SteadyClock::duration>(
        std::chrono::duration<double>(seconds));
}

/// Processor seconds that a process has used, its threads included; 0 for pid 0.
[[nodiscard]] double cpu_seconds_of(long pid);
/// Resident bytes of a process; 0 for pid 0.
[[nodiscard]] long resident_bytes_of(long pid);
/// Allows as many sockets as the machine does.
void raise_descriptor_limit();
/// This thread runs as soon as it can, before all others of its core (SCHED_FIFO). Throws
/// std::system_error without the right to that.
void run_before_others();

}  // namespace updraft::bench
