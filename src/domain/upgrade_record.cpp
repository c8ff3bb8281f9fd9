#include "domain/upgrade_record.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace updraft {
namespace {

using enum RecordState;
using Effects = std::vector<Effect>;

/// After a restart a device gets at least this long to come back and answer (T26).
constexpr seconds restart_grace_max{60};

/// The row that applies and what the caller has to do; the record itself is changed in place.
struct Applied {
    std::string_view rule;
    Effects effects;
};

/// What apply() answers when no row of the table joins this event to this state.
Applied no_row() {
    return {"", {}};
}

bool ended_by_timeout(const UpgradeRecord& record) {
    return record.error_reason == error_reason::response_timeout ||
           record.error_reason == error_reason::upgrade_timeout;
}

bool has_passed(const std::optional<Instant>& deadline, Instant now) {
    return deadline && *deadline <= now;
}

void stop_timers(UpgradeRecord& record) {
    record.response_deadline.reset();
    record.upgrade_deadline.reset();
}

void acknowledge(UpgradeRecord& record) {
    record.acked = true;
    record.response_deadline.reset();
}

/// Forgets the attempt that was under way, as T4 and T18 ask.
void forget_attempt(UpgradeRecord& record) {
    stop_timers(record);
    record.upgrade_at.reset();
    record.message_id.clear();
    record.server_id.clear();
    record.acked = false;
    record.resent = false;
    record.revived = false;
}

void enter_processing(UpgradeRecord& record, std::string message_id, Instant now) {
    forget_attempt(record);
    record.state = processing;
    record.message_id = std::move(message_id);
    record.upgrade_at = now;
    record.upgrade_deadline = now + record.upgrade_timeout;
}

void fail(UpgradeRecord& record, std::string reason, Instant now) {
    stop_timers(record);
    record.state = failed;
    record.error_reason = std::move(reason);
    record.completed_at = now;
}

void succeed(UpgradeRecord& record, Instant now) {
    stop_timers(record);
    record.state = success;
    record.progress_percent = 100;
    record.error_reason.clear();
    record.completed_at = now;
}

/// T18: everything of the last attempt goes, and the next one begins.
void begin_next_attempt(UpgradeRecord& record) {
    forget_attempt(record);
    record.state = waiting;
    record.attempt += 1;
    record.progress_percent = 0;
    record.error_reason.clear();
    record.completed_at.reset();
}

void take_progress(UpgradeRecord& record, const ProgressReport& report) {
    if (report.progress_percent) {
        record.progress_percent = std::clamp(*report.progress_percent, 0, 100);
    }
}

std::string first_said(const std::string& first, const std::string& second,
                       std::string_view otherwise) {
    if (!first.empty()) {
        return first;
    }
    return second.empty() ? std::string(otherwise) : second;
}

/// T2.
Applied on(UpgradeRecord& record, const event::Dispatched& event, Instant now) {
    if (record.state == success) {
        return {"T21", {}};
    }
    if (record.state != waiting || record.mode != UpgradeMode::push) {
        return no_row();
    }
    enter_processing(record, event.message_id, now);
    record.server_id = event.server_id;
    record.response_deadline = now + record.response_timeout;
    return {"T2", {Effect::send_upgrade}};
}

/// T4. The device may have reconnected in the meantime, and nothing else would wake the record
/// then.
Applied on(UpgradeRecord& record, const event::SendFailed& event, Instant) {
    if (record.state != processing || record.acked || record.message_id != event.message_id) {
        return no_row();
    }
    forget_attempt(record);
    record.state = waiting;
    return {"T4", {Effect::wake_device}};
}

/// T5.
Applied on(UpgradeRecord& record, const event::AlreadyInstalled&, Instant now) {
    if (record.state == success) {
        return {"T21", {}};
    }
    if (record.state != waiting) {
        return no_row();
    }
    if (record.forced) {
        return {"T5", {}};
    }
    succeed(record, now);
    return {"T5", {Effect::wake_device}};
}

/// T6; a repeat only refreshes the message id (spec 4.5); a forced pull first retries (T18).
Applied on(UpgradeRecord& record, const event::PullAnswered& event, Instant now) {
    switch (record.state) {
        case success:
            return {"T21", {}};
        case processing:
            record.message_id = event.message_id;
            acknowledge(record);
            return {"T6", {}};
        case failed:
        case canceled:
            begin_next_attempt(record);
            break;
        case waiting:
            break;
    }
    enter_processing(record, event.message_id, now);
    acknowledge(record);
    return {"T6", {}};
}

/// T7, T8.
Applied on(UpgradeRecord& record, const event::Replied& event, Instant now) {
    if (record.state == success) {
        return {"T21", {}};
    }
    if (record.state != processing) {
        return no_row();
    }
    acknowledge(record);
    if (event.success) {
        return {"T7", {}};
    }
    fail(record, first_said(event.message, event.code, error_reason::rejected), now);
    return {"T8", {Effect::wake_device}};
}

/// T9, T19: the device is still at work.
Applied on_ongoing(UpgradeRecord& record, const event::Progressed& event, Instant now) {
    if (record.state == processing) {
        acknowledge(record);
        take_progress(record, event.report);
        return {"T9", {}};
    }
    if (record.state != failed || !ended_by_timeout(record)) {
        return no_row();
    }
    if (record.revived || event.another_is_processing) {
        return {"T19", {}};
    }
    record.state = processing;
    record.revived = true;
    record.error_reason.clear();
    record.completed_at.reset();
    record.upgrade_deadline = now + record.upgrade_timeout;
    acknowledge(record);
    take_progress(record, event.report);
    return {"T19", {}};
}

/// T10, T20: the device says that it has finished.
Applied on_completed(UpgradeRecord& record, Instant now) {
    const std::string_view rule = record.state == processing ? "T10" : "T20";
    record.acked = true;
    succeed(record, now);
    return {rule,
            {Effect::device_has_version, Effect::supersede_lower, Effect::confirm_by_read,
             Effect::wake_device}};
}

/// T11. The progress keeps the last value that the device worked at.
Applied on_given_up(UpgradeRecord& record, const ProgressReport& report, Instant now) {
    if (record.state != processing) {
        return no_row();
    }
    acknowledge(record);
    fail(record, first_said(report.error_reason, report.message, error_reason::failed), now);
    return {"T11", {Effect::wake_device}};
}

/// T9, T10, T11, T19, T20.
Applied on(UpgradeRecord& record, const event::Progressed& event, Instant now) {
    if (record.state == success) {
        return {"T21", {}};
    }
    switch (evaluate_progress(event.report)) {
        case ProgressOutcome::ongoing:
            return on_ongoing(record, event, now);
        case ProgressOutcome::completed:
            return on_completed(record, now);
        case ProgressOutcome::failed:
            return on_given_up(record, event.report, now);
    }
    return no_row();
}

/// T14, T15, T20. A forced record ends by T10, T11 or its timeout only: the device may have run the
/// target version all along.
Applied on(UpgradeRecord& record, const event::VersionReported& event, Instant now) {
    if (record.state == success) {
        return {"T21", {}};
    }
    if (event.version != record.target_version) {
        return record.state == processing ? Applied{"T15", {}} : no_row();
    }
    if (record.state == canceled) {
        return no_row();
    }
    const std::string_view rule = record.state == failed ? "T20" : "T14";
    if (record.forced) {
        return {rule, {}};
    }
    succeed(record, now);
    return {rule, {Effect::device_has_version, Effect::supersede_lower, Effect::wake_device}};
}

/// T12, T13. When both have passed, the response was what the device owed first.
Applied on(UpgradeRecord& record, const event::DeadlinePassed&, Instant now) {
    if (record.state != processing) {
        return no_row();
    }
    if (!record.acked && has_passed(record.response_deadline, now)) {
        fail(record, std::string(error_reason::response_timeout), now);
        return {"T12", {Effect::wake_device}};
    }
    if (has_passed(record.upgrade_deadline, now)) {
        fail(record, std::string(error_reason::upgrade_timeout), now);
        return {"T13", {Effect::wake_device}};
    }
    return no_row();
}

/// T16, T16b.
Applied on(UpgradeRecord& record, const event::Stopped& event, Instant) {
    if (record.state == waiting) {
        record.state = canceled;
        return {"T16", {}};
    }
    if (record.state == processing && event.also_processing) {
        stop_timers(record);
        record.state = canceled;
        return {"T16b", {Effect::wake_device}};
    }
    return no_row();
}

/// T17.
Applied on(UpgradeRecord& record, const event::Superseded& event, Instant) {
    if (record.state != waiting || event.version_order < record.version_order) {
        return no_row();
    }
    if (record.forced) {
        return {"T17", {}};
    }
    record.state = canceled;
    record.error_reason = error_reason::superseded;
    return {"T17", {}};
}

/// T18.
Applied on(UpgradeRecord& record, const event::Started&, Instant) {
    if (record.state != failed && record.state != canceled) {
        return no_row();
    }
    begin_next_attempt(record);
    if (record.mode == UpgradeMode::pull) {
        return {"T18", {}};  // waits for the next pull
    }
    return {"T18", {Effect::wake_device}};
}

/// T22.
Applied on(UpgradeRecord& record, const event::DeviceDeleted&, Instant now) {
    if (record.state != waiting && record.state != processing) {
        return no_row();
    }
    fail(record, std::string(error_reason::device_deleted), now);
    return {"T22", {}};
}

/// T25.
Applied on(UpgradeRecord& record, const event::Reconnected& event, Instant now) {
    const bool unanswered = record.state == processing && record.mode == UpgradeMode::push &&
                            !record.acked && record.upgrade_at < event.since &&
                            record.response_deadline && !has_passed(record.response_deadline, now);
    if (!unanswered) {
        return no_row();
    }
    if (record.resent) {
        return {"T25", {}};
    }
    record.resent = true;
    return {"T25", {Effect::send_upgrade}};
}

/// T26. A record that a pull was answered with has no response timeout to go by.
Applied on(UpgradeRecord& record, const event::ServerRestarted& event, Instant) {
    if (record.state != processing) {
        return no_row();
    }
    const seconds timeout =
        record.mode == UpgradeMode::push ? record.response_timeout : record.upgrade_timeout;
    const Instant earliest = event.boot + std::min(restart_grace_max, timeout);
    for (std::optional<Instant>* deadline : {&record.response_deadline, &record.upgrade_deadline}) {
        if (*deadline) {
            *deadline = std::max(**deadline, earliest);
        }
    }
    if (!record.server_id.empty()) {
        record.server_id = event.server_id;
    }
    return {"T26", {}};
}

/// Spec 4.5. The record that takes its place follows in the same transaction.
Applied on(UpgradeRecord& record, const event::OtherVersionRequested&, Instant now) {
    if (record.state != processing) {
        return no_row();
    }
    fail(record, std::string(error_reason::other_version_requested), now);
    return {"4.5", {}};
}

/// D1.
Applied on(UpgradeRecord& record, const event::CancelRefused& event, Instant now) {
    if (record.state != canceled || !record.upgrade_at || event.another_is_processing) {
        return no_row();
    }
    record.state = processing;
    record.error_reason.clear();
    record.upgrade_deadline = now + record.upgrade_timeout;
    acknowledge(record);
    return {"D1", {}};
}

/// D2. As a late success (T20) it counts even if we had given up.
Applied on(UpgradeRecord& record, const event::DownloadFinished&, Instant now) {
    if (record.state == success) {
        return {"T21", {}};
    }
    if (record.state == waiting) {
        return no_row();
    }
    record.acked = true;
    succeed(record, now);
    return {"D2", {Effect::wake_device}};
}

/// D3.
Applied on(UpgradeRecord& record, const event::ConfirmationWithdrawn&, Instant) {
    if (record.state != processing) {
        return no_row();
    }
    forget_attempt(record);
    record.state = waiting;
    record.progress_percent = 0;
    return {"D3", {}};
}

/// The reasons of the server in both languages; their Chinese form is what is stored.
struct TranslatedReason {
    std::string_view zh;
    std::string_view en;
};
constexpr std::array translated_reasons{
    TranslatedReason{error_reason::rejected, "the device refused the upgrade"},
    TranslatedReason{error_reason::failed, "the upgrade failed"},
    TranslatedReason{error_reason::response_timeout, "the device did not answer in time"},
    TranslatedReason{error_reason::upgrade_timeout, "the upgrade did not finish in time"},
    TranslatedReason{error_reason::superseded, "the device has this or a higher version already"},
    TranslatedReason{error_reason::device_deleted, "the device was deleted"},
    TranslatedReason{error_reason::other_version_requested, "the device asked for another version"},
};

}  // namespace

