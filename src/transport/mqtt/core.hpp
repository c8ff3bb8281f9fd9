#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "transport/mqtt/gateway.hpp"
#include "transport/mqtt/registry.hpp"

namespace updraft::mqtt {

/// What the gateway and its sessions share; lives as long as the last of them.
struct Core {
    Core(net::EventLoops& the_loops, net::WorkerPool& the_workers, DeviceInbox& the_inbox,
         DeviceDialects& the_dialects, SignIn the_sign_in, MqttOptions the_options)
        : loops(the_loops),
          workers(the_workers),
          inbox(the_inbox),
          dialects(the_dialects),
          sign_in(std::move(the_sign_in)),
          options(std::move(the_options)) {}

    net::EventLoops& loops;
    net::WorkerPool& workers;
    DeviceInbox& inbox;
    DeviceDialects& dialects;
    const SignIn sign_in;
    const MqttOptions options;
    MqttCounters counters;
    Registry registry;
    std::atomic<bool> stopping{false};

    /// What becomes of a new connection: beyond the limits some are told so, the rest is closed.
    enum class Place : std::uint8_t { inside, at_the_door, none };
    [[nodiscard]] Place admit(const std::string& host);
    /// The connection from `host` that had this place has ended.
    void discharge(const std::string& host, Place place);
    /// Waits until no connection is left; false if some are after `deadline`.
    [[nodiscard]] bool wait_until_empty(milliseconds deadline);

    /// Sessions that have not signed in yet: the registry does not know them.
    void add_stranger(const std::shared_ptr<Session>& session);
    void remove_stranger(const std::shared_ptr<Session>& session);
    [[nodiscard]] std::vector<std::shared_ptr<Session>> strangers();

private:
    std::mutex mutex_;
    std::condition_variable emptied_;
    std::size_t open_ = 0;
    std::size_t turned_away_ = 0;  ///< of the open ones, those at the door
    std::unordered_map<std::string, std::size_t> per_host_;  ///< empty without that limit
    std::unordered_set<std::shared_ptr<Session>> strangers_;
};

}  // namespace updraft::mqtt
