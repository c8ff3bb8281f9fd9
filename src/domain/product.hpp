#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"

namespace updraft {

/// How a product's devices reach the server (spec 2.7). Sent by name: `device`, `childrenDevice`,
/// `gateway`.
enum class DeviceType : std::uint8_t { device, children_device, gateway };

/// Configuration keys and their values, as a person typed them: credentials of a protocol
/// (`secureId`, `secureKey`, `bearer_token`) and switches (`plainAuth`, `silentWhenNoFirmware`:
/// "true" or "false"). A device's value wins over its product's (spec 2.6).
using Configuration = std::map<std::string, std::string>;

/// The feature that makes a product eligible for remote upgrade (spec 2.6).
inline constexpr std::string_view feature_support_firmware = "supportFirmware";

/// Something that a product's devices can do, declared by its protocol package.
struct Feature {
    std::string id;
    std::string name;
    friend bool operator==(const Feature&, const Feature&) = default;
};

/// A device model; names one protocol package; owns firmwares and devices.
struct Product {
    ProductId id;  ///< pattern [0-9a-zA-Z_-]+, at most 64 characters; chosen by a person
    std::string name;
    std::string description;  ///< `describe` in the API
    DeviceType device_type = DeviceType::device;
    ProtocolId protocol;             ///< `messageProtocol` in the API
    std::string transport_protocol;  ///< "MQTT", "HTTP" ...
    std::string access_id;
    std::string access_provider;
    std::string access_name;
    std::string store_policy = "none";
    Configuration configuration;
    std::string metadata = "{}";  ///< JSON text of the thing model; kept, not read
    bool enabled = false;         ///< `state` 1 or 0 in the API
    UserId creator;
    Instant created_at;
    friend bool operator==(const Product&, const Product&) = default;
};

/// One transport of a protocol package with what it offers there.
struct TransportDetail {
    std::string id;  ///< "MQTT", "HTTP", "WebSocket", "CoAP" ...
    std::vector<Feature> features;
    friend bool operator==(const TransportDetail&, const TransportDetail&) = default;
};

/// A configuration key that a Lua package declares.
struct ScriptConfigKey {
    std::string property;
    std::string name;
    std::string type = "string";  ///< "string", "password" or "boolean"
    friend bool operator==(const ScriptConfigKey&, const ScriptConfigKey&) = default;
};

/// Says how a product's devices talk and which features they have.
struct ProtocolPackage {
    ProtocolId id;
    std::string name;
    std::string description;
    std::string type;  ///< "builtin", "lua", or "jar" (metadata only, never executed)
    bool enabled = true;
    Configuration
        configuration;  ///< `location`, `provider`, `fileId`; `supportFirmware` switch of a jar
    std::vector<TransportDetail> transports;
    std::string script;  ///< source text of a Lua package; empty for the others
    std::vector<ScriptConfigKey> config_keys;  ///< what a Lua package asks products and devices for
    UserId creator;
    Instant created_at;
    friend bool operator==(const ProtocolPackage&, const ProtocolPackage&) = default;
};

/// The features that `package` declares for `transport`; empty if it does not serve that transport.
[[nodiscard]] std::vector<Feature> features_of(const ProtocolPackage& package,
                                               std::string_view transport);
[[nodiscard]] bool supports_firmware(const ProtocolPackage& package, std::string_view transport);

}  // namespace updraft
