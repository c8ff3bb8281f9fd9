#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/upgrade_record.hpp"

namespace updraft {

/// What a device asked for with `firmware/pull` (spec 4.5). Step 0 is the caller's: a non-empty
/// `current_version` is a version report first. With `force` it is only stored, because applying it
/// would complete the very record that the device asks to install once more.
struct PullRequest {
    std::string current_version;
    std::string request_version;
    bool latest = false;
    bool force = false;
};

/// What the answer to a pull does to the device's records.
struct PullDecision {
    std::optional<RecordId> offer;  ///< apply PullAnswered and send this one; nothing: NO_FIRMWARE
    std::vector<RecordId>
        already_installed;             ///< waiting; apply AlreadyInstalled to each first (T5)
    std::optional<RecordId> replaced;  ///< apply OtherVersionRequested first
};

/// Picks what a pull is answered with: sequential, latest, requested version, force (spec 4.5).
/// `records` are all records of the device for firmwares of its product, in any order and state.
/// `current_order` is the order of the device's version as spec 4.5 defines `cur`: of
/// currentVersion if given (0 when it is no firmware of the product), else of the last known
/// version, else 0.
[[nodiscard]] PullDecision select_for_pull(const PullRequest& request,
                                           const std::vector<UpgradeRecord>& records,
                                           int current_order);

/// The waiting push record that a device installs next: version order, then creation time, then id;
/// nothing while another record of it is processing (spec 3.2, "one at a time").
[[nodiscard]] std::optional<RecordId> next_to_push(const std::vector<UpgradeRecord>& records);

}  // namespace updraft
