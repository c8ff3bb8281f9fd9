#include "app/timeline.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "app/log_types.hpp"
#include "domain/names.hpp"
#include "tests/support/upgrade_world.hpp"

namespace updraft {
namespace {

using Kind = TimelineEntry::Kind;

/// A state as `failed#1 "disk full"`, anything else as its type with an arrow for its direction.
std::string shown(const TimelineEntry& entry) {
    if (entry.kind == Kind::state) {
        const std::string reason =
            entry.error_reason.empty() ? "" : " \"" + entry.error_reason + "\"";
        return std::string(name_of(*entry.state)) + "#" + std::to_string(*entry.attempt) + reason;
    }
    if (entry.kind == Kind::connection) {
        return entry.type;
    }
    return (entry.direction == TimelineEntry::Direction::up ? "^" : "v") + entry.type;
}

std::vector<std::string> shown(const std::vector<TimelineEntry>& entries) {
    std::vector<std::string> texts;
    for (const TimelineEntry& entry : entries) {
        texts.push_back(shown(entry));
    }
    return texts;
}

struct Timelines : testing::Test {
    void SetUp() override {
        firmware = w.add_firmware("1.1", 2);
        w.add_device("d1");
        task = w.create_task(firmware, UpgradeMode::push, {"d1"});
        tick();
    }
    void tick() { w.clock.advance(seconds{1}); }
    void apply(const RecordEvent& event) {
        w.apply_to("d1", task, event);
        tick();
    }
    void say(UplinkBody body) {
        w.say("d1", std::move(body));
        tick();
    }
    std::vector<TimelineEntry> of_record(std::size_t limit = 1'000) const {
        const RecordId id = w.record("d1", task).id;
        return *w.store->read(
            [&](const Repositories& rows) { return record_timeline(rows, id, limit); });
    }
    std::vector<TimelineEntry> of_device(const std::optional<Instant>& before = {},
                                         std::size_t limit = 1'000) const {
        return w.store->read([&](const Repositories& rows) {
            return device_timeline(rows, DeviceId{"d1"}, before, limit);
        });
    }
    UpgradeWorld w;
    FirmwareId firmware;
    TaskId task;
};

TEST_F(Timelines, ARecordTellsItsWholeStory) {
    apply(event::Dispatched{"M", "n"});
    say(uplink::UpgradeReply{"M", true, "", ""});
    say(w.progress_of("1.1", 40));
    say(w.failure_of("1.1", "disk full"));
    apply(event::Started{});
    apply(event::Dispatched{"N", "n"});
    say(w.success_of("1.1"));
    EXPECT_EQ(shown(of_record()),
              (std::vector<std::string>{"waiting#1", "processing#1", "vupgradeFirmware",
                                        "^upgradeFirmwareReply", "^upgradeFirmwareProgress",
                                        "^upgradeFirmwareProgress", "failed#1 \"disk full\"",
                                        "waiting#2", "processing#2", "vupgradeFirmware",
                                        "^upgradeFirmwareProgress", "success#2"}));
}

TEST_F(Timelines, ARecordThatNothingHappenedToHasItsBirth) {
    const auto entries = of_record();
    ASSERT_EQ(shown(entries), std::vector<std::string>{"waiting#1"});
    EXPECT_EQ(entries[0].at, w.record("d1", task).created_at);
    EXPECT_EQ(w.log_of("d1").size(), 0U) << "no line for each of a million records";
    EXPECT_EQ(w.store->read([](const Repositories& rows) {
        return record_timeline(rows, RecordId{"1"}, 10);
    }),
              std::nullopt);
}

// A deadline, an operator, another record: no message tells of it.
TEST_F(Timelines, StatesWithoutAMessageAreTold) {
    apply(event::Dispatched{"M", "n"});
    w.clock.advance(seconds{40});
    apply(event::DeadlinePassed{});
    apply(event::Started{});
    apply(event::Stopped{false});
    EXPECT_EQ(shown(of_record()),
              (std::vector<std::string>{"waiting#1", "processing#1", "vupgradeFirmware",
                                        "failed#1 \"响应超时\"", "waiting#2", "canceled#2"}));
}

// One line of the log carries the message and what it did: the hot path writes no second one.
TEST_F(Timelines, AReportThatEndsARecordIsOneLine) {
    apply(event::Dispatched{"M", "n"});
    const std::size_t lines = w.log_of("d1").size();
    say(uplink::FirmwareReport{"1.1", {}});
    EXPECT_EQ(w.log_of("d1").size(), lines + 1);
    const auto entries = of_record();
    ASSERT_EQ(entries.size(), 5U);
    EXPECT_EQ(shown(entries[3]), "^reportFirmware");
    EXPECT_EQ(entries[3].content, "{}");
    EXPECT_EQ(shown(entries[4]), "success#1");
    EXPECT_EQ(entries[4].progress_percent, 100);
    EXPECT_NE(entries[3].id, entries[4].id);
}

// The log is pruned after a month; what the record itself remembers stays.
TEST_F(Timelines, WithoutItsLogARecordTellsWhatItRemembers) {
    apply(event::Dispatched{"M", "n"});
    say(w.failure_of("1.1", "disk full"));
    w.change([&](UnitOfWork& work) { work.device_logs().prune(w.clock.now(), 1'000); });
    EXPECT_EQ(shown(of_record()),
              (std::vector<std::string>{"waiting#1", "processing#1", "failed#1 \"disk full\""}));
}

TEST_F(Timelines, ConnectionsBelongToTheRecordWhileItLives) {
    const auto connect = [&](const char* type) {
        w.change([&](UnitOfWork& work) {
            work.device_logs().add(
                {w.ids.next(), DeviceId{"d1"}, type, w.clock.now(), "10.0.0.9", {}, {}});
        });
        tick();
    };
    connect("online");
    apply(event::Dispatched{"M", "n"});
    connect("offline");
    say(w.success_of("1.1"));
    connect("online");
    EXPECT_EQ(shown(of_record()),
              (std::vector<std::string>{"waiting#1", "online", "processing#1", "vupgradeFirmware",
                                        "offline", "^upgradeFirmwareProgress", "success#1"}));
    const auto all = shown(of_device());
    EXPECT_EQ(all.size(), 8U);
    EXPECT_EQ(all.front(), "online");
    EXPECT_EQ(all.back(), "waiting#1");
}

TEST_F(Timelines, OfALongOneTheNewestEntriesAreKept) {
    for (int i = 0; i < 10; ++i) {
        apply(event::Stopped{false});
        apply(event::Started{});
    }
    const auto entries = shown(of_record(4));
    EXPECT_EQ(entries,
              (std::vector<std::string>{"canceled#9", "waiting#10", "canceled#10", "waiting#11"}));
}

// Paging by time loses nothing and repeats nothing, also where several things share a millisecond.
TEST_F(Timelines, PagesOfADeviceJoinUp) {
    apply(event::Dispatched{"M", "n"});
    w.say("d1", w.progress_of("1.1", 10));
    w.say("d1", w.failure_of("1.1", "disk full"));
    w.apply_to("d1", task, event::Started{});
    tick();
    w.create_task(w.add_firmware("1.2", 3), UpgradeMode::push, {"d1"});
    tick();
    apply(event::Stopped{false});
    const auto all = of_device();
    ASSERT_EQ(all.size(), 9U);
    for (const std::size_t limit : {1U, 2U, 3U, 7U}) {
        std::vector<std::string> ids;
        std::optional<Instant> before;
        for (;;) {
            const auto page = of_device(before, limit);
            for (const TimelineEntry& entry : page) {
                ids.push_back(entry.id);
            }
            if (page.size() < limit) {
                break;
            }
            before = page.back().at;
        }
        std::vector<std::string> expected;
        for (const TimelineEntry& entry : all) {
            expected.push_back(entry.id);
        }
        EXPECT_EQ(ids, expected) << limit;
    }
}

}  // namespace
}  // namespace updraft
