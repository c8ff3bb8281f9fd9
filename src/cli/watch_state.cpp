#include "cli/watch_state.hpp"

#include "cli/rows.hpp"

namespace updraft::cli {

TaskCounts counts_of(const json::value& task_detail) {
    return {integer_at(task_detail, "total"),      integer_at(task_detail, "waiting"),
            integer_at(task_detail, "processing"), integer_at(task_detail, "success"),
            integer_at(task_detail, "failed"),     integer_at(task_detail, "canceled")};
}

bool has_ended(const TaskCounts& counts) {
    return counts.total > 0 && counts.waiting == 0 && counts.processing == 0;
}

ExitStatus outcome_of(const TaskCounts& counts) {
    if (counts.failed > 0) {
        return ExitStatus::failures;
    }
    return counts.canceled > 0 ? ExitStatus::stopped : ExitStatus::done;
}

const char* name_of_outcome(ExitStatus outcome) {
    return outcome == ExitStatus::done       ? "success"
           : outcome == ExitStatus::failures ? "failures"
                                             : "stopped";
}

Text counts_text(const TaskCounts& counts) {
    return text("等待升级 {}  升级中 {}  升级完成 {}  升级失败 {}  已停止 {}",
                "waiting {}  upgrading {}  succeeded {}  failed {}  stopped {}", counts.waiting,
                counts.processing, counts.success, counts.failed, counts.canceled);
}

std::optional<std::chrono::seconds> time_left(const TaskCounts& before, const TaskCounts& now,
                                              std::chrono::milliseconds took) {
    const std::int64_t moved = now.ended() - before.ended();
    if (moved <= 0 || took.count() <= 0) {
        return std::nullopt;
    }
    const std::int64_t open = now.waiting + now.processing;
    return std::chrono::seconds(open * took.count() / moved / 1000);
}

std::string cut_to_width(std::string_view text, std::size_t columns) {
    std::size_t end = text.size();
    while (end > 0 && display_width(text.substr(0, end)) > columns) {
        do {
            --end;
        } while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U);
    }
    return std::string(text.substr(0, end));
}

}  // namespace updraft::cli
