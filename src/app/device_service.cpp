#include "app/device_service.hpp"

#include <future>
#include <memory>

#include "app/audit.hpp"
#include "app/device_credentials.hpp"
#include "domain/form_rules.hpp"

namespace updraft {
namespace {

Error no_device(const DeviceId& id) {
    return Error::not_found("设备", "device", id.value);
}

Result<void> checked(const Device& device) {
    FormRules rules;
    rules.require_text(device.name, "name", text("请输入设备名称", "enter the device's name"), 64);
    rules.limit_text(device.description, "describe", 200);
    rules.require(!device.product.empty(), "productId",
                  text("请选择所属产品", "choose the device's product"));
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    return {};
}

/// A child's gateway must exist, be a gateway, and be another device.
Result<void> checked_parent(const Repositories& rows, const Device& device) {
    if (!device.parent) {
        return {};
    }
    const std::optional<Device> parent = rows.devices().find(*device.parent);
    if (!parent) {
        return Error::invalid("parentId",
                              text("网关设备 {} 不存在", "there is no gateway {}", *device.parent));
    }
    if (parent->id == device.id || parent->device_type != DeviceType::gateway) {
        return Error::invalid(
            "parentId", text("设备 {} 不是网关设备", "device {} is not a gateway", *device.parent));
    }
    return {};
}

void overwrite(Device& device, const DeviceForm& form) {
    device.name = form.name.value_or(device.name);
    device.product = form.product.value_or(device.product);
    device.device_type = form.device_type.value_or(device.device_type);
    if (form.parent) {
        device.parent = form.parent->empty() ? std::nullopt : std::optional(DeviceId(*form.parent));
    }
    device.description = form.description.value_or(device.description);
    device.configuration = form.configuration.value_or(device.configuration);
    device.tags = form.tags.value_or(device.tags);
}

Error offline() {
    return Error::of(ErrorCode::device_offline, text("设备已离线", "the device is offline"));
}

/// How a message reaches the device; for a child through its gateway.
Result<DeviceRoute> route_of(const Repositories& rows, const DeviceId& id) {
    const std::optional<Device> device = rows.devices().find(id);
    if (!device) {
        return no_device(id);
    }
    DeviceRoute route{id, device->product, std::nullopt, {}};
    if (device->parent) {
        const std::optional<Device> gateway = rows.devices().find(*device->parent);
        route.gateway = device->parent;
        route.gateway_product = gateway ? gateway->product : ProductId{};
    }
    return route;
}

}  // namespace

Result<Device> DeviceService::add_one(UnitOfWork& work, const DeviceForm& form,
                                      const Actor& by) const {
    Device device;
    device.id = form.id.empty() ? DeviceId(ids_.next()) : form.id;
    device.name = device.id.value;
    device.product = form.product.value_or(ProductId{});
    device.creator = by.who.user;
    device.created_at = clock_.now();
    UPDRAFT_CHECK(checked_id(device.id.value));
    const std::optional<Product> product = work.products().find(device.product);
    device.device_type = product ? product->device_type : DeviceType::device;
    overwrite(device, form);
    UPDRAFT_CHECK(checked(device));
    if (!product) {
        return Error::invalid("productId",
                              text("产品 {} 不存在", "there is no product {}", device.product));
    }
    if (work.devices().find(device.id)) {
        Error taken =
            Error::invalid("id", text("设备ID已存在: {}", "the device id is taken: {}", device.id));
        taken.code = ErrorCode::duplicate_key;
        return taken;
    }
    UPDRAFT_CHECK(checked_parent(work, device));
    work.devices().add(device);
    return device;
}

/// The old product's firmware must not reach a device of another product.
static Result<void> nothing_to_install(const Repositories& rows, const Device& device) {
    const bool any =
        std::ranges::any_of(rows.records().of_device(device.id), [](const UpgradeRecord& record) {
            return record.state == RecordState::waiting || record.state == RecordState::processing;
        });
    if (any) {
        return Error::of(ErrorCode::conflict,
                         text("设备 {} 等待升级或升级中, 停止后才能更换产品",
                              "device {} waits for an upgrade or is upgrading: stop that before "
                              "changing its product",
                              device.id));
    }
    return {};
}

Result<void> DeviceService::update_one(UnitOfWork& work, const Device& known,
                                       const DeviceForm& form, AuditNote* note) {
    Device device = known;
    overwrite(device, form);
    UPDRAFT_CHECK(checked(device));
    if (device.product != known.product) {
        if (known.state != DeviceState::not_active) {
            return Error::of(
                ErrorCode::conflict,
                text("设备 {} 已启用, 禁用后才能更换产品",
                     "device {} is active: disable it before changing its product", known.id));
        }
        if (!work.products().find(device.product)) {
            return Error::invalid("productId",
                                  text("产品 {} 不存在", "there is no product {}", device.product));
        }
        UPDRAFT_CHECK(nothing_to_install(work, known));
    }
    if (device.parent != known.parent) {
        UPDRAFT_CHECK(checked_parent(work, device));
    }
    work.devices().update(device);
    if (note != nullptr) {
        note->changed(known, device);
    }
    return {};
}

Result<std::vector<Device>> DeviceService::add(const std::vector<DeviceForm>& forms,
                                               const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<std::vector<Device>> {
        std::vector<Device> added;
        added.reserve(forms.size());
        AuditNote note(by);
        UPDRAFT_CHECK(each_row(forms, [&](const DeviceForm& form) -> Result<void> {
            UPDRAFT_TRY(Device device, add_one(work, form, by));
            note.added(device);
            added.push_back(std::move(device));
            return {};
        }));
        note.write(work);
        return added;
    });
}

