#pragma once

#include "app/ports.hpp"
#include "app/product_service.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// Parts of a device's detail that a caller may leave out (spec 2.8, `context`).
struct DetailSwitches {
    bool tags = true;
    bool relations = true;
    bool firmware_info = true;
};
[[nodiscard]] DetailSwitches switches_of(const Query& query);

/// A device's row as lists show it.
[[nodiscard]] json::object device_json(const DeviceRow& row, Language language);
/// Everything about a device; what its product and package say comes from the catalog.
[[nodiscard]] json::object device_detail_json(const DeviceRow& row, ProductCatalog& catalog,
                                              const DetailSwitches& switches, Language language);
/// One line of a device's log.
/// The words of spec 2.8 for the types of log lines; another type shows itself.
[[nodiscard]] Text log_label(const std::string& type);
[[nodiscard]] json::object device_log_json(const DeviceLogEntry& entry, Language language);

}  // namespace updraft::rest
