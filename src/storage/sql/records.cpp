#include <fmt/format.h>

#include <limits>

#include "domain/names.hpp"
#include "storage/sql/counts.hpp"
#include "storage/sql/failure_groups.hpp"
#include "storage/sql/json_columns.hpp"
#include "storage/sql/record_search.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sql/table_repository.hpp"
#include "storage/sql/values.hpp"

namespace updraft::sql {
namespace {

#define UPDRAFT_RECORD_COLUMNS                                                                \
    "t.id, t.task_id, t.device_id, k.product_id, k.firmware_id, k.target_version, "           \
    "k.version_order, k.mode, t.state, t.progress, t.attempt, t.forced, t.acked, t.resent, "  \
    "t.revived, t.message_id, t.server_id, t.error_reason, k.response_timeout_ms, "           \
    "k.upgrade_timeout_ms, t.created_at, t.upgrade_at, t.completed_at, t.response_deadline, " \
    "t.upgrade_deadline"
#define UPDRAFT_UPDATE_RECORD                                                                  \
    "UPDATE upgrade_record SET progress = ?, attempt = ?, forced = ?, acked = ?, resent = ?, " \
    "revived = ?, message_id = ?, server_id = ?, error_reason = ?, upgrade_at = ?, "           \
    "completed_at = ?, response_deadline = ?, upgrade_deadline = ?"
#define UPDRAFT_RECORD_TABLES " FROM upgrade_record t JOIN upgrade_task k ON k.id = t.task_id "

UpgradeRecord read_record(Rows& rows) {
    UpgradeRecord record;
    record.id = rows.number_id<RecordId>();
    record.task = rows.number_id<TaskId>();
    record.device = rows.id<DeviceId>();
    record.product = rows.id<ProductId>();
    record.firmware = rows.id<FirmwareId>();
    record.target_version = rows.text();
    record.version_order = rows.number();
    record.mode = upgrade_mode_named(rows.text()).value_or(UpgradeMode::push);
    record.state = record_state_named(rows.text()).value_or(RecordState::failed);
    record.progress_percent = rows.number();
    record.attempt = rows.number();
    record.forced = rows.flag();
    record.acked = rows.flag();
    record.resent = rows.flag();
    record.revived = rows.flag();
    record.message_id = rows.text();
    record.server_id = rows.text();
    record.error_reason = rows.text();
    record.response_timeout = std::chrono::duration_cast<seconds>(milliseconds(rows.integer()));
    record.upgrade_timeout = std::chrono::duration_cast<seconds>(milliseconds(rows.integer()));
    record.created_at = rows.time();
    record.upgrade_at = rows.optional_time();
    record.completed_at = rows.optional_time();
    record.response_deadline = rows.optional_time();
    record.upgrade_deadline = rows.optional_time();
    return record;
}

RecordRow read_row(Rows& rows) {
    RecordRow row{read_record(rows), {}, {}, {}};
    row.device_name = rows.text();
    row.product_name = rows.text();
    row.task_name = rows.text();
    return row;
}

/// Stands in the index for a processing record without a timer, so that the index has all of them.
constexpr std::int64_t no_deadline = std::numeric_limits<std::int64_t>::max();

std::optional<std::int64_t> indexed_deadline(const UpgradeRecord& record) {
    if (const auto deadline = record.next_deadline()) {
        return to_millis(*deadline);
    }
    return record.state == RecordState::processing ? std::optional(no_deadline) : std::nullopt;
}

std::vector<UpgradeRecord> read_all_records(Rows rows) {
    std::vector<UpgradeRecord> records;
    while (rows.next()) {
        records.push_back(read_record(rows));
    }
    return records;
}

/// The task and, if given, the state of a query that asks for nothing else.
struct TaskCount {
    std::optional<std::int64_t> task;
    std::optional<RecordState> state;
    std::optional<std::string> error_group;
};

/// Reads `taskId = x [and state = y] [and errorGroup = z]` out of nested groups; false if the query
/// asks for more.
bool reads_as_task_count(const std::vector<Term>& terms, TaskCount& found) {
    bool first = true;
    for (const Term& term : terms) {
        if (!first && term.connector == Term::Connector::disjunction) {
            return false;
        }
        first = false;
        if (!reads_as_task_count(term.terms, found)) {
            return false;
        }
        if (term.column.empty() || is_absent(term.value)) {
            continue;
        }
        const bool plain = term.term_type == "eq" && term.options.empty() && !term.value.is_array();
        if (plain && (term.column == "taskId" || term.column == "task_id") && !found.task) {
            found.task = number_or_none(text_of(term.value));
        } else if (plain && term.column == "state" && !found.state) {
            found.state = record_state_named(text_of(term.value));
            if (!found.state) {
                return false;
            }
        } else if (plain && !found.error_group &&
                   (term.column == "errorGroup" || term.column == "error_group")) {
            found.error_group = text_of(term.value);
        } else {
            return false;
        }
    }
    return true;
}

class SqlRecords final : public TableRepository<UpgradeRecords, RecordRow> {
public:
    explicit SqlRecords(Connection& db)
        : TableRepository(
              db,
              Selection{record_table(),
                        UPDRAFT_RECORD_COLUMNS ", t.device_name, k.product_name, k.name", 1U},
              read_row) {}

