#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/command_replies.hpp"
#include "app/crud_rows.hpp"
#include "app/device_links.hpp"
#include "app/live_events.hpp"
#include "app/ports.hpp"
#include "app/record_changes.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace updraft {

class AuditNote;

/// What a request says about a device; absent members stay as they are. The state is not among
/// them: deploy and undeploy change it.
struct DeviceForm {
    DeviceId id;  ///< empty: a new one with an id of ours
    std::optional<std::string> name;
    std::optional<ProductId> product;
    std::optional<DeviceType> device_type;
    std::optional<std::string> parent;  ///< empty: none
    std::optional<std::string> description;
    std::optional<Configuration> configuration;
    std::optional<std::map<std::string, std::string>> tags;
};

/// A command that a person sends to a device (POST /device-instance/{id}/message).
struct DeviceCommand {
    std::string message_type;  ///< "READ_PROPERTY", "READ_FIRMWARE" ...
    std::string message_id;    ///< empty: we make one
    std::string body;          ///< JSON object text with the remaining members
};

struct DeviceServiceOptions {
    milliseconds command_timeout{10'000};  ///< a device has this long to answer (spec 4.1)
};

/// How rows of a file become devices.
struct ImportMode {
    enum class Existing : std::uint8_t { refuse, update };
    enum class Activation : std::uint8_t { none, enable };
    enum class Effect : std::uint8_t { store, try_only };
    std::optional<ProductId> product;  ///< of new devices whose rows name none
    Existing existing = Existing::refuse;
    Activation activation = Activation::none;  ///< notActive devices become offline
    Effect effect = Effect::store;             ///< try_only: nothing is stored
};
enum class Imported : std::uint8_t { added, updated, unchanged };

/// What a line of a file says.
struct ImportRow {
    DeviceForm device;
    std::optional<std::string> token;  ///< that the device is to sign in with, beside others
};

class DeviceCredentialService;

/// Devices (spec 2.8). Every list is one unit of work. Safe from every thread; blocks on the store.
class DeviceService {
public:
    DeviceService(Store& store, DeviceLinks& links, const RecordChanges& changes,
                  CommandReplies& replies, LiveEvents& live, const Clock& clock, SnowflakeIds& ids,
                  DeviceServiceOptions options = {})
        : store_(store),
          links_(links),
          changes_(changes),
          replies_(replies),
          live_(live),
          clock_(clock),
          ids_(ids),
          options_(options) {}

    /// Called after the commit with each device that was moved, disabled or removed: what is
    /// remembered of it elsewhere may be wrong. Set once by the wiring.
    void on_changed(std::function<void(const DeviceId&)> listener) {
        changed_ = std::move(listener);
    }

    /// Errors: invalid_argument, duplicate_key (设备ID已存在).
    [[nodiscard]] Result<std::vector<Device>> add(const std::vector<DeviceForm>& forms,
                                                  const Actor& by);
    [[nodiscard]] Result<SaveCounts> save(const std::vector<DeviceForm>& forms, const Actor& by);
    /// Errors: also not_found.
    [[nodiscard]] Result<void> replace(const DeviceForm& form, const Actor& by = Actor::server());
    /// Each row for itself, in one unit of work: what became of it, in order. Of a known device the
    /// given configuration keys change and the others stay. Errors of a row: as add() and save(),
    /// and of DeviceCredentialService::given_token(). `note` is written with the rows, if any.
    [[nodiscard]] std::vector<Result<Imported>> import_rows(
        const std::vector<ImportRow>& rows, const ImportMode& mode,
        const DeviceCredentialService& credentials, const Actor& by,
        const AuditNote* note = nullptr);
    /// Errors: not_found, conflict (not notActive).
    [[nodiscard]] Result<Device> remove(const DeviceId& id, const Actor& by = Actor::server());
    /// Removes those of the devices that are notActive; returns how many.
    [[nodiscard]] Result<std::int64_t> remove_all(const std::vector<DeviceId>& ids,
                                                  const Actor& by = Actor::server());

    /// notActive devices become offline: they may connect. Unknown ids are left out unless there is
    /// only one. Returns how many are active now. Errors: not_found.
    [[nodiscard]] Result<std::int64_t> deploy(const std::vector<DeviceId>& ids,
                                              const Actor& by = Actor::server());
    /// Active devices become notActive and lose their connection. As deploy().
    [[nodiscard]] Result<std::int64_t> undeploy(const std::vector<DeviceId>& ids,
                                                const Actor& by = Actor::server());

    /// Closes the device's own connection; false if it has none. Errors: not_found.
    [[nodiscard]] Result<bool> disconnect(const DeviceId& id);
    /// A hawkBit device is asked at its next poll to say what it is (configData). Errors:
    /// not_found.
    [[nodiscard]] Result<void> request_attributes(const DeviceId& id,
                                                  const Actor& by = Actor::server());
    /// The device's own configuration is dropped: what its product says holds again.
    [[nodiscard]] Result<Configuration> reset_configuration(const DeviceId& id,
                                                            const Actor& by = Actor::server());
    /// Sends a command over the device's connection, or its gateway's, and waits for the answer's
    /// JSON. Errors: not_found, device_offline, device_timeout, unavailable.
    [[nodiscard]] Result<std::string> command(const DeviceId& id, const DeviceCommand& command);

private:
    [[nodiscard]] Result<Device> add_one(UnitOfWork& work, const DeviceForm& form,
                                         const Actor& by) const;
    [[nodiscard]] static Result<void> update_one(UnitOfWork& work, const Device& known,
                                                 const DeviceForm& form, AuditNote* note = nullptr);
    [[nodiscard]] Result<Imported> import_one(UnitOfWork& work, const ImportRow& row,
                                              const ImportMode& mode,
                                              const DeviceCredentialService& credentials,
                                              const Actor& by) const;
    [[nodiscard]] Result<Imported> import_device(UnitOfWork& work, DeviceForm form,
                                                 const ImportMode& mode, const Actor& by) const;
    /// A notActive device may connect from now on.
    void activate(UnitOfWork& work, const Device& known) const;
    void remove_one(UnitOfWork& work, const DeviceId& id) const;
    /// Calls `one` for the devices that exist, in one unit of work; an only device must exist.
    [[nodiscard]] Result<std::int64_t> each_known(
        const std::vector<DeviceId>& ids, const Actor& by,
        const std::function<bool(UnitOfWork&, const Device&)>& one);
    void announce(UnitOfWork& work, const Device& device, DeviceState state) const;
    void tell_changed(const std::vector<DeviceId>& ids) const;

    Store& store_;
    DeviceLinks& links_;
    const RecordChanges& changes_;
    CommandReplies& replies_;
    LiveEvents& live_;
    const Clock& clock_;
    SnowflakeIds& ids_;
    const DeviceServiceOptions options_;
    std::function<void(const DeviceId&)> changed_ = [](const DeviceId&) {};
};

}  // namespace updraft
