#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "server/config.hpp"

namespace updraft::server {

/// The whole server: builds everything once, in the order in which it depends on each other, and
/// stops it in reverse. The only place that knows every module.
class Application {
public:
    /// Opens the data folder, recovers, and listens. Throws StorageError or std::system_error with
    /// a message for a person. `admin_password` is used on the first start only.
    Application(const Config& config, const std::optional<std::string>& admin_password);
    ~Application();
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    /// `{"ready":true,"http":"127.0.0.1:8848","mqtt":"127.0.0.1:1883","pid":4711}`, with `https`
    /// and `mqtts` when it listens there; without newline.
    [[nodiscard]] std::string ready_line() const;
    [[nodiscard]] std::string http_address() const;
    [[nodiscard]] std::string mqtt_address() const;
    /// The link that sets the admin's password; nothing when there is an admin.
    [[nodiscard]] std::optional<std::string> setup_link() const;
    /// Stops accepting, lets running requests end, stores what is queued. Idempotent.
    /// False if an event loop has not come round since the last call: for a watchdog. One caller.
    [[nodiscard]] bool answers();
    /// True once the disk did not take what the store wrote. The process has got a SIGTERM then,
    /// and is to end without destroying this: nothing may be written any more.
    [[nodiscard]] bool not_synced() const;
    void stop();
    /// Reads the TLS certificate again, as after a change of its files.
    void reload();

private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

/// Every route that the server has, as "METHOD /pattern", sorted: what api/openapi.yaml is checked
/// against.
[[nodiscard]] std::vector<std::string> all_routes();

}  // namespace updraft::server
