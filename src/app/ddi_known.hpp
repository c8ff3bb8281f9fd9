#pragma once

#include "app/ddi_service.hpp"
#include "app/pull_context.hpp"

/// The insides of DdiService, shared by its source files.
namespace updraft {

/// One action with what stands behind it.
struct DdiService::Known {
    DdiAction action;
    std::optional<UpgradeRecord> record;  ///< nothing: it was deleted
    UpgradeTask task;

    /// The action is the record's present attempt, not one before a retry.
    [[nodiscard]] bool is_current() const { return record && record->attempt == action.attempt; }
    [[nodiscard]] bool is_canceled() const {
        return !record || (is_current() && record->state == RecordState::canceled);
    }
    [[nodiscard]] bool awaits_consent() const {
        return is_current() && record->state == RecordState::waiting &&
               task.confirmation_required && !action.confirmed;
    }
    /// Waiting or processing: the device is to do it.
    [[nodiscard]] bool is_to_be_done() const {
        return is_current() &&
               (record->state == RecordState::waiting || record->state == RecordState::processing);
    }
};

/// What a poll finds, and what it has to store.
struct DdiService::Decision {
    Poll answer;
    PullContext context;
    std::vector<RecordId> already_installed;
    std::optional<UpgradeRecord> unnumbered;  ///< to be offered; has no action yet
    std::optional<DdiAction> changed;         ///< to be stored: agreed to, or open again
    std::vector<UpgradeRecord> hidden;        ///< not to be offered to this client; not noted yet
    bool agrees = false;                      ///< consent is given in advance

    [[nodiscard]] bool has_news() const {
        return !already_installed.empty() || unnumbered || changed || !hidden.empty();
    }
};

/// Whether a record of the device other than `record` is processing.
[[nodiscard]] bool another_is_processing(const Repositories& rows, const UpgradeRecord& record);

/// What hawkBit's devices are told of an action or a module that is not theirs.
[[nodiscard]] Error no_such_action(std::int64_t action);

}  // namespace updraft
