// What a pull is answered with (spec 4.5) and the sequences of spec 5.3.
#include "domain/pull_selection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/support/domain_builders.hpp"

namespace updraft {
namespace {

using namespace std::chrono_literals;
using enum RecordState;
using Records = std::vector<UpgradeRecord>;
using Offer = std::optional<RecordId>;

UpgradeRecord pull_record(std::string id, std::string version, int order,
                          RecordState state = waiting) {
    UpgradeRecord record =
        a_record_for(std::move(id), std::move(version), order, UpgradeMode::pull);
    record.state = state;
    return record;
}

UpgradeRecord push_record(std::string id, std::string version, int order,
                          RecordState state = waiting) {
    UpgradeRecord record = pull_record(std::move(id), std::move(version), order, state);
    record.mode = UpgradeMode::push;
    return record;
}

/// Firmwares 1.1 (order 2), 1.2 (order 3), 1.3 (order 5) of spec 5.3, one waiting pull record each.
Records three_waiting() {
    return {pull_record("R3", "1.3", 5), pull_record("R1", "1.1", 2), pull_record("R2", "1.2", 3)};
}

Offer offered(const PullRequest& request, const Records& records, int current_order) {
    return select_for_pull(request, records, current_order).offer;
}

constexpr auto nothing = std::nullopt;

// A device that pulls, installs and pulls again, as the server's service would treat it.
class PullingDevice {
public:
    explicit PullingDevice(Records records) : records_(std::move(records)) {}

    /// The version that the pull is answered with; "NO_FIRMWARE" when there is none.
    std::string pull(const PullRequest& request) {
        if (!request.current_version.empty()) {
            for (UpgradeRecord& record : records_) {
                fire(record, event::VersionReported{request.current_version});
            }
        }
        const PullDecision decision =
            select_for_pull(request, records_, orders_.at(request.current_version));
        for (const RecordId& id : decision.already_installed) {
            fire(find(id), event::AlreadyInstalled{});
        }
        if (decision.replaced) {
            fire(find(*decision.replaced), event::OtherVersionRequested{});
        }
        if (!decision.offer) {
            return "NO_FIRMWARE";
        }
        fire(find(*decision.offer), event::PullAnswered{"7"});
        return find(*decision.offer).target_version;
    }

    /// The running upgrade succeeds.
    void finish() {
        for (UpgradeRecord& record : records_) {
            if (record.state == processing) {
                fire(record, done());
                supersede(record.version_order);
                return;
            }
        }
    }

    /// The state of the record of `version`.
    [[nodiscard]] RecordState state_of(std::string_view version) const {
        return std::ranges::find(records_, version, &UpgradeRecord::target_version)->state;
    }

private:
    UpgradeRecord& find(const RecordId& id) {
        return *std::ranges::find(records_, id, &UpgradeRecord::id);
    }
    void fire(UpgradeRecord& record, const RecordEvent& event) {
        record = apply(record, event, at(1s)).record;
    }
    void supersede(int order) {
        for (UpgradeRecord& record : records_) {
            fire(record, event::Superseded{order});
        }
    }

