#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "app/file_service.hpp"
#include "app/ports.hpp"
#include "app/presence.hpp"
#include "app/record_changes.hpp"
#include "app/task_service.hpp"
#include "app/upgrade_sender.hpp"
#include "base/watched_clock.hpp"
#include "scheduler/deadlines.hpp"
#include "scheduler/dispatcher.hpp"

namespace updraft {

/// Everything that happens because time passes or because something else has happened: dispatch,
/// deadlines, records still to be made, batches of presence, housekeeping. One thread.
class Scheduler {
public:
    /// Keys of the configuration under [scheduler], [dispatch] and [retention].
    struct Options {
        std::string server_id = "node-1";  ///< `serverId` of records in flight
        Dispatcher::Options dispatch;
        Deadlines::Options deadlines;
        milliseconds presence_flush_after{100};
        milliseconds idle_max{1'000};     ///< deadlines are at most that late (spec 3.2)
        seconds housekeeping_every{600};  ///< logs, tokens, files
        seconds keep_device_logs{30 * 24 * 3600};
        std::int64_t prune_batch = 5'000;  ///< log lines removed by one write operation
        milliseconds sweep_every{1'000};   ///< one page of all waiting devices is looked through
        std::size_t sweep_page = 1'000;
        milliseconds expire_presence_every{1'000};  ///< devices without a connection are looked at
        milliseconds note_progress_every{2'000};    ///< points of tasks over time
        milliseconds pause_after_failure{1'000};    ///< when the store refused
        seconds keep_all_after_clock_set{24 * 3600};  ///< nothing is removed for its age meanwhile
    };

    Scheduler(Store& store, const RecordChanges& changes, Presence& presence, TaskService& tasks,
              FileService& files, UpgradeSender& sender, const Clock& clock, SnowflakeIds& ids,
              Options options);
    ~Scheduler();
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;

    /// What the wiring gives to RecordChanges, Presence and TaskService.
    [[nodiscard]] RecordChanges::Listeners record_listeners();
    [[nodiscard]] Presence::Listeners presence_listeners();
    [[nodiscard]] TaskService::Hooks task_hooks();

    /// Lets deadlines move along when this clock is set, which is the scheduler's own; `was_set`
    /// hears of it once that is stored. Before recover().
    void watch(WatchedClock& clock, std::function<void(milliseconds by)> was_set);
    /// From now on nothing is removed for its age for a while: ages cannot be trusted.
    void keep_all_for_now();

    /// After a start and before gateways accept: nobody is connected, upgrades under way are taken
    /// over (T26), unfinished expansions go on.
    void recover();
    /// Starts the thread.
    void start();
    /// Finishes the step it is at and joins. Also done by the destructor.
    void stop();

    /// Does what is due now; when it wants to be called again, at the latest. A test calls it
    /// instead of start().
    Instant run_due();

    /// Housekeeping: calls `run` every `period`, and at once again while it returns true.
    void add_job(std::string name, milliseconds period, std::function<bool()> run);
    /// The same for what removes things for their age: it pauses after the clock was set.
    void add_removal(std::string name, milliseconds period, std::function<bool()> run);

    [[nodiscard]] Dispatcher& dispatcher() { return dispatcher_; }

private:
    /// Housekeeping: `run` returns true when there is more to do at once.
    struct Job {
        std::string name;
        milliseconds period;
        std::function<bool()> run;
        Instant next;
        bool removes = false;  ///< what is past its time
    };

    void loop();
    void wake_up();
    void follow_clock();
    bool flush_presence(Instant now);
    bool expand_tasks();
    bool run_background_step();
    bool run_jobs(Instant now);
    bool prune_logs();
    bool sweep();

    Store& store_;
    Presence& presence_;
    TaskService& tasks_;
    FileService& files_;
    const Clock& clock_;
    const Options options_;
    Dispatcher dispatcher_;
    Deadlines deadlines_;
    std::vector<Job> jobs_;
    DeviceId sweep_cursor_;
    WatchedClock* watched_ = nullptr;
    std::function<void(milliseconds)> was_set_;
    std::chrono::steady_clock::time_point removes_after_{};

    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = false;
    bool stopping_ = false;
    bool expansion_wanted_ = false;
    std::optional<Instant> flush_at_;
    std::deque<std::function<bool()>> background_;
    std::thread thread_;
};

}  // namespace updraft
