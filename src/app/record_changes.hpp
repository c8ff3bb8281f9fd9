#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/live_events.hpp"
#include "app/ports.hpp"
#include "base/ids.hpp"

namespace updraft {

/// What a line of the log says of a record that is now like this.
[[nodiscard]] RecordStep step_of(const UpgradeRecord& record, bool state_changed);

/// The one way in which upgrade records change (design 3.1): applies an event with the domain's
/// state machine inside a unit of work, stores the next record and counters, and arranges the
/// effects to happen after the commit (send, wake the dispatcher, publish live events, device's
/// firmware info, superseding). Every service, gateway and timer goes through here. Safe from every
/// thread; holds no state but the listener functions.
class RecordChanges {
public:
    /// What happens outside the database, always after the commit and only by handing over.
    struct Listeners {
        std::function<void(const UpgradeRecord&)>
            send_upgrade;                                   ///< T2, T25: write the upgrade message
        std::function<void(const DeviceId&)> wake_device;   ///< it may take its next waiting push
        std::function<void(const DeviceId&)> read_version;  ///< ask it for its version, once
        std::function<void(const UpgradeRecord&)> changed;  ///< its next state is stored
    };

    RecordChanges(const Clock& clock, SnowflakeIds& ids, LiveEvents& live)
        : clock_(clock), ids_(ids), live_(live) {}
    /// What a device said to bring a change about.
    struct Said {
        std::string_view type;  ///< of the log's line (log_types.hpp)
        std::string_view content;
    };

    /// Called once by the wiring before anything runs.
    void listen(Listeners listeners) { listeners_ = std::move(listeners); }

    /// Applies one event to one record that was read in `work`. Returns what the state machine
    /// said. If the state changes, one line of the log tells of that and of what was `said`; a
    /// message that changes no state is its caller's to log.
    Transition apply(UnitOfWork& work, const UpgradeRecord& record, const RecordEvent& event,
                     const std::optional<Said>& said = std::nullopt) const;

    /// The same event for several records of one device: only after all of them have taken it are
    /// lower ones superseded, so that one report settles every record of its version (T14 before
    /// T17). What was `said` is logged with the first record that changes.
    std::vector<Transition> apply_to_all(UnitOfWork& work,
                                         const std::vector<UpgradeRecord>& records,
                                         const RecordEvent& event,
                                         std::optional<Said> said = std::nullopt) const;

    /// T22 for all records of a device that is being deleted in `work`.
    void device_deleted(UnitOfWork& work, const DeviceId& device) const;

private:
    Transition apply_alone(UnitOfWork& work, const UpgradeRecord& record, const RecordEvent& event,
                           const std::optional<Said>& said) const;
    void log(UnitOfWork& work, const Transition& transition, const RecordEvent& event,
             bool state_changed, const std::optional<Said>& said, Instant now) const;
    void arrange(UnitOfWork& work, const Transition& transition, bool state_changed,
                 Instant now) const;
    void perform(Effect effect, const UpgradeRecord& record) const;
    void supersede_others(UnitOfWork& work, const UpgradeRecord& finished) const;

    const Clock& clock_;
    SnowflakeIds& ids_;
    LiveEvents& live_;
    Listeners listeners_;
};

}  // namespace updraft
