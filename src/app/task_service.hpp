#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/identity.hpp"
#include "app/ports.hpp"
#include "app/record_changes.hpp"
#include "base/ids.hpp"

namespace updraft {

/// What a person fills in to create a task (rows 33-40 and the extensions of spec 2.10).
struct NewTask {
    UpgradeTask task;  ///< the form's members; ids, names and times are filled in by the service
    std::optional<std::vector<DeviceId>> devices;  ///< `deviceId`
    std::optional<std::vector<Term>> terms;        ///< `terms`, parsed; its text is in `task.terms`
};

/// Creates, stops, continues and deletes upgrade tasks. For worker threads.
class TaskService {
public:
    /// Every limit of tasks. Keys of the configuration under [tasks].
    struct Options {
        std::int64_t expand_chunk = 10'000;  ///< records made in one write operation
        std::size_t change_chunk = 1'000;    ///< records stopped or started in one write operation
        milliseconds answer_within{5'000};   ///< a bulk change goes on behind the answer after that
        std::size_t record_ids_max = 50'000;  ///< record ids in one request
        std::size_t changes_max = 1'000;      ///< bulk changes under way
        int rate_per_second_max = 10'000;     ///< extension `rate`
        int max_concurrent_max = 1'000'000;   ///< extension `maxConcurrent`
    };

    /// What else has to run; called by handing over only, after the commit.
    struct Hooks {
        /// The task may have something to push: the dispatcher looks at it.
        std::function<void(const TaskId&)> look_at_task;
        /// Records are still to be made: the expansion job has work.
        std::function<void()> expand;
        /// Calls `step` again and again until it returns false. Unset: everything is done at once.
        std::function<void(std::function<bool()> step)> run_later;
    };

    TaskService(Store& store, const RecordChanges& changes, LiveEvents& live, const Clock& clock,
                SnowflakeIds& ids, Options options)
        : store_(store),
          changes_(changes),
          live_(live),
          clock_(clock),
          ids_(ids),
          options_(options) {}
    /// Called once by the wiring before anything runs.
    void hook(Hooks hooks) { hooks_ = std::move(hooks); }

    /// Stores the task with its frozen selection and makes the first chunk of records, so that a
    /// small task has all of them when this returns. Errors: invalid_argument with the rule's text
    /// (rows 33-43), not_found.
    [[nodiscard]] Result<TaskRow> create(NewTask request, const Actor& by);

    /// What create() would make of the request, without making it. Refuses what create() refuses,
    /// but needs no name, reports ids that are no devices of the product, and may find no device.
    [[nodiscard]] Result<SelectionPreview> preview(NewTask request) const;

    /// Deletes the task with its records. Errors: not_found; conflict while records are waiting or
    /// processing, unless forced.
    enum class Removal : std::uint8_t { only_idle, forced };
    [[nodiscard]] Result<TaskRow> remove(const TaskId& id, Removal removal,
                                         const Actor& by = Actor::server());

    /// Stops the task's records in these states; `processing` only if it is named (T16, T16b).
    /// Returns how many were, or are being, stopped: what was begun is carried out, also after a
    /// crash, and the changes of one task in the order in which they were asked for. Errors:
    /// not_found; unavailable while too many changes are under way.
    [[nodiscard]] Result<std::int64_t> stop(const TaskId& id, const std::set<RecordState>& states,
                                            const Actor& by = Actor::server());
    /// Starts the task's records in these states again (T18); only failed and canceled ones can be.
    [[nodiscard]] Result<std::int64_t> start(const TaskId& id, const std::set<RecordState>& states,
                                             const Actor& by = Actor::server());
    /// The same for single records; those that are not in a fitting state are skipped.
    [[nodiscard]] Result<std::int64_t> stop(const std::vector<RecordId>& records,
                                            const Actor& by = Actor::server());
    [[nodiscard]] Result<std::int64_t> start(const std::vector<RecordId>& records,
                                             const Actor& by = Actor::server());

    /// True while a bulk stop of the task is under way: nothing of it may be sent any more (row
    /// 47).
    [[nodiscard]] bool is_being_stopped(const TaskId& id) const;

    /// After a start: bulk changes that a crash has interrupted go on. For the scheduler.
    void recover();

    /// Makes the next chunk of records of the oldest task that still has some to make; false when
    /// there is none. For the scheduler; after a restart it goes on where it was.
    bool expand_next();

    /// Writes down how far the tasks are whose counters have changed since the last call, so many
    /// at a time; false when all are done. For the scheduler.
    bool note_progress();

private:
    /// One chunk of a bulk change.
    struct Step {
        std::optional<TaskChange> change;  ///< which; nothing if none was left
        std::int64_t changed = 0;          ///< records
        bool finished = false;
    };
    using Choose =
        std::function<const TaskChange*(const std::vector<TaskChange>&)>;  ///< null: none of them

    [[nodiscard]] Result<UpgradeTask> settled(const Repositories& rows, UpgradeTask form) const;
    [[nodiscard]] Result<DeviceSelection> selection_of(const Repositories& rows,
                                                       NewTask& request) const;
    [[nodiscard]] Result<std::int64_t> change_all(const TaskId& id, bool stops,
                                                  const std::set<RecordState>& states,
                                                  const Actor& by);
    [[nodiscard]] Result<Step> begin(TaskChange change, const Actor& by, std::int64_t& expected);
    [[nodiscard]] std::int64_t run(const TaskChange& change, Step step, std::int64_t expected);
    [[nodiscard]] Step advance(UnitOfWork& work, TaskChange change) const;
    Step run_chunk(const Choose& choose);
    [[nodiscard]] bool carry_on();
    void carry_on_later();
    void forget_stop(const TaskId& id);
    bool changes(UnitOfWork& work, const UpgradeRecord& record, const RecordEvent& event) const;
    [[nodiscard]] Result<std::int64_t> apply_to(const std::vector<RecordId>& records,
                                                const RecordEvent& event, const Actor& by);
    void announce(const TaskId& task, const FirmwareId& firmware) const;

    Store& store_;
    const RecordChanges& changes_;
    LiveEvents& live_;
    const Clock& clock_;
    SnowflakeIds& ids_;
    const Options options_;
    Hooks hooks_;
    mutable std::mutex mutex_;
    std::multiset<TaskId> being_stopped_;  ///< guarded by mutex_
    TaskId carried_on_;  ///< the task whose turn it was; touched by carry_on() alone
};

/// Whether the product's protocol package lets its devices be upgraded; else a refusal that names
/// the product.
[[nodiscard]] Result<void> require_firmware_support(const Repositories& rows,
                                                    const Product& product);

}  // namespace updraft
