#pragma once

#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/result.hpp"

namespace updraft {

/// Joins the answers of devices to the commands that people sent them, by message id. The inbox
/// completes what DeviceService waits for. Safe from every thread.
class CommandReplies {
public:
    /// At most `waiting_max` commands wait at a time: each holds a worker thread.
    explicit CommandReplies(std::size_t waiting_max = 8) : waiting_max_(waiting_max) {}

    /// A command that waits for its answer; gives its place back at the end of the scope.
    class Waiting {
    public:
        Waiting(CommandReplies& replies, DeviceId device, std::string message_id)
            : replies_(&replies), key_(std::move(device), std::move(message_id)) {}
        Waiting(Waiting&& other) noexcept
            : replies_(std::exchange(other.replies_, nullptr)), key_(std::move(other.key_)) {}
        Waiting& operator=(Waiting&&) = delete;
        ~Waiting();

        /// The answer's JSON text, or nothing after `limit`. Blocks.
        [[nodiscard]] std::optional<std::string> wait(milliseconds limit);

    private:
        CommandReplies* replies_;
        std::pair<DeviceId, std::string> key_;
    };

    /// Call it before the command is sent. Errors: unavailable (too many wait), duplicate_key (the
    /// same message id is waiting already).
    [[nodiscard]] Result<Waiting> expect(const DeviceId& device, const std::string& message_id);

    /// Hands an answer to whoever waits for it; false if nobody does. Never blocks.
    bool complete(const DeviceId& device, const std::string& message_id, std::string payload);

private:
    const std::size_t waiting_max_;
    std::mutex mutex_;
    std::condition_variable answered_;
    std::map<std::pair<DeviceId, std::string>, std::optional<std::string>> waiting_;
};

}  // namespace updraft
