#pragma once

#include <optional>
#include <vector>

#include "app/ports.hpp"
#include "domain/pull_selection.hpp"

namespace updraft {

/// What is decided on when a device asks for firmware, in whatever dialect: select_for_pull() takes
/// its parts.
struct PullContext {
    Device device;
    std::optional<Product> product;      ///< only where somebody looked it up
    std::vector<UpgradeRecord> records;  ///< of firmwares of the device's product
    int current_order = 0;               ///< `cur` of spec 4.5
    std::optional<int> reported_order;   ///< order of the currentVersion, if it is a firmware
};

/// Reads it: three indexed reads. Nothing if there is no such device.
[[nodiscard]] std::optional<PullContext> pull_context(const Repositories& rows,
                                                      const DeviceId& device,
                                                      const PullRequest& request);

}  // namespace updraft
