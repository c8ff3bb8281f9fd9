#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "app/device_links.hpp"
#include "app/live_events.hpp"
#include "app/ports.hpp"
#include "app/record_changes.hpp"
#include "base/ids.hpp"

namespace updraft {

/// Which devices are connected, and through whom. Kept in memory; written to the store in batches
/// (design 3.3), together with what a connection sets off: log lines, repeating an unanswered push
/// (T25), waking waiting records (T3), asking for an unknown version. Children follow their
/// gateway. Safe from every thread; nothing here blocks.
class Presence {
public:
    /// Every limit of presence. Keys of the configuration under [presence].
    struct Options {
        milliseconds flush_after{100};        ///< how long a change may wait for its batch
        std::size_t flush_changes_max = 500;  ///< changes of one batch, i.e. of one write operation
        std::size_t children_per_gateway_max = 1'000;  ///< more are not followed
    };

    /// What happens outside; called by handing over only.
    struct Listeners {
        std::function<void()> flush_wanted;                 ///< call flush() within flush_after
        std::function<void(const DeviceId&)> wake_device;   ///< it may take its next waiting push
        std::function<void(const DeviceId&)> read_version;  ///< its version is unknown
    };

    Presence(Store& store, const DeviceLinks& links, const RecordChanges& changes, LiveEvents& live,
             const Clock& clock, SnowflakeIds& ids, Options options);
    /// Called once by the wiring before anything runs.
    void listen(Listeners listeners) { listeners_ = std::move(listeners); }

    /// Nobody is connected yet: online rows become offline. Once, before gateways accept.
    void start();

    void connected(const DeviceId& carrier, const std::string& address);
    void disconnected(const DeviceId& carrier);
    /// A child's own online or offline message, or any sign of life that came over `gateway`.
    void child_online(const DeviceId& child, const DeviceId& gateway);
    void child_offline(const DeviceId& child, const DeviceId& gateway);
    /// An `online`, `offline` message of the carrier itself.
    void said(const DeviceId& carrier, bool online);
    /// The device was changed, moved or removed: what is remembered of it may be wrong.
    void forget(const DeviceId& device);
    /// `child` belongs to `gateway`: messages for it over that connection are welcome.
    void adopt(const DeviceId& child, const DeviceId& gateway);

    /// Whose connection reaches the device now: its own, or its gateway's; nothing if none does.
    [[nodiscard]] std::optional<DeviceId> carrier_of(const DeviceId& device) const;
    /// True if `child` is known as a child of `gateway`; false means: look into the store.
    [[nodiscard]] bool is_child(const DeviceId& child, const DeviceId& gateway) const;
    /// True if the device is online as far as memory knows.
    [[nodiscard]] bool is_online(const DeviceId& device) const;

    /// Queues what has gathered as one write operation; true if more is left for another call.
    bool flush();

private:
    struct Connection {
        std::string address;
        bool online = true;  ///< false after an `offline` message, until the next sign of life
    };
    struct Child {
        DeviceId gateway;
        bool online = true;
    };
    struct Change {
        PresenceChange row;
        bool connection = false;  ///< a connection began or ended, not just a message
    };

    void note(Change change);
    void restore(std::vector<Change>& batch);
    void store_batch(UnitOfWork& work, const std::vector<Change>& batch);
    void store_one(UnitOfWork& work, const Change& change);
    void came_online(UnitOfWork& work, const Device& device, Instant since);
    void follow_gateway(UnitOfWork& work, const Device& gateway, const PresenceChange& change);

    Store& store_;
    const DeviceLinks& links_;
    const RecordChanges& changes_;
    LiveEvents& live_;
    const Clock& clock_;
    SnowflakeIds& ids_;
    const Options options_;
    Listeners listeners_;

    mutable std::mutex mutex_;
    std::unordered_map<DeviceId, Connection> connections_;
    std::unordered_map<DeviceId, Child> children_;
    std::vector<Change> pending_;
};

}  // namespace updraft
