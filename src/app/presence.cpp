#include "app/presence.hpp"

#include <unordered_set>
#include <utility>

#include "app/log_types.hpp"
#include "base/assert.hpp"
#include "base/log.hpp"
#include "base/log_sparing.hpp"

namespace updraft {

Presence::Presence(Store& store, const DeviceLinks& links, const RecordChanges& changes,
                   LiveEvents& live, const Clock& clock, SnowflakeIds& ids, Options options)
    : store_(store),
      links_(links),
      changes_(changes),
      live_(live),
      clock_(clock),
      ids_(ids),
      options_(options) {}

void Presence::start() {
    const auto done = store_.write([&](UnitOfWork& work) -> Result<void> {
        work.devices().all_offline(clock_.now());
        return {};
    });
    UPDRAFT_ASSERT(done.has_value());
}

void Presence::note(Change change) {
    bool first = false;
    bool full = false;
    {
        const std::lock_guard lock(mutex_);
        first = pending_.empty();
        pending_.push_back(std::move(change));
        full = pending_.size() == options_.flush_changes_max;
    }
    if ((first || full) && listeners_.flush_wanted) {
        listeners_.flush_wanted();
    }
}

void Presence::connected(const DeviceId& carrier, const std::string& address) {
    const Instant now = clock_.now();
    bool logged = true;
    {
        const std::lock_guard lock(mutex_);
        const auto [known, added] = connections_.try_emplace(carrier, Connection{{}, true, now});
        Connection& connection = known->second;
        logged = added || !connection.online ||
                 connection.logged_at + options_.takeovers_logged_every <= now;
        connection = {address, true, logged ? now : connection.logged_at};
    }
    note({{carrier, true, now, address}, By::connection, logged});
}

void Presence::disconnected(const DeviceId& carrier) {
    {
        const std::lock_guard lock(mutex_);
        connections_.erase(carrier);
        drop_children_of(carrier);
        if (const auto visitor = visitors_.find(carrier); visitor != visitors_.end()) {
            visitor->second.online = false;
        }
    }
    note({{carrier, false, clock_.now(), {}}, By::connection});
}

void Presence::seen(const DeviceId& device, const std::string& address) {
    const Instant now = clock_.now();
    {
        const std::lock_guard lock(mutex_);
        if (connections_.contains(device)) {
            return;
        }
        auto visitor = visitors_.find(device);
        if (visitor == visitors_.end()) {
            if (visitors_.size() >= options_.http_devices_max) {
                if (!std::exchange(said_full_, true)) {
                    log::warn("presence", "too many devices without a connection devices={}",
                              visitors_.size());
                }
                return;
            }
            said_full_ = false;
            visitor = visitors_.emplace(device, Visitor{now, false}).first;
            dues_.push({now + options_.http_online_for, &*visitor});
        }
        visitor->second.last_at = now;
        if (std::exchange(visitor->second.online, true)) {
            return;
        }
    }
    note({{device, true, now, address}, By::request});
}

bool Presence::expire() {
    const Instant now = clock_.now();
    std::unordered_set<DeviceId> gone;
    bool more = false;
    {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < options_.expire_max && !dues_.empty(); ++i) {
            const Due due = dues_.top();
            if (due.at > now) {
                break;
            }
            dues_.pop();
            const auto& [device, visitor] = *due.visitor;
            if (visitor.last_at + options_.http_online_for > now) {
                dues_.push({visitor.last_at + options_.http_online_for, due.visitor});
                continue;
            }
            if (visitor.online && !connections_.contains(device)) {
                gone.insert(device);
            }
            visitors_.erase(visitors_.find(device));
        }
        more = !dues_.empty() && dues_.top().at <= now;
        for (const DeviceId& device : gone) {
            drop_children_of(device);
        }
    }
    for (const DeviceId& device : gone) {
        note({{device, false, now, {}}, By::request});
    }
    return more;
}

void Presence::clock_was_set(milliseconds by) {
    const std::lock_guard lock(mutex_);
    for (auto& [carrier, connection] : connections_) {
        connection.logged_at += by;
    }
    for (auto& [device, visitor] : visitors_) {
        visitor.last_at += by;
    }
    decltype(dues_) moved;
    for (; !dues_.empty(); dues_.pop()) {
        moved.push({dues_.top().at + by, dues_.top().visitor});
    }
    dues_ = std::move(moved);
}

