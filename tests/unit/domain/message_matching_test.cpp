// Which record a message means (spec 3.2, "Matching an incoming message to a record").
#include "domain/message_matching.hpp"

#include <gtest/gtest.h>

#include "tests/support/domain_builders.hpp"

namespace updraft {
namespace {

using namespace std::chrono_literals;
using enum RecordState;
using Records = std::vector<UpgradeRecord>;

UpgradeRecord in_state(UpgradeRecord record, RecordState state,
                       std::optional<Instant> upgrade_at = {}) {
    record.state = state;
    record.upgrade_at = upgrade_at;
    return record;
}

UpgradeRecord with_message(UpgradeRecord record, std::string message_id, bool acked = false) {
    record.message_id = std::move(message_id);
    record.acked = acked;
    return record;
}

const UpgradeRecord v1 = a_record_for("R1", "1.1", 2);
const UpgradeRecord v2 = a_record_for("R2", "1.2", 3);
const UpgradeRecord v3 = a_record_for("R3", "1.3", 5);

TEST(MatchReply, ByMessageIdAmongProcessingRecords) {
    const Records records{in_state(v1, waiting),
                          with_message(in_state(v2, processing, at(1s)), "M", true)};

    EXPECT_EQ(match_reply(records, "M"), 1U);
}

TEST(MatchReply, WithoutAKnownIdTheNewestUnansweredPushIsMeant) {
    const Records records{with_message(in_state(v1, processing, at(1s)), "M1"),
                          with_message(in_state(v2, processing, at(2s)), "M2"),
                          with_message(in_state(v3, processing, at(3s)), "M3", true)};

    EXPECT_EQ(match_reply(records, ""), 1U);
    EXPECT_EQ(match_reply(records, "unknown"), 1U);
}

TEST(MatchReply, NothingUnansweredNothingMeant) {
    EXPECT_EQ(match_reply({}, "M"), std::nullopt);
    EXPECT_EQ(match_reply({in_state(v1, waiting)}, ""), std::nullopt);
    EXPECT_EQ(match_reply({with_message(in_state(v1, processing, at(1s)), "M1", true)}, "other"),
              std::nullopt);
    EXPECT_EQ(match_reply({a_pulled_record()}, ""), std::nullopt);
}

// The second copy of a refusal must not end the upgrade that followed the refused one.
TEST(MatchReply, ARepeatedRefusalMeansTheRecordThatItEnded) {
    const Records records{with_message(in_state(v1, failed, at(1s)), "M1"),
                          with_message(in_state(v2, processing, at(2s)), "M2")};

    EXPECT_EQ(match_reply(records, "M1"), 0U);
    EXPECT_EQ(match_reply(records, "M2"), 1U);
}

TEST(MatchProgress, ByFirmwareIdBeforeVersion) {
    const Records records{in_state(v1, processing, at(1s)), in_state(v2, failed, at(2s))};

    EXPECT_EQ(match_progress(records, "F1.2", "1.1"), 1U);
}

TEST(MatchProgress, ProcessingFirstThenTheNewestUpgradeTime) {
    Records records{in_state(v1, waiting), in_state(v1, canceled, at(3s)),
                    in_state(v1, failed, at(5s)), in_state(v1, failed, at(4s))};
    EXPECT_EQ(match_progress(records, "F1.1", ""), 2U);

    records.push_back(in_state(v1, processing, at(2s)));
    EXPECT_EQ(match_progress(records, "F1.1", ""), 4U);
}

TEST(MatchProgress, AWaitingRecordMatchesWhenNothingElseDoes) {
    EXPECT_EQ(match_progress({in_state(v2, failed, at(1s)), in_state(v1, waiting)}, "F1.1", ""),
              1U);
}

TEST(MatchProgress, SuccessMatchesLastSoThatARepeatIsIgnored) {
    const UpgradeRecord finished = in_state(v1, success, at(9s));

    EXPECT_EQ(match_progress({finished, in_state(v1, failed, at(1s))}, "F1.1", ""), 1U);
    EXPECT_EQ(match_progress({in_state(v2, processing, at(9s)), finished}, "F1.1", "1.1"), 1U);
    EXPECT_EQ(match_progress({in_state(v2, processing, at(9s)), finished}, "", "1.1"), 1U);
}

TEST(MatchProgress, ByVersionWhenTheFirmwareIsUnknownOrAbsent) {
    const Records records{in_state(v1, processing, at(1s)), in_state(v2, failed, at(2s))};

    EXPECT_EQ(match_progress(records, "", "1.2"), 1U);
    EXPECT_EQ(match_progress(records, "no such firmware", "1.2"), 1U);
}

TEST(MatchProgress, ElseTheOnlyProcessingRecord) {
    EXPECT_EQ(match_progress({in_state(v1, waiting), in_state(v2, processing, at(1s))}, "", ""),
              1U);
    EXPECT_EQ(match_progress({in_state(v1, processing, at(1s)), in_state(v2, processing, at(1s))},
                             "", ""),
              std::nullopt);
    EXPECT_EQ(match_progress({in_state(v1, waiting)}, "", ""), std::nullopt);
    EXPECT_EQ(match_progress({}, "F1.1", "1.1"), std::nullopt);
}

TEST(AnotherIsProcessing, CountsOnlyTheOthers) {
    const Records records{in_state(v1, failed), in_state(v2, processing, at(1s))};

    EXPECT_TRUE(another_is_processing(records, 0));
    EXPECT_FALSE(another_is_processing(records, 1));
}

TEST(MatchReport, AllOpenRecordsOfTheVersionAndProduct) {
    UpgradeRecord other_product = in_state(v1, waiting);
    other_product.product = ProductId{"p2"};
    const Records records{in_state(v1, waiting),  in_state(v1, processing, at(1s)),
                          in_state(v1, success),  in_state(v1, failed),
                          in_state(v1, canceled), in_state(v2, waiting),
                          other_product};

    EXPECT_EQ(match_report(records, ProductId{"p1"}, "1.1"), (std::vector<std::size_t>{0, 1, 3}));
    EXPECT_TRUE(match_report(records, ProductId{"p1"}, "9").empty());
}

}  // namespace
}  // namespace updraft
