#include "storage/sql/consistency.hpp"

#include <fmt/format.h>

#include <limits>
#include <string_view>

#include "storage/sql/record_texts.hpp"

namespace updraft::sql {
namespace {

constexpr std::string_view states[] = {"waiting", "processing", "success", "failed", "canceled"};

/// The counters of every task as its records have them; those still to be made are counted in the
/// state that they will be born in. A task without a row in task_counter has -1 for each.
constexpr std::string_view counters_by_task = R"sql(
    SELECT t.id, coalesce(c.waiting, -1), coalesce(c.processing, -1), coalesce(c.success, -1),
           coalesce(c.failed, -1), coalesce(c.canceled, -1),
           coalesce(r.waiting, 0) + CASE WHEN t.stopped = 0 THEN coalesce(e.remaining, 0) ELSE 0 END,
           coalesce(r.processing, 0), coalesce(r.success, 0), coalesce(r.failed, 0),
           coalesce(r.canceled, 0) + CASE WHEN t.stopped = 0 THEN 0 ELSE coalesce(e.remaining, 0) END
      FROM upgrade_task t
      LEFT JOIN task_counter c ON c.task_id = t.id
      LEFT JOIN task_expansion e ON e.task_id = t.id
      LEFT JOIN (SELECT task_id, count(CASE WHEN state = 'waiting' THEN 1 END) AS waiting,
                        count(CASE WHEN state = 'processing' THEN 1 END) AS processing,
                        count(CASE WHEN state = 'success' THEN 1 END) AS success,
                        count(CASE WHEN state = 'failed' THEN 1 END) AS failed,
                        count(CASE WHEN state = 'canceled' THEN 1 END) AS canceled
                   FROM upgrade_record GROUP BY task_id) r ON r.task_id = t.id
     ORDER BY t.id)sql";

struct TaskCounts {
    std::int64_t task = 0;
    std::int64_t kept[std::size(states)] = {};
    std::int64_t counted[std::size(states)] = {};
};

std::vector<TaskCounts> wrong_task_counters(Connection& db) {
    std::vector<TaskCounts> wrong;
    Rows rows = db.query(counters_by_task);
    while (rows.next()) {
        TaskCounts counts;
        counts.task = rows.integer();
        for (std::int64_t& kept : counts.kept) {
            kept = rows.integer();
        }
        bool equal = true;
        for (std::size_t i = 0; i < std::size(states); ++i) {
            counts.counted[i] = rows.integer();
            equal = equal && counts.kept[i] == counts.counted[i];
        }
        if (!equal) {
            wrong.push_back(counts);
        }
    }
    return wrong;
}

std::string spell(const std::int64_t (&counts)[std::size(states)]) {
    std::string line;
    for (std::size_t i = 0; i < std::size(states); ++i) {
        line += fmt::format("{}{}={}", i > 0 ? " " : "", states[i], counts[i]);
    }
    return line;
}

void check_task_counters(Connection& db, std::size_t limit, std::vector<Inconsistency>& found) {
    std::size_t told = 0;
    for (const TaskCounts& counts : wrong_task_counters(db)) {
        if (told++ == limit) {
            return;
        }
        const bool missing = counts.kept[0] == -1;
        found.push_back({Flaw::task_counter, fmt::format("task {}", counts.task),
                         missing ? "-" : spell(counts.kept), spell(counts.counted)});
    }
}

constexpr std::size_t every_one = std::numeric_limits<std::int64_t>::max();

/// A check whose query gives place, found and expected, with its number of rows as last parameter.
void check_rows(Connection& db, Flaw flaw, std::string_view sql, std::size_t limit,
                std::vector<Inconsistency>& found) {
    Rows rows = db.query(sql, limit);
    while (rows.next()) {
        std::string where = rows.text();
        std::string is = rows.text();
        std::string expected = rows.text();
        found.push_back({flaw, std::move(where), std::move(is), std::move(expected)});
    }
}

constexpr std::string_view wrong_failures = R"sql(
    SELECT 'task ' || k.task_id || ' "' || k.error_group || '"',
           CAST(coalesce(f.records, 0) AS TEXT), CAST(coalesce(r.records, 0) AS TEXT)
      FROM (SELECT task_id, error_group FROM task_failure
            UNION SELECT r.task_id, r.error_group FROM upgrade_record r
                    JOIN upgrade_task t ON t.id = r.task_id WHERE r.error_group IS NOT NULL) k
      LEFT JOIN task_failure f ON f.task_id = k.task_id AND f.error_group = k.error_group
      LEFT JOIN (SELECT task_id, error_group, count(*) AS records FROM upgrade_record
                  WHERE error_group IS NOT NULL GROUP BY task_id, error_group) r
             ON r.task_id = k.task_id AND r.error_group = k.error_group
     WHERE coalesce(f.records, 0) <> coalesce(r.records, 0)
     ORDER BY k.task_id, k.error_group LIMIT ?)sql";

