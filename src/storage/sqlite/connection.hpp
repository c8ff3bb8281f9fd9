#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/sql/connection.hpp"

struct sqlite3;

namespace updraft::sqlite {

enum class Access : std::uint8_t { read_write, read_only };

struct ConnectionOptions {
    std::string path;
    Access access = Access::read_write;
    std::int64_t cache_bytes = 8 << 20;
    bool durable = true;  ///< every commit reaches the disk; false for throw-away databases
    std::optional<std::int64_t> pages_max;     ///< for tests of a full disk
    std::shared_ptr<const SecretBox> secrets;  ///< what opens sealed columns; null: they stay shut
};

/// One SQLite connection: WAL, foreign keys on, LIKE sensitive to case as PostgreSQL's. A busy
/// database is waited for, ten seconds at most.
class SqliteConnection final : public sql::Connection {
public:
    explicit SqliteConnection(const ConnectionOptions& options);
    ~SqliteConnection() override;

    void run_script(std::string_view script) override;
    void take_numbers_from(std::function<std::int64_t()> next) override {
        next_number_ = std::move(next);
    }
    [[nodiscard]] std::string_view elements_of_json() const override {
        return "(SELECT value FROM json_each(?))";
    }

    /// False once the engine has rolled the transaction back on its own, as it does on a full disk.
    [[nodiscard]] bool in_transaction() const;
    [[nodiscard]] sqlite3* handle() const { return db_; }

    /// Why a checkpoint behind a commit could not be synced; empty while all went well. The commits
    /// themselves are safe in the log.
    [[nodiscard]] const std::string& unsynced() const { return unsynced_; }
    /// Copies what the log holds to the database and syncs that, as far as no reader needs the log.
    void checkpoint();

protected:
    [[nodiscard]] std::unique_ptr<sql::Statement> compile(std::string_view sql) override;

private:
    static int after_commit(void* self, sqlite3* db, const char* name, int pages);

    sqlite3* db_ = nullptr;
    std::string unsynced_;
    std::function<std::int64_t()> next_number_;
};

}  // namespace updraft::sqlite
