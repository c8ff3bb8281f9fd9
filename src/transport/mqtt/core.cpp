#include "transport/mqtt/core.hpp"

#include "transport/mqtt/session.hpp"

namespace updraft::mqtt {

namespace {

/// So many connections above the limits are told so at a time; beyond that they are closed at once.
constexpr std::size_t turned_away_max = 64;

}  // namespace

Core::Place Core::admit(const std::string& host) {
    const std::lock_guard lock(mutex_);
    const auto of_host = per_host_.find(host);
    const std::size_t there = of_host == per_host_.end() ? 0 : of_host->second;
    const bool full =
        (options.connections_max != 0 && open_ - turned_away_ >= options.connections_max) ||
        (options.connections_per_address_max != 0 && there >= options.connections_per_address_max);
    if (full) {
        if (turned_away_ >= turned_away_max) {
            return Place::none;
        }
        ++turned_away_;
    } else if (options.connections_per_address_max != 0) {
        per_host_[host] = there + 1;
    }
    ++open_;
    return full ? Place::at_the_door : Place::inside;
}

void Core::discharge(const std::string& host, Place place) {
    const std::lock_guard lock(mutex_);
    --open_;
    if (place == Place::at_the_door) {
        --turned_away_;
    } else if (const auto of_host = per_host_.find(host);
               of_host != per_host_.end() && --of_host->second == 0) {
        per_host_.erase(of_host);
    }
    if (open_ == 0) {
        emptied_.notify_all();
    }
}

bool Core::wait_until_empty(milliseconds deadline) {
    std::unique_lock lock(mutex_);
    return emptied_.wait_for(lock, deadline, [this] { return open_ == 0; });
}

void Core::add_stranger(const std::shared_ptr<Session>& session) {
    const std::lock_guard lock(mutex_);
    strangers_.insert(session);
}

void Core::remove_stranger(const std::shared_ptr<Session>& session) {
    const std::lock_guard lock(mutex_);
    strangers_.erase(session);
}

std::vector<std::shared_ptr<Session>> Core::strangers() {
    const std::lock_guard lock(mutex_);
    return {strangers_.begin(), strangers_.end()};
}

}  // namespace updraft::mqtt
