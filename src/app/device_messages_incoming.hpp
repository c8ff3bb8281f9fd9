#pragma once

#include "app/device_messages.hpp"

/// The insides of DeviceMessages, shared by its source files.
namespace updraft {

/// One message on its way, with what is to be answered.
struct DeviceMessages::Incoming {
    DeviceId carrier;
    UplinkMessage message;
    Done done;
    Handled handled;
    bool accepted = false;  ///< its sender may speak for the device

    [[nodiscard]] bool is_about_carrier() const { return message.device == carrier; }
};

/// A version that a device says it runs.
struct DeviceMessages::Reported {
    std::string version;
    const std::map<std::string, std::string>* properties = nullptr;  ///< null: it said none
    std::string_view log_type;
    bool only_store = false;  ///< completes no record
};

/// What a pull is decided on.
struct DeviceMessages::PullContext {
    Device device;
    std::optional<Product> product;
    std::vector<UpgradeRecord> records;  ///< of firmwares of the device's product
    int current_order = 0;               ///< `cur` of spec 4.5
    std::optional<int> reported_order;   ///< order of the currentVersion, if it is a firmware
};

}  // namespace updraft
