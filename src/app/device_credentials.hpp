#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/credential_ends.hpp"
#include "app/device_links.hpp"
#include "app/identity.hpp"
#include "app/ports.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "domain/device_credential.hpp"

namespace updraft {

struct DeviceCredentialOptions {
    std::size_t per_owner_max = 20;  ///< of a device, or of a product; expired ones make room
    /// Credentials with an end whose connections end with them.
    std::size_t watched_max = 100'000;
};

/// Whose a credential is: a device's own, or shared by the direct devices of a product.
using CredentialOwner = std::variant<ProductId, DeviceId>;

/// What a person asks for.
struct NewDeviceCredential {
    CredentialKind kind = CredentialKind::token;
    std::string name = {};
    std::optional<std::string> token = {};      ///< an own one; else 32 letters and digits are made
    std::optional<std::string> secure_id = {};  ///< of an mqttKey; else it is made
    std::string authority = {};                 ///< the hash, hex of either case
    std::optional<Instant> expires_at = {};     ///< absent: it ends when it is revoked
};

/// A credential with what is told now and never again: the token or the secureKey; empty for an
/// authority, which is no secret.
struct ToldCredential {
    DeviceCredential credential;
    std::string secret;
};

/// Makes, rotates and revokes the credentials of devices and products. A token is stored as its
/// SHA-256 only; a secureKey is sealed, because JetLinks' sign-in computes with it. No secret is
/// ever logged. Safe from every thread; blocks on the store.
class DeviceCredentialService {
public:
    DeviceCredentialService(Store& store, DeviceLinks& links, const Clock& clock, SnowflakeIds& ids,
                            DeviceCredentialOptions options = {})
        : store_(store),
          links_(links),
          clock_(clock),
          ids_(ids),
          options_(options),
          ends_(options.watched_max) {}

    /// When credentials end that are in use; DeviceSignIn tells.
    [[nodiscard]] CredentialEnds& ends() { return ends_; }
    /// Closes the connections that credentials have let in which have ended since the last call.
    void close_ended();

    /// Newest first, the expired ones among them. Errors: not_found (the owner).
    [[nodiscard]] Result<std::vector<DeviceCredential>> list(const CredentialOwner& owner) const;
    /// Errors: not_found (the owner), invalid_argument, duplicate_key (the token, secureId or
    /// authority is in use), conflict (too many).
    [[nodiscard]] Result<ToldCredential> create(const CredentialOwner& owner,
                                                const NewDeviceCredential& request,
                                                const Actor& by);
    /// A token that a file gives to a device, which may be made in the same unit of work: checked,
    /// yet to be stored by add_to(). Nothing if the device has it already. Errors: as create().
    [[nodiscard]] Result<std::optional<ToldCredential>> given_token(const Repositories& rows,
                                                                    const DeviceId& device,
                                                                    const std::string& token,
                                                                    const Actor& by) const;
    /// Stores what given_token() has made of a device that exists now.
    void add_to(UnitOfWork& work, ToldCredential told) const;
    /// A new secret of the same kind and name, for the time that the old one was made for; a new
    /// secureId too. The old one is good for `keep_old` longer, at most until it expires.
    /// Errors: not_found, conflict (expired; too many), invalid_argument (an authority: nothing of
    /// it is secret).
    [[nodiscard]] Result<ToldCredential> rotate(const CredentialOwner& owner,
                                                const CredentialId& id, seconds keep_old,
                                                const Actor& by);
    /// Ends it at once and closes the device's connection, or those of the product's devices that
    /// it has let in. Errors: not_found.
    [[nodiscard]] Result<void> revoke(const CredentialOwner& owner, const CredentialId& id,
                                      const Actor& by);

private:
    [[nodiscard]] Result<ToldCredential> made(const CredentialOwner& owner,
                                              const NewDeviceCredential& request,
                                              const Actor& by) const;
    /// Whether a credential may be stored: its lookup is free and its owner has room.
    [[nodiscard]] Result<void> check_room(const Repositories& rows, const CredentialOwner& owner,
                                          const DeviceCredential& credential) const;
    /// Stores a credential for which there is room; an expired one may go.
    void add(UnitOfWork& work, const CredentialOwner& owner,
             const DeviceCredential& credential) const;
    void close(const CredentialOwner& owner, const CredentialId& credential);

    Store& store_;
    DeviceLinks& links_;
    const Clock& clock_;
    SnowflakeIds& ids_;
    const DeviceCredentialOptions options_;
    CredentialEnds ends_;
};

}  // namespace updraft
