#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "domain/firmware.hpp"
#include "domain/product.hpp"
#include "domain/user.hpp"

namespace updraft::sql {

/// Lists and maps that are kept as JSON text in one column. Reading throws StorageError if the text
/// is not what was written.
using TextMap = std::map<std::string, std::string>;

[[nodiscard]] std::string to_json(const TextMap& map);
[[nodiscard]] std::string to_json(const std::vector<std::string>& list);
[[nodiscard]] std::string to_json(const std::vector<FirmwareProperty>& properties);
[[nodiscard]] std::string to_json(const std::vector<TransportDetail>& transports);
[[nodiscard]] std::string to_json(const std::vector<ScriptConfigKey>& keys);
[[nodiscard]] std::string to_json(const std::vector<MenuGrant>& grants);
[[nodiscard]] std::string to_json(const std::vector<Permission>& permissions);

[[nodiscard]] TextMap map_from(std::string_view text);
[[nodiscard]] std::vector<std::string> list_from(std::string_view text);
[[nodiscard]] std::vector<FirmwareProperty> properties_from(std::string_view text);
[[nodiscard]] std::vector<TransportDetail> transports_from(std::string_view text);
[[nodiscard]] std::vector<ScriptConfigKey> config_keys_from(std::string_view text);
[[nodiscard]] std::vector<MenuGrant> grants_from(std::string_view text);
[[nodiscard]] std::vector<Permission> permissions_from(std::string_view text);

template <class IdType>
[[nodiscard]] std::string ids_to_json(const std::vector<IdType>& ids) {
    std::vector<std::string> list;
    for (const IdType& id : ids) {
        list.push_back(id.value);
    }
    return to_json(list);
}
template <class IdType>
[[nodiscard]] std::vector<IdType> ids_from(std::string_view text) {
    std::vector<IdType> ids;
    for (std::string& value : list_from(text)) {
        ids.emplace_back(std::move(value));
    }
    return ids;
}

}  // namespace updraft::sql