    Records records_;
    /// A pull that names no version leaves the last known one, which spec 5.3 makes 1.3 at its end.
    std::map<std::string, int> orders_{{"", 5}, {"1.0", 1}, {"1.1", 2}, {"1.2", 3}, {"1.3", 5}};
};

PullRequest from(std::string version) {
    return {std::move(version), "", false, false};
}

// Sequences of spec 5.3 --------------------------------------------------------------------------

TEST(PullSequence, SequentialGoesUpStepByStep) {
    PullingDevice device(three_waiting());

    EXPECT_EQ(device.pull(from("1.0")), "1.1");
    device.finish();
    EXPECT_EQ(device.state_of("1.1"), success);
    EXPECT_EQ(device.pull(from("1.1")), "1.2");
    device.finish();
    EXPECT_EQ(device.pull(from("1.2")), "1.3");
    device.finish();
    EXPECT_EQ(device.pull(from("1.3")), "NO_FIRMWARE");
}

TEST(PullSequence, LatestJumpsAndSupersedesWhatItSkipped) {
    PullingDevice device(three_waiting());

    EXPECT_EQ(device.pull({"1.0", "", true, false}), "1.3");
    EXPECT_EQ(device.state_of("1.3"), processing);
    device.finish();
    EXPECT_EQ(device.state_of("1.3"), success);
    EXPECT_EQ(device.state_of("1.1"), canceled);
    EXPECT_EQ(device.state_of("1.2"), canceled);
    EXPECT_EQ(device.pull({}), "NO_FIRMWARE");
}

TEST(PullSequence, ARequestedVersionWinsOverLatest) {
    PullingDevice device(three_waiting());

    EXPECT_EQ(device.pull({"1.0", "1.2", true, false}), "1.2");
}

TEST(PullSequence, ARebootThatOnlyPullsClosesItsUpgradeAndGetsTheNext) {
    PullingDevice device(three_waiting());

    EXPECT_EQ(device.pull(from("1.0")), "1.1");
    EXPECT_EQ(device.pull(from("1.1")), "1.2");
    EXPECT_EQ(device.state_of("1.1"), success);
}

TEST(PullSequence, ARequestForAnotherVersionReplacesTheRunningOne) {
    PullingDevice device(three_waiting());

    EXPECT_EQ(device.pull(from("1.0")), "1.1");
    EXPECT_EQ(device.pull({"1.0", "1.3", false, false}), "1.3");
    EXPECT_EQ(device.state_of("1.1"), failed);
    EXPECT_EQ(device.state_of("1.3"), processing);
}

// The rules one by one ---------------------------------------------------------------------------

TEST(PullSelection, SequentialOffersTheSmallestOrderAboveTheCurrentOne) {
    EXPECT_EQ(offered({}, three_waiting(), 0), RecordId{"R1"});
    EXPECT_EQ(offered({}, three_waiting(), 2), RecordId{"R2"});
    EXPECT_EQ(offered({}, three_waiting(), 4), RecordId{"R3"});
}

TEST(PullSelection, AVersionThatIsNoFirmwareOfTheProductCountsAsOrderZero) {
    EXPECT_EQ(offered({"factory", "", false, false}, three_waiting(), 0), RecordId{"R1"});
}

TEST(PullSelection, OrdersUpToTheCurrentOneAreNoSilentDowngrade) {
    EXPECT_EQ(offered({}, three_waiting(), 5), nothing);
    EXPECT_EQ(offered({"", "", true, false}, three_waiting(), 6), nothing);
}

// A deleted firmware's order may be given to another version.
TEST(PullSelection, AnEqualOrderOfAnotherVersionIsNoUpgradeEither) {
    EXPECT_EQ(offered({"1.3-rc", "", false, false}, {pull_record("R3", "1.3", 5)}, 5), nothing);
}

TEST(PullSelection, ARequestedVersionMayBeADowngrade) {
    EXPECT_EQ(offered({"1.3", "1.1", false, false}, three_waiting(), 5), RecordId{"R1"});
    EXPECT_EQ(offered({"1.0", "9.9", false, false}, three_waiting(), 1), nothing);
}

TEST(PullSelection, AForcedTaskIgnoresTheCurrentOrder) {
    Records records{pull_record("R1", "1.1", 2)};
    records[0].forced = true;

    EXPECT_EQ(offered({"1.3", "", false, false}, records, 5), RecordId{"R1"});
    EXPECT_EQ(offered({"1.1", "", false, false}, records, 2), RecordId{"R1"});
}

TEST(PullSelection, AForcedPullIgnoresTheCurrentOrderToo) {
    EXPECT_EQ(offered({"1.3", "", false, true}, three_waiting(), 5), RecordId{"R1"});
    EXPECT_EQ(offered({"1.3", "", true, true}, three_waiting(), 5), RecordId{"R3"});
}

TEST(PullSelection, FailedRecordsAreOfferedToAForcedPullOnly) {
    const Records records{pull_record("R1", "1.1", 2, failed)};

    EXPECT_EQ(offered({}, records, 0), nothing);
    EXPECT_EQ(offered({"", "1.1", false, false}, records, 0), nothing);
    EXPECT_EQ(offered({"", "", false, true}, records, 0), RecordId{"R1"});
}

TEST(PullSelection, CanceledRecordsAreOfferedToAForcedPullThatNamesThemOnly) {
    const Records records{pull_record("R1", "1.1", 2, canceled)};

    EXPECT_EQ(offered({}, records, 0), nothing);
    EXPECT_EQ(offered({"", "", false, true}, records, 0), nothing);
    EXPECT_EQ(offered({"", "1.1", false, false}, records, 0), nothing);
    EXPECT_EQ(offered({"", "1.1", false, true}, records, 0), RecordId{"R1"});
}

TEST(PullSelection, SuccessIsNeverOfferedAgain) {
    const Records records{pull_record("R1", "1.1", 2, success)};

    EXPECT_EQ(offered({"", "1.1", true, true}, records, 0), nothing);
}

TEST(PullSelection, PushRecordsAreCandidatesToo) {
    EXPECT_EQ(offered({}, {push_record("R1", "1.1", 2)}, 1), RecordId{"R1"});
}

TEST(PullSelection, ARepeatedPullGetsTheRunningUpgradeAgain) {
    const Records records{pull_record("R1", "1.1", 2), push_record("R2", "1.2", 3, processing)};

    for (const PullRequest& request : {PullRequest{}, PullRequest{"1.0", "", true, true},
                                       PullRequest{"1.0", "1.2", false, false}}) {
        const PullDecision decision = select_for_pull(request, records, 1);
        EXPECT_EQ(decision.offer, RecordId{"R2"});
        EXPECT_EQ(decision.replaced, nothing);
    }
}

TEST(PullSelection, OnlyARequestForAnotherVersionThatIsThereReplacesIt) {
    const Records records{pull_record("R1", "1.1", 2), push_record("R2", "1.2", 3, processing)};

    const PullDecision other = select_for_pull({"1.0", "1.1", false, false}, records, 1);
    EXPECT_EQ(other.offer, RecordId{"R1"});
    EXPECT_EQ(other.replaced, RecordId{"R2"});

    const PullDecision unknown = select_for_pull({"1.0", "9.9", false, false}, records, 1);
    EXPECT_EQ(unknown.offer, nothing);
    EXPECT_EQ(unknown.replaced, nothing);
}

TEST(PullSelection, T5_TheInstalledVersionIsNotOfferedButClosed) {
    const PullDecision by_version = select_for_pull({"1.1", "", false, false}, three_waiting(), 2);
    EXPECT_EQ(by_version.already_installed, std::vector{RecordId{"R1"}});
    EXPECT_EQ(by_version.offer, RecordId{"R2"});

    const PullDecision by_known_order = select_for_pull({}, three_waiting(), 3);
    EXPECT_EQ(by_known_order.already_installed, std::vector{RecordId{"R2"}});
    EXPECT_EQ(by_known_order.offer, RecordId{"R3"});

    const PullDecision by_request =
        select_for_pull({"1.1", "1.1", false, false}, three_waiting(), 2);
    EXPECT_EQ(by_request.already_installed, std::vector{RecordId{"R1"}});
    EXPECT_EQ(by_request.offer, nothing);
}

TEST(PullSelection, T5_AForcedPullInstallsTheSameVersionAgain) {
    const PullDecision decision = select_for_pull({"1.1", "1.1", false, true}, three_waiting(), 2);

    EXPECT_TRUE(decision.already_installed.empty());
    EXPECT_EQ(decision.offer, RecordId{"R1"});
}

TEST(PullSelection, TwoTasksOfOneFirmwareArePullFirstThenOldestThenById) {
    UpgradeRecord push = push_record("R1", "1.1", 2);
    UpgradeRecord young = pull_record("R2", "1.1", 2);
    UpgradeRecord old = pull_record("R4", "1.1", 2);
    UpgradeRecord same_age = pull_record("R3", "1.1", 2);
    push.created_at = at(0s);
    young.created_at = at(3s);
    old.created_at = same_age.created_at = at(1s);

    EXPECT_EQ(offered({}, {push, young}, 1), RecordId{"R2"});
    EXPECT_EQ(offered({}, {push, young, old}, 1), RecordId{"R4"});
    EXPECT_EQ(offered({"", "", true, false}, {push, young, old, same_age}, 1), RecordId{"R3"});
}

// next_to_push -----------------------------------------------------------------------------------

TEST(NextToPush, LowestVersionOrderThenOldestThenById) {
    UpgradeRecord high = push_record("R1", "1.2", 3);
    UpgradeRecord young = push_record("R2", "1.1", 2);
    UpgradeRecord old = push_record("R4", "1.1", 2);
    UpgradeRecord same_age = push_record("R3", "1.1", 2);
    high.created_at = at(0s);
    young.created_at = at(2s);
    old.created_at = same_age.created_at = at(1s);

    EXPECT_EQ(next_to_push({high}), RecordId{"R1"});
    EXPECT_EQ(next_to_push({high, young}), RecordId{"R2"});
    EXPECT_EQ(next_to_push({high, young, old}), RecordId{"R4"});
    EXPECT_EQ(next_to_push({high, young, old, same_age}), RecordId{"R3"});
}

TEST(NextToPush, NothingWhileAnotherRecordIsProcessing) {
    EXPECT_EQ(next_to_push({push_record("R1", "1.1", 2), pull_record("R2", "1.2", 3, processing)}),
              nothing);
}

TEST(NextToPush, OnlyWaitingPushRecords) {
    EXPECT_EQ(
        next_to_push({pull_record("R1", "1.1", 2), push_record("R2", "1.1", 2, failed),
                      push_record("R3", "1.1", 2, canceled), push_record("R4", "1.1", 2, success)}),
        nothing);
    EXPECT_EQ(next_to_push({}), nothing);
}

}  // namespace
}  // namespace updraft
