#include "storage/sqlite/connection.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <limits>

#include "app/ports.hpp"

namespace updraft::sqlite {
namespace {

constexpr int busy_timeout_ms = 10'000;
constexpr int checkpoint_pages = 4'000;

bool is_failed_sync(int code) {
    return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
}

StorageError::Cause cause_of(int code) {
    if ((code & 0xFF) == SQLITE_FULL) {
        return StorageError::Cause::disk_full;
    }
    return is_failed_sync(code) ? StorageError::Cause::not_synced : StorageError::Cause::broken;
}

[[noreturn]] void fail(sqlite3* db, int code) {
    const auto cause = cause_of(db != nullptr ? sqlite3_extended_errcode(db) : code);
    throw StorageError(cause, fmt::format("SQLite: {} ({})",
                                          db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code),
                                          db != nullptr ? sqlite3_extended_errcode(db) : code));
}

class SqliteStatement final : public sql::Statement {
public:
    SqliteStatement(sqlite3* db, std::string_view sql) : db_(db) {
        const int code = sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()),
                                            SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
        check(code);
    }
    ~SqliteStatement() override { sqlite3_finalize(statement_); }

    void bind(int index, std::int64_t value) override {
        check(sqlite3_bind_int64(statement_, index + 1, value));
    }
    void bind(int index, double value) override {
        check(sqlite3_bind_double(statement_, index + 1, value));
    }
    void bind(int index, std::string_view value) override {
        bind_text(index, value, SQLITE_TRANSIENT);
    }
    void bind_borrowed(int index, std::string_view value) override {
        bind_text(index, value, SQLITE_STATIC);
    }
    void bind_null(int index) override { check(sqlite3_bind_null(statement_, index + 1)); }

    bool step() override {
        const int code = sqlite3_step(statement_);
        if (code == SQLITE_ROW) {
            return true;
        }
        if (code != SQLITE_DONE) {
            fail(db_, code);
        }
        return false;
    }
    [[nodiscard]] std::int64_t changes() const override { return sqlite3_changes64(db_); }
    void reset() noexcept override { sqlite3_reset(statement_); }

    [[nodiscard]] bool is_null(int column) const override {
        return sqlite3_column_type(statement_, column) == SQLITE_NULL;
    }
    [[nodiscard]] std::int64_t integer(int column) const override {
        return sqlite3_column_int64(statement_, column);
    }
    [[nodiscard]] std::string_view text(int column) const override {
        const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
        const int size = sqlite3_column_bytes(statement_, column);
        return data != nullptr ? std::string_view(data, static_cast<std::size_t>(size))
                               : std::string_view();
    }

private:
    void bind_text(int index, std::string_view value, sqlite3_destructor_type destructor) {
        const char* data = value.data() != nullptr ? value.data() : "";
        check(sqlite3_bind_text64(statement_, index + 1, data, value.size(), destructor,
                                  SQLITE_UTF8));
    }
    void check(int code) const {
        if (code != SQLITE_OK) {
            fail(db_, code);
        }
    }

    sqlite3* db_;
    sqlite3_stmt* statement_ = nullptr;
};

/// SQLite counts every allocation under a lock of the process; nobody asks for the sum.
void count_no_memory() {
    static const int done = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)done;
}

/// The SQL function next_number().
void give_next_number(sqlite3_context* context, int /*count*/, sqlite3_value** /*values*/) {
    const auto& next =
        *static_cast<const std::function<std::int64_t()>*>(sqlite3_user_data(context));
    if (next) {
        sqlite3_result_int64(context, next());
    } else {
        sqlite3_result_error(context, "nobody gives numbers", -1);
    }
}

}  // namespace

SqliteConnection::SqliteConnection(const ConnectionOptions& options) {
    use_secrets(options.secrets);
    count_no_memory();
    const int code =
        sqlite3_open_v2(options.path.c_str(), &db_,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
    try {
        if (code != SQLITE_OK) {
            fail(db_, code);
        }
        sqlite3_extended_result_codes(db_, 1);
        sqlite3_busy_timeout(db_, busy_timeout_ms);
        sqlite3_create_function_v2(db_, "next_number", 0, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                   &next_number_, give_next_number, nullptr, nullptr, nullptr);
        run_script("PRAGMA journal_mode=WAL");
        run_script(options.durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
        run_script(fmt::format("PRAGMA cache_size=-{}", options.cache_bytes / 1024));
        sqlite3_wal_hook(db_, &SqliteConnection::after_commit, this);
        run_script("PRAGMA foreign_keys=ON");
        run_script("PRAGMA case_sensitive_like=ON");
        run_script("PRAGMA temp_store=MEMORY");
        if (options.pages_max) {
            run_script(fmt::format("PRAGMA max_page_count={}", *options.pages_max));
        }
        if (options.access == Access::read_only) {
            run_script("PRAGMA query_only=ON");
        }
    } catch (...) {
        sqlite3_close_v2(db_);
        throw;
    }
}

SqliteConnection::~SqliteConnection() {
    forget_statements();
    sqlite3_close_v2(db_);
}

void SqliteConnection::run_script(std::string_view script) {
    const std::string text(script);
    const int code = sqlite3_exec(db_, text.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) {
        fail(db_, code);
    }
}

/// As SQLite's own automatic checkpoint, which tells nobody when the disk did not take it. Any
/// other trouble ends with the next one: the log only grows meanwhile.
int SqliteConnection::after_commit(void* self, sqlite3* db, const char* name, int pages) {
    if (pages >= checkpoint_pages) {
        const int code =
            sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
        if (code != SQLITE_OK && is_failed_sync(sqlite3_extended_errcode(db))) {
            static_cast<SqliteConnection*>(self)->unsynced_ = fmt::format(
                "SQLite: checkpoint: {} ({})", sqlite3_errmsg(db), sqlite3_extended_errcode(db));
        }
    }
    return SQLITE_OK;
}

void SqliteConnection::checkpoint() {
    const int code =
        sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY) {
        fail(db_, code);
    }
}

bool SqliteConnection::in_transaction() const {
    return sqlite3_get_autocommit(db_) == 0;
}

std::unique_ptr<sql::Statement> SqliteConnection::compile(std::string_view sql) {
    return std::make_unique<SqliteStatement>(db_, sql);
}

}  // namespace updraft::sqlite
