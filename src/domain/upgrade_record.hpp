#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/text.hpp"

namespace updraft {

/// How far one device has come with one upgrade task. Stored and sent by name, never by number.
enum class RecordState : std::uint8_t { waiting, processing, success, failed, canceled };
inline constexpr std::size_t record_state_count = 5;

/// Push: the server tells the device. Pull: the device asks. Sent by name: `push`, `pull`.
enum class UpgradeMode : std::uint8_t { push, pull };

/// One device's part in one upgrade task.
///
///     waiting ──> processing ──> success
///        │             └──> failed ── retry ──> waiting
///        └── stop ──> canceled ── continue ──> waiting
///
/// Only success is final: a device may finish after we gave up on it, and then it counts (T20).
/// Links repeat and reorder (MQTT QoS 1, CoAP): the same message twice changes nothing the second
/// time.
struct UpgradeRecord {
    RecordId id;
    TaskId task;
    DeviceId device;
    ProductId product;
    FirmwareId firmware;
    std::string target_version;  ///< `version` in the API
    int version_order = 0;
    UpgradeMode mode = UpgradeMode::push;
    RecordState state = RecordState::waiting;
    int progress_percent = 0;  ///< 0..100 as reported; falls when a device restarts its download
    int attempt = 1;           ///< 1 for the first try
    bool forced = false;     ///< flash even if the device has the version already (task extension)
    bool acked = false;      ///< any evidence that the device got the notice of this attempt
    bool resent = false;     ///< T25 was used for this attempt
    bool revived = false;    ///< T19 was used for this attempt
    std::string message_id;  ///< of the last push, or of the last answered pull
    std::string server_id;   ///< node that owns the push in flight
    std::string
        error_reason;  ///< shown verbatim; the device's own words or one of the constants below
    seconds response_timeout{0};
    seconds upgrade_timeout{0};
    Instant created_at;
    std::optional<Instant> upgrade_at;    ///< entered processing
    std::optional<Instant> completed_at;  ///< became success or failed
    std::optional<Instant> response_deadline;
    std::optional<Instant> upgrade_deadline;
    friend bool operator==(const UpgradeRecord&, const UpgradeRecord&) = default;

