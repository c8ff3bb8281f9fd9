#include "scheduler/scheduler.hpp"

#include "base/log.hpp"
#include "base/log_sparing.hpp"

namespace updraft {

Scheduler::Scheduler(Store& store, const RecordChanges& changes, Presence& presence,
                     TaskService& tasks, FileService& files, UpgradeSender& sender,
                     const Clock& clock, SnowflakeIds& ids, Options options)
    : store_(store),
      presence_(presence),
      tasks_(tasks),
      files_(files),
      clock_(clock),
      options_(std::move(options)),
      dispatcher_(store, changes, presence, tasks, sender, clock, ids, options_.server_id,
                  options_.dispatch),
      deadlines_(store, changes, clock, options_.server_id, options_.deadlines) {
    dispatcher_.notify_with([this] { wake_up(); });
    add_job("sweep", options_.sweep_every, [this] { return sweep(); });
    add_job("expire presence", options_.expire_presence_every,
            [this] { return presence_.expire(); });
    add_job("note progress", options_.note_progress_every,
            [this] { return tasks_.note_progress(); });
    add_removal("prune logs", options_.housekeeping_every, [this] { return prune_logs(); });
    add_removal("collect files", options_.housekeeping_every,
                [this] { return files_.collect().more; });
    add_removal("expire tokens", options_.housekeeping_every, [this] {
        const auto done = store_.write([&](UnitOfWork& work) -> Result<void> {
            work.tokens().remove_expired(clock_.now());
            return {};
        });
        return !done;
    });
}

Scheduler::~Scheduler() {
    stop();
}

RecordChanges::Listeners Scheduler::record_listeners() {
    return {[this](const UpgradeRecord& record) { dispatcher_.send(record); },
            [this](const DeviceId& device) { dispatcher_.wake(device); },
            [this](const DeviceId& device) { dispatcher_.read_version(device); },
            [this](const UpgradeRecord& record) { dispatcher_.record_changed(record); }};
}

Presence::Listeners Scheduler::presence_listeners() {
    Presence::Listeners listeners;
    listeners.flush_wanted = [this] {
        {
            const std::lock_guard lock(mutex_);
            const Instant now = clock_.now();
            flush_at_ = flush_at_ ? now : now + options_.presence_flush_after;
        }
        wake_up();
    };
    listeners.wake_device = [this](const DeviceId& device) { dispatcher_.wake(device); };
    listeners.read_version = [this](const DeviceId& device) { dispatcher_.read_version(device); };
    return listeners;
}

TaskService::Hooks Scheduler::task_hooks() {
    TaskService::Hooks hooks;
    hooks.look_at_task = [this](const TaskId& task) { dispatcher_.look_at(task); };
    hooks.expand = [this] {
        {
            const std::lock_guard lock(mutex_);
            expansion_wanted_ = true;
        }
        wake_up();
    };
    hooks.run_later = [this](std::function<bool()> step) {
        {
            const std::lock_guard lock(mutex_);
            background_.push_back(std::move(step));
        }
        wake_up();
    };
    return hooks;
}

void Scheduler::add_job(std::string name, milliseconds period, std::function<bool()> run) {
    jobs_.push_back({std::move(name), period, std::move(run), clock_.now() + period, false});
}

void Scheduler::add_removal(std::string name, milliseconds period, std::function<bool()> run) {
    add_job(std::move(name), period, std::move(run));
    jobs_.back().removes = true;
}

void Scheduler::watch(WatchedClock& clock, std::function<void(milliseconds)> was_set) {
    watched_ = &clock;
    was_set_ = std::move(was_set);
}

void Scheduler::keep_all_for_now() {
    removes_after_ = std::chrono::steady_clock::now() + options_.keep_all_after_clock_set;
    log::warn("scheduler", "nothing is removed for its age for now for_s={}",
              options_.keep_all_after_clock_set.count());
}

/// What is to happen happens after the time that was meant, whatever the clock shows by then. The
/// clock changes inside the operation that moves the deadlines: every other one sees both or
/// neither.
void Scheduler::follow_clock() {
    const std::optional<milliseconds> by = watched_ != nullptr ? watched_->jump() : std::nullopt;
    if (!by) {
        return;
    }
    bool adopted = false;
    std::int64_t moved = 0;
    try {
        (void)store_.write([&](UnitOfWork& work) -> Result<void> {
            moved = work.records().shift_deadlines(*by);
            work.tokens().shift_last_used(*by);
            watched_->adopt(*by);
            adopted = true;
            return {};
        });
    } catch (const StorageError&) {
        if (adopted) {
            watched_->adopt(-*by);
        }
        throw;
    }
    log::warn("scheduler", "the wall clock was set, deadlines move along by_s={} records={}",
              by->count() / 1'000, moved);
    for (Job& job : jobs_) {
        job.next += *by;
    }
    {
        const std::lock_guard lock(mutex_);
        if (flush_at_) {
            *flush_at_ += *by;
        }
    }
    dispatcher_.clock_was_set(*by);
    presence_.clock_was_set(*by);
    keep_all_for_now();
    if (was_set_) {
        was_set_(*by);
    }
}

void Scheduler::recover() {
    follow_clock();
    presence_.start();
    tasks_.recover();
    deadlines_.take_over(
        clock_.now(), [this](const UpgradeRecord& record) { dispatcher_.record_changed(record); });
    const std::lock_guard lock(mutex_);
    expansion_wanted_ = true;
}

void Scheduler::start() {
    thread_ = std::thread([this] { loop(); });
}

void Scheduler::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Scheduler::wake_up() {
    {
        const std::lock_guard lock(mutex_);
        woken_ = true;
    }
    changed_.notify_all();
}

/// The scheduler's tick: one of the four places where an exception ends (house style 5).
void Scheduler::loop() {
    while (true) {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) {
                return;
            }
            woken_ = false;
        }
        milliseconds pause = options_.pause_after_failure;
        bool failed = false;
        try {
            pause = std::clamp(run_due() - clock_.now(), milliseconds{0}, options_.idle_max);
        } catch (const std::exception& error) {
            failed = true;
            static log::Sparing sparing(log::storage_trouble_every);
            if (const auto left_out = sparing.due()) {
                log::error("scheduler", "step failed reason=\"{}\" again_in_ms={} not_told={}",
                           error.what(), pause.count(), *left_out);
            }
        }
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, pause, [&] { return stopping_ || (woken_ && !failed); });
    }
}

