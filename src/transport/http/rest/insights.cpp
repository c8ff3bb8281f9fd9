#include "transport/http/rest/insights.hpp"

#include <algorithm>
#include <charconv>

#include "app/log_types.hpp"
#include "app/timeline.hpp"
#include "transport/http/rest/devices_json.hpp"
#include "transport/http/rest/json_reader.hpp"

namespace updraft::rest {
namespace {

using http::Method;

const std::string task_base = "/firmware/upgrade/task";
const std::string record_base = "/firmware/upgrade/history";
constexpr std::size_t failure_groups_max = 50;
constexpr std::size_t timeline_entries_max = 1'000;
constexpr std::size_t timeline_entries_default = 100;

/// GET /firmware/upgrade/task/{id}/failures, operation getTaskFailures.
Result<Answer> task_failures(const Store& store, const Call& call) {
    const TaskId id(call.parameter("id"));
    std::optional<TaskRow> task;
    std::vector<FailureGroup> groups;
    store.run_read([&](const Repositories& rows) {
        task = rows.tasks().find(id);
        groups = rows.records().failures_of(id, failure_groups_max);
    });
    if (!task) {
        return Error::not_found("升级任务", "upgrade task", id.value);
    }
    json::array shown;
    std::int64_t others = task->counts.failed;
    for (const FailureGroup& group : groups) {
        shown.push_back(json::object{{"group", group.group},
                                     {"text", error_reason::in(call.language, group.group)},
                                     {"sample", error_reason::in(call.language, group.sample)},
                                     {"count", group.count},
                                     {"firstTime", to_millis(group.first_at)},
                                     {"lastTime", to_millis(group.last_at)}});
        others -= group.count;
    }
    return json::value(json::object{
        {"failed", task->counts.failed}, {"groups", std::move(shown)}, {"otherCount", others}});
}

/// GET /firmware/upgrade/task/{id}/progress, operation getTaskProgress.
Result<Answer> task_progress(const Store& store, const Call& call) {
    const TaskId id(call.parameter("id"));
    std::optional<TaskRow> task;
    TaskProgress progress;
    store.run_read([&](const Repositories& rows) {
        task = rows.tasks().find(id);
        progress = rows.tasks().progress_of(id);
    });
    if (!task) {
        return Error::not_found("升级任务", "upgrade task", id.value);
    }
    add_present(progress, task->counts, call.received_at);
    json::array points;
    for (const ProgressPoint& point : progress.points) {
        points.push_back(json::object{{"timestamp", to_millis(point.at)},
                                      {"waiting", point.counts.waiting},
                                      {"processing", point.counts.processing},
                                      {"success", point.counts.success},
                                      {"failed", point.counts.failed},
                                      {"canceled", point.counts.canceled}});
    }
    return json::value(json::object{{"points", std::move(points)},
                                    {"intervalSeconds", progress.interval.count()}});
}

std::string_view name_of_kind(TimelineEntry::Kind kind) {
    switch (kind) {
        case TimelineEntry::Kind::state:
            return "state";
        case TimelineEntry::Kind::message:
            return "message";
        case TimelineEntry::Kind::connection:
            return "connection";
    }
    return {};
}

json::object entry_json(const TimelineEntry& entry, Language language) {
    const Text label = entry.state ? label_of(*entry.state) : log_label(entry.type);
    json::object object{{"id", entry.id},
                        {"timestamp", to_millis(entry.at)},
                        {"deviceId", entry.device.value},
                        {"kind", name_of_kind(entry.kind)},
                        {"type", entry.type},
                        {"text", label.in(language)}};
    put_text(object, "recordId", entry.record ? entry.record->value : "");
    if (entry.attempt) {
        object["attempt"] = *entry.attempt;
    }
    if (entry.state) {
        object["state"] = enum_json(*entry.state, language);
    }
    if (entry.progress_percent) {
        object["progress"] = *entry.progress_percent;
    }
    put_text(object, "errorReason", error_reason::in(language, entry.error_reason));
    if (entry.direction) {
        object["direction"] = *entry.direction == TimelineEntry::Direction::up ? "up" : "down";
    }
    put_text(object, "content", entry.content);
    return object;
}

json::value timeline_json(const std::vector<TimelineEntry>& entries, Language language) {
    json::array array;
    array.reserve(entries.size());
    for (const TimelineEntry& entry : entries) {
        array.push_back(entry_json(entry, language));
    }
    return array;
}

/// GET /firmware/upgrade/history/{id}/timeline, operation getRecordTimeline.
Result<Answer> timeline_of_record(const Store& store, const Call& call) {
    const RecordId id(call.parameter("id"));
    const auto entries = store.read(
        [&](const Repositories& rows) { return record_timeline(rows, id, timeline_entries_max); });
    if (!entries) {
        return Error::not_found("升级记录", "upgrade record", id.value);
    }
    return timeline_json(*entries, call.language);
}

/// A whole number of the query string; nothing if it is not given.
Result<std::optional<std::int64_t>> number_in(const Call& call, const std::string& name) {
    const std::string given(call.request.query_value(name).value_or(""));
    if (given.empty()) {
        return std::optional<std::int64_t>();
    }
    std::int64_t number = 0;
    const auto [end, code] = std::from_chars(given.data(), given.data() + given.size(), number);
    if (code != std::errc{} || end != given.data() + given.size() || number < 0) {
        return Error::invalid(name,
                              text("{} 应为不小于0的整数", "{} must be a whole number >= 0", name));
    }
    return std::optional(number);
}

/// GET /device-instance/{id}/timeline, operation getDeviceTimeline.
Result<Answer> timeline_of_device(const Store& store, const Call& call) {
    const DeviceId id(call.parameter("id"));
    UPDRAFT_TRY(const auto before, number_in(call, "before"));
    UPDRAFT_TRY(const auto asked, number_in(call, "limit"));
    const std::size_t limit =
        std::clamp<std::size_t>(static_cast<std::size_t>(asked.value_or(timeline_entries_default)),
                                1, timeline_entries_max);
    std::optional<Instant> until;
    if (before) {
        until = from_millis(*before);
    }
    std::optional<Device> device;
    std::vector<TimelineEntry> entries;
    store.run_read([&](const Repositories& rows) {
        device = rows.devices().find(id);
        entries = device_timeline(rows, id, until, limit);
    });
    if (!device) {
        return Error::not_found("设备", "device", id.value);
    }
    return timeline_json(entries, call.language);
}

}  // namespace

void insight_routes(Api& api, const Store& store) {
    const Access tasks = Access::permitted(permission::upgrade_task, permission::query);
    api.route(Method::get, task_base + "/{id}/failures", tasks,
              [&store](const Call& call) { return task_failures(store, call); });
    api.route(Method::get, task_base + "/{id}/progress", tasks,
              [&store](const Call& call) { return task_progress(store, call); });
    api.route(Method::get, record_base + "/{id}/timeline", tasks,
              [&store](const Call& call) { return timeline_of_record(store, call); });
    for (const char* base : {"/device-instance", "/device/instance"}) {
        api.route(Method::get, std::string(base) + "/{id}/timeline",
                  Access::permitted(permission::device, permission::query),
                  [&store](const Call& call) { return timeline_of_device(store, call); });
    }
}

}  // namespace updraft::rest
