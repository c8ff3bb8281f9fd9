#pragma once

#include <boost/json/value.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/text.hpp"
#include "cli/exit_status.hpp"

namespace updraft::cli {

namespace json = boost::json;

/// How many devices of a task are in each state.
struct TaskCounts {
    std::int64_t total = 0;
    std::int64_t waiting = 0;
    std::int64_t processing = 0;
    std::int64_t success = 0;
    std::int64_t failed = 0;
    std::int64_t canceled = 0;

    /// Those that will not move any more by themselves.
    [[nodiscard]] std::int64_t ended() const { return success + failed + canceled; }
    friend bool operator==(const TaskCounts&, const TaskCounts&) = default;
};

/// The counters of a task detail (spec 2.10).
[[nodiscard]] TaskCounts counts_of(const json::value& task_detail);

/// True once nothing waits and nothing is under way. A task without any record has not begun.
[[nodiscard]] bool has_ended(const TaskCounts& counts);
/// done: all succeeded; failures: some failed; stopped: some were canceled, none failed.
[[nodiscard]] ExitStatus outcome_of(const TaskCounts& counts);
/// "success", "failures" or "stopped"
[[nodiscard]] const char* name_of_outcome(ExitStatus outcome);

/// "waiting 3  upgrading 2  succeeded 4  failed 1  stopped 0"
[[nodiscard]] Text counts_text(const TaskCounts& counts);

/// How long the rest takes at the pace since `before`; nothing before anything has ended.
[[nodiscard]] std::optional<std::chrono::seconds> time_left(const TaskCounts& before,
                                                            const TaskCounts& now,
                                                            std::chrono::milliseconds took);

/// The text cut to so many terminal columns.
[[nodiscard]] std::string cut_to_width(std::string_view text, std::size_t columns);

}  // namespace updraft::cli