Result<SaveCounts> DeviceService::save(const std::vector<DeviceForm>& forms, const Actor& by) {
    std::vector<DeviceId> updated;
    UPDRAFT_TRY(const SaveCounts saved, store_.write([&](UnitOfWork& work) -> Result<SaveCounts> {
        SaveCounts counts;
        AuditNote note(by);
        UPDRAFT_CHECK(each_row(forms, [&](const DeviceForm& form) -> Result<void> {
            const std::optional<Device> known =
                form.id.empty() ? std::nullopt : work.devices().find(form.id);
            if (known) {
                ++counts.updated;
                updated.push_back(known->id);
                return update_one(work, *known, form, &note);
            }
            ++counts.added;
            UPDRAFT_TRY(const Device device, add_one(work, form, by));
            note.added(device);
            return {};
        }));
        note.write(work);
        return counts;
    }));
    tell_changed(updated);
    return saved;
}

Result<void> DeviceService::replace(const DeviceForm& form, const Actor& by) {
    UPDRAFT_CHECK(store_.write([&](UnitOfWork& work) -> Result<void> {
        const std::optional<Device> known = work.devices().find(form.id);
        if (!known) {
            return no_device(form.id);
        }
        AuditNote note(by);
        UPDRAFT_CHECK(update_one(work, *known, form, &note));
        note.write(work);
        return {};
    }));
    tell_changed({form.id});
    return {};
}

/// The token is looked at before anything is stored: a refused line leaves nothing behind.
Result<Imported> DeviceService::import_one(UnitOfWork& work, const ImportRow& row,
                                           const ImportMode& mode,
                                           const DeviceCredentialService& credentials,
                                           const Actor& by) const {
    std::optional<ToldCredential> told;
    if (row.token) {
        UPDRAFT_TRY(told, credentials.given_token(work, row.device.id, *row.token, by));
    }
    UPDRAFT_TRY(const Imported imported, import_device(work, row.device, mode, by));
    if (!told) {
        return imported;
    }
    credentials.add_to(work, *std::move(told));
    return imported == Imported::unchanged ? Imported::updated : imported;
}