    /// The earlier of the two deadlines; what storage indexes. Nothing when no timer runs.
    [[nodiscard]] std::optional<Instant> next_deadline() const;
};

/// The reasons that the server itself writes (spec 3.2). Stored in Chinese, as JetLinks' consoles
/// show them; translated on output for people who asked for English.
namespace error_reason {
inline constexpr std::string_view rejected = "设备拒绝升级";
inline constexpr std::string_view failed = "升级失败";
inline constexpr std::string_view response_timeout = "响应超时";
inline constexpr std::string_view upgrade_timeout = "升级超时";
inline constexpr std::string_view superseded = "设备已升级到更高版本";
inline constexpr std::string_view device_deleted = "设备已删除";
inline constexpr std::string_view other_version_requested = "设备请求了其他版本";
/// The reason in the reader's language; a device's own words come back unchanged.
[[nodiscard]] std::string in(Language language, std::string_view reason);
}  // namespace error_reason

/// What a progress message means (spec 4.4), after evaluate_progress().
enum class ProgressOutcome : std::uint8_t { ongoing, completed, failed };

/// A progress message as the device sent it: absent members stay absent.
struct ProgressReport {
    std::optional<int> progress_percent;  ///< any number; devices do send 101 (T9)
    bool complete = false;
    std::optional<bool> success;
    std::string error_reason;
    std::string message;
};

/// Decides between "complete+success", "complete+failure" and ordinary progress (spec 4.4).
[[nodiscard]] ProgressOutcome evaluate_progress(const ProgressReport& report);

/// Everything that can happen to a record. One struct per trigger of the table in spec 3.2.
namespace event {
/// T2: the dispatcher's turn. The caller has checked that the device is connected, that no other
/// record of it is processing and that the budget allows it.
struct Dispatched {
    std::string message_id;
    std::string server_id;
};
/// T4: the write to the connection failed.
struct SendFailed {
    std::string message_id;
};
/// T5: dispatch or pull finds that the device already runs the target version.
struct AlreadyInstalled {};
/// T6: a pull is answered with this record; also the repeat of an interrupted one (spec 4.5), which
/// refreshes the message id and does not restart the timer. From failed or canceled only when the
/// pull was forced, which select_for_pull() has checked: it counts as a new attempt (T18).
struct PullAnswered {
    std::string message_id;
};
/// T7, T8: `firmware/upgrade/reply`.
struct Replied {
    bool success = true;
    std::string code;
    std::string message;
};
/// T9-T11, T19, T20: `firmware/upgrade/progress`.
struct Progressed {
    ProgressReport report;
    /// Another record of the device is processing, so a late sign of life must not revive this one
    /// (T19 yields to "one at a time"). See another_is_processing() in message_matching.hpp.
    bool another_is_processing = false;
};
/// T14, T15, T20: `firmware/report` or a read reply with this version. With equal version it closes
/// a waiting, processing or failed record; never a forced one.
struct VersionReported {
    std::string version;
};
/// T12, T13: the clock. Applies whichever deadline has passed at `now`.
struct DeadlinePassed {};
/// T16, T16b. `also_processing` when the operator named the state `processing` or the record's id.
struct Stopped {
    bool also_processing = false;
};
/// T17: another record of the device reached success with this version order.
struct Superseded {
    int version_order = 0;
};
/// T18: continue or retry.
struct Started {};
/// T22.
struct DeviceDeleted {};
/// T25: the device's connection came back at `since`. What was pushed later went over it already.
struct Reconnected {
    Instant since;
};
/// T26: the server started at `boot`; `server_id` takes the record over.
struct ServerRestarted {
    Instant boot;
    std::string server_id;
};
/// Spec 4.5, last bullet but one: an explicit requestVersion replaced this processing record.
struct OtherVersionRequested {};
/// D1: a device that was told to cancel refuses and goes on installing (hawkbit-ddi 6). Only a
/// record that was stopped while it was processing goes back to it, with a new upgrade deadline.
struct CancelRefused {
    bool another_is_processing = false;  ///< as in Progressed: then the record stays canceled
};
/// D2: the device has the firmware and need not install it: a download-only task is done with it
/// (hawkbit-ddi 5). The device's version does not change.
struct DownloadFinished {};
/// D3: the device takes its consent back; the record waits until it is confirmed again
/// (hawkbit-ddi 7). Not an attempt.
struct ConfirmationWithdrawn {};
}  // namespace event

using RecordEvent =
    std::variant<event::Dispatched, event::SendFailed, event::AlreadyInstalled, event::PullAnswered,
                 event::Replied, event::Progressed, event::VersionReported, event::DeadlinePassed,
                 event::Stopped, event::Superseded, event::Started, event::DeviceDeleted,
                 event::Reconnected, event::ServerRestarted, event::OtherVersionRequested,
                 event::CancelRefused, event::DownloadFinished, event::ConfirmationWithdrawn>;

/// What the caller has to do besides storing the record.
enum class Effect : std::uint8_t {
    send_upgrade,        ///< write the upgrade message with the record's message_id (T2, T25)
    device_has_version,  ///< the device's firmware info becomes the target version (T10, T14, T20);
                         ///< what the report itself stored about that version, e.g. properties,
                         ///< stays
    supersede_lower,     ///< apply Superseded to the device's other records (T17)
    confirm_by_read,  ///< ask the device once for its version: success was claimed by progress only
    wake_device,      ///< the device, if connected, may take its next waiting push record now
};

/// The outcome of one event for one record.
struct Transition {
    UpgradeRecord record;   ///< the next record; equal to the given one when nothing changed
    bool changed = false;   ///< store it
    std::string_view rule;  ///< the row that applied, e.g. "T9", or that says why it is ignored:
                            ///< "T21"; empty when the table has no row for this event in this state
    std::vector<Effect> effects;

    [[nodiscard]] bool has(Effect effect) const;
};

/// The state machine (spec 3.2, T1-T26; D1-D3 for what only hawkBit devices say): a pure function
/// of record, event and time. Every gateway, timer and operator goes through it, so that the
/// dialects cannot drift apart. An event that does not fit is ignored, never an error: links repeat
/// and reorder. Effects come only with a change.
[[nodiscard]] Transition apply(const UpgradeRecord& record, const RecordEvent& event, Instant now);

}  // namespace updraft
