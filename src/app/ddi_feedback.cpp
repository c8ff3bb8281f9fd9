#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "app/ddi_known.hpp"
#include "app/log_types.hpp"
#include "base/bytes.hpp"
#include "base/cut_text.hpp"
#include "base/log.hpp"

// What a device says of an action (hawkbit-ddi 5-7), and how its log remembers it.
namespace updraft {
namespace {

namespace json = boost::json;

constexpr std::size_t earlier_lines_looked_at = 20;
/// An error that was told longer ago was got over: a device that reports failure after its reboot
/// had installed everything.
constexpr std::size_t earlier_feedbacks_looked_at = 2;
constexpr std::size_t closing_details_told = 3;
constexpr std::size_t reason_bytes_max = 1'024;

bool is_final(const ddi::Feedback& feedback, const UpgradeTask& task) {
    return feedback.execution == ddi::Execution::closed ||
           (feedback.execution == ddi::Execution::downloaded &&
            task.deployment == Deployment::download_only);
}

bool is_failure(const ddi::Feedback& feedback) {
    return feedback.execution == ddi::Execution::closed &&
           feedback.finished == ddi::Finished::failure;
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// What both known clients say of every failure, whatever the reason was (hawkbit-ddi 11, 12).
bool says_nothing(std::string_view detail) {
    constexpr std::array phrases{std::string_view("update failed"),
                                 std::string_view("no suitable .swu image found"),
                                 std::string_view("failed to install software bundle")};
    std::string plain = to_lower(detail);
    while (!plain.empty() && (plain.back() == '.' || plain.back() == ' ')) {
        plain.pop_back();
    }
    return plain.empty() || std::ranges::find(phrases, plain) != phrases.end();
}

/// A line of SWUpdate's log that is no error: `[function] : text`; errors begin with `ERROR`.
bool is_trace(std::string_view detail) {
    return detail.starts_with('[') && detail.find("] : ") != std::string_view::npos;
}

bool reads_like_an_error(std::string_view detail) {
    if (is_trace(detail)) {
        return false;
    }
    constexpr std::array words{"error",    "fail",   "invalid", "mismatch", "corrupt",
                               "abort",    "denied", "cannot",  "unable",   "refuse",
                               "no space", "wrong",  "timeout", "not found"};
    const std::string plain = to_lower(detail);
    return std::ranges::any_of(
        words, [&](const char* word) { return plain.find(word) != std::string::npos; });
}

/// The details that a line of the log holds.
std::vector<std::string> details_in(const std::string& content) {
    boost::system::error_code failed;
    const json::value line = json::parse(content, failed);
    std::vector<std::string> details;
    const json::value* list =
        !failed && line.is_object() ? line.get_object().if_contains("details") : nullptr;
    if (list != nullptr && list->is_array()) {
        for (const json::value& each : list->get_array()) {
            if (each.is_string()) {
                details.emplace_back(each.get_string());
            }
        }
    }
    return details;
}

std::string joined(const std::vector<std::string>& parts) {
    std::string all;
    for (const std::string& part : parts) {
        all += all.empty() ? "" : "; ";
        all += part;
    }
    return all;
}

}  // namespace

Result<DdiService::Taken> DdiService::feedback(const Client& client, std::int64_t action,
                                               const ddi::Feedback& feedback) {
    const auto check = [&](const std::optional<Known>& found) -> Result<Taken> {
        if (!found || found->awaits_consent()) {
            return no_such_action(action);
        }
        if (found->action.closed) {
            return Taken::over;
        }
        UPDRAFT_CHECK(
            within_quota(found->action, feedback.details.size(), is_final(feedback, found->task)));
        return Taken::yes;
    };
    return look_then_write(client, action, check,
                           [&](UnitOfWork& work, Known& found) { take(work, found, feedback); });
}

/// What is refused costs no write.
Result<DdiService::Taken> DdiService::look_then_write(const Client& client, std::int64_t action,
                                                      const Check& check, const Take& take) {
    const Result<Taken> first = store_.read(
        [&](const Repositories& rows) { return check(known(rows, client.device, action)); });
    if (!first || *first == Taken::over) {
        return first;
    }
    return store_.write([&](UnitOfWork& work) -> Result<Taken> {
        std::optional<Known> found = known(work, client.device, action);
        UPDRAFT_TRY(const Taken now, check(found));
        if (now == Taken::yes) {
            take(work, *found);
        }
        return now;
    });
}

/// The record's next state, the action's, and a line of the log, whether anything changed or not.
void DdiService::take(UnitOfWork& work, Known& known, const ddi::Feedback& feedback) const {
    const bool failure = is_failure(feedback);
    const bool final = is_final(feedback, known.task);
    if (known.is_current() && known.record->state == RecordState::waiting &&
        !another_is_processing(work, *known.record)) {
        retrieve(work, known);  // it works on what it never fetched from us
    }
    std::optional<RecordEvent> event;
    if (final && !failure) {
        event::Progressed done;
        done.report = {100, true, true, {}, {}};
        if (known.task.deployment == updraft::Deployment::download_only) {
            event = event::DownloadFinished{};
        } else {
            event = std::move(done);
        }
    } else if (known.is_current() && feedback.execution != ddi::Execution::rejected &&
               feedback.execution != ddi::Execution::canceled) {
        event::Progressed progressed;
        if (failure) {
            progressed.report.complete = true;
            progressed.report.success = false;
            progressed.report.error_reason = failure_reason(work, known, feedback);
        } else {
            progressed.report.progress_percent = feedback.progress_percent;
        }
        progressed.another_is_processing = another_is_processing(work, *known.record);
        event = std::move(progressed);
    }
    const std::string content = log_content(feedback);
    bool logged = false;
    if (event && known.record) {
        const RecordState before = known.record->state;
        known.record = changes_
                           .apply(work, *known.record, *event,
                                  RecordChanges::Said{log_type::ddi_feedback, content})
                           .record;
        logged = known.record->state != before;
    }
    if (!logged) {
        note(work, known, log_type::ddi_feedback, content);
    }
    announce_progress(work, known, feedback);
    known.action.retrieved = true;
    known.action.feedbacks += 1;
    known.action.closed = final;
    known.action.installed = final && !failure;
    work.ddi().update(known.action);
    if (known.action.installed) {
        DdiTarget target = work.ddi().target(known.action.device).value_or(DdiTarget{});
        target.device = known.action.device;
        target.attributes_wanted = true;
        work.ddi().put_target(target);
    }
}

/// Consoles and other systems see the same message as of every other dialect (spec 4.4).
void DdiService::announce_progress(UnitOfWork& work, const Known& known,
                                   const ddi::Feedback& feedback) const {
    if (!known.record || !live_.anyone_listens()) {
        return;
    }
    const UpgradeRecord& record = *known.record;
    json::object payload{{"deviceId", record.device.value},
                         {"firmwareId", record.firmware.value},
                         {"version", record.target_version},
                         {"progress", record.progress_percent},
                         {"timestamp", to_millis(clock_.now())}};
    if (is_final(feedback, known.task)) {
        payload.emplace("complete", true);
        payload.emplace("success", !is_failure(feedback));
    }
    if (is_failure(feedback)) {
        payload.emplace("errorReason", record.error_reason);
    }
    work.after_commit([this, device = record.device, product = record.product,
                       text = json::serialize(payload), now = clock_.now()] {
        live_.publish({now, live::DeviceMessageSeen{device, product, "firmware/progress", text}});
    });
}

Result<DdiService::Taken> DdiService::cancel_feedback(const Client& client, std::int64_t action,
                                                      const ddi::Feedback& feedback) {
    const bool closes = feedback.execution == ddi::Execution::closed;
    const bool refuses = feedback.execution == ddi::Execution::rejected || is_failure(feedback);
    const auto check = [&](const std::optional<Known>& found) -> Result<Taken> {
        if (!found) {
            return no_such_action(action);
        }
        if (found->action.closed) {
            return Taken::over;
        }
        if (found->is_current() && !found->is_canceled()) {
            return Error::of(
                ErrorCode::method_not_allowed,
                text("升级动作 {} 未在取消中", "action {} is not being canceled", action));
        }
        // One refusal more than the quota is heard; it need not end anything, so no others are.
        const bool first_refusal = refuses && static_cast<std::size_t>(found->action.feedbacks) <=
                                                  options_.feedbacks_per_action_max;
        UPDRAFT_CHECK(within_quota(found->action, feedback.details.size(),
                                   (closes && !refuses) || first_refusal));
        return Taken::yes;
    };
    return look_then_write(client, action, check, [&](UnitOfWork& work, Known& found) {
        const std::string content = log_content(feedback);
        bool logged = false;
        if (refuses && found.is_current()) {
            const event::CancelRefused event{another_is_processing(work, *found.record)};
            const RecordState before = found.record->state;
            found.record = changes_
                               .apply(work, *found.record, event,
                                      RecordChanges::Said{log_type::ddi_feedback, content})
                               .record;
            logged = found.record->state != before;
        }
        if (!logged) {
            note(work, found, log_type::ddi_feedback, content);
        }
        found.action.feedbacks += 1;
        found.action.closed = closes && !refuses;
        work.ddi().update(found.action);
    });
}

Result<DdiService::Taken> DdiService::confirmation_feedback(const Client& client,
                                                            std::int64_t action,
                                                            const ddi::Confirmation& said) {
    const auto may_withdraw = [&](const Known& found) {
        return !said.confirmed && found.task.confirmation_required && found.action.confirmed;
    };
    const auto check = [&](const std::optional<Known>& found) -> Result<Taken> {
        if (!found) {
            return no_such_action(action);
        }
        if (found->action.closed || !found->is_to_be_done()) {
            return Taken::over;
        }
        if (!found->awaits_consent() && !may_withdraw(*found)) {
            return no_such_action(action);
        }
        UPDRAFT_CHECK(within_quota(found->action, said.details.size(), false));
        return Taken::yes;
    };
    return look_then_write(client, action, check, [&](UnitOfWork& work, Known& found) {
        json::object content{{"confirmation", said.confirmed ? "confirmed" : "denied"}};
        if (said.code) {
            content.emplace("code", *said.code);
        }
        if (const std::string words = joined(said.details); !words.empty()) {
            content.emplace("details", json::array{cut(words, options_.message_bytes_max)});
        }
        if (may_withdraw(found)) {
            found.record =
                changes_.apply(work, *found.record, event::ConfirmationWithdrawn{}).record;
            found.action.retrieved = false;
        }
        note(work, found, log_type::ddi_feedback, json::serialize(content));
        found.action.confirmed = said.confirmed;
        found.action.feedbacks += 1;
        work.ddi().update(found.action);
    });
}

Result<void> DdiService::within_quota(const DdiAction& action, std::size_t messages,
                                      bool last_word) const {
    if (messages > options_.messages_per_feedback_max) {
        return Error::of(ErrorCode::too_many_requests,
                         text("一次反馈最多{}条消息", "a feedback has at most {} messages",
                              options_.messages_per_feedback_max));
    }
    if (!last_word &&
        static_cast<std::size_t>(action.feedbacks) >= options_.feedbacks_per_action_max) {
        return Error::of(ErrorCode::too_many_requests,
                         text("一个升级动作最多{}次反馈", "an action takes at most {} feedbacks",
                              options_.feedbacks_per_action_max));
    }
    return {};
}

/// JSON that is whole however long the words were: the last ones are kept.
std::string DdiService::log_content(const ddi::Feedback& feedback) const {
    json::object content{{"execution", ddi::name_of(feedback.execution)},
                         {"finished", ddi::name_of(feedback.finished)}};
    if (feedback.code) {
        content.emplace("code", *feedback.code);
    }
    if (feedback.progress_percent) {
        content.emplace("progress", *feedback.progress_percent);
    }
    std::size_t room = options_.log_content_bytes_max;
    std::vector<json::string> kept;
    for (auto each = feedback.details.rbegin(); each != feedback.details.rend(); ++each) {
        const json::string detail(cut(*each, options_.message_bytes_max));
        const std::size_t bytes = json::serialize(detail).size() + 1;
        if (is_blank(detail) || bytes > room) {
            continue;
        }
        room -= bytes;
        kept.push_back(detail);
    }
    if (!kept.empty()) {
        content.emplace("details", json::array(kept.rbegin(), kept.rend()));
    }
    return json::serialize(content);
}

void DdiService::note(UnitOfWork& work, const Known& known, std::string_view type,
                      const std::string& content) const {
    DeviceLogEntry line{
        ids_.next(), known.action.device, std::string(type), clock_.now(), content, {}, {}};
    if (known.record) {
        line.record = known.record->id;
        line.step = step_of(*known.record, false);
        line.step->attempt = known.action.attempt;
    }
    work.device_logs().add(line);
}

/// The last errors of the last feedbacks, oldest first. A client that sends its log in parts may
/// tell the cause in one and what follows from it in the next.
std::vector<std::string> DdiService::errors_before(const Repositories& rows, const Known& known) {
    std::vector<std::string> told;
    std::size_t feedbacks = 0;
    for (const DeviceLogEntry& line :
         rows.device_logs().of_record(known.record->id, earlier_lines_looked_at)) {
        if (line.type != log_type::ddi_feedback || !line.step ||
            line.step->attempt != known.action.attempt) {
            continue;
        }
        std::vector<std::string> errors = details_in(line.content);
        std::erase_if(errors, [](const std::string& each) { return !reads_like_an_error(each); });
        told.insert(told.begin(), errors.begin(), errors.end());
        if (told.size() >= closing_details_told || ++feedbacks == earlier_feedbacks_looked_at) {
            break;
        }
    }
    if (told.size() > closing_details_told) {
        told.erase(told.begin(), told.end() - closing_details_told);
    }
    return told;
}

/// The client's last words; where they only say that it failed, the error that it told before.
std::string DdiService::failure_reason(const Repositories& rows, const Known& known,
                                       const ddi::Feedback& feedback) const {
    std::vector<std::string> words;
    std::vector<std::string> errors;
    for (const std::string& detail : feedback.details) {
        if (!is_blank(detail)) {
            words.emplace_back(cut(detail, options_.message_bytes_max));
            if (reads_like_an_error(detail) && !says_nothing(detail)) {
                errors.push_back(words.back());
            }
        }
    }
    if (words.size() > closing_details_told) {  // a log: its errors, else its end
        auto& told = errors.empty() ? words : errors;
        if (told.size() > closing_details_told) {
            told.erase(told.begin(), told.end() - closing_details_told);
        }
        words = told;
    }
    if (std::ranges::all_of(words, says_nothing)) {
        const std::vector<std::string> before = errors_before(rows, known);
        words.insert(words.begin(), before.begin(), before.end());
    }
    return std::string(cut(joined(words), reason_bytes_max));
}

/// Only what the device itself sent, newest first.
ddi::HistoryDocument DdiService::history_of(const Repositories& rows, const Known& known,
                                            std::int64_t messages) const {
    const auto max = static_cast<std::int64_t>(options_.history_messages_max);
    const auto wanted = static_cast<std::size_t>(messages < 0 ? max : std::min(messages, max));
    ddi::HistoryDocument history;
    history.status =
        known.action.closed
            ? (known.action.installed ? "FINISHED" : (known.is_canceled() ? "CANCELED" : "ERROR"))
            : (known.awaits_consent() ? "WAIT_FOR_CONFIRMATION" : "RUNNING");
    for (const DeviceLogEntry& line :
         rows.device_logs().of_record(known.record->id, options_.history_messages_max)) {
        if (line.type != log_type::ddi_feedback || !line.step ||
            line.step->attempt != known.action.attempt) {
            continue;
        }
        std::vector<std::string> details = details_in(line.content);
        for (auto each = details.rbegin();
             each != details.rend() && history.messages.size() < wanted; ++each) {
            history.messages.push_back(std::move(*each));
        }
    }
    return history;
}

void DdiService::downloaded(const Client& client, const Download& download) {
    const auto line = [this, device = client.device, action = download.action,
                       name = download.filename,
                       size = download.file.size_bytes](UnitOfWork& work) {
        std::optional<Known> found = known(work, device, action);
        if (!found || found->action.closed || !within_quota(found->action, 0, false)) {
            return false;
        }
        note(work, *found, log_type::ddi_download,
             json::serialize(json::object{{"filename", name}, {"size", size}}));
        found->action.feedbacks += 1;
        work.ddi().update(found->action);
        return true;
    };
    try {
        store_.submit(line, [](const std::exception_ptr&) {});  // a line less harms nobody
    } catch (const StorageError& error) {
        log::warn("devices", "download not noted device={} reason=\"{}\"", client.device,
                  error.what());
    }
}

}  // namespace updraft
