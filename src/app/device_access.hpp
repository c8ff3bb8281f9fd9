#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/credential_ends.hpp"
#include "app/device_sign_in_limit.hpp"
#include "app/freshness.hpp"
#include "app/ports.hpp"
#include "app/remembered.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace updraft {

/// A device that has signed in over some gateway.
struct SignedInDevice {
    DeviceId id;
    ProductId product;
    ProtocolId protocol;  ///< of the product: how it speaks
    /// What let it in, unless that was a value of a configuration: its end is the connection's.
    std::optional<CredentialId> credential = {};
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
    /// Created, active, in the product whose credential (domain/device_credential.hpp) it shows: a
    /// token or an authority, not the `bearer_token` of a configuration. Only if the product is
    /// enabled, its configuration has `registerUnknown` = "true", and the id is one that
    /// checked_enrolled_id() admits.
    enroll,
};

/// Who asks over HTTP, and how it proves that.
struct DeviceAsk {
    DeviceId id;
    std::vector<DeviceProof> proofs;  ///< any one of them is enough
    UnknownDevice unknown = UnknownDevice::refuse;
    std::optional<ProductId> only =
        {};                    ///< where the address names a product: enrolled in no other
    std::string address = {};  ///< the peer's; its failures are limited. Empty: nothing is
};

/// How device sign-ins went wrong since the start.
struct DeviceSignInCounters {
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> limited{0};  ///< refused unread: too many failures before
};

struct DeviceSignInOptions {
    DeviceSignInLimits limits;
    /// A product with this many devices takes in no unknown ones.
    std::int64_t enroll_per_product_max = 100'000;
    std::size_t remembered_max = 1'000'000;  ///< devices whose proof over HTTP is remembered
};

/// Whether a device may be created by itself under this id: hawkBit's forms, [0-9A-Za-z_.:@-], 1 to
/// 256 characters, not dots alone, which a URL cannot carry. Errors: invalid_argument.
[[nodiscard]] Result<void> checked_enrolled_id(std::string_view id);

/// Checks the credentials of devices: those of their configuration (spec 2.6, 4.2) and those that
/// people made (domain/device_credential.hpp). A product's let its direct devices in; a child of a
/// gateway needs its own, or a certificate, which names it. A device's value of a configuration key
/// hides its product's. Thread: worker threads (reads the store; writes it to enroll).
class DeviceSignIn {
public:
    /// Without freshness nothing is remembered.
    DeviceSignIn(Store& store, const Clock& clock, DeviceSignInOptions options = {},
                 std::shared_ptr<const Freshness> freshness = nullptr)
        : store_(store),
          clock_(clock),
          options_(options),
          freshness_(std::move(freshness)),
          remembered_(freshness_ ? options.remembered_max : 0),
          limit_(options.limits) {}

    /// Called once before anybody signs in: hears when the credentials end that let devices in.
    void note_ends(CredentialEnds& ends) { ends_ = &ends; }

    /// MQTT (spec 4.2): client id = device id. Errors: unauthorized, with the refusal's text
    /// (unknown device, notActive, wrong key, clock differs, malformed user name): all CONNACK
    /// 0x04; too_many_requests, without a look at the store, for guesses from `address` ("": no
    /// limit).
    [[nodiscard]] Result<SignedInDevice> mqtt(const std::string& client_id,
                                              const std::string& username,
                                              const std::string& password,
                                              const std::string& address = {}) const;

    /// Every dialect over HTTP. A device that is known writes nothing. Errors: unauthorized;
    /// conflict (the product takes in no more devices); too_many_requests, as mqtt().
    [[nodiscard]] Result<SignedInDevice> http(const DeviceAsk& ask) const;
    [[nodiscard]] Result<SignedInDevice> http(const DeviceId& id, const DeviceProof& proof,
                                              UnknownDevice unknown,
                                              const std::optional<ProductId>& only = {}) const {
        return http({id, {proof}, unknown, only, {}});
    }

    /// What http() would answer a device that has shown the same proof before, while nothing of it,
    /// its product and its credential has changed; nothing: ask http(). From memory, so that an
    /// event loop may call it.
    [[nodiscard]] std::optional<SignedInDevice> http_at_once(const DeviceId& id,
                                                             const DeviceProof& proof) const;

    /// What a device waits that was refused with too_many_requests, at most.
    [[nodiscard]] seconds retry_after() const {
        return std::chrono::ceil<seconds>(options_.limits.failures_window);
    }
    [[nodiscard]] const DeviceSignInCounters& counters() const { return counters_; }

private:
    /// A sign-in that was good.
    struct Remembrance {
        std::int64_t good_until_ms;  ///< when the credential expires
        std::uint32_t family;        ///< index into families_
    };
    /// What the devices of a product have in common.
    struct Family {
        ProductId product;
        ProtocolId protocol;
    };
    [[nodiscard]] std::optional<std::uint32_t> family_of(const SignedInDevice& device) const;
    void remember(const DeviceProof& proof, Freshness::Stamp stamp, const SignedInDevice& device,
                  const std::optional<Instant>& good_until) const;

    /// `judge` unless there were too many failures; counts the outcome.
    [[nodiscard]] Result<SignedInDevice> limited(
        const DeviceId& id, const std::string& address, Instant now,
        const std::function<Result<SignedInDevice>()>& judge) const;
    [[nodiscard]] Result<SignedInDevice> judge_mqtt(const std::string& client_id,
                                                    const std::string& username,
                                                    const std::string& password, Instant now) const;
    [[nodiscard]] Result<SignedInDevice> judge_http(const DeviceAsk& ask, Instant now) const;
    void note_end(const DeviceCredential& credential) const;

    Store& store_;
    const Clock& clock_;
    const DeviceSignInOptions options_;
    const std::shared_ptr<const Freshness> freshness_;
    mutable Remembered<Remembrance> remembered_;
    mutable std::shared_mutex families_mutex_;
    mutable std::deque<Family> families_;  ///< only grows, to families_max; guarded
    CredentialEnds* ends_ = nullptr;
    mutable DeviceSignInLimit limit_;
    mutable DeviceSignInCounters counters_;
};

}  // namespace updraft
