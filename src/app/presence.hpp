#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "app/device_links.hpp"
#include "app/live_events.hpp"
#include "app/ports.hpp"
#include "app/record_changes.hpp"
#include "base/ids.hpp"

namespace updraft {

/// Which devices are online: connected, and through whom, or seen lately. Kept in memory; written
/// to the store in batches (design 3.3), together with what a connection sets off: log lines,
/// repeating an unanswered push (T25), waking waiting records (T3), asking for an unknown version.
/// Children follow their gateway. Safe from every thread; nothing here blocks.
class Presence {
public:
    /// Every limit of presence. Keys of the configuration under [presence].
    struct Options {
        /// Connections that take over from each other, as those of two devices with one id do, are
        /// logged and announced once in that time.
        milliseconds takeovers_logged_every{60'000};
        milliseconds flush_after{100};        ///< how long a change may wait for its batch
        std::size_t flush_changes_max = 500;  ///< changes of one batch, i.e. of one write operation
        std::size_t children_per_gateway_max = 1'000;  ///< more are not followed
        /// A device without a connection is online that long after its last request (spec 4.6).
        milliseconds http_online_for{10 * 60'000};
        std::size_t http_devices_max = 2'000'000;  ///< such devices remembered; more stay offline
        std::size_t expire_max = 1'000;            ///< of these, looked at in one step of expire()
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
    /// A device without a connection has made an authenticated request. The first one makes it
    /// online, further ones only go on; a device that holds a connection is online by that. Pushes
    /// wait until it asks: nothing reaches it.
    void seen(const DeviceId& device, const std::string& address);
    /// Makes those offline that have not been seen for too long; true if more is left for another
    /// call. To be called every second or so.
    bool expire();
    /// The clock was set: what is remembered of moments moves along.
    void clock_was_set(milliseconds by);
    /// A child's own online or offline message, or any sign of life that came over `gateway`.
    void child_online(const DeviceId& child, const DeviceId& gateway);
    void child_offline(const DeviceId& child, const DeviceId& gateway);
    /// An `online`, `offline` message of the carrier itself, whether it holds a connection or not.
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
        Instant logged_at;   ///< when its log was told of a connection last
    };
    struct Child {
        DeviceId gateway;
        bool online = true;
    };
    /// A device without a connection, while it is remembered.
    struct Visitor {
        Instant last_at;
        bool online = true;  ///< false: the next request makes it online again
    };
    using Visitors = std::unordered_map<DeviceId, Visitor>;
    /// When a visitor is to be looked at. Each has one; it goes only with it.
    struct Due {
        Instant at;
        Visitors::const_pointer visitor = nullptr;
        friend bool operator>(const Due& a, const Due& b) { return a.at > b.at; }
    };
    /// What moved a device online or offline.
    enum class By : std::uint8_t {
        connection,  ///< it began or ended; a gateway's children follow
        request,     ///< of a device without a connection; a gateway's children follow
        message,
    };
    struct Change {
        PresenceChange row;
        By by = By::message;
        bool logged = true;  ///< false: its log knows, and nobody is told again
    };

    void note(Change change);
    void restore(std::vector<Change>& batch);
    void store_batch(UnitOfWork& work, const std::vector<Change>& batch);
    void store_one(UnitOfWork& work, const Change& change);
    void came_online(UnitOfWork& work, const Device& device, Instant since);
    void follow_gateway(UnitOfWork& work, const Device& gateway, const Change& moved_by);
    [[nodiscard]] bool is_present(const DeviceId& carrier) const;
    void put_child(const DeviceId& child, const DeviceId& gateway, bool online);
    void drop_child(const DeviceId& child);
    void drop_children_of(const DeviceId& gateway);

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
    std::unordered_map<DeviceId, std::unordered_set<DeviceId>> children_of_;  ///< by their gateway
    Visitors visitors_;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> dues_;
    bool said_full_ = false;
    std::vector<Change> pending_;
};

}  // namespace updraft
