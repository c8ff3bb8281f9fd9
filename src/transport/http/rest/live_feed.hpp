#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

#include "app/live_events.hpp"
#include "app/ports.hpp"

namespace updraft::rest {

/// Between what happens and those who watch: takes live events from whoever publishes, brings
/// bursts together, looks up the rows once, and hands them to the watchers. Changes of a task or
/// record are told at most once per interval, the last one always.
class LiveFeed {
public:
    /// Every limit of live events. Keys of the configuration under [live].
    struct Options {
        milliseconds interval{250};       ///< between two rounds: 4 a second for one task
        std::size_t records_max = 1'000;  ///< told in one round; of more, only their tasks are told
        std::size_t device_events_max = 4'096;  ///< waiting for a round; more: the oldest go
        std::size_t watchers_max = 1'000;
        milliseconds sign_in_check{2'000};  ///< watchers whose sign-in has ended leave within this
    };
    /// Why watchers are called: something is told, or nothing has happened for a while.
    enum class Round : std::uint8_t { telling, quiet };

    /// Someone who watches. All calls come on the feed's thread, one at a time; the functions that
    /// hand something over return false once the watcher has gone. Must be quick.
    class Watcher {
    public:
        virtual ~Watcher() = default;
        /// Whether it may be told anything still: a sign-in ends, rights are withdrawn. Asked once
        /// a round, before the others; may look it up. A quiet round is no use of the sign-in.
        [[nodiscard]] virtual bool may_watch(Round /*round*/) { return true; }
        /// It may not watch any more: hangs up.
        virtual void end() {}
        [[nodiscard]] virtual bool wants_task(const TaskId& task, const FirmwareId& firmware) = 0;
        [[nodiscard]] virtual bool wants_record(const UpgradeRecord& record) = 0;
        [[nodiscard]] virtual bool wants_devices() = 0;
        virtual bool on_task(const TaskRow& row) = 0;
        virtual bool on_record(const RecordRow& row) = 0;
        virtual bool on_device(const live::DeviceStateChanged& change, Instant at) = 0;
        virtual bool on_message(const live::DeviceMessageSeen& message, Instant at) = 0;
    };

    LiveFeed(const Store& store, LiveEvents& events, Options options);
    ~LiveFeed();
    LiveFeed(const LiveFeed&) = delete;
    LiveFeed& operator=(const LiveFeed&) = delete;

    void start();  ///< its thread; a test calls pump() instead
    void stop();

    /// Watches as long as the returned handle lives, which the feed must outlive. Null when there
    /// are too many.
    [[nodiscard]] std::shared_ptr<void> watch(std::shared_ptr<Watcher> watcher);
    /// Tells those who want this task in the next round, although nothing has changed.
    void tell_task(const TaskId& task);

    /// One round: tells what has gathered, and sends away who may not watch any more.
    void pump();

private:
    struct DeviceEvent {
        Instant at;
        std::variant<live::DeviceStateChanged, live::DeviceMessageSeen> what;
    };
    struct Gathered {
        std::map<TaskId, FirmwareId> tasks;
        std::unordered_map<RecordId, UpgradeRecord> records;
        std::deque<DeviceEvent> devices;
        [[nodiscard]] bool empty() const {
            return tasks.empty() && records.empty() && devices.empty();
        }
    };
    using Watchers = std::vector<std::shared_ptr<Watcher>>;

    void follow_events();
    void gather(const LiveEvent& event);
    void tell_tasks(const Watchers& watchers, const Gathered& gathered);
    void tell_records(const Watchers& watchers, const Gathered& gathered);
    void tell_devices(const Watchers& watchers, const Gathered& gathered);
    void loop();

    const Store& store_;
    LiveEvents& events_;
    const Options options_;

    std::mutex subscription_mutex_;                         ///< taken before mutex_
    std::optional<LiveEvents::Subscription> subscription_;  ///< only while someone watches

    std::mutex mutex_;
    std::condition_variable changed_;
    Watchers watchers_;
    Gathered gathered_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace updraft::rest