    [[nodiscard]] std::optional<UpgradeRecord> find(const RecordId& id) const override {
        Rows rows =
            db_.query("SELECT " UPDRAFT_RECORD_COLUMNS UPDRAFT_RECORD_TABLES "WHERE t.id = ?",
                      number_or_none(id.value));
        if (!rows.next()) {
            return std::nullopt;
        }
        return read_record(rows);
    }

    [[nodiscard]] std::optional<RecordRow> find_row(const RecordId& id) const override {
        Rows rows = db_.query("SELECT " UPDRAFT_RECORD_COLUMNS
                              ", t.device_name, k.product_name, k.name" UPDRAFT_RECORD_TABLES
                              "WHERE t.id = ?",
                              number_or_none(id.value));
        if (!rows.next()) {
            return std::nullopt;
        }
        return read_row(rows);
    }

    [[nodiscard]] std::vector<UpgradeRecord> of_device(const DeviceId& device) const override {
        return read_all_records(db_.query("SELECT " UPDRAFT_RECORD_COLUMNS UPDRAFT_RECORD_TABLES
                                          "WHERE t.device_id = ? ORDER BY t.id",
                                          device));
    }

    [[nodiscard]] std::vector<UpgradeRecord> of_task(const TaskId& task,
                                                     const std::set<RecordState>& states,
                                                     const RecordId& after,
                                                     std::size_t limit) const override {
        std::vector<UpgradeRecord> records;
        for (const RecordState state : states) {  // one ordered range of the index each
            auto some = read_all_records(db_.query(
                "SELECT " UPDRAFT_RECORD_COLUMNS UPDRAFT_RECORD_TABLES
                "WHERE t.task_id = ? AND t.state = ? AND t.id > ? ORDER BY t.id LIMIT ?",
                number_or_none(task.value), name_of(state), number_or_none(after.value), limit));
            std::ranges::move(some, std::back_inserter(records));
        }
        std::ranges::sort(records, {}, [](const UpgradeRecord& record) {
            return number_or_none(record.id.value);
        });
        records.resize(std::min(records.size(), limit));
        return records;
    }

    [[nodiscard]] std::vector<DeviceId> devices_waiting_for_push(const std::optional<TaskId>& task,
                                                                 const DeviceId& after,
                                                                 std::size_t limit) const override;

    [[nodiscard]] std::vector<UpgradeRecord> due(Instant now, std::size_t limit) const override {
        return read_all_records(db_.query("SELECT " UPDRAFT_RECORD_COLUMNS UPDRAFT_RECORD_TABLES
                                          "WHERE t.state = 'processing' AND t.next_deadline <= ? "
                                          "ORDER BY t.next_deadline, t.id LIMIT ?",
                                          now, limit));
    }

    std::int64_t shift_deadlines(milliseconds by) override {
        const std::int64_t ms = by.count();
        return db_.execute(
            "UPDATE upgrade_record SET response_deadline = response_deadline + ?, "
            "upgrade_deadline = upgrade_deadline + ?, next_deadline = next_deadline + ? "
            "WHERE state = 'processing' AND next_deadline > -1",
            ms, ms, ms);
    }

    [[nodiscard]] std::optional<Instant> earliest_deadline() const override {
        Rows rows = db_.query(
            "SELECT next_deadline FROM upgrade_record WHERE state = 'processing' "
            "AND next_deadline < ? ORDER BY next_deadline LIMIT 1",
            no_deadline);
        return rows.next() ? rows.optional_time() : std::nullopt;
    }

