#pragma once

#include <functional>
#include <string>

#include "protocol/messages.hpp"

namespace updraft {

/// The connections that devices hold to this node, over all gateways. Implemented by the
/// transports, joined by server/. Safe from every thread; callbacks come on an event loop and must
/// be quick.
class DeviceLinks {
public:
    virtual ~DeviceLinks() = default;

    /// True while `carrier` holds a connection to this node.
    [[nodiscard]] virtual bool is_connected(const DeviceId& carrier) const = 0;

    /// Writes the message to the carrier's connection. `done(true)` once the bytes are with the
    /// kernel, `done(false)` if the connection is gone or its bounded outbox is full (T4).
    virtual void send(DownlinkMessage message, std::function<void(bool written)> done) = 0;

    /// Closes the carrier's connection, if there is one (device disabled, deleted, disconnect
    /// button).
    virtual void close(const DeviceId& carrier, const std::string& reason) = 0;

    /// Closes the connections that the credential has let in.
    virtual void close_all_of(const CredentialId& credential, const std::string& reason) = 0;

    /// Calls `use` for a copy of the ids of all connected carriers.
    virtual void each_connected(const std::function<void(const DeviceId&)>& use) const = 0;
};

}  // namespace updraft
