#pragma once

#include <chrono>
#include <string>

#include "cli/context.hpp"
#include "cli/exit_status.hpp"

namespace updraft::cli {

struct WatchOptions {
    std::chrono::seconds limit{0};       ///< gives up after that; 0: never
    std::chrono::seconds patience{600};  ///< how long a server that is gone is waited for
};

/// The task's detail row. Errors: not_found.
[[nodiscard]] Result<json::value> task_detail(client::RestClient& api, const std::string& id);

/// Shows the task's counters until it ends: redrawn in place on a terminal, plain lines elsewhere.
/// Fed by server-sent events; a lost connection is made again. The result is printed, with --json
/// as `{"outcome","task"}`. Errors: not_found (deleted meanwhile), unavailable (patience is over),
/// precondition_failed (the limit is over).
[[nodiscard]] Result<ExitStatus> watch_task(Context& context, const std::string& id,
                                            const WatchOptions& options);

}  // namespace updraft::cli
