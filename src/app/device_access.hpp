#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/ports.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace updraft {

/// A device that has signed in over some gateway.
struct SignedInDevice {
    DeviceId id;
    ProductId product;
    ProtocolId protocol;  ///< of the product: how it speaks
};

/// What a device shows over HTTP to prove who it is.
namespace proof {
/// A token of the device or of its product: `Authorization: Bearer`, a WebSocket's `token`, the
/// password of `Authorization: Basic`.
struct Token {
    std::string token;
};
/// hawkBit's TargetToken: a token of the device itself.
struct TargetToken {
    std::string token;
};
/// hawkBit's GatewayToken: a token of the product.
struct GatewayToken {
    std::string token;
};
/// The hashes of the certificate authorities that a trusted proxy has verified the device's
/// certificate by. The caller has checked the proxy and the certificate's common name.
struct Authorities {
    std::vector<std::string> hashes;
};
}  // namespace proof
using DeviceProof =
    std::variant<proof::Token, proof::TargetToken, proof::GatewayToken, proof::Authorities>;

/// What becomes of a device that nobody has created.
enum class UnknownDevice : std::uint8_t {
    refuse,
    enroll,  ///< created in the product whose proof it shows, if that product's configuration has
             ///< `registerUnknown` = "true"
};

/// Checks the credentials of devices: those of their configuration (spec 2.6, 4.2) and those that
/// people made (domain/device_credential.hpp). Thread: worker threads (reads the store; writes it
/// to enroll).
class DeviceSignIn {
public:
    DeviceSignIn(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

    /// MQTT (spec 4.2): client id = device id. Errors: unauthorized, with the refusal's text
    /// (unknown device, notActive, wrong key, clock differs, malformed user name): all CONNACK
    /// 0x04.
    [[nodiscard]] Result<SignedInDevice> mqtt(const std::string& client_id,
                                              const std::string& username,
                                              const std::string& password) const;

    /// Every dialect over HTTP. A device that is known writes nothing. Errors: unauthorized.
    [[nodiscard]] Result<SignedInDevice> http(const DeviceId& id, const DeviceProof& proof,
                                              UnknownDevice unknown) const;

private:
    struct Known {
        Device device;
        Product product;
    };
    /// The device, if it may sign in at all.
    [[nodiscard]] Result<Known> admitted(const DeviceId& id) const;

    Store& store_;
    const Clock& clock_;
};

}  // namespace updraft
