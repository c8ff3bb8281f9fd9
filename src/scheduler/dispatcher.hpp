#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "app/ports.hpp"
#include "app/presence.hpp"
#include "app/record_changes.hpp"
#include "app/task_service.hpp"
#include "app/upgrade_sender.hpp"
#include "scheduler/token_bucket.hpp"

namespace updraft {

/// Brings waiting push records to devices that are connected (design 3.5, T2-T5). It is woken by a
/// device that connects or finishes, by a task that begins or continues, by an expansion, and by
/// its own budgets; it never looks at devices that nobody is connected for.
///
/// The functions that wake it are safe from every thread and only hand over; everything else is for
/// the scheduler's thread.
class Dispatcher {
public:
    /// Every limit of dispatching. Keys of the configuration under [dispatch].
    struct Options {
        int sends_per_second = 500;           ///< of this server
        int task_sends_per_second = 50;       ///< of one task, unless its `rate` says otherwise
        std::size_t in_flight_max = 100'000;  ///< push records processing at a time, of this server
        std::size_t children_per_gateway = 1;  ///< of these, behind one gateway (gap 33)
        std::size_t claim_batch = 500;         ///< records claimed by one write operation
        std::size_t scan_page = 1'000;         ///< waiting devices of a task read at a time
        std::size_t ready_low = 500;           ///< a task's queue is filled again below that
        std::size_t look_ahead = 256;  ///< devices passed over in one turn because of their gateway
        milliseconds send_retry_after{1'000};  ///< after a write to a connection failed
        milliseconds forget_task_after{60'000};
    };

    Dispatcher(Store& store, const RecordChanges& changes, const Presence& presence,
               const TaskService& tasks, UpgradeSender& sender, const Clock& clock,
               SnowflakeIds& ids, std::string server_id, Options options);

    /// Called once by the wiring: something is to be done, call turn() soon.
    void notify_with(std::function<void()> notify) { notify_ = std::move(notify); }

    void look_at(const TaskId& task);
    void wake(const DeviceId& device);
    void send(const UpgradeRecord& record);  ///< T2, T25: its message is to be written
    void read_version(const DeviceId& device);
    void record_changed(const UpgradeRecord& record);  ///< keeps count of what is in flight

    /// Does what can be done now; true if there is more for another turn at once.
    bool turn();
    /// When a budget allows the next send; nothing if nobody waits for one.
    [[nodiscard]] std::optional<Instant> next_at() const { return next_at_; }

    [[nodiscard]] std::size_t in_flight() const;

    /// The clock was set: pauses that are under way move along. On the thread of turn().
    void clock_was_set(milliseconds by);

private:
    struct Queue {
        std::deque<DeviceId> ready;
        std::unordered_set<DeviceId> queued;
        bool scanning = false;
        bool scan_again = false;  ///< something was added since the scan began
        DeviceId cursor;
        TokenBucket bucket;
        std::optional<int> max_concurrent;
        Instant used_at;
    };
    struct Inbox {
        std::set<TaskId> tasks;
        std::unordered_set<DeviceId> devices;
        std::vector<UpgradeRecord> to_send;
        std::vector<UpgradeRecord> not_written;
        std::unordered_set<DeviceId> reads;
    };
    struct InFlight {
        TaskId task;
        std::optional<DeviceId> gateway;
    };
    struct Claim {
        TaskId task;
        DeviceId device;
    };
    struct Planned {
        std::size_t total = 0;
        std::map<TaskId, std::size_t> of_task;
        std::map<DeviceId, std::size_t> of_gateway;
    };
    enum class Fit : std::uint8_t { yes, no_connection, gateway_busy };

    template <class Change>
    void hand_over(Change change);
    [[nodiscard]] Inbox take_inbox();
    void put_back(Inbox inbox);
    bool turn(Inbox& inbox);
    void settle_unwritten(const std::vector<UpgradeRecord>& records);
    void sort_woken(const Inbox& inbox);
    void assign(const std::vector<DeviceId>& devices);
    void enqueue(const Repositories& rows, const TaskId& task, const DeviceId& device);
    Queue* queue_of(const Repositories& rows, const TaskId& task);
    bool scan();
    [[nodiscard]] std::vector<Claim> choose();
    [[nodiscard]] std::optional<DeviceId> next_of(const TaskId& task, Queue& queue,
                                                  Planned& planned);
    [[nodiscard]] Fit fit(const DeviceId& device, Planned& planned) const;
    [[nodiscard]] bool task_has_room(const TaskId& task, const Queue& queue,
                                     const Planned& planned) const;
    bool claim(const std::vector<Claim>& claims);
    void give_back(const Claim& claim);
    void write_messages(const std::vector<UpgradeRecord>& records);
    void plan_next(bool blocked_by_gateway);
    void forget_idle_queues();

    Store& store_;
    const RecordChanges& changes_;
    const Presence& presence_;
    const TaskService& tasks_;
    UpgradeSender& sender_;
    const Clock& clock_;
    SnowflakeIds& ids_;
    const std::string server_id_;
    const Options options_;
    std::function<void()> notify_;

    std::map<TaskId, Queue> queues_;
    TokenBucket bucket_;
    TaskId last_served_;
    std::multimap<Instant, DeviceId> delayed_;
    std::unordered_map<DeviceId, Instant> cooling_;
    std::optional<Instant> next_at_;
    bool passed_over_ = false;

    mutable std::mutex mutex_;
    Inbox inbox_;
    std::unordered_map<RecordId, InFlight> in_flight_;
    std::unordered_map<TaskId, std::size_t> in_flight_of_task_;
    std::unordered_map<DeviceId, std::size_t> in_flight_of_gateway_;
};

}  // namespace updraft
