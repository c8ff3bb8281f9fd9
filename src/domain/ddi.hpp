#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/id.hpp"

/// What hawkBit's device API has to remember beside upgrade records (hawkbit-ddi). State and
/// progress are the record's; nothing here decides them.
namespace updraft {

/// One attempt of an upgrade record as a hawkBit device knows it: by a number, because clients keep
/// it in 31 bits.
struct DdiAction {
    std::int64_t number = 0;  ///< the `actionId`; 1 or more, never used twice
    RecordId record;
    int attempt = 1;
    TaskId task;
    DeviceId device;
    bool confirmed = false;  ///< the device agreed, where the task asks for it
    bool retrieved = false;  ///< the device has fetched it: cancelling needs its answer
    bool closed = false;     ///< the device has spoken its last word: finished, failed or canceled
    bool installed = false;  ///< closed with success
    int feedbacks = 0;       ///< how many it sent; bounded
    Instant created_at;
    friend bool operator==(const DdiAction&, const DdiAction&) = default;
};

/// What a hawkBit device has said about itself.
struct DdiTarget {
    DeviceId device;
    bool attributes_wanted = true;  ///< the poll asks for configData
    bool auto_confirm = false;
    std::string auto_confirm_initiator;
    std::string auto_confirm_remark;
    std::optional<Instant> auto_confirm_at;
    friend bool operator==(const DdiTarget&, const DdiTarget&) = default;
};

}  // namespace updraft
