#pragma once

#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/device_messages.hpp"
#include "app/file_service.hpp"
#include "app/firmware_service.hpp"
#include "app/live_events.hpp"
#include "app/presence.hpp"
#include "app/record_changes.hpp"
#include "app/record_service.hpp"
#include "app/task_service.hpp"
#include "app/upgrade_sender.hpp"
#include "app/urls.hpp"
#include "tests/support/domain_builders.hpp"
#include "tests/support/memory_artifacts.hpp"
#include "tests/support/memory_store.hpp"

namespace updraft {

/// Connections that a test opens, closes and breaks by name; what was written to them is kept.
class ScriptedLinks final : public DeviceLinks {
public:
    [[nodiscard]] bool is_connected(const DeviceId& carrier) const override {
        const std::scoped_lock lock(mutex_);
        return connected.contains(carrier.value);
    }
    void send(DownlinkMessage message, std::function<void(bool)> done) override {
        bool written = false;
        {
            const std::scoped_lock lock(mutex_);
            const std::string& carrier = message.route.carrier().value;
            written = connected.contains(carrier) && !full_outboxes.contains(carrier);
            if (written) {
                sent.push_back(std::move(message));
            }
        }
        done(written);
    }
    void close(const DeviceId& carrier, const std::string&) override {
        const std::scoped_lock lock(mutex_);
        connected.erase(carrier.value);
    }
    void close_all_of(const CredentialId&, const std::string&) override {}
    void each_connected(const std::function<void(const DeviceId&)>& use) const override {
        for (const std::string& id : connected) {
            use(DeviceId{id});
        }
    }

    std::set<std::string> connected;
    std::set<std::string> full_outboxes;
    std::vector<DownlinkMessage> sent;

private:
    mutable std::mutex mutex_;
};

/// Product p1 (published, supports firmware), firmwares and devices as a test adds them, and the
/// services around upgrades on a real store in memory. Time stands still unless it is moved.
struct UpgradeWorld {
    explicit UpgradeWorld(DeviceMessages::Options messages_options = {},
                          TaskService::Options task_options = {})
        : tasks(*store, changes, live, clock, ids, task_options),
          messages(*store, changes, presence, urls, live, clock, ids, messages_options, freshness) {
        change([](UnitOfWork& work) {
            ProtocolPackage package;
            package.id = ProtocolId{"jetlinks.v3.0"};
            package.name = "JetLinks V3.0";
            package.type = "builtin";
            package.transports = {
                {"MQTT", {{std::string(feature_support_firmware), "支持固件升级"}}}, {"TCP", {}}};
            work.protocols().add(package);
            work.products().add(a_product());
        });
    }

    /// Runs `action` in a committed unit of work.
    template <class Action>
    void change(Action action) const {
        const auto done = store->write([&](UnitOfWork& work) -> Result<void> {
            action(work);
            return {};
        });
        must(done);
    }
    /// Returns when everything that was queued for the writer is committed.
    void flush_writer() const {
        change([](UnitOfWork&) {});
    }

    void add_device(const std::string& id, const std::string& product = "p1",
                    const std::optional<std::string>& gateway = std::nullopt,
                    DeviceState state = DeviceState::offline) {
        change([&](UnitOfWork& work) {
            Device device = a_device();
            device.id = DeviceId{id};
            device.name = "device " + id;
            device.product = ProductId{product};
            device.state = state;
            if (gateway) {
                device.parent = DeviceId{*gateway};
                device.device_type = DeviceType::children_device;
            }
            work.devices().add(device);
        });
    }
    /// A gateway of product p0 with children of product p1.
    void add_gateway(const std::string& id, const std::vector<std::string>& children) {
        change([&](UnitOfWork& work) {
            if (!work.products().find(ProductId{"p0"})) {
                Product product = a_product();
                product.id = ProductId{"p0"};
                product.device_type = DeviceType::gateway;
                work.products().add(product);
            }
            Device gateway = a_device();
            gateway.id = DeviceId{id};
            gateway.product = ProductId{"p0"};
            gateway.device_type = DeviceType::gateway;
            work.devices().add(gateway);
        });
        for (const std::string& child : children) {
            add_device(child, "p1", id);
        }
    }
    /// Firmware "F" + version of p1.
    FirmwareId add_firmware(const std::string& version, int order) {
        Firmware firmware = a_firmware();
        firmware.id = FirmwareId{"F" + version};
        firmware.version = version;
        firmware.version_order = order;
        firmware.properties = {{"slot", "", "B"}};
        change([&](UnitOfWork& work) { work.firmwares().add(firmware); });
        return firmware.id;
    }

    [[nodiscard]] static Identity person() { return {UserId{"u1"}, "ann", "Ann", true, {}}; }

