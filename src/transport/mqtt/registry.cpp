#include "transport/mqtt/registry.hpp"

#include "transport/mqtt/session.hpp"

namespace updraft::mqtt {

Registry::Stripe& Registry::stripe(const DeviceId& device) {
    return stripes_[std::hash<DeviceId>{}(device) % stripes_.size()];
}

const Registry::Stripe& Registry::stripe(const DeviceId& device) const {
    return stripes_[std::hash<DeviceId>{}(device) % stripes_.size()];
}

std::shared_ptr<Session> Registry::enter(const DeviceId& device,
                                         const std::shared_ptr<Session>& session,
                                         const std::function<void()>& announce) {
    Stripe& mine = stripe(device);
    const std::lock_guard announcing(mine.announcing);
    std::shared_ptr<Session> before;
    {
        const std::lock_guard lookup(mine.lookup);
        before = std::exchange(mine.sessions[device], session);
    }
    announce();
    return before;
}

void Registry::leave(const DeviceId& device, const Session* session,
                     const std::function<void()>& announce) {
    Stripe& mine = stripe(device);
    const std::lock_guard announcing(mine.announcing);
    std::shared_ptr<Session> left;  // let go of outside the lookup's lock
    {
        const std::lock_guard lookup(mine.lookup);
        const auto found = mine.sessions.find(device);
        if (found == mine.sessions.end() || found->second.get() != session) {
            return;
        }
        left = std::move(found->second);
        mine.sessions.erase(found);
    }
    announce();
}

std::shared_ptr<Session> Registry::find(const DeviceId& device) const {
    const Stripe& mine = stripe(device);
    const std::lock_guard lookup(mine.lookup);
    const auto found = mine.sessions.find(device);
    return found == mine.sessions.end() ? nullptr : found->second;
}

bool Registry::contains(const DeviceId& device) const {
    const Stripe& mine = stripe(device);
    const std::lock_guard lookup(mine.lookup);
    return mine.sessions.contains(device);
}

std::vector<DeviceId> Registry::devices() const {
    std::vector<DeviceId> all;
    for (const Stripe& one : stripes_) {
        const std::lock_guard lookup(one.lookup);
        for (const auto& [device, session] : one.sessions) {
            all.push_back(device);
        }
    }
    return all;
}

std::vector<std::shared_ptr<Session>> Registry::sessions() const {
    std::vector<std::shared_ptr<Session>> all;
    for (const Stripe& one : stripes_) {
        const std::lock_guard lookup(one.lookup);
        for (const auto& [device, session] : one.sessions) {
            all.push_back(session);
        }
    }
    return all;
}

}  // namespace updraft::mqtt
