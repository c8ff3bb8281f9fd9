#include "app/device_access.hpp"

#include <algorithm>
#include <limits>
#include <ranges>

#include "app/access_passwords.hpp"
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "protocol/jetlinks/codec.hpp"

namespace updraft {
namespace {

constexpr std::size_t credential_bytes_max = 1024;
constexpr std::size_t enrolled_id_characters_max = 256;
constexpr std::size_t authorities_max = 16;  // of one proof; more are not looked at
constexpr std::size_t families_max = 10'000;

/// A device that may sign in, if its proof is good.
struct Known {
    Device device;
    Product product;
};

Error refused(Text why) {
    return Error::of(ErrorCode::unauthorized, std::move(why));
}

Error wrong_token() {
    return refused(text("令牌错误", "wrong token"));
}

/// The device, if it may sign in at all.
Result<Known> admitted(const Repositories& rows, Device device) {
    if (device.state == DeviceState::not_active) {
        return refused(text("设备未激活", "the device is not active"));
    }
    std::optional<Product> product = rows.products().find(device.product);
    if (!product || !product->enabled) {
        return refused(text("产品未启用", "the device's product is not enabled"));
    }
    return Known{std::move(device), *std::move(product)};
}

/// A value of the device's configuration, else of its product's. A child device connects through
/// its gateway: the product's shared key does not let it in by itself, a key of its own does.
std::string configured_for(const Known& known, const std::string& key) {
    const Product none;
    return configured(known.device, known.device.parent ? none : known.product, key).value_or("");
}

/// The same without the product's, and without the device's.
std::string own_value(const Known& known, const std::string& key) {
    return configured(known.device, Product{}, key).value_or("");
}
std::string shared_value(const Known& known, const std::string& key) {
    return known.device.parent ? "" : configured(Device{}, known.product, key).value_or("");
}

bool is_own(const DeviceCredential& credential, const Known& known) {
    return credential.device == known.device.id;
}

bool is_shared_with(const DeviceCredential& credential, const Known& known) {
    return !credential.device && credential.product == known.device.product && !known.device.parent;
}

bool same_secret(const std::string& shown, const std::string& right) {
    return !right.empty() && equals_constant_time(shown, right);
}

std::optional<DeviceCredential> live_credential(const Repositories& rows, CredentialKind kind,
                                                const std::string& lookup, Instant now) {
    std::optional<DeviceCredential> found = rows.credentials().find_by_lookup(kind, lookup);
    return found && !found->expired(now) ? found : std::nullopt;
}

/// The credential behind a token: found by its hash, so that the time it takes tells nothing of the
/// token.
std::optional<DeviceCredential> behind_token(const Repositories& rows, const std::string& token,
                                             Instant now) {
    if (token.empty() || token.size() > credential_bytes_max) {
        return std::nullopt;
    }
    return live_credential(rows, CredentialKind::token, secret_sha256(token), now);
}

/// The credential of the first authority that any product trusts; of several products, the one that
/// trusted it first.
std::optional<DeviceCredential> behind_authorities(const Repositories& rows,
                                                   const proof::Authorities& shown, Instant now) {
    for (const std::string& hash : shown.hashes | std::views::take(authorities_max)) {
        if (hash.empty() || hash.size() > credential_bytes_max) {
            continue;
        }
        auto credential = live_credential(rows, CredentialKind::authority, to_lower(hash), now);
        if (credential) {
            return credential;
        }
    }
    return std::nullopt;
}

/// What lets a device in: a credential, or (nothing) a value of a configuration.
struct Good {
    std::optional<DeviceCredential> credential;
};

/// Whether a proof is good for a known device.
struct Proves {
    const Repositories& rows;
    const Known& known;
    Instant now;

    std::optional<Good> operator()(const proof::Token& shown) const {
        return behind(shown.token, true, true, configured_for(known, "bearer_token"));
    }
    std::optional<Good> operator()(const proof::TargetToken& shown) const {
        return behind(shown.token, true, false, own_value(known, "bearer_token"));
    }
    std::optional<Good> operator()(const proof::GatewayToken& shown) const {
        return behind(shown.token, false, true, shared_value(known, "bearer_token"));
    }
    std::optional<Good> operator()(const proof::Authorities& shown) const {
        const auto trusted = rows.credentials().of_product(known.device.product);
        for (const std::string& hash : shown.hashes | std::views::take(authorities_max)) {
            const auto found =
                std::ranges::find_if(trusted, [&](const DeviceCredential& credential) {
                    return credential.kind == CredentialKind::authority &&
                           !credential.expired(now) && credential.lookup == to_lower(hash);
                });
            if (found != trusted.end()) {
                return Good{*found};
            }
        }
        return std::nullopt;
    }

private:
    [[nodiscard]] std::optional<Good> behind(const std::string& token, bool own, bool shared,
                                             const std::string& value) const {
        auto credential = behind_token(rows, token, now);
        if (credential && ((own && is_own(*credential, known)) ||
                           (shared && is_shared_with(*credential, known)))) {
            return Good{std::move(credential)};
        }
        return same_secret(token, value) ? std::optional(Good{}) : std::nullopt;
    }
};

/// What an unknown device shows of a product.
struct ProductBehind {
    const Repositories& rows;
    Instant now;

