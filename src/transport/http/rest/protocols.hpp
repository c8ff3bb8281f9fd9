#pragma once

#include <optional>

#include "app/protocol_service.hpp"
#include "transport/http/rest/api.hpp"

namespace updraft::rest {

/// /protocol (spec 2.6).
void protocol_routes(Api& api, const Store& store, ProtocolService& protocols);

/// `[{"id":"supportFirmware","name":"支持固件升级"}]`
[[nodiscard]] json::array features_json(const std::vector<Feature>& features, Language language);

/// The configuration keys as consoles draw their forms from; the answer of the config-metadata
/// endpoints is a list of these.
[[nodiscard]] json::object config_metadata_json(const ConfigMetadata& metadata, Language language);
/// A list of one, or of none.
[[nodiscard]] json::array config_metadata_list(const std::optional<ProtocolPackage>& package,
                                               const std::string& transport, Language language);

}  // namespace updraft::rest
