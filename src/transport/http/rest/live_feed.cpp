#include "transport/http/rest/live_feed.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace updraft::rest {

LiveFeed::LiveFeed(const Store& store, LiveEvents& events, Options options)
    : store_(store), events_(events), options_(options) {}

LiveFeed::~LiveFeed() {
    stop();
}

void LiveFeed::start() {
    thread_ = std::thread([this] { loop(); });
}

void LiveFeed::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
    const std::lock_guard only_one(subscription_mutex_);
    subscription_.reset();
}

std::shared_ptr<void> LiveFeed::watch(std::shared_ptr<Watcher> watcher) {
    {
        const std::lock_guard lock(mutex_);
        if (watchers_.size() >= options_.watchers_max) {
            return nullptr;
        }
        watchers_.push_back(watcher);
    }
    follow_events();
    Watcher* key = watcher.get();
    return {key, [this, watcher](void*) {
                {
                    const std::lock_guard lock(mutex_);
                    std::erase(watchers_, watcher);
                }
                follow_events();
            }};
}

/// Nobody makes events that nobody sees.
void LiveFeed::follow_events() {
    const std::lock_guard only_one(subscription_mutex_);
    bool watched = false;
    {
        const std::lock_guard lock(mutex_);
        watched = !watchers_.empty();
    }
    if (watched && !subscription_) {
        subscription_ = events_.subscribe([this](const LiveEvent& event) { gather(event); });
    } else if (!watched) {
        subscription_.reset();
    }
}

void LiveFeed::tell_task(const TaskId& task) {
    {
        const std::lock_guard lock(mutex_);
        gathered_.tasks.try_emplace(task);
    }
    changed_.notify_all();
}

/// On the publisher's thread: only notes what happened.
void LiveFeed::gather(const LiveEvent& event) {
    {
        const std::lock_guard lock(mutex_);
        if (watchers_.empty()) {
            return;
        }
        if (const auto* task = std::get_if<live::TaskChanged>(&event.what)) {
            gathered_.tasks[task->task] = task->firmware;
        } else if (const auto* record = std::get_if<live::RecordChanged>(&event.what)) {
            if (gathered_.records.size() < options_.records_max ||
                gathered_.records.contains(record->record.id)) {
                gathered_.records[record->record.id] = record->record;
            } else {
                gathered_.tasks[record->record.task] = record->record.firmware;
            }
        } else {
            if (gathered_.devices.size() >= options_.device_events_max) {
                gathered_.devices.pop_front();
            }
            if (const auto* change = std::get_if<live::DeviceStateChanged>(&event.what)) {
                gathered_.devices.push_back({event.at, *change});
            } else {
                gathered_.devices.push_back(
                    {event.at, std::get<live::DeviceMessageSeen>(event.what)});
            }
        }
    }
    changed_.notify_all();
}

void LiveFeed::pump() {
    Watchers watchers;
    Gathered gathered;
    {
        const std::lock_guard lock(mutex_);
        watchers = watchers_;
        gathered = std::exchange(gathered_, {});
    }
    const Round round = gathered.empty() ? Round::quiet : Round::telling;
    std::erase_if(watchers, [&](const auto& each) {
        const bool may_watch = each->may_watch(round);
        if (!may_watch) {
            each->end();
        }
        return !may_watch;
    });
    if (watchers.empty()) {
        return;
    }
    tell_tasks(watchers, gathered);
    tell_records(watchers, gathered);
    tell_devices(watchers, gathered);
}

void LiveFeed::tell_tasks(const Watchers& watchers, const Gathered& gathered) {
    if (gathered.tasks.empty()) {
        return;
    }
    store_.run_read([&](const Repositories& rows) {
        for (const auto& [task, firmware] : gathered.tasks) {
            const auto row = rows.tasks().find(task);
            if (!row) {
                continue;
            }
            for (const auto& watcher : watchers) {
                if (watcher->wants_task(task, row->task.firmware)) {
                    watcher->on_task(*row);
                }
            }
        }
    });
}

void LiveFeed::tell_records(const Watchers& watchers, const Gathered& gathered) {
    if (gathered.records.empty()) {
        return;
    }
    store_.run_read([&](const Repositories& rows) {
        for (const auto& [id, record] : gathered.records) {
            std::optional<RecordRow> row;
            for (const auto& watcher : watchers) {
                if (!watcher->wants_record(record)) {
                    continue;
                }
                if (!row) {
                    row = rows.records().find_row(id);
                }
                if (row) {
                    watcher->on_record(*row);
                }
            }
        }
    });
}

void LiveFeed::tell_devices(const Watchers& watchers, const Gathered& gathered) {
    for (const auto& watcher : watchers) {
        if (!watcher->wants_devices()) {
            continue;
        }
        for (const DeviceEvent& event : gathered.devices) {
            const auto* change = std::get_if<live::DeviceStateChanged>(&event.what);
            const bool here =
                change != nullptr
                    ? watcher->on_device(*change, event.at)
                    : watcher->on_message(std::get<live::DeviceMessageSeen>(event.what), event.at);
            if (!here) {
                break;
            }
        }
    }
}

void LiveFeed::loop() {
    while (true) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, options_.sign_in_check,
                              [&] { return stopping_ || !gathered_.empty(); });
            if (stopping_) {
                return;
            }
        }
        try {
            pump();
        } catch (const StorageError& error) {
            log::warn("live", "events not told reason=\"{}\"", error.what());
        }
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, options_.interval, [&] { return stopping_; })) {
            return;
        }
    }
}

}  // namespace updraft::rest
