#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "domain/product.hpp"

namespace updraft {

/// Whether a device may connect, and whether it is connected (spec 3.4). Sent by name: `notActive`,
/// `offline`, `online`.
enum class DeviceState : std::uint8_t { not_active, offline, online };

/// What a device last said about the software it runs.
struct FirmwareInfo {
    std::string version;
    std::optional<int>
        version_order;  ///< order of that version among the product's firmwares, if it is one
    std::map<std::string, std::string> properties;
    Instant updated_at;
    friend bool operator==(const FirmwareInfo&, const FirmwareInfo&) = default;
};

/// One unit of a product. A gateway has child devices, which connect through it.
struct Device {
    DeviceId id;  ///< pattern [0-9a-zA-Z_-]+, at most 64 characters; chosen by a person
    std::string name;
    ProductId product;
    DeviceType device_type = DeviceType::device;
    std::optional<DeviceId> parent;  ///< the gateway of a child device
    std::string description;         ///< `describe` in the API
    Configuration configuration;
    std::map<std::string, std::string> tags;
    std::map<std::string, std::string> attributes;  ///< what the device says of itself (configData)
    DeviceState state = DeviceState::not_active;
    std::string address;  ///< remote address of the latest connection
    std::optional<Instant> online_at;
    std::optional<Instant> offline_at;
    std::optional<Instant>
        registered_at;  ///< when it was activated; `registryTime` and `registerTime`
    std::optional<FirmwareInfo> firmware;
    UserId creator;
    Instant created_at;
    friend bool operator==(const Device&, const Device&) = default;
};

/// The value of a configuration key for a device: its own, else its product's, else nothing
/// (spec 4.2).
[[nodiscard]] std::optional<std::string> configured(const Device& device, const Product& product,
                                                    const std::string& key);

}  // namespace updraft
