#include "transport/mqtt/core.hpp"

#include "transport/mqtt/session.hpp"

namespace updraft::mqtt {

bool Core::admit(const std::string& host) {
    const std::lock_guard lock(mutex_);
    if (options.connections_max != 0 && open_ >= options.connections_max) {
        return false;
    }
    if (options.connections_per_address_max != 0) {
        std::size_t& of_host = per_host_[host];
        if (of_host >= options.connections_per_address_max) {
            return false;
        }
        ++of_host;
    }
    ++open_;
    return true;
}

void Core::discharge(const std::string& host) {
    const std::lock_guard lock(mutex_);
    --open_;
    const auto of_host = per_host_.find(host);
    if (of_host != per_host_.end() && --of_host->second == 0) {
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
