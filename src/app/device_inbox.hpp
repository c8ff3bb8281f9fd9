#pragma once

#include <functional>
#include <optional>
#include <string>

#include "protocol/messages.hpp"

namespace updraft {

/// Where gateways hand in what devices say. The implementation is app/device_messages.
///
/// A gateway keeps at most its configured number of messages of one connection in here before it
/// stops reading that socket. Safe from every thread; never blocks.
class DeviceInbox {
public:
    virtual ~DeviceInbox() = default;

    /// The answer to one message: the reply to send back on the same connection, if it has one.
    /// `stored` false means the server could not store it (stopping, disk full): do not
    /// acknowledge.
    struct Handled {
        bool stored = true;
        std::optional<DownlinkMessage> reply;
    };

    /// Handles a message that came over the connection of `carrier`. Messages for a device that is
    /// neither the carrier nor one of its children are logged, counted and dropped, and still count
    /// as handled (spec 4.2, gap 7). `done` is called exactly once, on any thread, after the group
    /// commit when the message changed something: only then may it be acknowledged.
    virtual void handle(const DeviceId& carrier, UplinkMessage message,
                        std::function<void(Handled)> done) = 0;

    /// The carrier's connection is established (after CONNACK), from `address`. Reconnects wake its
    /// waiting records within 1 s (T3) and repeat an unanswered push (T25).
    virtual void connected(const DeviceId& carrier, const ProductId& product,
                           const std::string& address) = 0;

    /// The carrier's connection has ended and no newer one has taken over.
    virtual void disconnected(const DeviceId& carrier, const std::string& reason) = 0;
};

}  // namespace updraft
