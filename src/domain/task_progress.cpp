#include "domain/task_progress.hpp"

namespace updraft {

NextPoint next_point(const std::vector<ProgressPoint>& newest, const RecordCounts& counts,
                     seconds interval) {
    if (newest.empty()) {
        return NextPoint::follows;
    }
    if (newest.back().counts == counts) {
        return NextPoint::none;
    }
    const bool too_close =
        newest.size() > 1 && newest.back().at - newest[newest.size() - 2].at < interval;
    return too_close ? NextPoint::moves : NextPoint::follows;
}

std::vector<ProgressPoint> thinned(const std::vector<ProgressPoint>& points, seconds interval) {
    std::vector<ProgressPoint> kept;
    for (const ProgressPoint& point : points) {
        const bool is_last = &point == &points.back();
        if (kept.empty() || is_last || point.at - kept.back().at >= interval) {
            kept.push_back(point);
        }
    }
    return kept;
}

void add_present(TaskProgress& progress, const RecordCounts& counts, Instant now) {
    const bool ended = counts.waiting + counts.processing == 0;
    if (progress.points.empty() || progress.points.back().counts != counts ||
        (!ended && progress.points.back().at < now)) {
        progress.points.push_back({now, counts});
    }
}

}  // namespace updraft