    /// A task over all devices of p1, or those given; 30 s to answer, 600 s to upgrade.
    [[nodiscard]] static NewTask form(const FirmwareId& firmware, UpgradeMode mode,
                                      const std::vector<std::string>& devices = {}) {
        NewTask request;
        request.task = a_task(mode);
        request.task.firmware = firmware;
        if (!devices.empty()) {
            request.task.release_type = ReleaseType::part;
            request.devices.emplace();
            for (const std::string& device : devices) {
                request.devices->emplace_back(device);
            }
        }
        return request;
    }
    TaskId create_task(const FirmwareId& firmware, UpgradeMode mode,
                       const std::vector<std::string>& devices = {}) {
        return create_task(form(firmware, mode, devices));
    }
    TaskId create_task(NewTask request) {
        auto created = tasks.create(std::move(request), person());
        must(created);
        clock.advance(milliseconds{1});  // so that two tasks have an order
        return created->task.id;
    }

    /// The record of a device in a task.
    [[nodiscard]] UpgradeRecord record(const std::string& device, const TaskId& task) const {
        const auto found = store->read(
            [&](const Repositories& rows) { return rows.records().of_device(DeviceId{device}); });
        for (const UpgradeRecord& each : found) {
            if (each.task == task) {
                return each;
            }
        }
        throw std::runtime_error("no record of " + device);
    }
    [[nodiscard]] RecordState state(const std::string& device, const TaskId& task) const {
        return record(device, task).state;
    }
    [[nodiscard]] RecordCounts counts(const TaskId& task) const {
        return store->read(
            [&](const Repositories& rows) { return rows.tasks().find(task)->counts; });
    }
    [[nodiscard]] Device device(const std::string& id) const {
        return *store->read(
            [&](const Repositories& rows) { return rows.devices().find(DeviceId{id}); });
    }
    [[nodiscard]] std::vector<DeviceLogEntry> log_of(const std::string& id) const {
        Query query;
        query.paging = false;
        query.terms = {term("deviceId", boost::json::string(id))};
        return store->read(
            [&](const Repositories& rows) { return rows.device_logs().page(query).rows; });
    }
    /// Applies one event to the record of a device, as the dispatcher or a person would.
    Transition apply_to(const std::string& of_device, const TaskId& task,
                        const RecordEvent& event) {
        Transition transition;
        const UpgradeRecord before = record(of_device, task);
        change([&](UnitOfWork& work) { transition = changes.apply(work, before, event); });
        return transition;
    }

    /// Hands in a message over the connection of `carrier` and waits until it is done.
    DeviceInbox::Handled say(const std::string& carrier, UplinkBody body,
                             const std::optional<std::string>& child = std::nullopt) {
        UplinkMessage message;
        message.product = ProductId{"p1"};
        message.device = DeviceId{child.value_or(carrier)};
        if (child) {
            message.gateway = DeviceId{carrier};
        }
        message.body = std::move(body);
        message.payload = "{}";
        std::promise<DeviceInbox::Handled> promise;
        messages.handle(DeviceId{carrier}, std::move(message), [&](DeviceInbox::Handled handled) {
            promise.set_value(std::move(handled));
        });
        return promise.get_future().get();
    }
    [[nodiscard]] static uplink::UpgradeProgress progress_of(const std::string& version,
                                                             int percent) {
        uplink::UpgradeProgress said;
        said.version = version;
        said.report.progress_percent = percent;
        return said;
    }
    [[nodiscard]] static uplink::UpgradeProgress success_of(const std::string& version) {
        uplink::UpgradeProgress said = progress_of(version, 100);
        said.report.complete = true;
        said.report.success = true;
        return said;
    }
    [[nodiscard]] static uplink::UpgradeProgress failure_of(const std::string& version,
                                                            const std::string& reason) {
        uplink::UpgradeProgress said = progress_of(version, 60);
        said.report.complete = true;
        said.report.success = false;
        said.report.error_reason = reason;
        return said;
    }
    [[nodiscard]] static uplink::FirmwarePull pull(const std::string& id,
                                                   const std::string& current,
                                                   bool latest = false) {
        uplink::FirmwarePull said;
        said.message_id = id;
        said.request.current_version = current;
        said.request.latest = latest;
        return said;
    }
    /// The version that a pull was answered with; "NO_FIRMWARE" for none, "" for no answer at all.
    [[nodiscard]] static std::string offered(const DeviceInbox::Handled& handled) {
        if (!handled.reply) {
            return "";
        }
        const auto& reply = std::get<downlink::FirmwarePullReply>(handled.reply->body);
        return reply.firmware ? reply.firmware->version : "NO_FIRMWARE";
    }

    ManualClock clock;
    std::shared_ptr<Freshness> freshness = std::make_shared<Freshness>();
    std::unique_ptr<Store> store = open_memory_store(freshness);
    MemoryArtifacts artifacts;
    SnowflakeIds ids{clock, 1};
    LiveEvents live;
    ScriptedLinks links;
    PublicUrls urls{"http://h:8848/api"};
    RecordChanges changes{clock, ids, live};
    Presence presence{*store, links, changes, live, clock, ids, {}};
    FirmwareService firmwares{*store, urls, clock, ids};
    FileService files{*store, artifacts, urls, clock, {}, freshness};
    RecordService records{*store, live, clock};
    TaskService tasks;
    DeviceMessages messages;
    UpgradeSender sender{*store, links, presence, urls, live, clock, ids};

private:
    template <class T>
    static void must(const Result<T>& result) {
        if (!result) {
            throw std::runtime_error("the test's world is wrong: " + result.error().message.en);
        }
    }
};

}  // namespace updraft
