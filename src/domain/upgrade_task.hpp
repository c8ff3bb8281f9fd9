#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "domain/upgrade_record.hpp"

namespace updraft {

/// How many records of a task are in each state. Kept with the records in the same transaction.
struct RecordCounts {
    std::int64_t waiting = 0;
    std::int64_t processing = 0;
    std::int64_t success = 0;
    std::int64_t failed = 0;
    std::int64_t canceled = 0;

    [[nodiscard]] std::int64_t total() const {
        return waiting + processing + success + failed + canceled;
    }
    [[nodiscard]] std::int64_t& of(RecordState state);
    [[nodiscard]] std::int64_t of(RecordState state) const;
    friend bool operator==(const RecordCounts&, const RecordCounts&) = default;
};

/// A task's state is derived from its counters, never stored (spec 3.3).
enum class TaskState : std::uint8_t { processing, canceled, failed, success };
[[nodiscard]] TaskState derived_state(const RecordCounts& counts);

/// floor(success x 100 / total); 0 when there is no record (spec 3.3): 100 only when all succeeded.
[[nodiscard]] int progress_percent(const RecordCounts& counts);

/// Which devices of the product a task was created for.
enum class ReleaseType : std::uint8_t { all, part };

/// How devices that know the difference take the update (hawkbit-ddi 4): at once, when it suits
/// them, or only download it. Sent by name: `forced`, `soft`, `downloadOnly`. Devices of the other
/// dialects install at once.
enum class Deployment : std::uint8_t { forced, soft, download_only };

/// "Bring these devices to this firmware", by push or by pull.
struct UpgradeTask {
    TaskId id;
    std::string name;
    ProductId product;
    std::string product_name;
    FirmwareId firmware;
    std::string target_version;  ///< copied from the firmware at creation
    int version_order = 0;
    UpgradeMode mode = UpgradeMode::push;
    seconds response_timeout{0};  ///< push only; 0 for pull
    seconds upgrade_timeout{0};
    ReleaseType release_type = ReleaseType::all;
    std::vector<DeviceId> devices;  ///< as chosen, at most 1,000 kept for the echo (spec 2.10)
    std::string terms;              ///< JSON text of the G3 `terms` as sent; empty if none
    std::string description;
    bool stopped = false;  ///< the flag of spec 3.3
    bool forced = false;   ///< extension `force`
    Deployment deployment = Deployment::forced;
    /// hawkBit devices are offered the firmware only after they, or whoever stands before them,
    /// agreed (hawkbit-ddi 7); `confirmationRequired` in the API.
    bool confirmation_required = false;
    std::optional<int> rate_per_second;  ///< extension `rate`
    std::optional<int> max_concurrent;   ///< extension `maxConcurrent`
    std::int64_t planned_total =
        0;  ///< size of the frozen selection; records may still be being made
    UserId creator;
    std::string creator_name;
    Instant created_at;
    friend bool operator==(const UpgradeTask&, const UpgradeTask&) = default;
};

/// Checks rows 33-39; messages as in the specification. Does not know devices or firmwares.
[[nodiscard]] Result<UpgradeTask> checked(UpgradeTask task);

}  // namespace updraft
