#pragma once

#include <cstddef>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"

namespace updraft {

/// When credentials end that have let a connection in: the connection ends with them. In memory, as
/// connections are. Safe from every thread.
class CredentialEnds {
public:
    /// Credentials beyond `credentials_max` are not watched: what they let in stays until it ends.
    explicit CredentialEnds(std::size_t credentials_max = 100'000)
        : credentials_max_(credentials_max) {}

    void note(const CredentialId& id, Instant ends_at) {
        const std::lock_guard lock(mutex_);
        if (ends_.size() < credentials_max_ || ends_.contains(id)) {
            ends_[id] = ends_at;
        }
    }
    /// Those that have ended by now; each is told once.
    [[nodiscard]] std::vector<CredentialId> take_ended(Instant now) {
        std::vector<CredentialId> ended;
        const std::lock_guard lock(mutex_);
        std::erase_if(ends_, [&](const auto& each) {
            if (each.second > now) {
                return false;
            }
            ended.push_back(each.first);
            return true;
        });
        return ended;
    }

private:
    const std::size_t credentials_max_;
    std::mutex mutex_;
    std::unordered_map<CredentialId, Instant> ends_;
};

}  // namespace updraft
