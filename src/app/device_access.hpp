#pragma once

#include <optional>
#include <string>

#include "app/ports.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace updraft {

/// A device that has signed in over some gateway.
struct SignedInDevice {
    DeviceId id;
    ProductId product;
};

/// Checks the credentials of devices. Thread: worker threads (reads the store).
class DeviceSignIn {
public:
    DeviceSignIn(const Store& store, const Clock& clock) : store_(store), clock_(clock) {}

    /// MQTT (spec 4.2): client id = device id. Errors: unauthorized, with the refusal's text
    /// (unknown device, notActive, wrong key, clock differs, malformed user name): all CONNACK
    /// 0x04.
    [[nodiscard]] Result<SignedInDevice> mqtt(const std::string& client_id,
                                              const std::string& username,
                                              const std::string& password) const;

    /// HTTP and WebSocket (spec 2.6): the configuration key `bearer_token` is what the device sent.
    /// Errors: unauthorized.
    [[nodiscard]] Result<SignedInDevice> bearer(const DeviceId& id, const std::string& token) const;

private:
    struct Known {
        Device device;
        Product product;
    };
    /// The device, if it may sign in at all.
    [[nodiscard]] Result<Known> admitted(const DeviceId& id) const;

    const Store& store_;
    const Clock& clock_;
};

}  // namespace updraft
