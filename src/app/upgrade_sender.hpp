#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "app/device_links.hpp"
#include "app/live_events.hpp"
#include "app/ports.hpp"
#include "app/presence.hpp"
#include "app/urls.hpp"
#include "base/ids.hpp"

namespace updraft {

/// The upgrade message of a firmware, as push and pull replies carry it (spec 4.4). `url` is where
/// the device finds it (PublicUrls::download).
[[nodiscard]] downlink::UpgradeFirmware upgrade_message(const Firmware& firmware,
                                                        const UpgradeRecord& record,
                                                        std::string url);

/// How a message reaches the device; through its gateway if it has one. Nothing if the device is
/// gone.
[[nodiscard]] std::optional<DeviceRoute> route_to(const Repositories& rows, const DeviceId& device);

/// Writes upgrade and read messages to devices' connections. Reads the store, so not for event
/// loops or the store's writer thread.
class UpgradeSender {
public:
    UpgradeSender(const Store& store, DeviceLinks& links, const Presence& presence,
                  const PublicUrls& urls, LiveEvents& live, const Clock& clock, SnowflakeIds& ids)
        : store_(store),
          links_(links),
          presence_(presence),
          urls_(urls),
          live_(live),
          clock_(clock),
          ids_(ids) {}

    /// Sends each record's upgrade message with the record's message id. `written` is called once
    /// per record, on any thread; false: the connection is gone, its outbox is full, or the device
    /// or firmware has vanished (T4).
    void send(const std::vector<UpgradeRecord>& records,
              const std::function<void(const UpgradeRecord&, bool written)>& written);

    /// Asks each connected device for its version (`firmware/read`).
    void read_versions(const std::vector<DeviceId>& devices);

private:
    struct Prepared {
        UpgradeRecord record;
        std::optional<DownlinkMessage> message;
    };
    [[nodiscard]] std::vector<Prepared> prepare(const std::vector<UpgradeRecord>& records) const;
    [[nodiscard]] std::optional<DeviceRoute> route_of(const Repositories& rows,
                                                      const UpgradeRecord& record) const;
    void tell_listeners(const UpgradeRecord& record) const;

    const Store& store_;
    DeviceLinks& links_;
    const Presence& presence_;
    const PublicUrls& urls_;
    LiveEvents& live_;
    const Clock& clock_;
    SnowflakeIds& ids_;
};

}  // namespace updraft