void Presence::child_online(const DeviceId& child, const DeviceId& gateway) {
    std::string address;
    {
        const std::lock_guard lock(mutex_);
        const auto known = children_.find(child);
        const bool follows = known != children_.end() && known->second.gateway == gateway;
        if (follows && known->second.online) {
            return;
        }
        put_child(child, gateway, true);
        const auto connection = connections_.find(gateway);
        if (connection != connections_.end()) {
            address = connection->second.address;
        }
    }
    note({{child, true, clock_.now(), address}, By::message});
}

void Presence::child_offline(const DeviceId& child, const DeviceId& gateway) {
    {
        const std::lock_guard lock(mutex_);
        put_child(child, gateway, false);
    }
    note({{child, false, clock_.now(), {}}, By::message});
}

void Presence::said(const DeviceId& carrier, bool online) {
    std::string address;
    By by = By::message;
    {
        const std::lock_guard lock(mutex_);
        const auto connection = connections_.find(carrier);
        const auto visitor = visitors_.find(carrier);
        if (connection != connections_.end()) {
            if (std::exchange(connection->second.online, online) == online) {
                return;
            }
            address = connection->second.address;
        } else {
            if (visitor == visitors_.end() ||
                std::exchange(visitor->second.online, online) == online) {
                return;
            }
            by = By::request;
        }
    }
    note({{carrier, online, clock_.now(), address}, by});
}

void Presence::forget(const DeviceId& device) {
    const std::lock_guard lock(mutex_);
    drop_child(device);
    drop_children_of(device);
    if (const auto visitor = visitors_.find(device); visitor != visitors_.end()) {
        visitor->second.online = false;
    }
}

void Presence::adopt(const DeviceId& child, const DeviceId& gateway) {
    const std::lock_guard lock(mutex_);
    const auto known = children_.find(child);
    if (known == children_.end() || known->second.gateway != gateway) {
        put_child(child, gateway, false);
    }
}

std::optional<DeviceId> Presence::carrier_of(const DeviceId& device) const {
    std::optional<DeviceId> carrier;
    {
        const std::lock_guard lock(mutex_);
        const auto child = children_.find(device);
        if (child == children_.end()) {
            carrier = device;
        } else if (child->second.online) {
            carrier = child->second.gateway;
        }
    }
    return carrier && links_.is_connected(*carrier) ? carrier : std::nullopt;
}

bool Presence::is_child(const DeviceId& child, const DeviceId& gateway) const {
    const std::lock_guard lock(mutex_);
    const auto known = children_.find(child);
    return known != children_.end() && known->second.gateway == gateway;
}

bool Presence::is_online(const DeviceId& device) const {
    const std::lock_guard lock(mutex_);
    const auto visitor = visitors_.find(device);
    if (visitor != visitors_.end() && visitor->second.online) {
        return true;
    }
    const auto child = children_.find(device);
    if (child != children_.end()) {
        return child->second.online;
    }
    const auto connection = connections_.find(device);
    return connection != connections_.end() && connection->second.online;
}

/// Under mutex_, as the next two.
void Presence::put_child(const DeviceId& child, const DeviceId& gateway, bool online) {
    const auto known = children_.find(child);
    if (known == children_.end() || known->second.gateway != gateway) {
        drop_child(child);
        children_of_[gateway].insert(child);
    }
    children_[child] = {gateway, online};
}

void Presence::drop_child(const DeviceId& child) {
    const auto known = children_.find(child);
    if (known == children_.end()) {
        return;
    }
    const auto siblings = children_of_.find(known->second.gateway);
    siblings->second.erase(child);
    if (siblings->second.empty()) {
        children_of_.erase(siblings);
    }
    children_.erase(known);
}

void Presence::drop_children_of(const DeviceId& gateway) {
    const auto dropped = children_of_.extract(gateway);
    if (!dropped.empty()) {
        for (const DeviceId& child : dropped.mapped()) {
            children_.erase(child);
        }
    }
}

/// Holds a connection or was seen lately. Under mutex_.
bool Presence::is_present(const DeviceId& carrier) const {
    const auto visitor = visitors_.find(carrier);
    return connections_.contains(carrier) || (visitor != visitors_.end() && visitor->second.online);
}