Instant Scheduler::run_due() {
    follow_clock();
    const Instant now = clock_.now();
    bool more = flush_presence(now);
    more = run_background_step() || more;
    more = expand_tasks() || more;
    more = deadlines_.run() || more;
    more = dispatcher_.turn() || more;
    more = run_jobs(now) || more;
    if (more) {
        return now;
    }
    Instant next = now + options_.idle_max;
    const auto not_after = [&](const std::optional<Instant>& instant) {
        if (instant) {
            next = std::min(next, *instant);
        }
    };
    not_after(deadlines_.next_at());
    not_after(dispatcher_.next_at());
    for (const Job& job : jobs_) {
        not_after(job.next);
    }
    const std::lock_guard lock(mutex_);
    not_after(flush_at_);
    return std::max(next, now);
}

bool Scheduler::flush_presence(Instant now) {
    {
        const std::lock_guard lock(mutex_);
        if (!flush_at_ || *flush_at_ > now) {
            return false;
        }
        flush_at_.reset();
    }
    const bool more = presence_.flush();
    if (more) {
        const std::lock_guard lock(mutex_);
        flush_at_ = now;
    }
    return more;
}

/// One chunk; the wish stays until nothing is left to make, whatever the store says in between.
bool Scheduler::expand_tasks() {
    {
        const std::lock_guard lock(mutex_);
        if (!expansion_wanted_) {
            return false;
        }
        expansion_wanted_ = false;
    }
    bool unfinished = true;
    const auto keep_wish = [&] {
        const std::lock_guard lock(mutex_);
        expansion_wanted_ = expansion_wanted_ || unfinished;
    };
    try {
        unfinished = tasks_.expand_next();
    } catch (const StorageError&) {
        keep_wish();
        throw;
    }
    keep_wish();
    return unfinished;
}

bool Scheduler::run_background_step() {
    std::function<bool()> step;
    {
        const std::lock_guard lock(mutex_);
        if (background_.empty()) {
            return false;
        }
        step = std::move(background_.front());
        background_.pop_front();
    }
    bool unfinished = true;  // also when it throws: then it goes on later
    const auto put_back = [&] {
        const std::lock_guard lock(mutex_);
        if (unfinished) {
            background_.push_back(std::move(step));
        }
        return !background_.empty();
    };
    try {
        unfinished = step();
    } catch (const StorageError&) {
        put_back();
        throw;
    }
    return put_back();
}

bool Scheduler::run_jobs(Instant now) {
    bool more = false;
    for (Job& job : jobs_) {
        if (job.next > now) {
            continue;
        }
        if (job.removes && std::chrono::steady_clock::now() < removes_after_) {
            job.next = now + job.period;
            continue;
        }
        bool again = false;
        try {
            again = job.run();
        } catch (const StorageError& error) {  // one job's trouble must not stop the others
            log::warn("scheduler", "job failed job=\"{}\" reason=\"{}\"", job.name, error.what());
        }
        job.next = again ? now : now + job.period;
        more = more || again;
    }
    return more;
}

bool Scheduler::prune_logs() {
    const auto removed = store_.write([&](UnitOfWork& work) -> Result<std::int64_t> {
        return work.device_logs().prune(clock_.now() - options_.keep_device_logs,
                                        options_.prune_batch);
    });
    return removed && *removed == options_.prune_batch;
}

/// The net under all wake-ups: page by page, every waiting device that is connected is looked at,
/// so that nothing waits for ever.
bool Scheduler::sweep() {
    const std::vector<DeviceId> page = store_.read([&](const Repositories& rows) {
        return rows.records().devices_waiting_for_push(std::nullopt, sweep_cursor_,
                                                       options_.sweep_page);
    });
    for (const DeviceId& device : page) {
        dispatcher_.wake(device);
    }
    sweep_cursor_ = page.size() == options_.sweep_page ? page.back() : DeviceId{};
    return false;
}

}  // namespace updraft
