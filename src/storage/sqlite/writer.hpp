#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "app/ports.hpp"
#include "base/log_sparing.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace updraft::sqlite {

/// The one thread that writes (design 3.2): takes what has gathered, runs each operation in its own
/// savepoint, commits once, then runs after_commit actions and completions in the order of
/// submission.
class Writer {
public:
    struct Limits {
        std::size_t queue_max = 0;
        std::size_t group_max = 0;
    };
    using Operation = std::function<bool(UnitOfWork&)>;

    Writer(const ConnectionOptions& options, const Limits& limits,
           std::function<void(std::size_t)> on_commit,
           std::function<void(const std::string&)> on_not_synced,
           std::shared_ptr<WriterStatistics> statistics, std::shared_ptr<Freshness> freshness);
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;
    /// Commits what is queued, then stops.
    ~Writer();

    void submit(Operation operation, Store::Completion done);

private:
    struct Job {
        Operation operation;
        Store::Completion done;
        std::exception_ptr failure;
    };

    void run();
    void run_group(std::vector<Job>& group);
    /// Runs jobs from `first` in one transaction and completes them. Returns the index of the first
    /// that was not run: the engine may give the transaction up on a full disk.
    std::size_t commit_from(std::vector<Job>& group, std::size_t first);
    void run_in_savepoint(Job& job);
    void tell_freshness();
    void roll_back() noexcept;
    void note_room(const std::exception_ptr& failure);
    void stop_writing(const std::string& reason);
    static void refuse(std::vector<Job>& jobs, std::size_t first, const std::string& reason);

    SqliteConnection db_;
    sql::SqlUnitOfWork work_;
    Limits limits_;
    std::function<void(std::size_t)> on_commit_;
    std::function<void(const std::string&)> on_not_synced_;
    std::string not_synced_;  ///< why nothing is written any more; guarded by mutex_
    const std::shared_ptr<WriterStatistics> statistics_;
    const std::shared_ptr<Freshness> freshness_;  ///< null: nobody asks
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> queue_;  ///< guarded by mutex_
    bool stopping_ = false;  ///< guarded by mutex_
    log::Sparing failures_{log::storage_trouble_every};
    std::thread thread_;  ///< last: uses everything above
};

}  // namespace updraft::sqlite