bool Presence::flush() {
    std::vector<Change> batch;
    bool more = false;
    {
        const std::lock_guard lock(mutex_);
        const std::size_t count = std::min(pending_.size(), options_.flush_changes_max);
        const auto end = pending_.begin() + static_cast<std::ptrdiff_t>(count);
        batch.assign(std::make_move_iterator(pending_.begin()), std::make_move_iterator(end));
        pending_.erase(pending_.begin(), end);
        more = !pending_.empty();
    }
    if (batch.empty()) {
        return false;
    }
    const auto shared = std::make_shared<std::vector<Change>>(std::move(batch));
    const auto operation = [this, shared](UnitOfWork& work) {
        store_batch(work, *shared);
        return true;
    };
    const auto completed = [this, shared](const std::exception_ptr& failure) {
        if (failure) {
            restore(*shared);
        }
    };
    try {
        store_.submit(operation, completed);
    } catch (const StorageError&) {
        restore(*shared);
        throw;
    }
    return more;
}

/// What could not be stored now is tried again with the next batch.
void Presence::restore(std::vector<Change>& batch) {
    static log::Sparing sparing(log::storage_trouble_every);
    if (const auto left_out = sparing.due()) {
        log::warn("presence", "connection states not stored changes={} not_told={}", batch.size(),
                  *left_out);
    }
    {
        const std::lock_guard lock(mutex_);
        pending_.insert(pending_.begin(), std::make_move_iterator(batch.begin()),
                        std::make_move_iterator(batch.end()));
    }
    if (listeners_.flush_wanted) {
        listeners_.flush_wanted();
    }
}

void Presence::store_batch(UnitOfWork& work, const std::vector<Change>& batch) {
    std::vector<PresenceChange> rows;
    rows.reserve(batch.size());
    for (const Change& change : batch) {
        rows.push_back(change.row);
    }
    work.devices().apply_presence(rows);
    for (const Change& change : batch) {
        store_one(work, change);
    }
}

void Presence::store_one(UnitOfWork& work, const Change& change) {
    const PresenceChange& row = change.row;
    const std::optional<Device> device = work.devices().find(row.device);
    if (!device || device->state == DeviceState::not_active) {
        return;
    }
    if (change.logged) {
        work.device_logs().add({ids_.next(),
                                row.device,
                                std::string(row.online ? log_type::online : log_type::offline),
                                row.at,
                                row.address,
                                {},
                                {}});
        work.after_commit([this, row, product = device->product] {
            live_.publish({row.at, live::DeviceStateChanged{
                                       row.device, product,
                                       row.online ? DeviceState::online : DeviceState::offline}});
        });
    }
    if (change.by != By::message && device->device_type == DeviceType::gateway) {
        follow_gateway(work, *device, change);
    }
    if (row.online && change.by != By::request) {
        came_online(work, *device, row.at);
    }
}

/// T3, T25, and the version that nobody knows yet.
void Presence::came_online(UnitOfWork& work, const Device& device, Instant since) {
    for (const UpgradeRecord& record : work.records().of_device(device.id)) {
        if (record.state == RecordState::processing && !record.acked) {
            changes_.apply(work, record, event::Reconnected{since});
        }
    }
    const bool version_unknown = !device.firmware.has_value();
    work.after_commit([this, id = device.id, version_unknown] {
        if (listeners_.wake_device) {
            listeners_.wake_device(id);
        }
        if (version_unknown && listeners_.read_version) {
            listeners_.read_version(id);
        }
    });
}

void Presence::follow_gateway(UnitOfWork& work, const Device& gateway, const Change& moved_by) {
    const PresenceChange& change = moved_by.row;
    std::vector<Device> children = work.devices().children_of(gateway.id);
    if (children.size() > options_.children_per_gateway_max) {
        log::warn("presence", "gateway has too many children device={} children={} followed={}",
                  gateway.id, children.size(), options_.children_per_gateway_max);
        children.erase(
            children.begin() + static_cast<std::ptrdiff_t>(options_.children_per_gateway_max),
            children.end());
    }
    std::vector<PresenceChange> rows;
    std::vector<Device> moved;
    for (Device& child : children) {
        if (child.state == DeviceState::not_active) {
            continue;
        }
        rows.push_back({child.id, change.online, change.at, change.address});
        moved.push_back(std::move(child));
    }
    work.devices().apply_presence(rows);
    if (change.online) {
        const std::lock_guard lock(mutex_);
        if (is_present(gateway.id)) {  // it may be gone again
            for (const Device& child : moved) {
                put_child(child.id, gateway.id, true);
            }
        }
    }
    for (const Device& child : moved) {
        work.after_commit([this, change, id = child.id, product = child.product] {
            live_.publish(
                {change.at,
                 live::DeviceStateChanged{
                     id, product, change.online ? DeviceState::online : DeviceState::offline}});
        });
        if (change.online && moved_by.by != By::request) {
            came_online(work, child, change.at);
        }
    }
}

}  // namespace updraft
