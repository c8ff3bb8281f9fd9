#include "storage/sql/failure_groups.hpp"

#include "domain/failure_group.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {

std::optional<std::string> error_group_of(const UpgradeRecord& record) {
    return record.state == RecordState::failed ? std::optional(failure_group(record.error_reason))
                                               : std::nullopt;
}

void count_failure(Connection& db, const UpgradeRecord& failed, const std::string& group) {
    const Instant at = failed.completed_at.value_or(failed.created_at);
    db.execute(
        "INSERT INTO task_failure (task_id, error_group, sample, records, first_at, last_at) "
        "VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT (task_id, error_group) DO UPDATE SET "
        "records = task_failure.records + 1, last_at = excluded.last_at",
        number_of_id(failed.task.value), group, failed.error_reason, at, at);
}

void uncount_failure(Connection& db, std::int64_t task, const std::string& group) {
    const std::int64_t gone = db.execute(
        "DELETE FROM task_failure WHERE task_id = ? AND error_group = ? AND records <= 1", task,
        group);
    if (gone == 0) {
        db.execute(
            "UPDATE task_failure SET records = records - 1 WHERE task_id = ? AND error_group = ?",
            task, group);
    }
}

void fill_failure_groups(Connection& db) {
    db.run_script("CREATE TEMPORARY TABLE reason_group (reason TEXT PRIMARY KEY, grp TEXT)");
    std::vector<std::string> reasons;
    {
        Rows rows =
            db.query("SELECT DISTINCT error_reason FROM upgrade_record WHERE state = 'failed'");
        while (rows.next()) {
            reasons.push_back(rows.text());
        }
    }
    for (const std::string& reason : reasons) {
        db.execute("INSERT INTO reason_group (reason, grp) VALUES (?, ?)", reason,
                   failure_group(reason));
    }
    db.run_script(
        "UPDATE upgrade_record SET error_group = "
        "(SELECT grp FROM reason_group WHERE reason = error_reason) WHERE state = 'failed';"
        "INSERT INTO task_failure (task_id, error_group, sample, records, first_at, last_at) "
        "SELECT t.task_id, t.error_group, min(t.error_reason), count(*), "
        "min(coalesce(t.completed_at, t.created_at)), max(coalesce(t.completed_at, t.created_at)) "
        "FROM upgrade_record t JOIN upgrade_task k ON k.id = t.task_id "
        "WHERE t.error_group IS NOT NULL GROUP BY t.task_id, t.error_group;"
        "DROP TABLE reason_group");
}

}  // namespace updraft::sql
