#include "storage/sql/migrations.hpp"

#include <fmt/format.h>

#include "app/ports.hpp"
#include "base/log.hpp"
#include "storage/sql/failure_groups.hpp"
#include "storage/sql/record_texts.hpp"

namespace updraft::sql {
namespace {

int version_of(Connection& db) {
    db.run_script(
        "CREATE TABLE IF NOT EXISTS schema_version ("
        "version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL)");
    Rows rows = db.query("SELECT coalesce(max(version), 0) FROM schema_version");
    return rows.next() ? rows.number() : 0;
}

/// What a step needs besides its script: values that only the domain knows how to make.
void run_code_of(const Migration& step, Connection& db) {
    if (step.name == "0002_failure_groups") {
        fill_failure_groups(db);
    } else if (step.name == "0010_record_searches") {
        pack_all_record_texts(db);
    }
}

}  // namespace

int migrate(Connection& db, std::span<const Migration> steps, Instant now) {
    const int current = version_of(db);
    const int newest = steps.empty() ? 0 : steps.back().version;
    if (current > newest) {
        throw StorageError(
            StorageError::Cause::broken,
            fmt::format("the database has schema version {}, this program knows versions up to {}: "
                        "start the newer Updraft again, or restore a backup of version {}",
                        current, newest, newest));
    }
    int applied = 0;
    for (const Migration& step : steps) {
        if (step.version <= current) {
            continue;
        }
        db.run_script(step.script);
        run_code_of(step, db);
        db.execute("INSERT INTO schema_version (version, name, applied_at) VALUES (?, ?, ?)",
                   step.version, step.name, now);
        log::info("storage", "schema migrated version={} name={}", step.version, step.name);
        ++applied;
    }
    return applied;
}

}  // namespace updraft::sql
