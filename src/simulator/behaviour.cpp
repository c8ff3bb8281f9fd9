#include "simulator/behaviour.hpp"

#include <algorithm>
#include <array>

namespace updraft::simulator {

namespace {

struct Refusal {
    std::string_view code;
    std::string_view message;
};

constexpr std::array<Refusal, 3> refusals{{
    {"LOW_BATTERY", "电量不足"},
    {"DEVICE_BUSY", "设备正忙"},
    {"USER_REJECTED", "用户拒绝升级"},
}};

constexpr std::array<std::string_view, 4> installation_failures{
    "写入闪存失败",
    "电量不足",
    "存储空间不足",
    "固件与硬件版本不匹配",
};

template <class Array>
const auto& pick(const Array& array, Dice& dice) {
    return array[dice.next() % array.size()];
}

}  // namespace

// SplitMix64: passes through all 2^64 states and needs no warm-up, whatever the seed.
std::uint64_t Dice::next() {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
}

bool Dice::chance(double probability) {
    constexpr double steps = 9007199254740992.0;  // 2^53
    return static_cast<double>(next() >> 11) / steps < probability;
}

std::int64_t Dice::between(std::int64_t low, std::int64_t high) {
    if (high <= low) {
        return low;
    }
    const auto span = static_cast<std::uint64_t>(high - low) + 1;
    return low + static_cast<std::int64_t>(next() % span);
}

milliseconds Dice::between(milliseconds low, milliseconds high) {
    return milliseconds(between(low.count(), high.count()));
}

UpgradePlan plan_upgrade(const Behaviour& behaviour, Dice& dice, bool failed_before) {
    UpgradePlan plan;
    if (dice.chance(behaviour.offline_rate)) {
        plan.offline_at_percent = static_cast<int>(dice.between(10, 70));
    }
    if (behaviour.fail_once && failed_before) {
        return plan;
    }
    if (dice.chance(behaviour.refusal_rate)) {
        const Refusal& refusal = pick(refusals, dice);
        plan.outcome = UpgradePlan::Outcome::refuse;
        plan.code = refusal.code;
        plan.reason = refusal.message;
    } else if (dice.chance(behaviour.failure_rate)) {
        if (dice.chance(0.4)) {
            plan.outcome = UpgradePlan::Outcome::fail_verification;
        } else {
            plan.outcome = UpgradePlan::Outcome::fail_installation;
            plan.reason = pick(installation_failures, dice);
            plan.fail_at_percent = static_cast<int>(dice.between(81, 98));
        }
    }
    return plan;
}

milliseconds backoff(Dice& dice, int failures, milliseconds low, milliseconds high) {
    const int doublings = std::clamp(failures, 0, 16);
    const milliseconds longest = std::min(high, low * (1 << doublings));
    return dice.between(longest / 2, longest);
}

}  // namespace updraft::simulator
