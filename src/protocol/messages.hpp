#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/pull_selection.hpp"
#include "domain/upgrade_record.hpp"

namespace updraft {

/// What devices say, whatever dialect they speak. One struct per message that means something to
/// the upgrade domain; everything else is `OtherUplink`.
namespace uplink {
struct FirmwarePull {
    std::string message_id;  ///< may be empty: then the answer carries none
    PullRequest request;
};
struct FirmwareReport {
    std::string version;
    std::map<std::string, std::string> properties;
};
struct FirmwareReadReply {
    std::string message_id;
    bool success = true;
    std::string version;
    std::map<std::string, std::string> properties;
};
struct UpgradeReply {
    std::string message_id;
    bool success = true;  ///< default true when absent (spec 4.1)
    std::string code;
    std::string message;
};
struct UpgradeProgress {
    std::string firmware_id;
    std::string version;
    ProgressReport report;
};
struct Online {};
struct Offline {};
struct TimeSync {
    std::string message_id;
    std::string
        reply_topic;  ///< request topic + "/reply", with or without leading slash as it came
};
/// A child device introduces itself through its gateway.
struct Register {
    std::string name;
    std::string product_id;
};
struct Unregister {};
/// A known topic without a meaning for upgrades (properties, events, functions, tags, log ...).
struct OtherUplink {
    std::string message_type;  ///< "REPORT_PROPERTY", "EVENT", "INVOKE_FUNCTION_REPLY" ...
    std::string message_id;
    std::string body;  ///< the JSON text as it came; may be empty
};
}  // namespace uplink

using UplinkBody =
    std::variant<uplink::FirmwarePull, uplink::FirmwareReport, uplink::FirmwareReadReply,
                 uplink::UpgradeReply, uplink::UpgradeProgress, uplink::Online, uplink::Offline,
                 uplink::TimeSync, uplink::Register, uplink::Unregister, uplink::OtherUplink>;

/// One decoded message of a device.
struct UplinkMessage {
    ProductId product;                 ///< as the topic says; not trusted
    DeviceId device;                   ///< who the message is about: the child, if it came for one
    std::optional<DeviceId> gateway;   ///< the gateway that the topic names, for a child's message
    std::optional<Instant> timestamp;  ///< the device's clock; absent if it sent none
    UplinkBody body;
    std::string payload;  ///< as it came, for the device's log; cut to 4 KiB
};

/// What the server says to devices.
namespace downlink {
struct UpgradeFirmware {
    std::string message_id;
    std::string url;  ///< absolute
    std::string version;
    std::map<std::string, std::string> parameters;
    std::string sign;
    std::string sign_method;
    std::string firmware_id;
    std::int64_t size_bytes = 0;
    bool force = false;
};
/// The answer to a pull: a firmware, or NO_FIRMWARE (spec 4.5).
struct FirmwarePullReply {
    std::string message_id;                   ///< the device's; empty: none is sent
    std::optional<UpgradeFirmware> firmware;  ///< its message_id is not used here
};
struct ReadFirmware {
    std::string message_id;
};
struct TimeSyncReply {
    std::string message_id;
    std::string topic;  ///< where the answer goes
    Instant now;
};
/// A command that an operator sends as JSON (POST /device-instance/{id}/message).
struct OtherDownlink {
    std::string
        message_type;  ///< "READ_PROPERTY", "WRITE_PROPERTY", "INVOKE_FUNCTION", "STATE_CHECK" ...
    std::string message_id;
    std::string body;  ///< JSON object text with the remaining members
};
}  // namespace downlink

using DownlinkBody =
    std::variant<downlink::UpgradeFirmware, downlink::FirmwarePullReply, downlink::ReadFirmware,
                 downlink::TimeSyncReply, downlink::OtherDownlink>;

/// How a message reaches a device: over its own connection, or as a child through its gateway's.
struct DeviceRoute {
    DeviceId device;
    ProductId product;                ///< of the device itself
    std::optional<DeviceId> gateway;  ///< set for a child: whose connection carries it
    ProductId gateway_product;        ///< of the gateway, for the topic (spec 4.3)

    /// The device whose connection carries the message.
    [[nodiscard]] const DeviceId& carrier() const { return gateway ? *gateway : device; }
};

struct DownlinkMessage {
    DeviceRoute route;
    Instant timestamp;
    DownlinkBody body;
};

/// A message as a transport with topics carries it.
struct TopicMessage {
    std::string
        topic;  ///< downlink: always with a leading slash (spec 4.2), except a time-sync reply
    std::string payload;  ///< any bytes
};

}  // namespace updraft
