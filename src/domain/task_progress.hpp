#pragma once

#include <vector>

#include "base/clock.hpp"
#include "domain/upgrade_task.hpp"

namespace updraft {

/// The counters of a task at one moment.
struct ProgressPoint {
    Instant at;
    RecordCounts counts;
    friend bool operator==(const ProgressPoint&, const ProgressPoint&) = default;
};

/// How a task went over time, oldest point first; the first is its creation. However long it runs,
/// there are few points: whenever they become too many, the distance between them doubles.
struct TaskProgress {
    std::vector<ProgressPoint> points;
    seconds interval{0};  ///< least distance between points, but for the last one
};

inline constexpr std::size_t progress_points_max = 299;  ///< kept; an answer adds the present
inline constexpr seconds progress_interval_first{2};

/// What becomes of the points when a task's counters are looked at again.
enum class NextPoint : std::uint8_t {
    none,    ///< nothing has changed since the last one
    moves,   ///< the last one stands too close behind the one before it: it moves to the present
    follows  ///< a new one
};
/// `newest` are the last points, at most two, oldest first.
[[nodiscard]] NextPoint next_point(const std::vector<ProgressPoint>& newest,
                                   const RecordCounts& counts, seconds interval);

/// The points that stay when the distance becomes `interval`: the first, the last, and each that is
/// at least so much behind the one that stays before it.
[[nodiscard]] std::vector<ProgressPoint> thinned(const std::vector<ProgressPoint>& points,
                                                 seconds interval);

/// The points with the present behind them, unless the task has come to an end and the last point
/// says so already.
void add_present(TaskProgress& progress, const RecordCounts& counts, Instant now);

}  // namespace updraft
