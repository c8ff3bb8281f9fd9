#pragma once

#include <chrono>
#include <cstddef>

namespace updraft::scripting {

/// What a worker may have of the machine from now on.
struct Confinement {
    int socket = 3;                  ///< the one file it reads and writes
    std::size_t memory_bytes = 0;    ///< beyond what the process has now
    std::chrono::seconds cpu_max{};  ///< of its life; beyond, the kernel ends it
};

/// Gives up everything that a script must never reach, for good: another user if this one is root,
/// no new privileges, no files, no processes, no network, a bounded memory and CPU time, and only
/// the system calls that reading, writing, memory and ending need; any other ends the process
/// (SIGSYS). Namespaces of its own on top where the kernel allows it. False if the filter of system
/// calls could not be set: then nothing may run here.
[[nodiscard]] bool confine(const Confinement& confinement);

/// The process ends with the thread that started it, however that ends.
void die_with_parent();

}  // namespace updraft::scripting
