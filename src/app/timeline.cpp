#include "app/timeline.hpp"

#include <algorithm>
#include <ranges>

#include "app/log_types.hpp"
#include "domain/names.hpp"

namespace updraft {
namespace {

using Kind = TimelineEntry::Kind;
using Direction = TimelineEntry::Direction;
using Entries = std::vector<TimelineEntry>;

bool is_connection(const DeviceLogEntry& line) {
    return line.type == log_type::online || line.type == log_type::offline;
}

Direction direction_of(const std::string& type) {
    const bool ours = type == log_type::upgrade_firmware || type == log_type::pull_firmware_reply ||
                      type == log_type::read_firmware || type == log_type::ddi_download ||
                      type == log_type::ddi_not_offered;
    return ours ? Direction::down : Direction::up;
}

TimelineEntry message_of(const DeviceLogEntry& line) {
    TimelineEntry entry;
    entry.id = line.id;
    entry.at = line.at;
    entry.record = line.record;
    entry.device = line.device;
    entry.type = line.type;
    entry.content = line.content;
    if (is_connection(line)) {
        entry.kind = Kind::connection;
        return entry;
    }
    entry.direction = direction_of(line.type);
    if (line.step) {
        entry.attempt = line.step->attempt;
        if (line.type == log_type::upgrade_firmware_progress ||
            line.type == log_type::ddi_feedback) {
            entry.progress_percent = line.step->progress_percent;
        }
    }
    return entry;
}

TimelineEntry state_of(const DeviceLogEntry& line) {
    TimelineEntry entry;
    entry.id = line.id + "-state";
    entry.at = line.at;
    entry.record = line.record;
    entry.device = line.device;
    entry.kind = Kind::state;
    entry.type = log_type::record_state;
    entry.attempt = line.step->attempt;
    entry.state = line.step->state;
    entry.progress_percent = line.step->progress_percent;
    entry.error_reason = line.step->error_reason;
    return entry;
}

/// One line of the log tells of a message, of a record's new state, or of both. What the server
/// sends is the consequence of the state, what a device says is its cause.
void append(Entries& entries, const DeviceLogEntry& line) {
    const bool has_state = line.step && line.step->state;
    const bool has_message = line.type != log_type::record_state;
    const bool state_first = has_message && direction_of(line.type) == Direction::down;
    if (has_state && state_first) {
        entries.push_back(state_of(line));
    }
    if (has_message) {
        entries.push_back(message_of(line));
    }
    if (has_state && !state_first) {
        entries.push_back(state_of(line));
    }
}

/// A state that the record itself remembers.
TimelineEntry remembered(const UpgradeRecord& record, RecordState state, Instant at) {
    TimelineEntry entry;
    entry.id = record.id.value + "-" + std::string(name_of(state));
    entry.at = at;
    entry.record = record.id;
    entry.device = record.device;
    entry.kind = Kind::state;
    entry.type = log_type::record_state;
    entry.state = state;
    entry.attempt = record.attempt;
    return entry;
}

/// The first entry of each record: no line of the log is spent on it, for a task may have a
/// million.
TimelineEntry birth_of(const UpgradeRecord& record, RecordState state) {
    TimelineEntry entry = remembered(record, state, record.created_at);
    entry.id = record.id.value + "-created";
    entry.attempt = 1;
    entry.progress_percent = 0;
    return entry;
}

/// Leaves entries of the same time in their order. They come nearly sorted.
void sort_by_time(Entries& entries) {
    for (auto next = entries.begin(); next != entries.end(); ++next) {
        const auto place =
            std::upper_bound(entries.begin(), next, next->at,
                             [](Instant at, const TimelineEntry& entry) { return at < entry.at; });
        std::rotate(place, next, next + 1);
    }
}

/// Adds what the log does not say: it is pruned in time, and older versions wrote less.
void add_remembered(Entries& entries, const UpgradeRecord& record) {
    const auto says = [&](RecordState state, auto&& which) {
        return std::ranges::any_of(entries, [&](const TimelineEntry& entry) {
            return entry.state == state && which(entry);
        });
    };
    const bool anything_said = std::ranges::any_of(
        entries, [](const TimelineEntry& entry) { return entry.state.has_value(); });
    const bool of_attempt_said = says(RecordState::processing, [&](const TimelineEntry& entry) {
        return entry.attempt == record.attempt;
    });
    if (record.upgrade_at && !of_attempt_said) {
        entries.push_back(remembered(record, RecordState::processing, *record.upgrade_at));
    }
    if (record.completed_at && !says(record.state, [&](const TimelineEntry& entry) {
            return to_millis(entry.at) == to_millis(*record.completed_at);
        })) {
        TimelineEntry end = remembered(record, record.state, *record.completed_at);
        end.progress_percent = record.progress_percent;
        end.error_reason = record.error_reason;
        entries.push_back(std::move(end));
    }
    const bool born_canceled = record.state == RecordState::canceled && !anything_said;
    entries.insert(entries.begin(),
                   birth_of(record, born_canceled ? RecordState::canceled : RecordState::waiting));
}

/// When nothing more is to be expected of the record; nothing while it is under way.
std::optional<Instant> end_of_life(const UpgradeRecord& record, const Entries& entries) {
    if (record.state == RecordState::waiting || record.state == RecordState::processing) {
        return std::nullopt;
    }
    return entries.empty() ? record.created_at
                           : std::ranges::max(entries, {}, &TimelineEntry::at).at;
}

}  // namespace

std::optional<Entries> record_timeline(const Repositories& rows, const RecordId& id,
                                       std::size_t limit) {
    const std::optional<UpgradeRecord> record = rows.records().find(id);
    if (!record) {
        return std::nullopt;
    }
    std::vector<DeviceLogEntry> lines = rows.device_logs().of_record(id, limit);
    std::ranges::reverse(lines);
    Entries entries;
    for (const DeviceLogEntry& line : lines) {
        append(entries, line);
    }
    if (lines.size() < limit) {
        add_remembered(entries, *record);
    }
    for (const DeviceLogEntry& line : rows.device_logs().connections_of(
             record->device, record->created_at, end_of_life(*record, entries), limit)) {
        append(entries, line);
    }
    sort_by_time(entries);
    if (entries.size() > limit) {
        entries.erase(entries.begin(),
                      entries.end() - static_cast<Entries::difference_type>(limit));
    }
    return entries;
}

Entries device_timeline(const Repositories& rows, const DeviceId& device,
                        const std::optional<Instant>& before, std::size_t limit) {
    const std::vector<DeviceLogEntry> lines = rows.device_logs().of_device(device, before, limit);
    const bool all = lines.size() < limit;
    Entries entries;
    for (const UpgradeRecord& record : rows.records().of_device(device)) {
        const bool in_page = (!before || record.created_at < *before) &&
                             (all || record.created_at >= lines.back().at);
        if (in_page) {
            entries.push_back(birth_of(record, RecordState::waiting));
        }
    }
    for (const DeviceLogEntry& line : std::views::reverse(lines)) {
        append(entries, line);
    }
    sort_by_time(entries);
    std::ranges::reverse(entries);
    std::size_t end = std::min(limit, entries.size());
    while (end > 0 && end < entries.size() && entries[end].at == entries[end - 1].at) {
        ++end;
    }
    entries.resize(end);
    return entries;
}

}  // namespace updraft
