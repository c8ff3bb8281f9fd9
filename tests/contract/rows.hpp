#pragma once

#include <string>

#include "app/ports.hpp"

/// Rows with every member set to something, so that a column that is forgotten shows.
namespace updraft::contract {

inline Instant at(std::int64_t second) {
    return from_millis(1'700'000'000'000 + second * 1'000);
}

inline Product a_product(std::string id) {
    Product product;
    product.name = "product " + id;
    product.id = ProductId{std::move(id)};
    product.description = "what it is";
    product.device_type = DeviceType::gateway;
    product.protocol = ProtocolId{"jetlinks.v3.0"};
    product.transport_protocol = "MQTT";
    product.access_id = "mqtt-gw";
    product.access_provider = "mqtt-server-gateway";
    product.access_name = "MQTT";
    product.store_policy = "default-row";
    product.configuration = {{"secureId", "test"}, {"引号", "\"x\"\n"}};
    product.metadata = R"({"events":[]})";
    product.enabled = true;
    product.creator = UserId{"u1"};
    product.created_at = at(0);
    return product;
}

inline Device a_device(std::string id, std::string product = "p1") {
    Device device;
    device.name = "device " + id;
    device.id = DeviceId{std::move(id)};
    device.product = ProductId{std::move(product)};
    device.device_type = DeviceType::device;
    device.description = "in the cellar";
    device.configuration = {{"secureKey", "k"}};
    device.tags = {{"site", "north"}};
    device.attributes = {{"hwRevision", "2"}};
    device.state = DeviceState::offline;
    device.registered_at = at(1);
    device.creator = UserId{"u1"};
    device.created_at = at(0);
    return device;
}

inline Firmware a_firmware(std::string id, int order, std::string product = "p1") {
    Firmware firmware;
    firmware.name = "firmware " + id;
    firmware.id = FirmwareId{std::move(id)};
    firmware.product = ProductId{std::move(product)};
    firmware.product_name = "W-801";
    firmware.version = "1." + std::to_string(order);
    firmware.version_order = order;
    firmware.sign_method = SignMethod::md5;
    firmware.sign = "5d99b396caab4bfae4e25207b62b30e2";
    firmware.url = "/file/f1.bin";
    firmware.file = FileId{"f1"};
    firmware.size_bytes = 14;
    firmware.part = "bApp";
    firmware.properties = {{"slot", "Slot", "B"}};
    firmware.description = "fixes";
    firmware.creator = UserId{"u1"};
    firmware.creator_name = "Admin";
    firmware.created_at = at(order);
    return firmware;
}

inline UpgradeTask a_task(std::string id, std::string firmware = "f1", std::string product = "p1") {
    UpgradeTask task;
    task.name = "task " + id;
    task.id = TaskId{std::move(id)};
    task.product = ProductId{std::move(product)};
    task.product_name = "W-801";
    task.firmware = FirmwareId{std::move(firmware)};
    task.target_version = "1.1";
    task.version_order = 2;
    task.mode = UpgradeMode::push;
    task.response_timeout = seconds(30);
    task.upgrade_timeout = seconds(600);
    task.release_type = ReleaseType::all;
    task.description = "night shift";
    task.forced = true;
    task.deployment = Deployment::download_only;
    task.confirmation_required = true;
    task.rate_per_second = 7;
    task.max_concurrent = 9;
    task.creator = UserId{"u1"};
    task.creator_name = "Admin";
    task.created_at = at(0);
    return task;
}

/// Record ids for expand(): 1001, 1002 ...
inline std::function<std::int64_t()> ids_from(std::int64_t first) {
    return [next = first]() mutable { return next++; };
}

/// Makes all records of a task in steps of `chunk`.
inline std::int64_t expand_all(UnitOfWork& work, const TaskId& task,
                               const std::function<std::int64_t()>& next_id,
                               std::int64_t chunk = 10'000) {
    std::int64_t made = 0;
    while (const std::int64_t some = work.tasks().expand(task, chunk, at(5), next_id)) {
        made += some;
    }
    return made;
}

}  // namespace updraft::contract