Result<Imported> DeviceService::import_device(UnitOfWork& work, DeviceForm form,
                                              const ImportMode& mode, const Actor& by) const {
    const bool enable = mode.activation == ImportMode::Activation::enable;
    const std::optional<Device> known = work.devices().find(form.id);
    if (!known || mode.existing == ImportMode::Existing::refuse) {
        form.product = form.product ? form.product : mode.product;
        UPDRAFT_TRY(const Device device, add_one(work, form, by));
        if (enable) {
            activate(work, device);
        }
        return Imported::added;
    }
    if (form.configuration) {
        form.configuration->insert(known->configuration.begin(), known->configuration.end());
    }
    Device device = *known;
    overwrite(device, form);
    const bool activates = enable && known->state == DeviceState::not_active;
    if (device == *known && !activates) {
        return Imported::unchanged;
    }
    UPDRAFT_CHECK(update_one(work, *known, form));
    if (activates) {
        activate(work, device);
    }
    return Imported::updated;
}

std::vector<Result<Imported>> DeviceService::import_rows(const std::vector<ImportRow>& rows,
                                                         const ImportMode& mode,
                                                         const DeviceCredentialService& credentials,
                                                         const Actor& by, const AuditNote* note) {
    std::vector<Result<Imported>> outcomes;
    std::vector<DeviceId> updated;
    const bool stores = mode.effect == ImportMode::Effect::store;
    (void)store_.write([&](UnitOfWork& work) -> Result<void> {
        for (const ImportRow& row : rows) {
            outcomes.push_back(import_one(work, row, mode, credentials, by));
            if (outcomes.back() && *outcomes.back() == Imported::updated) {
                updated.push_back(row.device.id);
            }
        }
        if (stores && note != nullptr) {
            note->write(work);
        }
        // An error takes back what was tried.
        return stores ? Result<void>() : Error::of(ErrorCode::conflict, Text());
    });
    if (stores) {
        tell_changed(updated);
    }
    return outcomes;
}

void DeviceService::remove_one(UnitOfWork& work, const DeviceId& id) const {
    for (Device child : work.devices().children_of(id)) {
        child.parent.reset();
        work.devices().update(child);
    }
    changes_.device_deleted(work, id);
    work.devices().remove(id);
}

Result<Device> DeviceService::remove(const DeviceId& id, const Actor& by) {
    UPDRAFT_TRY(Device removed, store_.write([&](UnitOfWork& work) -> Result<Device> {
        std::optional<Device> device = work.devices().find(id);
        if (!device) {
            return no_device(id);
        }
        if (device->state != DeviceState::not_active) {
            return Error::of(ErrorCode::conflict,
                             text("设备 {} 已启用, 禁用后才能删除",
                                  "device {} is active: disable it before deleting it", id));
        }
        remove_one(work, id);
        AuditNote note(by);
        note.removed(*device);
        note.write(work);
        return *std::move(device);
    }));
    tell_changed({id});
    return removed;
}

Result<std::int64_t> DeviceService::remove_all(const std::vector<DeviceId>& ids, const Actor& by) {
    std::vector<DeviceId> removed;
    UPDRAFT_CHECK(store_.write([&](UnitOfWork& work) -> Result<void> {
        AuditNote note(by);
        for (const DeviceId& id : ids) {
            const std::optional<Device> device = work.devices().find(id);
            if (device && device->state == DeviceState::not_active) {
                remove_one(work, id);
                note.removed(*device);
                removed.push_back(id);
            }
        }
        note.write(work);
        return {};
    }));
    tell_changed(removed);
    return static_cast<std::int64_t>(removed.size());
}

Result<std::int64_t> DeviceService::each_known(
    const std::vector<DeviceId>& ids, const Actor& by,
    const std::function<bool(UnitOfWork&, const Device&)>& one) {
    return store_.write([&](UnitOfWork& work) -> Result<std::int64_t> {
        std::int64_t count = 0;
        AuditNote note(by);
        for (const DeviceId& id : ids) {
            const std::optional<Device> device = work.devices().find(id);
            if (!device && ids.size() == 1) {
                return no_device(id);
            }
            if (!device || !one(work, *device)) {
                continue;
            }
            ++count;
            note.changed(*device, work.devices().find(id).value_or(*device));
        }
        note.write(work);
        return count;
    });
}

void DeviceService::announce(UnitOfWork& work, const Device& device, DeviceState state) const {
    work.after_commit([this, at = clock_.now(), id = device.id, product = device.product, state] {
        live_.publish({at, live::DeviceStateChanged{id, product, state}});
    });
}

