#include "storage/sqlite/sealing.hpp"

#include <optional>

#include "app/ports.hpp"
#include "base/log.hpp"
#include "storage/sql/secrets.hpp"

namespace updraft::sqlite {
namespace {

/// Runs `work` in one transaction.
template <class Work>
auto in_transaction(SqliteConnection& db, const Work& work) {
    db.execute("BEGIN IMMEDIATE");
    try {
        auto outcome = work();
        db.execute("COMMIT");
        return outcome;
    } catch (...) {
        if (db.in_transaction()) {
            db.execute("ROLLBACK");
        }
        throw;
    }
}

/// Rewrites the whole file without its free pages. Without room for that the rows are sealed all
/// the same; what was deleted long ago may then still lie in free pages.
void wipe(SqliteConnection& db) {
    try {
        db.run_script(
            "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA temp_store=FILE; VACUUM;"
            "PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (const StorageError& error) {
        log::warn("storage",
                  "old clear text may be left in free pages: make room and run `updraft secrets "
                  "rotate` cause={}",
                  error.what());
    }
}

}  // namespace

std::vector<std::string> key_ids_of(SqliteConnection& db) {
    bool known = false;
    {
        sql::Rows rows =
            db.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'secret_key'");
        known = rows.next();
    }
    return known ? sql::key_ids(db) : std::vector<std::string>();
}

void seal_database(SqliteConnection& db, std::int64_t rows_max, Instant now) {
    db.run_script("PRAGMA secure_delete=ON");
    in_transaction(db, [&] {
        sql::use_newest_key(db, now);
        return true;
    });
    std::int64_t steps = 0;
    while (in_transaction(db, [&] { return sql::seal_step(db, rows_max); })) {
        ++steps;
    }
    const std::optional<bool> wiping = sql::wiping(db);
    if (!wiping) {
        return;
    }
    if (*wiping) {
        log::info("storage", "secrets sealed key={} steps={}", db.secrets().key_id(), steps);
        wipe(db);
    }
    in_transaction(db, [&] {
        sql::wiped(db);
        return true;
    });
}

}  // namespace updraft::sqlite