    std::optional<DeviceCredential> operator()(const proof::Token& shown) const {
        auto credential = behind_token(rows, shown.token, now);
        return credential && !credential->device ? credential : std::nullopt;
    }
    std::optional<DeviceCredential> operator()(const proof::TargetToken&) const {
        return std::nullopt;  // of a device: there is none
    }
    std::optional<DeviceCredential> operator()(const proof::GatewayToken& shown) const {
        return (*this)(proof::Token{shown.token});
    }
    std::optional<DeviceCredential> operator()(const proof::Authorities& shown) const {
        return behind_authorities(rows, shown, now);
    }
};

/// The product that takes in an unknown device with this proof.
Result<Product> enrolling_product(const Repositories& rows, const DeviceId& id,
                                  const DeviceProof& proof, const std::optional<ProductId>& only,
                                  Instant now) {
    const auto credential = std::visit(ProductBehind{rows, now}, proof);
    std::optional<Product> product =
        credential ? rows.products().find(credential->product) : std::nullopt;
    if (!product || (only && product->id != *only)) {
        return refused(text("设备不存在", "there is no such device"));
    }
    if (!product->enabled) {
        return refused(text("产品未启用", "the device's product is not enabled"));
    }
    const auto takes = configured(Device{}, *product, "registerUnknown");
    if (!takes || !equals_ignoring_case(*takes, "true")) {
        return refused(text("设备不存在, 且产品 {} 不允许自动注册",
                            "there is no such device, and product {} takes in none by itself",
                            product->id));
    }
    if (!checked_enrolled_id(id.value)) {
        return refused(
            text("设备ID不能用于自动注册", "a device cannot be created by itself under this id"));
    }
    return *std::move(product);
}

/// The secret in a proof and the way it was shown, as one question; nothing for proofs that hang on
/// more than one credential.
std::optional<Fingerprint> question_of(const DeviceId& id, const DeviceProof& proof) {
    struct Question {
        const DeviceId& id;
        std::optional<Fingerprint> operator()(const proof::Token& shown) const {
            return fingerprint_of({"token", id.value, shown.token});
        }
        std::optional<Fingerprint> operator()(const proof::TargetToken& shown) const {
            return fingerprint_of({"target", id.value, shown.token});
        }
        std::optional<Fingerprint> operator()(const proof::GatewayToken& shown) const {
            return fingerprint_of({"gateway", id.value, shown.token});
        }
        std::optional<Fingerprint> operator()(const proof::Authorities&) const {
            return std::nullopt;
        }
    };
    return std::visit(Question{id}, proof);
}

/// What a sign-in over HTTP comes to: a device, or the product that a device is to be created in.
struct Admitted {
    SignedInDevice device;
    std::optional<DeviceCredential> credential;
    const DeviceProof* proof = nullptr;  ///< the one of the question that was good
};
using Judged = std::variant<Admitted, Product>;

Result<Judged> judged(const Repositories& rows, const DeviceAsk& ask, Instant now) {
    std::optional<Device> device = rows.devices().find(ask.id);
    if (device) {
        UPDRAFT_TRY(const Known known, admitted(rows, *std::move(device)));
        for (const DeviceProof& proof : ask.proofs) {
            if (auto good = std::visit(Proves{rows, known, now}, proof)) {
                SignedInDevice in{known.device.id, known.product.id, known.product.protocol, {}};
                if (good->credential) {
                    in.credential = good->credential->id;
                }
                return Judged(Admitted{std::move(in), std::move(good->credential), &proof});
            }
        }
        return wrong_token();
    }
    if (ask.unknown == UnknownDevice::refuse || ask.proofs.empty()) {
        return refused(text("设备不存在", "there is no such device"));
    }
    for (const DeviceProof& proof : ask.proofs) {
        Result<Product> product = enrolling_product(rows, ask.id, proof, ask.only, now);
        if (product || &proof == &ask.proofs.back()) {
            UPDRAFT_TRY(Product found, std::move(product));
            return Judged(std::move(found));
        }
    }
    return refused(text("设备不存在", "there is no such device"));
}

Device enrolled_device(const DeviceId& id, const Product& product, Instant now) {
    Device device;
    device.id = id;
    device.name = id.value;
    device.product = product.id;
    device.device_type = product.device_type;
    device.state = DeviceState::offline;
    device.registered_at = now;
    device.created_at = now;
    return device;
}

}  // namespace

Result<void> checked_enrolled_id(std::string_view id) {
    constexpr std::string_view characters =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.:@-";
    if (id.empty() || id.size() > enrolled_id_characters_max ||
        id.find_first_not_of(characters) != std::string_view::npos ||
        id.find_first_not_of('.') == std::string_view::npos) {
        return Error::invalid(
            "id", text("自动注册的设备ID只能由数字、字母和 _ . : @ - 组成, 且长度为1~{}位",
                       "the id of a device that is created by itself must be 1 to {} letters, "
                       "digits, or _ . : @ -",
                       enrolled_id_characters_max));
    }
    return {};
}

Result<SignedInDevice> DeviceSignIn::limited(
    const DeviceId& id, const std::string& address, Instant now,
    const std::function<Result<SignedInDevice>()>& judge) const {
    if (!address.empty()) {
        if (const auto wait = limit_.wait(id.value, address, now)) {
            counters_.limited.fetch_add(1, std::memory_order_relaxed);
            return Error::of(ErrorCode::too_many_requests,
                             text("认证失败次数过多, 请{}秒后再试",
                                  "too many wrong credentials: try again in {} s",
                                  std::chrono::ceil<seconds>(*wait).count()));
        }
    }
    Result<SignedInDevice> result = judge();
    const bool wrong = !result && result.error().code == ErrorCode::unauthorized;
    if (wrong) {
        counters_.refused.fetch_add(1, std::memory_order_relaxed);
    }
    if (!address.empty() && wrong) {
        limit_.failed(id.value, address, now);
    } else if (!address.empty() && result) {
        limit_.succeeded(id.value, address);
    }
    return result;
}

void DeviceSignIn::note_end(const DeviceCredential& credential) const {
    if (ends_ != nullptr && credential.expires_at) {
        ends_->note(credential.id, *credential.expires_at);
    }
}

Result<SignedInDevice> DeviceSignIn::mqtt(const std::string& client_id, const std::string& username,
                                          const std::string& password,
                                          const std::string& address) const {
    if (client_id.empty() || client_id.size() > credential_bytes_max ||
        username.size() > credential_bytes_max || password.size() > credential_bytes_max) {
        return refused(jetlinks::describe(jetlinks::SignInRefusal::malformed_username));
    }
    const Instant now = clock_.now();
    return limited(DeviceId(client_id), address, now,
                   [&] { return judge_mqtt(client_id, username, password, now); });
}

Result<SignedInDevice> DeviceSignIn::judge_mqtt(const std::string& client_id,
                                                const std::string& username,
                                                const std::string& password, Instant now) const {
    return store_.read([&](const Repositories& rows) -> Result<SignedInDevice> {
        std::optional<Device> device = rows.devices().find(DeviceId(client_id));
        if (!device) {
            return refused(text("设备不存在", "there is no such device"));
        }
        UPDRAFT_TRY(const Known known, admitted(rows, *std::move(device)));
        jetlinks::SignInKeys keys;
        keys.secure_id = configured_for(known, "secureId");
        keys.secure_key = configured_for(known, "secureKey");
        keys.plain_auth = equals_ignoring_case(
            configured(known.device, known.product, "plainAuth").value_or(""), "true");
        SignedInDevice signed_in{known.device.id, known.product.id, known.product.protocol, {}};
        auto refusal = jetlinks::check_sign_in(username, password, keys, now);
        if (!refusal) {
            return signed_in;
        }
        const std::string secure_id = username.substr(0, username.find('|'));
        const auto credential = live_credential(rows, CredentialKind::mqtt_key, secure_id, now);
        if (credential && (is_own(*credential, known) || is_shared_with(*credential, known))) {
            keys.secure_id = credential->lookup;
            keys.secure_key = credential->secret;
            refusal = jetlinks::check_sign_in(username, password, keys, now);
            if (!refusal) {
                signed_in.credential = credential->id;
                note_end(*credential);
                return signed_in;
            }
        } else if (keys.secure_id.empty() || keys.secure_key.empty()) {
            return refused(
                text("设备未配置认证信息", "no credentials are configured for the device"));
        }
        return refused(jetlinks::describe(*refusal));
    });
}

Result<SignedInDevice> DeviceSignIn::http(const DeviceAsk& ask) const {
    const Instant now = clock_.now();
    // Clients of Basic authentication ask without a credential first: that is no guess.
    const bool guesses = std::ranges::any_of(ask.proofs, [](const DeviceProof& proof) {
        const auto* token = std::get_if<proof::Token>(&proof);
        return token == nullptr || !token->token.empty();
    });
    return guesses ? limited(ask.id, ask.address, now, [&] { return judge_http(ask, now); })
                   : judge_http(ask, now);
}

Result<SignedInDevice> DeviceSignIn::judge_http(const DeviceAsk& ask, Instant now) const {
    const Freshness::Stamp stamp = freshness_ ? freshness_->stamp(ask.id) : 0;
    UPDRAFT_TRY(const Judged first,
                store_.read([&](const Repositories& rows) { return judged(rows, ask, now); }));
    if (const auto* in = std::get_if<Admitted>(&first)) {
        if (in->credential) {
            note_end(*in->credential);
        }
        remember(*in->proof, stamp, in->device,
                 in->credential ? in->credential->expires_at : std::nullopt);
        return in->device;
    }
    bool created = false;
    UPDRAFT_TRY(const SignedInDevice enrolled,
                store_.write([&](UnitOfWork& work) -> Result<SignedInDevice> {
                    // Judged again: another request of the device may have been faster, and people
                    // act too.
                    UPDRAFT_TRY(const Judged again, judged(work, ask, now));
                    if (const auto* in = std::get_if<Admitted>(&again)) {
                        return in->device;
                    }
                    const Product& product = std::get<Product>(again);
                    if (work.devices().count_of(product.id) >= options_.enroll_per_product_max) {
                        return Error::of(
                            ErrorCode::conflict,
                            text("产品 {} 已有{}个设备, 不再自动注册",
                                 "product {} has {} devices and takes in no more by itself",
                                 product.id, options_.enroll_per_product_max));
                    }
                    work.devices().add(enrolled_device(ask.id, product, now));
                    created = true;
                    return SignedInDevice{ask.id, product.id, product.protocol, {}};
                }));
    if (created) {
        log::info("access", "device created by itself device={} product={}", enrolled.id,
                  enrolled.product);
    }
    return enrolled;
}

std::optional<SignedInDevice> DeviceSignIn::http_at_once(const DeviceId& id,
                                                         const DeviceProof& proof) const {
    const auto question = freshness_ ? question_of(id, proof) : std::nullopt;
    if (!question) {
        return std::nullopt;
    }
    const auto known = remembered_.find(*question, freshness_->stamp(id));
    if (!known || to_millis(clock_.now()) >= known->good_until_ms) {
        return std::nullopt;
    }
    const std::shared_lock lock(families_mutex_);
    const Family& family = families_[known->family];
    return SignedInDevice{id, family.product, family.protocol, {}};
}

void DeviceSignIn::remember(const DeviceProof& proof, Freshness::Stamp stamp,
                            const SignedInDevice& device,
                            const std::optional<Instant>& good_until) const {
    const auto question = freshness_ ? question_of(device.id, proof) : std::nullopt;
    const auto family = question ? family_of(device) : std::nullopt;
    if (family) {
        const std::int64_t until =
            good_until ? to_millis(*good_until) : std::numeric_limits<std::int64_t>::max();
        remembered_.keep(*question, stamp, {until, *family});
    }
}

/// Nothing when there are too many products.
std::optional<std::uint32_t> DeviceSignIn::family_of(const SignedInDevice& device) const {
    const auto is_it = [&](const Family& family) {
        return family.product == device.product && family.protocol == device.protocol;
    };
    const auto index = [&]() -> std::optional<std::uint32_t> {
        const auto found = std::ranges::find_if(families_, is_it);
        return found == families_.end()
                   ? std::nullopt
                   : std::optional(static_cast<std::uint32_t>(found - families_.begin()));
    };
    {
        const std::shared_lock lock(families_mutex_);
        if (const auto known = index()) {
            return known;
        }
    }
    const std::unique_lock lock(families_mutex_);
    if (const auto known = index()) {
        return known;
    }
    if (families_.size() >= families_max) {
        return std::nullopt;
    }
    families_.push_back({device.product, device.protocol});
    return static_cast<std::uint32_t>(families_.size() - 1);
}

}  // namespace updraft
