#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/ports.hpp"
#include "storage/sql/connection.hpp"

/// Counts that an overview reads without looking at each row, kept as the rows change.
namespace updraft::sql {

/// What a device is counted under.
struct DeviceKind {
    std::string product;
    std::string version;  ///< empty while it is not known
    std::string state;

    auto operator<=>(const DeviceKind&) const = default;
};

/// What the device is counted under now; nothing if there is no such device.
[[nodiscard]] std::optional<DeviceKind> kind_of(Connection& db, const DeviceId& device);

/// Changes to the counts of devices, gathered until store(): a batch of a thousand devices that
/// come online is a handful of updates.
class DeviceCountChanges {
public:
    void add(const DeviceKind& kind) { ++changes_[kind]; }
    void remove(const DeviceKind& kind) { --changes_[kind]; }
    void move(const DeviceKind& before, const DeviceKind& after) {
        remove(before);
        add(after);
    }
    void store(Connection& db) const;

private:
    std::map<DeviceKind, std::int64_t> changes_;
};

/// Every device that was counted as online is counted as offline.
void count_all_offline(Connection& db);

[[nodiscard]] std::int64_t device_count_of(Connection& db, const ProductId& product);
[[nodiscard]] DeviceTotals device_totals(Connection& db);
[[nodiscard]] std::vector<ProductVersions> largest_products(Connection& db,
                                                            std::size_t products_max,
                                                            std::size_t versions_max);

/// The record has just come to an end, well or badly.
void count_end(Connection& db, const UpgradeRecord& record);

[[nodiscard]] std::vector<EndedRecords> ended_since(Connection& db, Instant from);

}  // namespace updraft::sql
