#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/crud_rows.hpp"
#include "app/ports.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace updraft {

/// What a request says about a protocol package; absent members stay as they are.
struct ProtocolForm {
    ProtocolId id;
    std::optional<std::string> name;
    std::optional<std::string> description;
    std::optional<std::string> type;
    std::optional<bool> enabled;
    std::optional<Configuration> configuration;
};

/// A topic or path of a package, for people.
struct ProtocolRoute {
    std::string address;  ///< "/{productId}/{deviceId}/firmware/pull"
    bool upstream = false;
    bool downstream = false;
    Text description;
};

/// A configuration key that a product or a device may fill (spec 2.6).
struct ConfigKey {
    std::string property;
    Text name;
    Text description;
    std::string type = "string";  ///< "string", "password", "boolean", "enum"
    bool product_only = false;
    std::vector<std::string> choices;  ///< of an enum
};

/// The configuration keys of one transport.
struct ConfigMetadata {
    Text name;
    Text description;
    std::vector<ConfigKey> keys;
};

inline constexpr std::string_view protocol_type_builtin = "builtin";
inline constexpr std::string_view protocol_type_jar = "jar";

/// Protocol packages (spec 2.6): some that are built in, and uploaded ones that are kept as metadata
/// and never executed. Safe from every thread; blocks on the store.
class ProtocolService {
public:
    ProtocolService(Store& store, const Clock& clock, SnowflakeIds& ids)
        : store_(store), clock_(clock), ids_(ids) {}

    /// Adds or refreshes the built-in packages; once at the start, and when a person asks for it.
    void install_builtin();

    /// Errors: invalid_argument, duplicate_key.
    [[nodiscard]] Result<std::vector<ProtocolPackage>> add(const std::vector<ProtocolForm>& forms,
                                                           const Identity& identity);
    [[nodiscard]] Result<SaveCounts> save(const std::vector<ProtocolForm>& forms,
                                          const Identity& identity);
    /// Errors: also not_found.
    [[nodiscard]] Result<void> replace(const ProtocolForm& form);
    /// Errors: not_found, conflict (built in), referenced (products use it).
    [[nodiscard]] Result<ProtocolPackage> remove(const ProtocolId& id);
    /// Errors: not_found; referenced when it is to be disabled while products use it.
    [[nodiscard]] Result<void> set_enabled(const ProtocolId& id, bool enabled);

    /// What the package offers over `transport`, in words; empty for uploaded packages.
    [[nodiscard]] static std::vector<ProtocolRoute> routes(const ProtocolPackage& package,
                                                           std::string_view transport);
    /// The configuration keys of the package over `transport`; nothing if it has none.
    [[nodiscard]] static std::optional<ConfigMetadata> config_metadata(
        const ProtocolPackage& package, std::string_view transport);

private:
    [[nodiscard]] Result<ProtocolPackage> add_one(UnitOfWork& work, const ProtocolForm& form,
                                                  const Identity& identity);
    [[nodiscard]] Result<void> update_one(UnitOfWork& work, const ProtocolPackage& known,
                                          const ProtocolForm& form);

    Store& store_;
    const Clock& clock_;
    SnowflakeIds& ids_;
};

}  // namespace updraft
