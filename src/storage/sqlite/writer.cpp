#include "storage/sqlite/writer.hpp"

#include <fmt/format.h>

#include <chrono>

#include "base/log.hpp"

namespace updraft::sqlite {
namespace {

std::string what(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        return error.what();
    } catch (...) {
        return "unknown";
    }
}

/// Runs what must not throw; a breach is logged, because there is nobody to hand it to.
template <class Call>
void guarded(std::string_view what, const Call& call) {
    try {
        call();
    } catch (const std::exception& error) {
        log::error("storage", "{} threw: {}", what, error.what());
    } catch (...) {
        log::error("storage", "{} threw", what);
    }
}

}  // namespace

Writer::Writer(const ConnectionOptions& options, const Limits& limits,
               std::function<void(std::size_t)> on_commit,
               std::function<void(const std::string&)> on_not_synced,
               std::shared_ptr<WriterStatistics> statistics, std::shared_ptr<Freshness> freshness)
    : db_(options),
      work_(db_),
      limits_(limits),
      on_commit_(std::move(on_commit)),
      on_not_synced_(std::move(on_not_synced)),
      statistics_(std::move(statistics)),
      freshness_(std::move(freshness)),
      thread_([this] { run(); }) {}

Writer::~Writer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Writer::submit(Operation operation, Store::Completion done) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            throw StorageError(StorageError::Cause::stopping, "the store is stopping");
        }
        if (!not_synced_.empty()) {
            throw StorageError(StorageError::Cause::not_synced, not_synced_);
        }
        if (queue_.size() >= limits_.queue_max) {
            ++statistics_->refused;
            throw StorageError(
                StorageError::Cause::queue_full,
                fmt::format("{} operations wait to be written already", queue_.size()));
        }
        queue_.push_back({std::move(operation), std::move(done), nullptr});
        statistics_->queued = queue_.size();
    }
    wake_.notify_one();
}

void Writer::run() {
    for (;;) {
        std::vector<Job> group;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) {
                return;
            }
            const std::size_t count = std::min(queue_.size(), limits_.group_max);
            const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
            group.assign(std::move_iterator(queue_.begin()), std::move_iterator(end));
            queue_.erase(queue_.begin(), end);
            statistics_->queued = queue_.size();
        }
        run_group(group);
    }
}

void Writer::run_group(std::vector<Job>& group) {
    std::size_t first = 0;
    while (first < group.size() && not_synced_.empty()) {  // only this thread writes it
        first = commit_from(group, first);
    }
    refuse(group, first, not_synced_);
}

void Writer::refuse(std::vector<Job>& jobs, std::size_t first, const std::string& reason) {
    const auto refusal =
        std::make_exception_ptr(StorageError(StorageError::Cause::not_synced, reason));
    for (std::size_t i = first; i < jobs.size(); ++i) {
        guarded("a completion", [&] {
            if (jobs[i].done) {
                jobs[i].done(refusal);
            }
        });
    }
}

void Writer::stop_writing(const std::string& reason) {
    {
        const std::lock_guard lock(mutex_);
        not_synced_ = reason;
    }
    log::error("storage",
               "the disk did not take what was written: nothing is written any more reason=\"{}\"",
               reason);
    if (on_not_synced_) {
        guarded("on_not_synced", [&] { on_not_synced_(reason); });
    }
}

void Writer::note_room(const std::exception_ptr& failure) {
    bool full = false;
    if (failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const StorageError& error) {
            full = error.cause() == StorageError::Cause::disk_full;
        } catch (...) {
            full = false;
        }
    }
    if (statistics_->disk_full.exchange(full) == full) {
        return;
    }
    if (full) {
        log::error("storage", "the disk is full: nothing is stored until there is room again");
    } else {
        log::info("storage", "there is room on the disk again");
    }
}

std::size_t Writer::commit_from(std::vector<Job>& group, std::size_t first) {
    const auto began = std::chrono::steady_clock::now();
    std::size_t next = first;
    std::exception_ptr failure;
    std::string unsynced;
    try {
        work_.actions().clear();
        db_.execute("BEGIN IMMEDIATE");
        while (next < group.size() && db_.in_transaction()) {
            run_in_savepoint(group[next++]);
        }
        if (!db_.in_transaction()) {
            // The engine rolled everything back; the last job knows why.
            failure = group[next - 1].failure;
        } else {
            db_.execute("COMMIT");
        }
        unsynced = db_.unsynced();
    } catch (const StorageError& error) {
        failure = std::current_exception();
        unsynced = error.cause() == StorageError::Cause::not_synced ? error.what() : "";
    } catch (...) {
        failure = std::current_exception();
    }
    if (failure && next == first) {
        next = group.size();  // BEGIN failed: so would it for the others
    }
    roll_back();
    tell_freshness();
    note_room(failure);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    if (failure) {
        ++statistics_->failed_commits;
        if (const auto left_out = failures_.due()) {
            log::error("storage",
                       "a group was not committed operations={} reason=\"{}\" not_told={}",
                       next - first, what(failure), *left_out);
        }
        work_.actions().clear();
    } else {
        statistics_->commit_seconds.observe(took.count());
        statistics_->commit_operations.observe(static_cast<double>(next - first));
        if (on_commit_) {
            guarded("on_commit", [&] { on_commit_(next - first); });
        }
    }
    std::vector<std::function<void()>> actions;
    actions.swap(work_.actions());
    for (const auto& action : actions) {
        guarded("an after_commit action", action);
    }
    for (std::size_t i = first; i < next; ++i) {
        guarded("a completion", [&] {
            if (group[i].done) {
                group[i].done(failure ? failure : group[i].failure);
            }
        });
        group[i] = {};  // what the closures hold goes before the next group gathers
    }
    if (!unsynced.empty()) {
        stop_writing(unsynced);
    }
    return next;
}

void Writer::run_in_savepoint(Job& job) {
    const std::size_t actions = work_.actions().size();
    db_.execute("SAVEPOINT operation");
    bool keep = false;
    try {
        keep = job.operation(work_);
    } catch (...) {
        job.failure = std::current_exception();
    }
    if (!db_.in_transaction()) {
        return;
    }
    if (!keep) {
        db_.execute("ROLLBACK TO operation");
        work_.actions().resize(actions);
    }
    db_.execute("RELEASE operation");
}

/// Also after a commit that failed: too much is told rather than too little.
void Writer::tell_freshness() {
    if (freshness_) {
        freshness_->changed(db_.written());
    }
    db_.written().clear();
}

void Writer::roll_back() noexcept {
    guarded("ROLLBACK", [this] {
        if (db_.in_transaction()) {
            db_.execute("ROLLBACK");
        }
    });
}

}  // namespace updraft::sqlite