/// A search of a task goes through what is packed of its records, and finds no others.
constexpr std::string_view wrong_record_texts = R"sql(
    SELECT 'task ' || t.id, CAST(coalesce(p.records, 0) - coalesce(g.records, 0) AS TEXT),
           CAST(coalesce(r.records, 0) AS TEXT)
      FROM upgrade_task t
      LEFT JOIN (SELECT task_id, sum(records) AS records FROM record_text GROUP BY task_id) p
             ON p.task_id = t.id
      LEFT JOIN (SELECT task_id, count(*) AS records FROM record_text_gone GROUP BY task_id) g
             ON g.task_id = t.id
      LEFT JOIN (SELECT task_id, count(*) AS records FROM upgrade_record GROUP BY task_id) r
             ON r.task_id = t.id
     WHERE coalesce(p.records, 0) - coalesce(g.records, 0) <> coalesce(r.records, 0)
     ORDER BY t.id LIMIT ?)sql";

constexpr std::string_view wrong_device_counts = R"sql(
    SELECT 'product ' || k.product_id || ' version "' || k.version || '" ' || k.state,
           CAST(coalesce(c.devices, 0) AS TEXT), CAST(coalesce(d.devices, 0) AS TEXT)
      FROM (SELECT product_id, firmware_version AS version, state FROM device_count
            UNION SELECT product_id, coalesce(firmware_version, ''), state FROM device) k
      LEFT JOIN device_count c ON c.product_id = k.product_id AND c.firmware_version = k.version
                              AND c.state = k.state
      LEFT JOIN (SELECT product_id, coalesce(firmware_version, '') AS version, state,
                        count(*) AS devices FROM device GROUP BY 1, 2, 3) d
             ON d.product_id = k.product_id AND d.version = k.version AND d.state = k.state
     WHERE coalesce(c.devices, 0) <> coalesce(d.devices, 0)
     ORDER BY 1 LIMIT ?)sql";

constexpr std::string_view wrong_sequence = R"sql(
    SELECT 'sequence device', CAST(s.value AS TEXT), CAST(d.newest AS TEXT)
      FROM sequence s, (SELECT coalesce(max(seq), 0) AS newest FROM device) d
     WHERE s.name = 'device' AND s.value < d.newest LIMIT ?)sql";

constexpr std::string_view records_without_task = R"sql(
    SELECT 'record ' || r.id, 'task ' || r.task_id, '' FROM upgrade_record r
     WHERE NOT EXISTS (SELECT 1 FROM upgrade_task t WHERE t.id = r.task_id)
     ORDER BY r.id LIMIT ?)sql";

constexpr std::string_view processing_without_deadline = R"sql(
    SELECT 'record ' || id, 'device ' || device_id || ', task ' || task_id, ''
      FROM upgrade_record WHERE state = 'processing' AND next_deadline IS NULL
     ORDER BY id LIMIT ?)sql";

constexpr std::string_view upgrading_twice = R"sql(
    SELECT 'device ' || device_id, count(*) || ' processing', '1 processing' FROM upgrade_record
     WHERE state = 'processing' GROUP BY device_id HAVING count(*) > 1
     ORDER BY device_id LIMIT ?)sql";

