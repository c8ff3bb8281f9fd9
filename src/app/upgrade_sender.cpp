#include "app/upgrade_sender.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "domain/names.hpp"

namespace updraft {

downlink::UpgradeFirmware upgrade_message(const Firmware& firmware, const UpgradeRecord& record,
                                          std::string url) {
    downlink::UpgradeFirmware message;
    message.message_id = record.message_id;
    message.url = std::move(url);
    message.version = firmware.version;
    for (const FirmwareProperty& property : firmware.properties) {
        message.parameters.insert_or_assign(property.id, property.value);
    }
    message.sign = firmware.sign;
    message.sign_method = name_of(*firmware.sign_method);
    message.firmware_id = firmware.id.value;
    message.size_bytes = firmware.size_bytes;
    message.force = record.forced;
    return message;
}

std::optional<DeviceRoute> route_to(const Repositories& rows, const DeviceId& device) {
    const std::optional<Device> found = rows.devices().find(device);
    if (!found) {
        return std::nullopt;
    }
    DeviceRoute route{found->id, found->product, {}, {}};
    if (found->parent) {
        if (const std::optional<Device> gateway = rows.devices().find(*found->parent)) {
            route.gateway = gateway->id;
            route.gateway_product = gateway->product;
        }
    }
    return route;
}

/// A device that holds a connection, also a child, is reached over that one, and the store need not
/// be asked: its product stays while it has an open record (DeviceService::update_one).
std::optional<DeviceRoute> UpgradeSender::route_of(const Repositories& rows,
                                                   const UpgradeRecord& record) const {
    if (presence_.carrier_of(record.device) == record.device) {
        return DeviceRoute{record.device, record.product, {}, {}};
    }
    return route_to(rows, record.device);
}

std::vector<UpgradeSender::Prepared> UpgradeSender::prepare(
    const std::vector<UpgradeRecord>& records) const {
    return store_.read([&](const Repositories& rows) {
        std::map<FirmwareId, std::optional<Firmware>> firmwares;
        std::vector<Prepared> prepared;
        DownloadAddresses addresses(urls_, rows, clock_.now());
        prepared.reserve(records.size());
        for (const UpgradeRecord& record : records) {
            auto [firmware, is_new] = firmwares.try_emplace(record.firmware);
            if (is_new) {
                firmware->second = rows.firmwares().find(record.firmware);
            }
            std::optional<DeviceRoute> route = route_of(rows, record);
            Prepared one{record, {}};
            if (route && firmware->second) {
                one.message =
                    DownlinkMessage{*std::move(route), clock_.now(),
                                    upgrade_message(*firmware->second, record,
                                                    addresses.of(*firmware->second, record))};
            }
            prepared.push_back(std::move(one));
        }
        return prepared;
    });
}

void UpgradeSender::send(const std::vector<UpgradeRecord>& records,
                         const std::function<void(const UpgradeRecord&, bool)>& written) {
    for (Prepared& each : prepare(records)) {
        if (!each.message) {
            written(each.record, false);
            continue;
        }
        tell_listeners(each.record);
        links_.send(*std::move(each.message),
                    [record = std::move(each.record), written](bool ok) { written(record, ok); });
    }
}

void UpgradeSender::tell_listeners(const UpgradeRecord& record) const {
    if (!live_.anyone_listens()) {
        return;
    }
    const boost::json::object payload{{"messageId", record.message_id},
                                      {"deviceId", record.device.value},
                                      {"firmwareId", record.firmware.value},
                                      {"version", record.target_version}};
    live_.publish(
        {clock_.now(), live::DeviceMessageSeen{record.device, record.product, "firmware/push",
                                               boost::json::serialize(payload)}});
}

void UpgradeSender::read_versions(const std::vector<DeviceId>& devices) {
    std::vector<DownlinkMessage> messages;
    store_.run_read([&](const Repositories& rows) {
        for (const DeviceId& device : devices) {
            const std::optional<DeviceId> carrier = presence_.carrier_of(device);
            std::optional<DeviceRoute> route;
            if (carrier) {
                route = route_to(rows, device);
            }
            if (!route) {
                continue;
            }
            if (*carrier == device) {
                route->gateway.reset();
            }
            messages.push_back(
                {*std::move(route), clock_.now(), downlink::ReadFirmware{ids_.next()}});
        }
    });
    for (DownlinkMessage& message : messages) {
        links_.send(std::move(message),
                    [](bool) {});  // many devices ignore it: nothing depends on it
    }
}

}  // namespace updraft
