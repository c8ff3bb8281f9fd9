#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/id.hpp"

namespace updraft {

/// What a device can prove itself with. Sent by name: `token`, `mqttKey`, `authority`.
enum class CredentialKind : std::uint8_t {
    /// For every dialect over HTTP: a Bearer token (JetLinks HTTP and WebSocket, plain HTTPS), a
    /// hawkBit target token, or of a product, its gateway token.
    token,
    /// `secureId` and `secureKey` of JetLinks' MQTT sign-in (spec 4.2).
    mqtt_key,
    /// Of a product only: the hash of a certificate authority that a trusted proxy names
    /// (hawkbit-ddi 2).
    authority,
};

/// A secret of one device, or shared by all devices of a product, beside what their configuration
/// says. Told once when it is made; several may be valid at a time, so that one can be rotated
/// while devices still use the other.
struct DeviceCredential {
    CredentialId id;
    CredentialKind kind = CredentialKind::token;
    ProductId product;
    std::optional<DeviceId> device;  ///< absent: of every device of the product
    std::string name;                ///< what a person calls it; may be empty
    /// What a sign-in is looked up by: SHA-256 of a token, the secureId of a key, the lower-case
    /// hash of an authority (which several products may trust). Unique among its kind otherwise.
    std::string lookup;
    /// The secureKey: JetLinks' sign-in needs it in the clear. Empty for the other kinds.
    std::string secret;
    std::string hint;  ///< the last characters of what was told, so that people can tell them apart
    Instant created_at;
    UserId creator;
    std::optional<Instant> expires_at;  ///< absent: it ends when it is revoked
    friend bool operator==(const DeviceCredential&, const DeviceCredential&) = default;

    [[nodiscard]] bool expired(Instant now) const { return expires_at && *expires_at <= now; }
};

}  // namespace updraft