constexpr std::string_view firmware_without_file = R"sql(
    SELECT 'firmware ' || f.id || ' "' || f.version || '"', 'file ' || f.file_id, ''
      FROM (SELECT id, version, file_id FROM firmware WHERE file_id IS NOT NULL
            UNION ALL SELECT w.id, w.version, a.file_id FROM firmware_artifact a
                        JOIN firmware w ON w.id = a.firmware_id) f
     WHERE NOT EXISTS (SELECT 1 FROM stored_file s WHERE s.id = f.file_id)
     ORDER BY 1 LIMIT ?)sql";

void pack_wrong_record_texts(Connection& db) {
    std::vector<Inconsistency> wrong;
    check_rows(db, Flaw::record_texts, wrong_record_texts, every_one, wrong);
    for (const Inconsistency& one : wrong) {
        db.execute("DELETE FROM record_text WHERE 'task ' || task_id = ?", one.where);
        db.execute("DELETE FROM record_text_gone WHERE 'task ' || task_id = ?", one.where);
    }
    pack_all_record_texts(db);
}

}  // namespace

std::vector<Inconsistency> find_inconsistencies(Connection& db, std::size_t limit) {
    std::vector<Inconsistency> found;
    check_task_counters(db, limit, found);
    check_rows(db, Flaw::task_failure, wrong_failures, limit, found);
    check_rows(db, Flaw::record_texts, wrong_record_texts, limit, found);
    check_rows(db, Flaw::device_count, wrong_device_counts, limit, found);
    check_rows(db, Flaw::device_sequence, wrong_sequence, limit, found);
    check_rows(db, Flaw::record_without_task, records_without_task, limit, found);
    check_rows(db, Flaw::processing_without_deadline, processing_without_deadline, limit, found);
    check_rows(db, Flaw::upgrading_twice, upgrading_twice, limit, found);
    check_rows(db, Flaw::firmware_without_file, firmware_without_file, limit, found);
    return found;
}

void recount(Connection& db) {
    for (const TaskCounts& counts : wrong_task_counters(db)) {
        const auto& right = counts.counted;
        db.execute(
            "INSERT INTO task_counter (task_id, waiting, processing, success, failed, canceled, "
            "changed) VALUES (?, ?, ?, ?, ?, ?, 1) ON CONFLICT (task_id) DO UPDATE SET "
            "waiting = excluded.waiting, processing = excluded.processing, "
            "success = excluded.success, failed = excluded.failed, canceled = excluded.canceled, "
            "changed = 1",
            counts.task, right[0], right[1], right[2], right[3], right[4]);
    }
    // Samples and first failures are kept where there are any: a record that was retried since is
    // no longer there to tell.
    db.run_script(R"sql(
        INSERT INTO task_failure (task_id, error_group, sample, records, first_at, last_at)
        SELECT r.task_id, r.error_group, min(r.error_reason), count(*),
               min(coalesce(r.completed_at, r.created_at)),
               max(coalesce(r.completed_at, r.created_at))
          FROM upgrade_record r JOIN upgrade_task t ON t.id = r.task_id
         WHERE r.error_group IS NOT NULL GROUP BY r.task_id, r.error_group
            ON CONFLICT (task_id, error_group) DO UPDATE SET records = excluded.records;
        DELETE FROM task_failure WHERE NOT EXISTS
            (SELECT 1 FROM upgrade_record r WHERE r.task_id = task_failure.task_id
                AND r.error_group = task_failure.error_group);
        DELETE FROM device_count;
        INSERT INTO device_count (product_id, firmware_version, state, devices)
        SELECT product_id, coalesce(firmware_version, ''), state, count(*)
          FROM device GROUP BY 1, 2, 3;
        UPDATE sequence SET value = (SELECT max(seq) FROM device)
         WHERE name = 'device' AND value < (SELECT max(seq) FROM device);
    )sql");
    pack_wrong_record_texts(db);
}

std::int64_t remove_records_without_task(Connection& db) {
    return db.execute(
        "DELETE FROM upgrade_record WHERE NOT EXISTS "
        "(SELECT 1 FROM upgrade_task t WHERE t.id = upgrade_record.task_id)");
}

}  // namespace updraft::sql