    [[nodiscard]] std::vector<UpgradeRecord> all_processing(const RecordId& after,
                                                            std::size_t limit) const override {
        // The ids first, from the index of processing records, which are few; the unary plus keeps
        // the planner away from the primary key.
        return read_all_records(
            db_.query("SELECT " UPDRAFT_RECORD_COLUMNS UPDRAFT_RECORD_TABLES
                      "WHERE t.id IN (SELECT id FROM upgrade_record WHERE state = 'processing' "
                      "AND next_deadline > -1 AND +id > ? ORDER BY +id LIMIT ?) ORDER BY t.id",
                      number_or_none(after.value), limit));
    }

    [[nodiscard]] bool any_active_of_firmware(const FirmwareId& firmware) const override {
        Rows rows = db_.query(
            "SELECT 1 FROM upgrade_task t JOIN task_counter c ON c.task_id = t.id "
            "WHERE t.firmware_id = ? AND c.waiting + c.processing > 0 LIMIT 1",
            firmware);
        return rows.next();
    }

    [[nodiscard]] std::vector<EndedRecords> ended_since(Instant from) const override {
        return sql::ended_since(db_, from);
    }

    [[nodiscard]] std::vector<FailureGroup> failures_of(const TaskId& task,
                                                        std::size_t limit) const override {
        Rows rows = db_.query(
            "SELECT error_group, sample, records, first_at, last_at FROM task_failure "
            "WHERE task_id = ? ORDER BY records DESC LIMIT ?",
            number_or_none(task.value), limit);
        std::vector<FailureGroup> groups;
        while (rows.next()) {
            FailureGroup& group = groups.emplace_back();
            group.group = rows.text();
            group.sample = rows.text();
            group.count = rows.integer();
            group.first_at = rows.time();
            group.last_at = rows.time();
        }
        return groups;
    }

    [[nodiscard]] Page<RecordRow> page(const Query& query) const override;

    void update(const UpgradeRecord& before, const UpgradeRecord& after) override;

