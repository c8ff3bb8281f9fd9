#include "storage/sqlite/snapshot.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "app/ports.hpp"
#include "storage/sqlite/connection.hpp"

namespace updraft::sqlite {
namespace {

constexpr int pages_at_once = 256;

[[noreturn]] void fail(const std::string& what, sqlite3* db) {
    const int code = sqlite3_errcode(db);
    throw StorageError(
        (code & 0xFF) == SQLITE_FULL ? StorageError::Cause::disk_full : StorageError::Cause::broken,
        fmt::format("{}: {} ({})", what, sqlite3_errmsg(db), sqlite3_extended_errcode(db)));
}

struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct Finish {
    void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};
using Database = std::unique_ptr<sqlite3, Close>;

Database new_database(const std::string& path) {
    sqlite3* db = nullptr;
    const int code =
        sqlite3_open_v2(path.c_str(), &db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    Database opened(db);
    if (code != SQLITE_OK) {
        fail("cannot make " + path, db);
    }
    return opened;
}

void run(sqlite3* db, const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
        fail(sql, db);
    }
}

void sync_file(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool synced = file >= 0 && ::fsync(file) == 0;
    const int error = errno;
    if (file >= 0) {
        ::close(file);
    }
    if (!synced) {
        throw StorageError(
            StorageError::Cause::broken,
            fmt::format("cannot sync {}: {}", path, std::generic_category().message(error)));
    }
}

}  // namespace

void copy_snapshot(const std::string& from, const std::string& to,
                   const SnapshotProgress& progress) {
    if (!std::filesystem::is_regular_file(from)) {
        throw StorageError(StorageError::Cause::broken, "there is no database " + from);
    }
    if (std::filesystem::exists(to)) {
        throw StorageError(StorageError::Cause::broken, to + " is there already");
    }
    ConnectionOptions options;
    options.path = from;
    options.access = Access::read_only;
    SqliteConnection source(options);
    // The snapshot: a read transaction that lasts over all steps, so that no step starts over.
    source.run_script("BEGIN; SELECT count(*) FROM sqlite_master;");
    {
        const Database target = new_database(to);
        run(target.get(), "PRAGMA synchronous=OFF");  // synced once, at the end
        const std::unique_ptr<sqlite3_backup, Finish> backup(
            sqlite3_backup_init(target.get(), "main", source.handle(), "main"));
        if (!backup) {
            fail("cannot begin the copy", target.get());
        }
        int code = SQLITE_OK;
        while (code == SQLITE_OK) {
            code = sqlite3_backup_step(backup.get(), pages_at_once);
            const std::int64_t pages = sqlite3_backup_pagecount(backup.get());
            const std::int64_t left = sqlite3_backup_remaining(backup.get());
            constexpr std::int64_t page_bytes = 4096;
            progress((pages - left) * page_bytes, pages * page_bytes);
        }
        if (code != SQLITE_DONE) {
            throw StorageError(
                code == SQLITE_FULL ? StorageError::Cause::disk_full : StorageError::Cause::broken,
                fmt::format("cannot copy the database: {} ({})", sqlite3_errstr(code), code));
        }
    }
    source.run_script("COMMIT");
    {
        const Database target = new_database(to);
        run(target.get(), "PRAGMA journal_mode=DELETE");  // one file, whole by itself
    }
    sync_file(to);
}

}  // namespace updraft::sqlite
