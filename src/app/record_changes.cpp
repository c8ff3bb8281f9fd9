#include "app/record_changes.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "app/log_types.hpp"

namespace updraft {
namespace {

/// What the record's timeline says about a message that the server itself sends (spec 2.8); empty
/// for every other change: what devices say is logged where it comes in, with its own words.
std::string_view log_type_of(const Transition& transition, const RecordEvent& event) {
    if (transition.has(Effect::send_upgrade)) {
        return log_type::upgrade_firmware;
    }
    return std::holds_alternative<event::PullAnswered>(event) ? log_type::pull_firmware_reply : "";
}

std::string log_content_of(const UpgradeRecord& record) {
    return boost::json::serialize(boost::json::object{{"messageId", record.message_id},
                                                      {"firmwareId", record.firmware.value},
                                                      {"version", record.target_version},
                                                      {"attempt", record.attempt}});
}

/// The device's firmware info becomes the record's version; what a report said about that very
/// version, e.g. its properties, stays.
void store_version(UnitOfWork& work, const UpgradeRecord& record, Instant now) {
    const std::optional<Device> device = work.devices().find(record.device);
    if (!device) {
        return;
    }
    const std::optional<Firmware> firmware = work.firmwares().find(record.firmware);
    FirmwareInfo info{
        record.target_version, firmware ? firmware->version_order : record.version_order, {}, now};
    if (device->firmware && device->firmware->version == info.version) {
        if (device->firmware->version_order == info.version_order) {
            return;
        }
        info.properties = device->firmware->properties;
    }
    work.devices().set_firmware(record.device, info);
}

}  // namespace

RecordStep step_of(const UpgradeRecord& record, bool state_changed) {
    return {state_changed ? std::optional(record.state) : std::nullopt, record.attempt,
            record.progress_percent, state_changed ? record.error_reason : std::string()};
}

Transition RecordChanges::apply(UnitOfWork& work, const UpgradeRecord& record,
                                const RecordEvent& event, const std::optional<Said>& said) const {
    Transition transition = apply_alone(work, record, event, said);
    if (transition.changed && transition.has(Effect::supersede_lower)) {
        supersede_others(work, transition.record);
    }
    return transition;
}

std::vector<Transition> RecordChanges::apply_to_all(UnitOfWork& work,
                                                    const std::vector<UpgradeRecord>& records,
                                                    const RecordEvent& event,
                                                    std::optional<Said> said) const {
    std::vector<Transition> transitions;
    transitions.reserve(records.size());
    for (const UpgradeRecord& record : records) {
        const Transition& done = transitions.emplace_back(apply_alone(work, record, event, said));
        if (done.record.state != record.state) {
            said.reset();
        }
    }
    for (const Transition& transition : transitions) {
        if (transition.changed && transition.has(Effect::supersede_lower)) {
            supersede_others(work, transition.record);
        }
    }
    return transitions;
}

Transition RecordChanges::apply_alone(UnitOfWork& work, const UpgradeRecord& record,
                                      const RecordEvent& event,
                                      const std::optional<Said>& said) const {
    const Instant now = clock_.now();
    Transition transition = updraft::apply(record, event, now);
    if (!transition.changed) {
        return transition;
    }
    const UpgradeRecord& next = transition.record;
    work.records().update(record, next);
    log(work, transition, event, next.state != record.state, said, now);
    if (transition.has(Effect::device_has_version)) {
        store_version(work, next, now);
    }
    arrange(work, transition, next.state != record.state, now);
    return transition;
}

/// One line at most: the message that the server sends or that the device sent, with the record's
/// new state; a new state alone where no message tells of it.
void RecordChanges::log(UnitOfWork& work, const Transition& transition, const RecordEvent& event,
                        bool state_changed, const std::optional<Said>& said, Instant now) const {
    const UpgradeRecord& record = transition.record;
    DeviceLogEntry line;
    if (const std::string_view type = log_type_of(transition, event); !type.empty()) {
        line.type = type;
        line.content = log_content_of(record);
    } else if (!state_changed) {
        return;
    } else if (said) {
        line.type = said->type;
        line.content = said->content;
    } else {
        line.type = log_type::record_state;
    }
    line.id = ids_.next();
    line.device = record.device;
    line.at = now;
    line.record = record.id;
    line.step = step_of(record, state_changed);
    work.device_logs().add(line);
}

void RecordChanges::arrange(UnitOfWork& work, const Transition& transition, bool state_changed,
                            Instant now) const {
    work.after_commit(
        [this, record = transition.record, effects = transition.effects, state_changed, now] {
            if (listeners_.changed) {
                listeners_.changed(record);
            }
            for (const Effect effect : effects) {
                perform(effect, record);
            }
            if (live_.anyone_listens()) {
                live_.publish({now, live::RecordChanged{record}});
                if (state_changed) {
                    live_.publish({now, live::TaskChanged{record.task, record.firmware}});
                }
            }
        });
}

void RecordChanges::perform(Effect effect, const UpgradeRecord& record) const {
    switch (effect) {
        case Effect::send_upgrade:
            if (listeners_.send_upgrade) {
                listeners_.send_upgrade(record);
            }
            return;
        case Effect::wake_device:
            if (listeners_.wake_device) {
                listeners_.wake_device(record.device);
            }
            return;
        case Effect::confirm_by_read:
            if (listeners_.read_version) {
                listeners_.read_version(record.device);
            }
            return;
        case Effect::device_has_version:
        case Effect::supersede_lower:
            return;  // done inside the transaction
    }
}

void RecordChanges::supersede_others(UnitOfWork& work, const UpgradeRecord& finished) const {
    for (const UpgradeRecord& other : work.records().of_device(finished.device)) {
        if (other.id != finished.id && other.state == RecordState::waiting &&
            other.product == finished.product) {
            apply(work, other, event::Superseded{finished.version_order});
        }
    }
}

void RecordChanges::device_deleted(UnitOfWork& work, const DeviceId& device) const {
    for (const UpgradeRecord& record : work.records().of_device(device)) {
        apply(work, record, event::DeviceDeleted{});
    }
}

}  // namespace updraft
