#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace updraft::scripting {

/// What one script may use. Held to inside the worker; the server watches the clock besides.
struct Limits {
    /// Bytes of all values of a package; the process gets some more for messages on their way.
    std::size_t memory_bytes_max = std::size_t{16} * 1024 * 1024;
    /// Instructions of one call, and of loading.
    std::uint64_t call_instructions_max = 10'000'000;
    /// Longest text that find, match, gmatch and gsub search by a pattern.
    std::size_t subject_bytes_max = std::size_t{16} * 1024;
    /// Longest text that string.rep makes.
    std::size_t repeated_bytes_max = std::size_t{1024} * 1024;
    /// Bytes of everything that one call answers.
    std::size_t output_bytes_max = std::size_t{256} * 1024;
    /// Messages that one payload may hold.
    std::size_t messages_max = 64;
    /// Lines that one call may print.
    std::size_t log_lines_max = 20;
    std::size_t log_line_bytes_max = 256;
    /// CPU time of a worker's life. The server replaces it long before.
    std::chrono::seconds worker_cpu_max{600};
};

/// Tables nested deeper are no message.
inline constexpr int table_depth_max = 16;

}  // namespace updraft::scripting
