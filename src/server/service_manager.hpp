#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace updraft::server {

/// What a service manager is told over the socket that it names in NOTIFY_SOCKET (sd_notify(3)).
/// Started by hand there is none, and nothing is sent.
class ServiceManager {
public:
    /// Reads NOTIFY_SOCKET and WATCHDOG_USEC, and takes them out of the environment, so that no
    /// child speaks for us. Before threads start.
    ServiceManager();

    void ready(const std::string& status) const;
    void stopping() const;
    /// Keeps the watchdog quiet for one more period.
    void alive() const;
    /// How often alive() must be called: half of what the service manager waits; nothing: never.
    [[nodiscard]] std::optional<std::chrono::milliseconds> alive_every() const {
        return alive_every_;
    }

private:
    void send(const std::string& state) const;

    std::string socket_;
    std::optional<std::chrono::milliseconds> alive_every_;
};

}  // namespace updraft::server
