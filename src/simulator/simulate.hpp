#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>

#include "client/progress_bar.hpp"
#include "simulator/fleet_options.hpp"

namespace updraft::simulator {

using client::ProgressBar;
using client::readable_bytes;

/// What `updraft simulate` is asked for. Without a limit it runs until SIGINT or SIGTERM.
struct SimulateOptions {
    FleetOptions fleet;
    std::optional<std::chrono::seconds> duration;  ///< ends after so long
    std::optional<std::uint64_t>
        until_upgrades;         ///< ends when so many upgrades have ended, well or not
    std::string until_version;  ///< ends when every device runs it; empty: no such end
    bool json = false;          ///< the summary as one line of JSON on `out`; else words
    bool quiet = false;         ///< no progress line
    std::FILE* out = stdout;
    std::FILE* progress = stderr;
};

/// Runs the fleet until all that was asked for is done, the time is up, or a signal comes; then
/// prints a summary. Returns the exit status: 0, or 1 when the fleet could not start, when no
/// device could ever sign in, or when the time ended before the upgrades or the version that were
/// asked for.
[[nodiscard]] int run_simulate(const SimulateOptions& options);

/// The summary's one line of JSON: every counter of FleetStatistics, the devices of each version,
/// the seed and the seconds it took.
[[nodiscard]] std::string summary_json(const FleetStatistics& statistics,
                                       const std::map<std::string, std::size_t>& versions,
                                       std::uint64_t seed, double took_s);

}  // namespace updraft::simulator
