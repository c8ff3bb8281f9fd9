#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/ports.hpp"

namespace updraft {

/// One thing that happened to a device, for people to read in order.
struct TimelineEntry {
    enum class Kind : std::uint8_t {
        state,      ///< a record entered a state
        message,    ///< device or server said something
        connection  ///< the device came online or went offline
    };
    enum class Direction : std::uint8_t { up, down };  ///< from the device, to the device

    std::string id;  ///< of its own within a timeline
    Instant at;
    std::optional<RecordId> record;
    DeviceId device;
    Kind kind = Kind::message;
    std::string type;            ///< log type (spec 2.8); of states log_type::record_state
    std::optional<int> attempt;  ///< of the record
    std::optional<RecordState> state;
    std::optional<int> progress_percent;
    std::string error_reason;
    std::optional<Direction> direction;
    std::string content;  ///< the message; of connections the address
};

/// Everything that is known of one record, oldest first, at most `limit` entries, the newest kept.
/// What the log no longer has, or never had, is told by the record itself: its creation, its start
/// and its end. Nothing if there is no such record.
[[nodiscard]] std::optional<std::vector<TimelineEntry>> record_timeline(const Repositories& rows,
                                                                        const RecordId& id,
                                                                        std::size_t limit);

/// What happened to a device over all its records before `before` (nothing: until now), newest
/// first. About `limit` entries: those of the same millisecond stay together, so that the next page
/// begins before the last entry of this one. Shorter than `limit`: there is nothing older.
[[nodiscard]] std::vector<TimelineEntry> device_timeline(const Repositories& rows,
                                                         const DeviceId& device,
                                                         const std::optional<Instant>& before,
                                                         std::size_t limit);

}  // namespace updraft
