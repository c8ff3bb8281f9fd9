#pragma once

#include <cstdint>

#include "base/result.hpp"

namespace updraft::cli {

/// What a command tells the shell. Documented in docs/operating/command-line.md; scripts rely on
/// it.
enum class ExitStatus : std::uint8_t {
    done = 0,
    failures = 1,     ///< it ended, but some devices failed or some lines were refused
    stopped = 2,      ///< the task ended because it was stopped
    refused = 3,      ///< refused: by the server, or because of what was given
    not_allowed = 4,  ///< not signed in, or not permitted
    unreachable = 5,  ///< the server cannot be reached, or says "later"
    gave_up = 6,      ///< not confirmed, or the given time was over
    usage = 64,       ///< the command line itself is wrong
};

/// The status of a command that ended with an error.
[[nodiscard]] ExitStatus status_of(ErrorCode code);
/// The error's name for programs: "not_found".
[[nodiscard]] const char* name_of(ErrorCode code);

}  // namespace updraft::cli
