#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/identity.hpp"
#include "app/ports.hpp"
#include "base/clock.hpp"

namespace updraft {

/// What a person sees first: the fleet, its versions, the running tasks and how the last days went.
/// A part that the person may not query is absent.
struct Overview {
    /// Upgrades that came to an end on one day of the server's time zone.
    struct Day {
        Instant start;
        std::string date;  ///< "2026-11-23"
        std::int64_t success = 0;
        std::int64_t failed = 0;
    };
    struct RunningTasks {
        std::int64_t count = 0;
        std::vector<TaskRow> newest;
    };

    std::optional<DeviceTotals> devices;
    std::optional<std::vector<ProductVersions>> products;  ///< most devices first
    std::optional<RunningTasks> tasks;
    std::optional<std::vector<Day>> days;  ///< oldest first, today last
};

/// Safe from every thread; reads a few hundred rows however large the fleet is.
class OverviewService {
public:
    OverviewService(const Store& store, const Clock& clock) : store_(store), clock_(clock) {}

    [[nodiscard]] Overview for_person(const Identity& person) const;

private:
    const Store& store_;
    const Clock& clock_;
};

/// The last `count` days up to the one of `now`, in the time zone of the process, without numbers.
[[nodiscard]] std::vector<Overview::Day> days_up_to(Instant now, int count);

}  // namespace updraft
