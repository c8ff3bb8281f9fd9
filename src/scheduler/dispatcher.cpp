#include "scheduler/dispatcher.hpp"

#include <algorithm>
#include <iterator>

#include "base/assert.hpp"
#include "base/log.hpp"
#include "domain/pull_selection.hpp"

namespace updraft {
namespace {

const UpgradeRecord* next_record(const std::vector<UpgradeRecord>& records) {
    const std::optional<RecordId> next = next_to_push(records);
    if (!next) {
        return nullptr;
    }
    return &*std::ranges::find(records, *next, &UpgradeRecord::id);
}

/// A batch of nothing would never end.
Dispatcher::Options sane(Dispatcher::Options options) {
    options.claim_batch = std::max<std::size_t>(options.claim_batch, 1);
    return options;
}

template <class Counts, class Key>
std::size_t count_of(const Counts& counts, const Key& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
}

template <class Counts, class Key>
void lower(Counts& counts, const Key& key) {
    const auto found = counts.find(key);
    if (found != counts.end() && --found->second == 0) {
        counts.erase(found);
    }
}

}  // namespace

Dispatcher::Dispatcher(Store& store, const RecordChanges& changes, const Presence& presence,
                       const TaskService& tasks, UpgradeSender& sender, const Clock& clock,
                       SnowflakeIds& ids, std::string server_id, Options options)
    : store_(store),
      changes_(changes),
      presence_(presence),
      tasks_(tasks),
      sender_(sender),
      clock_(clock),
      ids_(ids),
      server_id_(std::move(server_id)),
      options_(sane(options)),
      bucket_(options.sends_per_second, clock.now()) {}

template <class Change>
void Dispatcher::hand_over(Change change) {
    {
        const std::lock_guard lock(mutex_);
        change(inbox_);
    }
    if (notify_) {
        notify_();
    }
}

void Dispatcher::look_at(const TaskId& task) {
    hand_over([&](Inbox& inbox) { inbox.tasks.insert(task); });
}

/// A device without a connection is not remembered: it wakes us when it connects.
void Dispatcher::wake(const DeviceId& device) {
    if (presence_.carrier_of(device)) {
        hand_over([&](Inbox& inbox) { inbox.devices.insert(device); });
    }
}

void Dispatcher::send(const UpgradeRecord& record) {
    hand_over([&](Inbox& inbox) { inbox.to_send.push_back(record); });
}

void Dispatcher::read_version(const DeviceId& device) {
    if (presence_.carrier_of(device)) {
        hand_over([&](Inbox& inbox) { inbox.reads.insert(device); });
    }
}

void Dispatcher::record_changed(const UpgradeRecord& record) {
    if (record.mode != UpgradeMode::push) {
        return;
    }
    bool room = false;
    {
        const std::lock_guard lock(mutex_);
        const auto known = in_flight_.find(record.id);
        const bool processing = record.state == RecordState::processing;
        if (processing && known == in_flight_.end()) {
            std::optional<DeviceId> gateway = presence_.carrier_of(record.device);
            if (gateway == record.device) {
                gateway.reset();
            }
            if (gateway) {
                ++in_flight_of_gateway_[*gateway];
            }
            ++in_flight_of_task_[record.task];
            in_flight_.emplace(record.id, InFlight{record.task, std::move(gateway)});
        } else if (!processing && known != in_flight_.end()) {
            lower(in_flight_of_task_, known->second.task);
            if (known->second.gateway) {
                lower(in_flight_of_gateway_, *known->second.gateway);
            }
            in_flight_.erase(known);
            room = true;
        }
    }
    if (room && notify_) {
        notify_();
    }
}

std::size_t Dispatcher::in_flight() const {
    const std::lock_guard lock(mutex_);
    return in_flight_.size();
}

Dispatcher::Inbox Dispatcher::take_inbox() {
    const std::lock_guard lock(mutex_);
    return std::exchange(inbox_, {});
}

bool Dispatcher::turn() {
    Inbox inbox = take_inbox();
    try {
        return turn(inbox);
    } catch (const StorageError&) {
        put_back(std::move(inbox));
        throw;
    }
}

/// What was not done because the store refused is done in a later turn.
void Dispatcher::put_back(Inbox inbox) {
    const std::lock_guard lock(mutex_);
    inbox_.tasks.merge(inbox.tasks);
    inbox_.devices.merge(inbox.devices);
    inbox_.reads.merge(inbox.reads);
    std::ranges::move(inbox.to_send, std::back_inserter(inbox_.to_send));
    std::ranges::move(inbox.not_written, std::back_inserter(inbox_.not_written));
}

bool Dispatcher::turn(Inbox& inbox) {
    settle_unwritten(inbox.not_written);
    inbox.not_written.clear();
    if (!inbox.reads.empty()) {
        sender_.read_versions({inbox.reads.begin(), inbox.reads.end()});
        inbox.reads.clear();
    }
    write_messages(inbox.to_send);
    inbox.to_send.clear();
    sort_woken(inbox);
    inbox.devices.clear();
    inbox.tasks.clear();
    bool more = scan();
    passed_over_ = false;
    const std::vector<Claim> claims = choose();
    if (!claims.empty()) {
        more = claim(claims) || more;
    }
    forget_idle_queues();
    plan_next(passed_over_);
    const std::lock_guard lock(mutex_);
    return more || claims.size() == options_.claim_batch || !inbox_.devices.empty() ||
           !inbox_.tasks.empty() || !inbox_.not_written.empty() || !inbox_.reads.empty();
}

/// T4. The device gets a moment before it is tried again: its outbox may be full.
void Dispatcher::settle_unwritten(const std::vector<UpgradeRecord>& records) {
    if (records.empty()) {
        return;
    }
    const Instant again = clock_.now() + options_.send_retry_after;
    for (const UpgradeRecord& record : records) {
        cooling_[record.device] = again;
    }
    const auto done = store_.write([&](UnitOfWork& work) -> Result<void> {
        for (const UpgradeRecord& sent : records) {
            if (const auto record = work.records().find(sent.id)) {
                changes_.apply(work, *record, event::SendFailed{sent.message_id});
            }
        }
        return {};
    });
    log::info("dispatch", "messages not written records={} stored={}", records.size(),
              done.has_value());
}

void Dispatcher::sort_woken(const Inbox& inbox) {
    const Instant now = clock_.now();
    std::erase_if(cooling_, [&](const auto& each) { return each.second <= now; });
    std::vector<DeviceId> devices;
    for (const DeviceId& device : inbox.devices) {
        const auto until = cooling_.find(device);
        if (until == cooling_.end()) {
            devices.push_back(device);
        } else {
            delayed_.emplace(until->second, device);
        }
    }
    while (!delayed_.empty() && delayed_.begin()->first <= now) {
        devices.push_back(delayed_.begin()->second);
        delayed_.erase(delayed_.begin());
    }
    assign(devices);
    if (!inbox.tasks.empty()) {
        store_.run_read([&](const Repositories& rows) {
            for (const TaskId& task : inbox.tasks) {
                if (Queue* queue = queue_of(rows, task)) {
                    queue->scan_again = queue->scanning;
                    queue->scanning = true;
                }
            }
        });
    }
}

/// Puts each connected device into the queue of the task whose record it installs next.
void Dispatcher::assign(const std::vector<DeviceId>& devices) {
    if (devices.empty()) {
        return;
    }
    store_.run_read([&](const Repositories& rows) {
        for (const DeviceId& device : devices) {
            const std::vector<UpgradeRecord> records = rows.records().of_device(device);
            if (const UpgradeRecord* record = next_record(records)) {
                enqueue(rows, record->task, device);
            }
        }
    });
}

void Dispatcher::enqueue(const Repositories& rows, const TaskId& task, const DeviceId& device) {
    Queue* queue = queue_of(rows, task);
    if (queue != nullptr && queue->queued.insert(device).second) {
        queue->ready.push_back(device);
    }
}

Dispatcher::Queue* Dispatcher::queue_of(const Repositories& rows, const TaskId& task) {
    const auto known = queues_.find(task);
    if (known != queues_.end()) {
        return &known->second;
    }
    const auto row = rows.tasks().find(task);
    if (!row || row->task.mode != UpgradeMode::push) {
        return nullptr;
    }
    const Instant now = clock_.now();
    const int rate = row->task.rate_per_second.value_or(options_.task_sends_per_second);
    return &queues_
                .emplace(task, Queue{{},
                                     {},
                                     false,
                                     false,
                                     {},
                                     TokenBucket(rate, now),
                                     row->task.max_concurrent,
                                     now})
                .first->second;
}

/// Reads on in the lists of tasks that were looked at, as far as their queues need it.
bool Dispatcher::scan() {
    bool more = false;
    for (auto& [task, queue] : queues_) {
        if (!queue.scanning || queue.ready.size() >= options_.ready_low) {
            continue;
        }
        const auto page = store_.read([&](const Repositories& rows) {
            return rows.records().devices_waiting_for_push(task, queue.cursor, options_.scan_page);
        });
        for (const DeviceId& device : page) {
            if (presence_.carrier_of(device) && !cooling_.contains(device) &&
                queue.queued.insert(device).second) {
                queue.ready.push_back(device);
            }
        }
        const bool at_end = page.size() < options_.scan_page;
        queue.cursor = at_end ? DeviceId{} : page.back();
        queue.scanning = !at_end || std::exchange(queue.scan_again, false);
        queue.used_at = clock_.now();
        more = more || (queue.scanning && queue.ready.size() < options_.ready_low);
    }
    return more;
}

bool Dispatcher::task_has_room(const TaskId& task, const Queue& queue,
                               const Planned& planned) const {
    const std::lock_guard lock(mutex_);
    if (in_flight_.size() + planned.total >= options_.in_flight_max) {
        return false;
    }
    const std::size_t running =
        count_of(in_flight_of_task_, task) + count_of(planned.of_task, task);
    return !queue.max_concurrent || running < static_cast<std::size_t>(*queue.max_concurrent);
}

Dispatcher::Fit Dispatcher::fit(const DeviceId& device, Planned& planned) const {
    const std::optional<DeviceId> carrier = presence_.carrier_of(device);
    if (!carrier) {
        return Fit::no_connection;
    }
    if (*carrier == device) {
        return Fit::yes;
    }
    const std::lock_guard lock(mutex_);
    const std::size_t running =
        count_of(in_flight_of_gateway_, *carrier) + count_of(planned.of_gateway, *carrier);
    if (running >= options_.children_per_gateway) {
        return Fit::gateway_busy;
    }
    ++planned.of_gateway[*carrier];
    return Fit::yes;
}

/// The first device of the queue that may have its turn; those behind a busy gateway go to the end.
std::optional<DeviceId> Dispatcher::next_of(const TaskId& task, Queue& queue, Planned& planned) {
    if (!task_has_room(task, queue, planned)) {
        return std::nullopt;
    }
    const std::size_t tries = std::min(queue.ready.size(), options_.look_ahead);
    for (std::size_t i = 0; i < tries; ++i) {
        DeviceId device = std::move(queue.ready.front());
        queue.ready.pop_front();
        switch (fit(device, planned)) {
            case Fit::yes:
                queue.queued.erase(device);
                return device;
            case Fit::no_connection:
                queue.queued.erase(device);
                break;
            case Fit::gateway_busy:
                queue.ready.push_back(std::move(device));
                passed_over_ = true;
                break;
        }
    }
    return std::nullopt;
}

/// Task by task in turn, beginning behind the one that was served last, so that a big task does not
/// starve a small one.
std::vector<Dispatcher::Claim> Dispatcher::choose() {
    const Instant now = clock_.now();
    std::vector<Claim> claims;
    Planned planned;
    bool found = true;
    while (found && claims.size() < options_.claim_batch) {
        found = false;
        auto place = queues_.upper_bound(last_served_);
        for (std::size_t i = 0; i < queues_.size() && claims.size() < options_.claim_batch;
             ++i, ++place) {
            if (place == queues_.end()) {
                place = queues_.begin();
            }
            auto& [task, queue] = *place;
            if (queue.ready.empty() || !queue.bucket.has(now) || !bucket_.has(now) ||
                tasks_.is_being_stopped(task)) {
                continue;
            }
            std::optional<DeviceId> device = next_of(task, queue, planned);
            if (!device) {
                continue;
            }
            queue.bucket.take();
            bucket_.take();
            queue.used_at = now;
            ++planned.total;
            ++planned.of_task[task];
            last_served_ = task;
            claims.push_back({task, *std::move(device)});
            found = true;
        }
    }
    return claims;
}

void Dispatcher::give_back(const Claim& claim) {
    bucket_.give_back();
    const auto queue = queues_.find(claim.task);
    if (queue != queues_.end()) {
        queue->second.bucket.give_back();
    }
}

/// T2, T5: one write operation for the batch; the messages leave after its commit. True when some
/// device turned out to belong to another task's queue.
bool Dispatcher::claim(const std::vector<Claim>& claims) {
    std::vector<Claim> not_sent;
    std::vector<DeviceId> elsewhere;
    const auto store_claims = [&](UnitOfWork& work) -> Result<void> {
        not_sent.clear();
        elsewhere.clear();
        for (const Claim& each : claims) {
            const std::vector<UpgradeRecord> records = work.records().of_device(each.device);
            const UpgradeRecord* record = next_record(records);
            const std::optional<Device> device =
                record == nullptr ? std::nullopt : work.devices().find(each.device);
            const bool fits = device && device->product == record->product;
            if (!fits || device->state == DeviceState::not_active) {  // T23
                not_sent.push_back(each);
            } else if (record->task != each.task) {
                not_sent.push_back(each);
                elsewhere.push_back(each.device);
            } else if (!record->forced && device->firmware &&
                       device->firmware->version == record->target_version) {
                changes_.apply(work, *record, event::AlreadyInstalled{});
                not_sent.push_back(each);
            } else {
                changes_.apply(work, *record, event::Dispatched{ids_.next(), server_id_});
            }
        }
        return {};
    };
    try {
        const auto stored = store_.write(store_claims);
        UPDRAFT_ASSERT(stored.has_value());
    } catch (const StorageError&) {
        for (const Claim& each : claims) {
            give_back(each);
            delayed_.emplace(clock_.now() + options_.send_retry_after, each.device);
        }
        throw;
    }
    for (const Claim& each : not_sent) {
        give_back(each);
    }
    assign(elsewhere);
    std::vector<UpgradeRecord> to_send;
    {
        const std::lock_guard lock(mutex_);
        to_send.swap(inbox_.to_send);
    }
    write_messages(to_send);
    return !elsewhere.empty();
}

void Dispatcher::write_messages(const std::vector<UpgradeRecord>& records) {
    if (records.empty()) {
        return;
    }
    sender_.send(records, [this](const UpgradeRecord& record, bool written) {
        if (!written) {
            hand_over([&](Inbox& inbox) { inbox.not_written.push_back(record); });
        }
    });
}

void Dispatcher::plan_next(bool blocked_by_gateway) {
    next_at_.reset();
    const auto at = [&](Instant instant) {
        next_at_ = next_at_ ? std::min(*next_at_, instant) : instant;
    };
    if (!delayed_.empty()) {
        at(delayed_.begin()->first);
    }
    // Tokens are fetched a few at a time: one commit for each would wear the disk at high rates.
    constexpr milliseconds pause{20};
    for (const auto& [task, queue] : queues_) {
        if (!queue.ready.empty() && task_has_room(task, queue, {})) {
            const Instant refilled = std::max(queue.bucket.next_at(), bucket_.next_at());
            at(std::max(refilled, clock_.now() + (blocked_by_gateway ? 5 * pause : pause)));
        }
    }
}

void Dispatcher::clock_was_set(milliseconds by) {
    std::multimap<Instant, DeviceId> delayed;
    for (const auto& [at, device] : delayed_) {
        delayed.emplace(at + by, device);
    }
    delayed_ = std::move(delayed);
    for (auto& [device, until] : cooling_) {
        until += by;
    }
    for (auto& [task, queue] : queues_) {
        queue.used_at += by;  // buckets notice by themselves
    }
    if (next_at_) {
        *next_at_ += by;
    }
}

void Dispatcher::forget_idle_queues() {
    const Instant before = clock_.now() - options_.forget_task_after;
    std::erase_if(queues_, [&](const auto& each) {
        const Queue& queue = each.second;
        return queue.ready.empty() && !queue.scanning && queue.used_at < before;
    });
}

}  // namespace updraft
