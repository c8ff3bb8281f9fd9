#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/crud_rows.hpp"
#include "app/ports.hpp"
#include "app/script_host.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace updraft {

class AuditNote;

/// What a request says about a protocol package; absent members stay as they are.
struct ProtocolForm {
    ProtocolId id;
    std::optional<std::string> name;
    std::optional<std::string> description;
    std::optional<std::string> type;
    std::optional<bool> enabled;
    std::optional<Configuration> configuration;
    std::optional<std::string> script;
    /// What the script declares: found out by the service, not part of a request.
    std::optional<ScriptDeclaration> declared;
};

/// A sample for a script that is given, or for that of a saved package.
struct ScriptSample {
    std::optional<std::string> script;
    ProtocolId id;
    ScriptCall call;
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
inline constexpr std::string_view protocol_type_lua = "lua";

/// Protocol packages (spec 2.6): built-in ones, Lua scripts (docs/protocols/lua.md), and uploaded
/// ones that are kept as metadata and never executed. Safe from every thread; blocks on the store,
/// and on the script host while a script is checked.
class ProtocolService {
public:
    /// Keys of the configuration under [scripts].
    struct Options {
        std::size_t script_bytes_max = std::size_t{256} * 1024;
        std::size_t scripts_per_request_max = 16;
    };
    /// Hears of each package that was saved, as it is now; of one that was removed only the id.
    /// Calls come one at a time.
    using Changed =
        std::function<void(const ProtocolId&, const std::optional<ProtocolPackage>& package)>;

    /// Without a host no script can be saved.
    ProtocolService(Store& store, const Clock& clock, SnowflakeIds& ids,
                    ScriptHost* scripts = nullptr)
        : ProtocolService(store, clock, ids, scripts, Options{}) {}
    ProtocolService(Store& store, const Clock& clock, SnowflakeIds& ids, ScriptHost* scripts,
                    Options options)
        : store_(store), clock_(clock), ids_(ids), scripts_(scripts), options_(options) {}

    /// Called once by the wiring before anything runs; hears of every package that there is.
    void on_changed(Changed changed);

    /// Adds or refreshes the built-in packages; once at the start, and when a person asks for it.
    void install_builtin(const Actor* by = nullptr);

    /// Errors: invalid_argument, duplicate_key.
    [[nodiscard]] Result<std::vector<ProtocolPackage>> add(const std::vector<ProtocolForm>& forms,
                                                           const Actor& by);
    [[nodiscard]] Result<SaveCounts> save(const std::vector<ProtocolForm>& forms, const Actor& by);
    /// Errors: also not_found.
    [[nodiscard]] Result<void> replace(const ProtocolForm& form, const Actor& by = Actor::server());
    /// Errors: not_found, conflict (built in), referenced (products use it).
    [[nodiscard]] Result<ProtocolPackage> remove(const ProtocolId& id,
                                                 const Actor& by = Actor::server());
    /// Errors: not_found; referenced when it is to be disabled while products use it.
    [[nodiscard]] Result<void> set_enabled(const ProtocolId& id, bool enabled,
                                           const Actor& by = Actor::server());

    /// What a script declares. Errors: as when it is saved.
    [[nodiscard]] Result<ScriptDeclaration> check_script(const std::string& script) const;
    /// What a script makes of a sample; its failures are answers. Errors: not_found,
    /// invalid_argument (no script), unavailable.
    [[nodiscard]] Result<ScriptAnswer> try_script(const ScriptSample& sample) const;

    /// What the package offers over `transport`, in words; empty for uploaded packages.
    [[nodiscard]] static std::vector<ProtocolRoute> routes(const ProtocolPackage& package,
                                                           std::string_view transport);
    /// The configuration keys of the package over `transport`; nothing if it has none.
    [[nodiscard]] static std::optional<ConfigMetadata> config_metadata(
        const ProtocolPackage& package, std::string_view transport);

private:
    /// Fills in what the scripts declare: before the write, which a script must not hold up.
    [[nodiscard]] Result<std::vector<ProtocolForm>> with_declarations(
        std::vector<ProtocolForm> forms) const;
    void tell_changed(const ProtocolId& id);
    [[nodiscard]] Result<ProtocolPackage> add_one(UnitOfWork& work, const ProtocolForm& form,
                                                  const Actor& by);
    [[nodiscard]] Result<void> update_one(UnitOfWork& work, const ProtocolPackage& known,
                                          const ProtocolForm& form, AuditNote& note);

    Store& store_;
    const Clock& clock_;
    SnowflakeIds& ids_;
    ScriptHost* const scripts_;
    const Options options_;
    Changed changed_;
    std::mutex telling_;  ///< what is told last is what is stored
};

}  // namespace updraft
