#include "app/pull_context.hpp"

namespace updraft {

std::optional<PullContext> pull_context(const Repositories& rows, const DeviceId& device,
                                        const PullRequest& request) {
    std::optional<Device> found = rows.devices().find(device);
    if (!found) {
        return std::nullopt;
    }
    PullContext context{*std::move(found), {}, {}, 0, {}};
    const ProductId& product = context.device.product;
    for (UpgradeRecord& record : rows.records().of_device(device)) {
        if (record.product == product) {
            context.records.push_back(std::move(record));
        }
    }
    const bool says_version = !request.current_version.empty();
    std::string version = request.current_version;
    if (!says_version && context.device.firmware) {
        version = context.device.firmware->version;
    }
    if (!version.empty()) {
        if (const auto firmware = rows.firmwares().find_by_version(product, version)) {
            context.current_order = firmware->version_order;
            if (says_version) {
                context.reported_order = firmware->version_order;
            }
        }
    }
    return context;
}

}  // namespace updraft
