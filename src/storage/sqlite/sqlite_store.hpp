#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/freshness.hpp"
#include "app/ports.hpp"
#include "base/clock.hpp"
#include "base/histogram.hpp"
#include "base/secret_box.hpp"

namespace updraft {

/// What the writer has done since the start, for the metrics. Safe from every thread.
struct WriterStatistics {
    Histogram commit_seconds{latency_bounds()};  ///< one transaction: its operations and the commit
    Histogram commit_operations{{1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000, 2'000, 5'000}};
    std::atomic<std::uint64_t> failed_commits{0};
    std::atomic<bool> disk_full{false};     ///< the last write found no room
    std::atomic<std::uint64_t> refused{0};  ///< operations that found the queue full
    std::atomic<std::size_t> queued{0};     ///< operations that wait for a transaction
};

/// Gives what seals the secrets of a database, told the ids of the keys that have sealed what it
/// holds: none for one that holds nothing sealed yet. Throws when it has not got them all.
using SecretsFor =
    std::function<std::shared_ptr<const SecretBox>(const std::vector<std::string>& key_ids)>;

struct SqliteOptions {
    /// The database file, made if it is missing. ":memory:" is a database of its own that leaves
    /// nothing behind: for tests.
    std::string path = ":memory:";
    std::size_t queue_operations_max = 20'000;  ///< submit() throws queue_full beyond
    std::size_t group_operations_max = 1'000;   ///< operations that share one commit
    std::size_t readers = 4;                    ///< read connections; a reader waits for a free one
    std::int64_t writer_cache_bytes = 64 << 20;
    std::int64_t reader_cache_bytes = 8 << 20;
    SecretsFor secrets;  ///< asked before anything is written; null: a key that nobody keeps
    std::int64_t seal_rows_max = 2'000;  ///< rows of one transaction while older ones are sealed
    const Clock* clock = nullptr;        ///< dates the migrations; null: the machine's clock
    /// Called on the writer's thread after each commit with the number of operations in it.
    std::function<void(std::size_t)> on_commit;
    /// Called once, on the writer's thread, when the disk did not take what was written: from then
    /// on every write is refused, because nobody knows what lies on the disk. The process is to
    /// end; the next start reads the log anew, and writes and syncs once more what it holds.
    std::function<void(const std::string& reason)> on_not_synced;
    std::shared_ptr<WriterStatistics> statistics;  ///< kept up to date; null: nobody asks
    std::shared_ptr<Freshness> freshness;          ///< told of what is written; null: nobody asks
    std::optional<std::int64_t> pages_max;  ///< a disk that is full after so many pages: for tests
};

/// Opens the embedded store: migrates the schema, seals what is
/// in clear text or sealed with an older key, starts the writer's thread. Destroying the store
/// commits what is queued and joins. Throws StorageError: the file cannot be opened, or was written
/// by a newer Updraft.
[[nodiscard]] std::unique_ptr<Store> open_sqlite_store(const SqliteOptions& options);

}  // namespace updraft
