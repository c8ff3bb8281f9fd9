#include "domain/upgrade_task.hpp"

#include <string_view>

#include "base/assert.hpp"
#include "domain/firmware.hpp"
#include "domain/form_rules.hpp"

namespace updraft {
namespace {

/// Rows 35 and 36. What an absent number leaves is 0, so 0 reads as "not filled in".
void check_timeout(FormRules& rules, seconds timeout, std::string_view property,
                   const Text& missing) {
    if (rules.require(timeout.count() != 0, property, missing)) {
        rules.require(
            timeout.count() >= timeout_seconds_min && timeout.count() <= timeout_seconds_max,
            property,
            {"请输入1~99999之间的正整数", fmt::format("{} {} is not a whole number from 1 to 99999",
                                                      property, timeout.count())});
    }
}

/// Members that the chosen mode and release type give no meaning are not kept (spec 2.10).
void drop_meaningless_members(UpgradeTask& task) {
    if (task.mode == UpgradeMode::pull) {
        task.response_timeout = seconds{0};
    }
    if (task.release_type == ReleaseType::all) {
        task.devices.clear();
        task.terms.clear();
    }
}

}  // namespace

std::int64_t& RecordCounts::of(RecordState state) {
    switch (state) {
        case RecordState::waiting:
            return waiting;
        case RecordState::processing:
            return processing;
        case RecordState::success:
            return success;
        case RecordState::failed:
            return failed;
        case RecordState::canceled:
            return canceled;
    }
    UPDRAFT_ASSERT(!"a record state that does not exist");
    return waiting;
}

std::int64_t RecordCounts::of(RecordState state) const {
    return RecordCounts(*this).of(state);
}

TaskState derived_state(const RecordCounts& counts) {
    if (counts.waiting > 0) {
        return TaskState::processing;
    }
    if (counts.canceled > 0) {
        return TaskState::canceled;
    }
    if (counts.processing > 0) {
        return TaskState::processing;
    }
    return counts.failed > 0 ? TaskState::failed : TaskState::success;
}

int progress_percent(const RecordCounts& counts) {
    const std::int64_t total = counts.total();
    return total == 0 ? 0 : static_cast<int>(counts.success * 100 / total);
}

Result<UpgradeTask> checked(UpgradeTask task) {
    drop_meaningless_members(task);
    FormRules rules;
    rules.require_text(task.name, "name", {"请输入任务名称", "enter a task name"},
                       name_characters_max);
    if (task.mode == UpgradeMode::push) {
        check_timeout(
            rules, task.response_timeout, "responseTimeoutSeconds",
            {"请输入响应超时时间，1~99999秒", "enter the response timeout, 1 to 99999 seconds"});
    }
    check_timeout(
        rules, task.upgrade_timeout, "timeoutSeconds",
        {"请输入升级超时时间，1~99999秒", "enter the upgrade timeout, 1 to 99999 seconds"});
    rules.require(
        task.release_type == ReleaseType::all || !task.devices.empty() || !task.terms.empty(),
        "deviceId", {"请选择设备", "choose devices"});
    rules.limit_text(task.description, "description", description_characters_max);
    rules.require(task.rate_per_second.value_or(1) >= 1, "rate",
                  {"推送速率应为正整数", "the push rate has to be at least 1 per second"});
    rules.require(task.max_concurrent.value_or(1) >= 1, "maxConcurrent",
                  {"最大并发数应为正整数", "maxConcurrent has to be at least 1"});
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    return task;
}

}  // namespace updraft
