#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/access_service.hpp"
#include "app/access_users.hpp"
#include "app/api_tokens.hpp"
#include "app/command_replies.hpp"
#include "app/device_access.hpp"
#include "app/device_service.hpp"
#include "app/live_events.hpp"
#include "app/product_service.hpp"
#include "app/protocol_service.hpp"
#include "app/record_changes.hpp"
#include "app/system_service.hpp"
#include "base/ids.hpp"
#include "tests/support/domain_builders.hpp"
#include "tests/support/fake_device_links.hpp"
#include "tests/support/memory_store.hpp"

namespace updraft {

/// The services around users, products and devices on an empty store in memory, with the built-in
/// protocol packages and a clock that stands still.
struct AppWorld {
    explicit AppWorld(AccessOptions access_options = {}, std::unique_ptr<Store> on = nullptr)
        : store(on ? std::move(on) : open_memory_store(freshness)),
          access(*store, clock, ids, access_options) {
        protocols.install_builtin();
    }

    /// An administrator who may do everything.
    [[nodiscard]] static Identity admin() { return {UserId{"admin-id"}, "admin", "A", true, {}}; }

    /// Product p1, published, over MQTT by the built-in package.
    void add_product(const std::string& id = "p1") {
        ProductForm form;
        form.id = ProductId{id};
        form.name = "product " + id;
        form.protocol = ProtocolId{"jetlinks.v3.0"};
        form.transport_protocol = "MQTT";
        form.configuration = Configuration{{"secureId", "test"}, {"secureKey", "test"}};
        form.enabled = true;
        must(products.add({form}, admin()));
    }
    void add_device(const std::string& id, const std::string& product = "p1") {
        must(devices.add({device_form(id, product)}, admin()));
    }
    [[nodiscard]] static DeviceForm device_form(const std::string& id,
                                                const std::string& product = "p1") {
        DeviceForm form;
        form.id = DeviceId{id};
        form.name = "device " + id;
        form.product = ProductId{product};
        return form;
    }
    [[nodiscard]] std::optional<Device> device(const std::string& id) const {
        return store->read(
            [&](const Repositories& rows) { return rows.devices().find(DeviceId{id}); });
    }
    [[nodiscard]] std::optional<Product> product(const std::string& id) const {
        return store->read(
            [&](const Repositories& rows) { return rows.products().find(ProductId{id}); });
    }

    ManualClock clock;
    std::shared_ptr<Freshness> freshness = std::make_shared<Freshness>();
    std::unique_ptr<Store> store;
    SnowflakeIds ids{clock, 1};
    LiveEvents live;
    FakeDeviceLinks links;
    RecordChanges changes{clock, ids, live};
    CommandReplies replies;
    PublicUrls urls{"http://127.0.0.1:8848/api"};
    AccessService access;
    UserService users{*store, access, clock, ids};
    ApiTokenService api_tokens{*store, access, clock, ids};
    ProtocolService protocols{*store, clock, ids};
    ProductService products{*store, links, clock, ids};
    DeviceService devices{*store, links, changes, replies,
                          live,   clock, ids,     DeviceServiceOptions{milliseconds{200}}};
    SystemService system{*store, urls, clock, ids};
    DeviceSignIn sign_in{*store, clock, {}, freshness};

private:
    template <class T>
    static void must(const Result<T>& result) {
        if (!result) {
            throw std::runtime_error("the test's world is wrong: " + result.error().message.en);
        }
    }
};

}  // namespace updraft
