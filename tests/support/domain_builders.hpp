#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/clock.hpp"
#include "domain/device.hpp"
#include "domain/firmware.hpp"
#include "domain/product.hpp"
#include "domain/upgrade_record.hpp"
#include "domain/upgrade_task.hpp"

/// Valid domain values for tests: a test changes only the members that it is about.
namespace updraft {

/// A moment `after` the start of every test's time, 2025-01-01T00:00:00Z.
[[nodiscard]] constexpr Instant at(milliseconds after) {
    return from_millis(1'735'689'600'000) + after;
}

/// A clock that a test moves by hand; it begins at at(0s). For one thread.
class ManualClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return now_; }
    void set(Instant now) { now_ = now; }
    void advance(milliseconds by) { now_ += by; }

private:
    Instant now_ = at(milliseconds{0});
};

/// Product p1, direct devices over MQTT by the built-in package.
[[nodiscard]] inline Product a_product() {
    Product product;
    product.id = ProductId{"p1"};
    product.name = "W-801";
    product.protocol = ProtocolId{"jetlinks.v3.0"};
    product.transport_protocol = "MQTT";
    product.enabled = true;
    product.created_at = at(milliseconds{0});
    return product;
}

/// Device d1 of product p1, offline.
[[nodiscard]] inline Device a_device() {
    Device device;
    device.id = DeviceId{"d1"};
    device.name = "gate 1";
    device.product = ProductId{"p1"};
    device.state = DeviceState::offline;
    device.created_at = at(milliseconds{0});
    return device;
}

/// Firmware F1, version 1.1 (order 2) of product p1: the 14 bytes `hello firmware` (spec 2.5).
[[nodiscard]] inline Firmware a_firmware() {
    Firmware firmware;
    firmware.id = FirmwareId{"F1"};
    firmware.name = "gate 1.1";
    firmware.product = ProductId{"p1"};
    firmware.product_name = "W-801";
    firmware.version = "1.1";
    firmware.version_order = 2;
    firmware.sign_method = SignMethod::md5;
    firmware.sign = "5d99b396caab4bfae4e25207b62b30e2";
    firmware.url = "http://h/api/file/9ce1?accessKey=6c8f";
    firmware.size_bytes = 14;
    firmware.created_at = at(milliseconds{0});
    return firmware;
}

/// Task K: push firmware F1 to all devices of p1; 30 s to answer, 600 s to upgrade.
[[nodiscard]] inline UpgradeTask a_task(UpgradeMode mode = UpgradeMode::push) {
    UpgradeTask task;
    task.id = TaskId{"K"};
    task.name = mode == UpgradeMode::push ? "push 1" : "pull 1";
    task.product = ProductId{"p1"};
    task.product_name = "W-801";
    task.firmware = FirmwareId{"F1"};
    task.target_version = "1.1";
    task.version_order = 2;
    task.mode = mode;
    task.response_timeout = seconds{mode == UpgradeMode::push ? 30 : 0};
    task.upgrade_timeout = seconds{600};
    task.created_at = at(milliseconds{0});
    return task;
}

/// Record R of task a_task(mode) for device d1, as T1 makes it: waiting, first attempt.
[[nodiscard]] inline UpgradeRecord a_record(UpgradeMode mode = UpgradeMode::push) {
    const UpgradeTask task = a_task(mode);
    UpgradeRecord record;
    record.id = RecordId{"R"};
    record.task = task.id;
    record.device = DeviceId{"d1"};
    record.product = task.product;
    record.firmware = task.firmware;
    record.target_version = task.target_version;
    record.version_order = task.version_order;
    record.mode = mode;
    record.forced = task.forced;
    record.response_timeout = task.response_timeout;
    record.upgrade_timeout = task.upgrade_timeout;
    record.created_at = task.created_at;
    return record;
}

/// a_record() for another firmware: `id` names the record, "F" + version its firmware.
[[nodiscard]] inline UpgradeRecord a_record_for(std::string id, std::string version,
                                                int version_order,
                                                UpgradeMode mode = UpgradeMode::push) {
    UpgradeRecord record = a_record(mode);
    record.id = RecordId{std::move(id)};
    record.firmware = FirmwareId{"F" + version};
    record.target_version = std::move(version);
    record.version_order = version_order;
    return record;
}

/// A record whose push "M" left at `sent_at` and has not been answered.
[[nodiscard]] inline UpgradeRecord a_pushed_record(Instant sent_at = at(milliseconds{0})) {
    return apply(a_record(), event::Dispatched{"M", "node-1"}, sent_at).record;
}

/// A record that a pull "7" was answered with.
[[nodiscard]] inline UpgradeRecord a_pulled_record(Instant answered_at = at(milliseconds{0})) {
    return apply(a_record(UpgradeMode::pull), event::PullAnswered{"7"}, answered_at).record;
}

/// Ordinary progress, complete and success, complete and failure: what a device sends (spec 4.4).
[[nodiscard]] inline event::Progressed progress(int percent) {
    event::Progressed event;
    event.report.progress_percent = percent;
    return event;
}
[[nodiscard]] inline event::Progressed done() {
    event::Progressed event = progress(100);
    event.report.complete = true;
    event.report.success = true;
    return event;
}
[[nodiscard]] inline event::Progressed gave_up(std::string reason) {
    event::Progressed event = progress(60);
    event.report.complete = true;
    event.report.success = false;
    event.report.error_reason = std::move(reason);
    return event;
}

}  // namespace updraft