std::string error_reason::in(Language language, std::string_view reason) {
    if (language == Language::en) {
        const auto* found = std::ranges::find(translated_reasons, reason, &TranslatedReason::zh);
        if (found != translated_reasons.end()) {
            return std::string(found->en);
        }
    }
    return std::string(reason);
}

std::optional<Instant> UpgradeRecord::next_deadline() const {
    if (response_deadline && upgrade_deadline) {
        return std::min(*response_deadline, *upgrade_deadline);
    }
    return response_deadline ? response_deadline : upgrade_deadline;
}

ProgressOutcome evaluate_progress(const ProgressReport& report) {
    const bool gives_reason = !report.error_reason.empty() || !report.message.empty();
    if (report.complete) {
        return report.success.value_or(!gives_reason) ? ProgressOutcome::completed
                                                      : ProgressOutcome::failed;
    }
    const bool says_failed = report.success.has_value() && !*report.success;
    return says_failed && gives_reason ? ProgressOutcome::failed : ProgressOutcome::ongoing;
}

bool Transition::has(Effect effect) const {
    return std::ranges::find(effects, effect) != effects.end();
}

Transition apply(const UpgradeRecord& record, const RecordEvent& event, Instant now) {
    UpgradeRecord next = record;
    Applied applied = std::visit([&](const auto& what) { return on(next, what, now); }, event);
    const bool changed = next != record;
    return {std::move(next), changed, applied.rule, std::move(applied.effects)};
}

}  // namespace updraft