Result<std::int64_t> DeviceService::deploy(const std::vector<DeviceId>& ids, const Actor& by) {
    return each_known(ids, by, [&](UnitOfWork& work, const Device& known) {
        if (known.state == DeviceState::not_active) {
            activate(work, known);
        }
        return true;
    });
}

void DeviceService::activate(UnitOfWork& work, const Device& known) const {
    Device device = known;
    device.registered_at = known.registered_at.value_or(clock_.now());
    work.devices().update(device);
    work.devices().set_state(device.id, DeviceState::offline);
    announce(work, device, DeviceState::offline);
}

Result<std::int64_t> DeviceService::undeploy(const std::vector<DeviceId>& ids, const Actor& by) {
    std::vector<DeviceId> disabled;
    Result<std::int64_t> count = each_known(ids, by, [&](UnitOfWork& work, const Device& device) {
        if (device.state != DeviceState::not_active) {
            work.devices().set_state(device.id, DeviceState::not_active);
            announce(work, device, DeviceState::not_active);
        }
        disabled.push_back(device.id);
        return true;
    });
    if (count) {
        for (const DeviceId& id : disabled) {
            links_.close(id, "device disabled");
        }
        tell_changed(disabled);
    }
    return count;
}

void DeviceService::tell_changed(const std::vector<DeviceId>& ids) const {
    for (const DeviceId& id : ids) {
        changed_(id);
    }
}

Result<bool> DeviceService::disconnect(const DeviceId& id) {
    const bool known =
        store_.read([&](const Repositories& rows) { return rows.devices().find(id).has_value(); });
    if (!known) {
        return no_device(id);
    }
    const bool connected = links_.is_connected(id);
    if (connected) {
        links_.close(id, "disconnected by an operator");
    }
    return connected;
}

Result<void> DeviceService::request_attributes(const DeviceId& id, const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<void> {
        const std::optional<Device> device = work.devices().find(id);
        if (!device) {
            return no_device(id);
        }
        AuditNote note(by);
        note.touched(*device);
        note.write(work);
        // One that has never polled is asked anyway.
        std::optional<DdiTarget> target = work.ddi().target(id);
        if (target && !target->attributes_wanted) {
            target->attributes_wanted = true;
            work.ddi().put_target(*target);
        }
        return {};
    });
}

Result<Configuration> DeviceService::reset_configuration(const DeviceId& id, const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<Configuration> {
        std::optional<Device> device = work.devices().find(id);
        if (!device) {
            return no_device(id);
        }
        const Device before = *device;
        device->configuration.clear();
        work.devices().update(*device);
        AuditNote note(by);
        note.changed(before, *device);
        note.write(work);
        const std::optional<Product> product = work.products().find(device->product);
        return product ? product->configuration : Configuration{};
    });
}

Result<std::string> DeviceService::command(const DeviceId& id, const DeviceCommand& command) {
    UPDRAFT_TRY(const DeviceRoute route,
                store_.read([&](const Repositories& rows) { return route_of(rows, id); }));
    if (!links_.is_connected(route.carrier())) {
        return offline();
    }
    const std::string message_id = command.message_id.empty() ? ids_.next() : command.message_id;
    UPDRAFT_TRY(CommandReplies::Waiting waiting, replies_.expect(id, message_id));
    const auto written = std::make_shared<std::promise<bool>>();
    std::future<bool> sent = written->get_future();
    links_.send({route, clock_.now(),
                 downlink::OtherDownlink{command.message_type, message_id, command.body}},
                [written](bool reached) { written->set_value(reached); });
    const bool told = sent.wait_for(options_.command_timeout) == std::future_status::ready;
    if (told && !sent.get()) {
        return offline();
    }
    std::optional<std::string> reply = told ? waiting.wait(options_.command_timeout) : std::nullopt;
    if (!reply) {
        return Error::of(ErrorCode::device_timeout,
                         text("设备未在{}秒内回复", "the device did not answer within {} seconds",
                              std::chrono::ceil<seconds>(options_.command_timeout).count()));
    }
    return *std::move(reply);
}

}  // namespace updraft
