#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace updraft::simulator {

using std::chrono::milliseconds;

/// A small random source: eight bytes of state, the same sequence for the same seed everywhere.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}

    [[nodiscard]] std::uint64_t next();
    /// True with this probability (0..1).
    [[nodiscard]] bool chance(double probability);
    /// A number in [low, high]; low if the range is empty.
    [[nodiscard]] std::int64_t between(std::int64_t low, std::int64_t high);
    [[nodiscard]] milliseconds between(milliseconds low, milliseconds high);

private:
    std::uint64_t state_;
};

/// How often things go wrong; each rate is a share of the upgrades, 0..1.
struct Behaviour {
    double failure_rate = 0;  ///< the file does not verify, or its installation fails
    double refusal_rate = 0;  ///< the device answers a push with success=false
    double offline_rate = 0;  ///< the device drops off in the middle, and comes back
    bool fail_once = false;   ///< a device that failed or refused a version takes it the next time
};

/// What becomes of one upgrade, decided when the order arrives.
struct UpgradePlan {
    enum class Outcome : std::uint8_t { succeed, refuse, fail_verification, fail_installation };
    Outcome outcome = Outcome::succeed;
    std::string_view code;                  ///< of a refusal: "LOW_BATTERY"
    std::string_view reason;                ///< what the device says: "电量不足"
    int fail_at_percent = 0;                ///< of a failed installation: how far it gets, 81..98
    std::optional<int> offline_at_percent;  ///< in the middle of the download, 10..70
};

/// Rolls the dice for one upgrade. `failed_before`: this device failed this version already.
[[nodiscard]] UpgradePlan plan_upgrade(const Behaviour& behaviour, Dice& dice, bool failed_before);

/// The wait before connection attempt number `failures` + 1: doubles from `low` to `high`, and half
/// of it is random, so that a fleet does not come back in step.
[[nodiscard]] milliseconds backoff(Dice& dice, int failures, milliseconds low, milliseconds high);

}  // namespace updraft::simulator
