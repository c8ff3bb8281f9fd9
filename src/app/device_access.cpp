#include "app/device_access.hpp"

#include "base/bytes.hpp"
#include "protocol/jetlinks/codec.hpp"

namespace updraft {
namespace {

constexpr std::size_t credential_bytes_max = 1024;

Error refused(Text why) {
    return Error::of(ErrorCode::unauthorized, std::move(why));
}

/// A credential of the device, else of its product. A child device connects through its gateway:
/// the product's shared key does not let it in by itself, a key of its own does.
std::string credential(const Device& device, const Product& product, const std::string& key) {
    const Product none;
    return configured(device, device.parent ? none : product, key).value_or("");
}

}  // namespace

Result<DeviceSignIn::Known> DeviceSignIn::admitted(const DeviceId& id) const {
    std::optional<Device> device;
    std::optional<Product> product;
    store_.read([&](const Repositories& rows) {
        device = rows.devices().find(id);
        product = device ? rows.products().find(device->product) : std::nullopt;
    });
    if (!device) {
        return refused(text("设备不存在", "there is no such device"));
    }
    if (device->state == DeviceState::not_active) {
        return refused(text("设备未激活", "the device is not active"));
    }
    if (!product || !product->enabled) {
        return refused(text("产品未启用", "the device's product is not enabled"));
    }
    return Known{*std::move(device), *std::move(product)};
}

Result<SignedInDevice> DeviceSignIn::mqtt(const std::string& client_id, const std::string& username,
                                          const std::string& password) const {
    if (client_id.empty() || client_id.size() > credential_bytes_max ||
        username.size() > credential_bytes_max || password.size() > credential_bytes_max) {
        return refused(jetlinks::describe(jetlinks::SignInRefusal::malformed_username));
    }
    UPDRAFT_TRY(const Known known, admitted(DeviceId(client_id)));
    const auto& [device, product] = known;
    jetlinks::SignInKeys keys;
    keys.secure_id = credential(device, product, "secureId");
    keys.secure_key = credential(device, product, "secureKey");
    keys.plain_auth =
        equals_ignoring_case(configured(device, product, "plainAuth").value_or(""), "true");
    if (keys.secure_id.empty() || keys.secure_key.empty()) {
        return refused(text("设备未配置认证信息", "no credentials are configured for the device"));
    }
    if (const auto refusal = jetlinks::check_sign_in(username, password, keys, clock_.now())) {
        return refused(jetlinks::describe(*refusal));
    }
    return SignedInDevice{device.id, device.product, product.protocol};
}

Result<SignedInDevice> DeviceSignIn::http(const DeviceId& id, const DeviceProof& proof,
                                          UnknownDevice) const {
    UPDRAFT_TRY(const Known known, admitted(id));
    const std::string right = credential(known.device, known.product, "bearer_token");
    const auto* shown = std::get_if<proof::Token>(&proof);
    if (right.empty() || shown == nullptr || !equals_constant_time(shown->token, right)) {
        return refused(text("令牌错误", "wrong token"));
    }
    return SignedInDevice{known.device.id, known.device.product, known.product.protocol};
}

}  // namespace updraft
