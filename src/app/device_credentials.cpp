#include "app/device_credentials.hpp"

#include <algorithm>

#include "app/access_passwords.hpp"
#include "app/audit.hpp"
#include "base/bytes.hpp"
#include "base/log.hpp"
#include "domain/form_rules.hpp"
#include "domain/names.hpp"

namespace updraft {
namespace {

constexpr std::size_t token_characters = 32;  // hawkBit's form
constexpr std::size_t secure_id_characters = 16;
constexpr std::size_t secure_key_characters = 32;
constexpr std::size_t own_token_characters_min = 16;
constexpr std::size_t own_token_characters_max = 128;
constexpr std::size_t secure_id_characters_max = 64;
constexpr std::size_t authority_digits_min = 16;
constexpr std::size_t authority_digits_max = 128;
constexpr std::size_t hint_characters = 4;

/// From the look at a credential to the connection being known.
constexpr seconds sign_in_time{2};

bool is_visible(char c) {
    return c > ' ' && c <= '~';
}

bool is_hex_digit(char c) {
    return is_hex(std::string_view(&c, 1), 1);
}

/// Letters and digits, each equally likely.
std::string random_letters(std::size_t count) {
    constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    constexpr std::size_t even = 256 / letters.size() * letters.size();
    std::string made;
    while (made.size() < count) {
        const std::string bytes = from_hex(random_hex(2 * count)).value();
        for (const char random : bytes) {
            const std::size_t number = static_cast<unsigned char>(random);
            if (number < even && made.size() < count) {
                made += letters[number % letters.size()];
            }
        }
    }
    return made;
}

std::string hint_of(const std::string& told) {
    return told.substr(told.size() - std::min(told.size(), hint_characters));
}

bool is_device(const CredentialOwner& owner) {
    return std::holds_alternative<DeviceId>(owner);
}

/// "device=d1" or "product=p1": for the log.
std::string field_of(const CredentialOwner& owner) {
    const auto* device = std::get_if<DeviceId>(&owner);
    return device != nullptr ? fmt::format("device={}", *device)
                             : fmt::format("product={}", std::get<ProductId>(owner));
}

/// The product behind the owner. Errors: not_found (the owner).
Result<ProductId> product_of(const Repositories& rows, const CredentialOwner& owner) {
    if (const auto* id = std::get_if<ProductId>(&owner)) {
        return rows.products().find(*id) ? Result<ProductId>(*id)
                                         : Error::not_found("产品", "product", id->value);
    }
    const auto& id = std::get<DeviceId>(owner);
    const std::optional<Device> device = rows.devices().find(id);
    return device ? Result<ProductId>(device->product)
                  : Error::not_found("设备", "device", id.value);
}

std::vector<DeviceCredential> all_of(const Repositories& rows, const CredentialOwner& owner) {
    const auto* device = std::get_if<DeviceId>(&owner);
    return device != nullptr ? rows.credentials().of_device(*device)
                             : rows.credentials().of_product(std::get<ProductId>(owner));
}

Result<DeviceCredential> find_of(const Repositories& rows, const CredentialOwner& owner,
                                 const CredentialId& id) {
    std::optional<DeviceCredential> found = rows.credentials().find(id);
    const auto* device = std::get_if<DeviceId>(&owner);
    const bool belongs =
        found &&
        (device != nullptr ? found->device == *device
                           : !found->device && found->product == std::get<ProductId>(owner));
    if (!belongs) {
        return Error::not_found("凭证", "credential", id.value);
    }
    return *std::move(found);
}

Result<void> checked(const NewDeviceCredential& request, const CredentialOwner& owner,
                     Instant now) {
    FormRules rules;
    rules.limit_text(request.name, "name", 64);
    const auto& token = request.token;
    rules.require(!token || (token->size() >= own_token_characters_min &&
                             token->size() <= own_token_characters_max &&
                             std::ranges::all_of(*token, is_visible)),
                  "token",
                  text("令牌应为{}到{}个可见的ASCII字符, 不含空格",
                       "a token has {} to {} visible ASCII characters without blanks",
                       own_token_characters_min, own_token_characters_max));
    const auto& secure_id = request.secure_id;
    rules.require(
        !secure_id || (!secure_id->empty() && secure_id->size() <= secure_id_characters_max &&
                       std::ranges::all_of(*secure_id, is_visible) &&
                       secure_id->find('|') == std::string::npos),
        "secureId",
        text("secureId应为1到{}个可见的ASCII字符, 不含空格和|",
             "a secureId has 1 to {} visible ASCII characters without blanks and |",
             secure_id_characters_max));
    if (request.kind == CredentialKind::authority) {
        rules.require(!is_device(owner), "kind",
                      text("证书颁发机构只能属于产品", "an authority is of a product only"));
        rules.require(request.authority.size() >= authority_digits_min &&
                          request.authority.size() <= authority_digits_max &&
                          std::ranges::all_of(request.authority, is_hex_digit),
                      "authority",
                      text("证书颁发机构的哈希应为{}到{}位十六进制数",
                           "the hash of an authority has {} to {} hex digits", authority_digits_min,
                           authority_digits_max));
    }
    rules.require(!request.expires_at || *request.expires_at > now, "expiresAt",
                  text("有效期应晚于当前时间", "say a time that is yet to come"));
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    return {};
}

/// Makes what a credential proves itself with, and what a person is told of it.
void fill_secret(ToldCredential& told, const NewDeviceCredential& request) {
    DeviceCredential& credential = told.credential;
    switch (request.kind) {
        case CredentialKind::token:
            told.secret = request.token.value_or("");
            if (told.secret.empty()) {
                told.secret = random_letters(token_characters);
            }
            credential.lookup = secret_sha256(told.secret);
            credential.hint = hint_of(told.secret);
            return;
        case CredentialKind::mqtt_key:
            told.secret = random_letters(secure_key_characters);
            credential.lookup = request.secure_id.value_or("");
            if (credential.lookup.empty()) {
                credential.lookup = random_letters(secure_id_characters);
            }
            credential.secret = told.secret;
            credential.hint = hint_of(told.secret);
            return;
        case CredentialKind::authority:
            credential.lookup = to_lower(request.authority);
            credential.hint = hint_of(credential.lookup);
            return;
    }
}

Error taken(CredentialKind kind) {
    std::string property = "token";
    Text message = text("令牌已被使用", "the token is in use already");
    if (kind == CredentialKind::mqtt_key) {
        property = "secureId";
        message = text("secureId已被使用", "the secureId is in use already");
    } else if (kind == CredentialKind::authority) {
        property = "authority";
        message = text("产品已信任该证书颁发机构", "the product trusts the authority already");
    }
    Error error = Error::invalid(std::move(property), std::move(message));
    error.code = ErrorCode::duplicate_key;
    return error;
}

}  // namespace

Result<std::vector<DeviceCredential>> DeviceCredentialService::list(
    const CredentialOwner& owner) const {
    return store_.read([&](const Repositories& rows) -> Result<std::vector<DeviceCredential>> {
        UPDRAFT_TRY(const ProductId product, product_of(rows, owner));
        return all_of(rows, owner);
    });
}

Result<void> DeviceCredentialService::check_room(const Repositories& rows,
                                                 const CredentialOwner& owner,
                                                 const DeviceCredential& credential) const {
    const std::vector<DeviceCredential> others = all_of(rows, owner);
    const bool in_use =
        credential.kind == CredentialKind::authority
            ? std::ranges::any_of(others,
                                  [&](const DeviceCredential& each) {
                                      return each.kind == credential.kind &&
                                             each.lookup == credential.lookup;
                                  })
            : rows.credentials().find_by_lookup(credential.kind, credential.lookup).has_value();
    if (in_use) {
        return taken(credential.kind);
    }
    const bool any_expired = std::ranges::any_of(
        others, [&](const DeviceCredential& each) { return each.expired(credential.created_at); });
    if (others.size() >= options_.per_owner_max && !any_expired) {
        return Error::of(ErrorCode::conflict,
                         text("最多{}个凭证, 请先吊销不再使用的凭证",
                              "at most {} credentials, revoke one that is not used any more",
                              options_.per_owner_max));
    }
    return {};
}

void DeviceCredentialService::add(UnitOfWork& work, const CredentialOwner& owner,
                                  const DeviceCredential& credential) const {
    const std::vector<DeviceCredential> others = all_of(work, owner);
    if (others.size() >= options_.per_owner_max) {
        const auto oldest_expired = std::ranges::find_if(
            others.rbegin(), others.rend(),
            [&](const DeviceCredential& each) { return each.expired(credential.created_at); });
        if (oldest_expired != others.rend()) {
            work.credentials().remove(oldest_expired->id);
        }
    }
    work.credentials().add(credential);
}

Result<ToldCredential> DeviceCredentialService::made(const CredentialOwner& owner,
                                                     const NewDeviceCredential& request,
                                                     const Actor& by) const {
    ToldCredential told;
    DeviceCredential& credential = told.credential;
    credential.id = CredentialId(ids_.next());
    credential.kind = request.kind;
    credential.name = request.name;
    credential.created_at = clock_.now();
    credential.creator = by.who.user;
    credential.expires_at = request.expires_at;
    if (const auto* device = std::get_if<DeviceId>(&owner)) {
        credential.device = *device;
    }
    UPDRAFT_CHECK(checked(request, owner, credential.created_at));
    fill_secret(told, request);
    return told;
}

Result<ToldCredential> DeviceCredentialService::create(const CredentialOwner& owner,
                                                       const NewDeviceCredential& request,
                                                       const Actor& by) {
    UPDRAFT_TRY(ToldCredential told, made(owner, request, by));
    DeviceCredential& credential = told.credential;
    UPDRAFT_CHECK(store_.write([&](UnitOfWork& work) -> Result<void> {
        UPDRAFT_TRY(credential.product, product_of(work, owner));
        UPDRAFT_CHECK(check_room(work, owner, credential));
        add(work, owner, credential);
        AuditNote note(by);
        note.added(credential);
        note.write(work);
        return {};
    }));
    log::info("access", "device credential made id={} kind={} {} username={}", credential.id,
              name_of(credential.kind), field_of(owner), by.who.username);
    return told;
}

Result<std::optional<ToldCredential>> DeviceCredentialService::given_token(const Repositories& rows,
                                                                           const DeviceId& device,
                                                                           const std::string& token,
                                                                           const Actor& by) const {
    NewDeviceCredential request;
    request.token = token;
    UPDRAFT_TRY(ToldCredential told, made(device, request, by));
    const auto known =
        rows.credentials().find_by_lookup(CredentialKind::token, told.credential.lookup);
    if (known && known->device == device) {
        return std::optional<ToldCredential>();
    }
    UPDRAFT_CHECK(check_room(rows, device, told.credential));
    return std::optional(std::move(told));
}

void DeviceCredentialService::add_to(UnitOfWork& work, ToldCredential told) const {
    const DeviceId device = told.credential.device.value();
    told.credential.product = work.devices().find(device).value().product;
    add(work, device, told.credential);
}

Result<ToldCredential> DeviceCredentialService::rotate(const CredentialOwner& owner,
                                                       const CredentialId& id, seconds keep_old,
                                                       const Actor& by) {
    const Instant now = clock_.now();
    ToldCredential told;
    Instant old_ends_at;
    UPDRAFT_CHECK(store_.write([&](UnitOfWork& work) -> Result<void> {
        UPDRAFT_TRY(const ProductId product, product_of(work, owner));
        UPDRAFT_TRY(const DeviceCredential old, find_of(work, owner, id));
        if (old.kind == CredentialKind::authority) {
            return Error::invalid("kind", text("证书颁发机构不能轮换, 请新增后吊销旧的",
                                               "an authority is not rotated: add the new one and "
                                               "revoke the old one"));
        }
        if (old.expired(now)) {
            return Error::of(
                ErrorCode::conflict,
                text("凭证已过期, 请新增一个", "the credential has expired, add a new one"));
        }
        told.credential = old;
        told.credential.id = CredentialId(ids_.next());
        told.credential.created_at = now;
        told.credential.creator = by.who.user;
        told.credential.secret.clear();
        if (old.expires_at) {
            told.credential.expires_at = now + (*old.expires_at - old.created_at);
        }
        NewDeviceCredential request;
        request.kind = old.kind;
        fill_secret(told, request);
        const Instant until = now + keep_old;
        old_ends_at = std::min(old.expires_at.value_or(until), until);
        work.credentials().set_expiry(old.id, old_ends_at);
        UPDRAFT_CHECK(check_room(work, owner, told.credential));
        add(work, owner, told.credential);
        AuditNote note(by);
        note.changed(old, told.credential);
        note.also("keepOldSeconds", keep_old.count());
        note.write(work);
        return {};
    }));
    if (keep_old == seconds(0)) {
        close(owner, id);
    } else {
        ends_.note(id, old_ends_at);
    }
    log::info("access", "device credential rotated id={} new_id={} {} keep_old_s={} username={}",
              id, told.credential.id, field_of(owner), keep_old.count(), by.who.username);
    return told;
}

Result<void> DeviceCredentialService::revoke(const CredentialOwner& owner, const CredentialId& id,
                                             const Actor& by) {
    UPDRAFT_CHECK(store_.write([&](UnitOfWork& work) -> Result<void> {
        UPDRAFT_TRY(const ProductId product, product_of(work, owner));
        UPDRAFT_TRY(const DeviceCredential credential, find_of(work, owner, id));
        work.credentials().remove(credential.id);
        AuditNote note(by);
        note.removed(credential);
        note.write(work);
        return {};
    }));
    close(owner, id);
    log::info("access", "device credential revoked id={} {} username={}", id, field_of(owner),
              by.who.username);
    return {};
}

void DeviceCredentialService::close_ended() {
    for (const CredentialId& id : ends_.take_ended(clock_.now() - sign_in_time)) {
        links_.close_all_of(id, "credential ended");
    }
}

void DeviceCredentialService::close(const CredentialOwner& owner, const CredentialId& credential) {
    // Once more later: a device that is signing in at this moment is not connected yet.
    ends_.note(credential, clock_.now() + sign_in_time);
    const auto* device = std::get_if<DeviceId>(&owner);
    if (device == nullptr) {
        links_.close_all_of(credential, "credential revoked");
        return;
    }
    if (device != nullptr && links_.is_connected(*device)) {
        links_.close(*device, "credential revoked");
    }
}

}  // namespace updraft
