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

}  // namespace updraft
