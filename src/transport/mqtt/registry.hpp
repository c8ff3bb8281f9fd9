#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/id.hpp"

namespace updraft::mqtt {

class Session;

/// Which session a device has. Safe from every thread.
///
/// A device's connected and disconnected announcements are made in the order of the changes: a lock
/// a stripe is held around both. The lookup has a lock of its own, so that an announcement may lead
/// to lookups.
class Registry {
public:
    /// Makes `session` the device's and calls `announce`; returns the session that was, if any.
    std::shared_ptr<Session> enter(const DeviceId& device, const std::shared_ptr<Session>& session,
                                   const std::function<void()>& announce);
    /// If `session` is still the device's: removes it and calls `announce`.
    void leave(const DeviceId& device, const Session* session,
               const std::function<void()>& announce);

    [[nodiscard]] std::shared_ptr<Session> find(const DeviceId& device) const;
    [[nodiscard]] bool contains(const DeviceId& device) const;
    [[nodiscard]] std::vector<DeviceId> devices() const;
    [[nodiscard]] std::vector<std::shared_ptr<Session>> sessions() const;

private:
    struct Stripe {
        std::mutex announcing;
        mutable std::mutex lookup;
        std::unordered_map<DeviceId, std::shared_ptr<Session>> sessions;
    };
    [[nodiscard]] Stripe& stripe(const DeviceId& device);
    [[nodiscard]] const Stripe& stripe(const DeviceId& device) const;

    std::array<Stripe, 16> stripes_;
};

}  // namespace updraft::mqtt
