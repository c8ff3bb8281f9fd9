#include "storage/sqlite/sqlite_store.hpp"

#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "base/log.hpp"
#include "storage/sql/migrations.hpp"
#include "storage/sql/secrets.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/sealing.hpp"
#include "storage/sqlite/writer.hpp"

namespace updraft::sqlite {
namespace {

/// A reader that finds no free connection for so long meets a broken server, not a busy one.
constexpr std::chrono::seconds reader_wait_max{30};

/// A folder of its own for a throw-away database, in memory where the system has such a place. A
/// real file, so that readers see snapshots beside the writer exactly as in production.
class ThrowAwayFolder {
public:
    ThrowAwayFolder() {
        const bool in_memory = ::access("/dev/shm", W_OK) == 0;
        std::string name = (in_memory ? std::filesystem::path("/dev/shm")
                                      : std::filesystem::temp_directory_path()) /
                           "updraft-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw StorageError(StorageError::Cause::broken, "cannot make a folder at " + name);
        }
        path_ = name;
    }
    ThrowAwayFolder(const ThrowAwayFolder&) = delete;
    ThrowAwayFolder& operator=(const ThrowAwayFolder&) = delete;
    ~ThrowAwayFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string database() const { return path_ / "updraft.db"; }

private:
    std::filesystem::path path_;
};

/// One read connection with its repositories.
struct Reader {
    explicit Reader(const ConnectionOptions& options) : db(options), rows(db) {}
    SqliteConnection db;
    sql::SqlUnitOfWork rows;
};

class ReaderPool {
public:
    ReaderPool(const ConnectionOptions& options, std::size_t count) {
        for (std::size_t i = 0; i < std::max<std::size_t>(count, 1); ++i) {
            readers_.push_back(std::make_unique<Reader>(options));
            free_.push_back(readers_.back().get());
        }
    }

    /// Runs `use` in one deferred transaction of a free reader: one snapshot.
    void run(const std::function<void(const Repositories&)>& use) {
        Reader& reader = take();
        const auto give_back = [&] {
            {
                const std::lock_guard lock(mutex_);
                free_.push_back(&reader);
            }
            given_back_.notify_one();
        };
        try {
            reader.db.execute("BEGIN");
            use(reader.rows);
            reader.db.execute("COMMIT");
        } catch (...) {
            end(reader);
            give_back();
            throw;
        }
        give_back();
    }

private:
    Reader& take() {
        std::unique_lock lock(mutex_);
        if (!given_back_.wait_for(lock, reader_wait_max, [this] { return !free_.empty(); })) {
            throw StorageError(StorageError::Cause::queue_full,
                               "no read connection became free in 30 s");
        }
        Reader* reader = free_.back();
        free_.pop_back();
        return *reader;
    }
    static void end(Reader& reader) noexcept {
        try {
            if (reader.db.in_transaction()) {
                reader.db.execute("ROLLBACK");
            }
        } catch (const std::exception& error) {
            log::error("storage", "a reader did not end its snapshot: {}", error.what());
        }
    }

    std::vector<std::unique_ptr<Reader>> readers_;
    std::mutex mutex_;
    std::condition_variable given_back_;
    std::vector<Reader*> free_;  ///< guarded by mutex_
};

/// Brings the schema and what is sealed up to date. Returns what opens the secrets.
std::shared_ptr<const SecretBox> prepare(const ConnectionOptions& connection,
                                         const SqliteOptions& options) {
    SqliteConnection db(connection);
    // What a failed sync has left in the log may lie in memory only: it is written and synced
    // again.
    db.checkpoint();
    const std::vector<std::string> keys = key_ids_of(db);
    std::shared_ptr<const SecretBox> secrets =
        options.secrets ? options.secrets(keys)
                        : std::make_shared<SecretBox>(std::vector{SecretBox::new_key()});
    const Instant now = options.clock != nullptr ? options.clock->now() : SystemClock().now();
    db.execute("BEGIN IMMEDIATE");
    sql::migrate(db, sql::migrations(), now);
    db.execute("COMMIT");
    db.use_secrets(secrets);
    seal_database(db, options.seal_rows_max, now);
    return secrets;
}

class SqliteStore final : public Store {
public:
    explicit SqliteStore(const SqliteOptions& options) {
        ConnectionOptions connection;
        connection.path = options.path;
        connection.pages_max = options.pages_max;
        if (options.path == ":memory:") {
            folder_.emplace();
            connection.path = folder_->database();
            connection.durable = false;
        }
        connection.secrets = prepare(connection, options);
        connection.cache_bytes = options.writer_cache_bytes;
        writer_.emplace(
            connection,
            Writer::Limits{options.queue_operations_max,
                           std::max<std::size_t>(options.group_operations_max, 1)},
            options.on_commit, options.on_not_synced,
            options.statistics ? options.statistics : std::make_shared<WriterStatistics>(),
            options.freshness);
        connection.cache_bytes = options.reader_cache_bytes;
        connection.access = Access::read_only;
        readers_.emplace(connection, options.readers);
    }

    void submit(std::function<bool(UnitOfWork&)> operation, Completion done) override {
        writer_->submit(std::move(operation), std::move(done));
    }

    void run_read(const std::function<void(const Repositories&)>& reader) const override {
        readers_->run(reader);
    }

private:
    std::optional<ThrowAwayFolder> folder_;
    mutable std::optional<ReaderPool> readers_;
    std::optional<Writer> writer_;  ///< stops first: what it still runs may read
};

}  // namespace
}  // namespace updraft::sqlite

namespace updraft {

std::unique_ptr<Store> open_sqlite_store(const SqliteOptions& options) {
    return std::make_unique<sqlite::SqliteStore>(options);
}

}  // namespace updraft