    void remove(const UpgradeRecord& record) override {
        db_.written().note(record.device);
        Rows rows = db_.query(
            "DELETE FROM upgrade_record WHERE id = ? RETURNING task_id, state, error_group",
            number_or_none(record.id.value));
        if (rows.next()) {
            const std::int64_t task = rows.integer();
            const std::string state = rows.text();
            const std::optional<std::string> group = rows.optional_text();
            while (rows.next()) {
            }
            move_counter(task, state, -1);
            forget_record_text(db_, task, number_of_id(record.id.value));
            db_.execute("DELETE FROM ddi_action WHERE record_id = ?",
                        number_or_none(record.id.value));
            if (group) {
                uncount_failure(db_, task, *group);
            }
        }
    }

protected:
    [[nodiscard]] std::optional<std::int64_t> quick_count(const Query& query) const override;
    [[nodiscard]] bool has_ranges(const Query& query) const override {
        TaskCount wanted;
        return reads_as_task_count(query.terms, wanted) && wanted.task && !wanted.state &&
               !wanted.error_group;
    }

private:
    /// Runs one of the updates of a whole record, each of which touches no more indexes than it has
    /// to; `more` are the parameters between the record's own and its id.
    template <class... More>
    std::int64_t store(std::string_view update, const UpgradeRecord& record, const More&... more) {
        return db_.execute(update, record.progress_percent, record.attempt, record.forced,
                           record.acked, record.resent, record.revived, record.message_id,
                           record.server_id, record.error_reason, record.upgrade_at,
                           record.completed_at, record.response_deadline, record.upgrade_deadline,
                           more..., number_of_id(record.id.value));
    }
    [[nodiscard]] std::int64_t store_state(const UpgradeRecord& before, const UpgradeRecord& after);
    void move_counter(std::int64_t task, std::string_view state, std::int64_t change) {
        db_.execute(
            fmt::format("UPDATE task_counter SET {0} = {0} + ?, changed = 1 WHERE task_id = ?",
                        state),
            change, task);
    }
};

std::vector<DeviceId> SqlRecords::devices_waiting_for_push(const std::optional<TaskId>& task,
                                                           const DeviceId& after,
                                                           std::size_t limit) const {
    std::vector<std::int64_t> tasks;
    {
        Rows rows = task ? db_.query("SELECT id FROM upgrade_task WHERE id = ? AND mode = 'push'",
                                     number_or_none(task->value))
                         : db_.query(
                               "SELECT t.id FROM upgrade_task t JOIN task_counter c "
                               "ON c.task_id = t.id WHERE t.mode = 'push' AND c.waiting > 0");
        while (rows.next()) {
            tasks.push_back(rows.integer());
        }
    }
    std::set<DeviceId> devices;
    for (const std::int64_t each : tasks) {
        Rows rows = db_.query(
            "SELECT DISTINCT device_id FROM upgrade_record "
            "WHERE task_id = ? AND state = 'waiting' AND device_id > ? ORDER BY device_id LIMIT ?",
            each, after, limit);
        while (rows.next()) {
            devices.insert(rows.id<DeviceId>());
        }
        while (devices.size() > limit) {
            devices.erase(std::prev(devices.end()));
        }
    }
    return {devices.begin(), devices.end()};
}

void SqlRecords::update(const UpgradeRecord& before, const UpgradeRecord& after) {
    db_.written().note(after.device);
    const std::int64_t id = number_of_id(after.id.value);
    UpgradeRecord only_progress = before;
    only_progress.progress_percent = after.progress_percent;
    if (only_progress == after) {  // the most frequent change touches no index
        db_.execute("UPDATE upgrade_record SET progress = ? WHERE id = ?", after.progress_percent,
                    id);
        return;
    }
    if (before.state == after.state && before.next_deadline() == after.next_deadline()) {
        store(UPDRAFT_UPDATE_RECORD " WHERE id = ?", after);
        return;
    }
    if (store_state(before, after) > 0 && before.state != after.state) {
        db_.execute(fmt::format("UPDATE task_counter SET {0} = {0} - 1, {1} = {1} + 1, changed = 1 "
                                "WHERE task_id = ?",
                                name_of(before.state), name_of(after.state)),
                    number_of_id(after.task.value));
        count_end(db_, after);
    }
}

/// Also what is indexed; the group of failures only when the record is or was among them.
std::int64_t SqlRecords::store_state(const UpgradeRecord& before, const UpgradeRecord& after) {
    const auto was = error_group_of(before);
    const auto is = error_group_of(after);
    if (was == is) {
        return store(UPDRAFT_UPDATE_RECORD ", state = ?, next_deadline = ? WHERE id = ?", after,
                     name_of(after.state), indexed_deadline(after));
    }
    const std::int64_t changed =
        store(UPDRAFT_UPDATE_RECORD ", state = ?, next_deadline = ?, error_group = ? WHERE id = ?",
              after, name_of(after.state), indexed_deadline(after), is);
    if (changed > 0 && was) {
        uncount_failure(db_, number_of_id(after.task.value), *was);
    }
    if (changed > 0 && is) {
        count_failure(db_, after, *is);
    }
    return changed;
}

Page<RecordRow> SqlRecords::page(const Query& query) const {
    if (!query.paging) {
        return TableRepository::page(query);
    }
    const RecordSearch search = read_record_search(query.terms);
    Query found = query;
    if (const auto at = find_page(db_, query, search)) {
        found.paging = false;
        found.terms = {among_ids(at->ids)};
        Page<RecordRow> page = TableRepository::page(found);
        page.page_index = at->page_index;
        page.page_size = std::max<std::int64_t>(query.page_size, 1);
        page.total = at->total;
        return page;
    }
    if (auto terms = narrowed(db_, search)) {
        found.terms = *std::move(terms);
    }
    return TableRepository::page(found);
}

std::optional<std::int64_t> SqlRecords::quick_count(const Query& query) const {
    TaskCount wanted;
    if (!reads_as_task_count(query.terms, wanted) || !wanted.task) {
        return count_texts(db_, read_record_search(query.terms));
    }
    if (wanted.error_group) {
        if (wanted.state && wanted.state != RecordState::failed) {
            return 0;  // only failed records have a group
        }
        Rows rows =
            db_.query("SELECT records FROM task_failure WHERE task_id = ? AND error_group = ?",
                      *wanted.task, *wanted.error_group);
        return rows.next() ? rows.integer() : 0;
    }
    Rows rows = db_.query(
        "SELECT c.waiting, c.processing, c.success, c.failed, c.canceled, e.task_id "
        "FROM task_counter c LEFT JOIN task_expansion e ON e.task_id = c.task_id "
        "WHERE c.task_id = ?",
        *wanted.task);
    if (!rows.next()) {
        return 0;
    }
    RecordCounts counts;
    counts.waiting = rows.integer();
    counts.processing = rows.integer();
    counts.success = rows.integer();
    counts.failed = rows.integer();
    counts.canceled = rows.integer();
    if (rows.optional_integer()) {
        return std::nullopt;  // some that are counted are not made yet
    }
    return wanted.state ? std::as_const(counts).of(*wanted.state) : counts.total();
}

}  // namespace

std::unique_ptr<UpgradeRecords> make_records(Connection& db) {
    return std::make_unique<SqlRecords>(db);
}

}  // namespace updraft::sql
