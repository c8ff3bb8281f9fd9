#include <gtest/gtest.h>

#include "domain/names.hpp"
#include "tests/support/upgrade_world.hpp"

namespace updraft {
namespace {

using enum RecordState;

struct DeviceTalk : testing::Test {
    void SetUp() override {
        firmware = w.add_firmware("1.1", 2);
        w.add_device("d1");
        w.add_device("d2");
    }
    TaskId a_running_push() {
        const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1"});
        w.apply_to("d1", task, event::Dispatched{"M", "n"});
        return task;
    }
    UpgradeWorld w;
    FirmwareId firmware;
};

// Gap 7: an authenticated device must not speak for another one.
TEST_F(DeviceTalk, AForeignDeviceIsNotBelieved) {
    const TaskId task = a_running_push();
    const auto handled = w.say("d2", w.success_of("1.1"), "d1");
    EXPECT_TRUE(handled.stored);  // acknowledged, or it would come back for ever
    EXPECT_EQ(w.state("d1", task), processing);
    EXPECT_EQ(w.messages.counters().foreign_device, 1U);
}

TEST(LaxDeviceTalk, ASwitchRestoresTheLaxMode) {
    DeviceMessages::Options lax;
    lax.trust_device_ids = true;
    UpgradeWorld w(lax);
    w.add_device("d1");
    w.add_device("d2");
    const TaskId task = w.create_task(w.add_firmware("1.1", 2), UpgradeMode::push, {"d1"});
    w.say("d2", w.success_of("1.1"), "d1");
    EXPECT_EQ(w.state("d1", task), success);
}

TEST_F(DeviceTalk, AGatewaySpeaksForItsChildrenOnly) {
    w.add_gateway("gw1", {"c1"});
    w.add_gateway("gw2", {"c2"});
    const TaskId task = w.create_task(firmware, UpgradeMode::pull, {"c1", "c2"});
    EXPECT_EQ(w.offered(w.say("gw1", w.pull("1", "1.0"), "c1")), "1.1");
    EXPECT_EQ(w.offered(w.say("gw1", w.pull("1", "1.0"), "c2")), "");
    EXPECT_EQ(w.state("c2", task), waiting);
    const auto reply = w.say("gw2", w.pull("1", "1.0"), "c2").reply;
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->route.carrier().value, "gw2");
    EXPECT_EQ(reply->route.device.value, "c2");
}

// A packet may have 256 KiB; a version in the fleet's overview, or a reason in a list, may not.
TEST_F(DeviceTalk, WhatADeviceSaysIsCutWithinItsLimits) {
    const TaskId task = a_running_push();
    const std::string endless = "a" + std::string(100'000, 'x');
    w.say("d1", uplink::FirmwareReport{endless, {}});
    uplink::UpgradeProgress failure;
    failure.report.complete = true;
    failure.report.success = false;
    for (int i = 0; i < 10'000; ++i) {
        failure.report.error_reason += "校验失败";
    }
    w.say("d1", failure);

    EXPECT_EQ(w.device("d1").firmware->version, endless.substr(0, 512));
    const std::string reason = w.record("d1", task).error_reason;
    EXPECT_EQ(reason.size(), 1'023U);  // 341 characters; the next would not fit
    EXPECT_TRUE(reason.ends_with("校"));
}

TEST_F(DeviceTalk, ARepeatedMessageWritesNothing) {
    const TaskId task = a_running_push();
    w.say("d1", w.success_of("1.1"));
    const UpgradeRecord before = w.record("d1", task);
    const std::size_t lines = w.log_of("d1").size();
    w.clock.advance(seconds{10});

    w.say("d1", w.success_of("1.1"));
    w.say("d1", uplink::FirmwareReport{"1.1", {}});

    EXPECT_EQ(w.record("d1", task), before);
    EXPECT_EQ(w.log_of("d1").size(), lines);
}

TEST_F(DeviceTalk, MereProgressIsLoggedOnceInFiveSeconds) {
    a_running_push();
    const std::size_t lines = w.log_of("d1").size();
    for (int percent = 1; percent <= 10; ++percent) {
        w.say("d1", w.progress_of("1.1", percent));
        w.clock.advance(seconds{1});
    }
    EXPECT_EQ(w.log_of("d1").size(), lines + 2);
    w.say("d1", w.success_of("1.1"));
    EXPECT_EQ(w.log_of("d1").size(), lines + 3);
}

TEST_F(DeviceTalk, LinesOfTheTimelineNameTheirRecord) {
    const TaskId task = a_running_push();
    w.say("d1", uplink::UpgradeReply{"M", true, "", ""});
    std::set<std::string> types;
    for (const DeviceLogEntry& line : w.log_of("d1")) {
        EXPECT_EQ(line.record, w.record("d1", task).id);
        types.insert(line.type);
    }
    EXPECT_EQ(types, (std::set<std::string>{"upgradeFirmware", "upgradeFirmwareReply"}));
}

TEST_F(DeviceTalk, ARefusalFailsTheRecordWithTheDevicesWords) {
    const TaskId task = a_running_push();
    w.say("d1", uplink::UpgradeReply{"M", false, "LOW_BATTERY", "电量不足"});
    EXPECT_EQ(w.state("d1", task), failed);
    EXPECT_EQ(w.record("d1", task).error_reason, "电量不足");
}

// One report settles both tasks of one firmware, without a second flash (spec 3.2).
TEST_F(DeviceTalk, AReportSettlesAllRecordsOfItsVersion) {
    const TaskId one = a_running_push();
    const TaskId two = w.create_task(firmware, UpgradeMode::pull, {"d1"});
    w.say("d1", uplink::FirmwareReport{"1.1", {{"hw", "r2"}}});
    EXPECT_EQ(w.state("d1", one), success);
    EXPECT_EQ(w.state("d1", two), success);
    EXPECT_EQ(w.counts(two).success, 1);
    EXPECT_EQ(w.device("d1").firmware->properties.at("hw"), "r2");
    EXPECT_EQ(w.device("d1").firmware->version_order, 2);
}

TEST_F(DeviceTalk, AnUnmatchedProgressIsCountedAndDropped) {
    EXPECT_TRUE(w.say("d1", w.progress_of("9.9", 3)).stored);
    EXPECT_EQ(w.messages.counters().unmatched, 1U);
}

TEST_F(DeviceTalk, TimeSyncIsAnsweredAtOnce) {
    const auto handled = w.say("d1", uplink::TimeSync{"9", "p1/d1/time-sync/reply"});
    ASSERT_TRUE(handled.reply);
    const auto& reply = std::get<downlink::TimeSyncReply>(handled.reply->body);
    EXPECT_EQ(reply.message_id, "9");
    EXPECT_EQ(reply.topic, "p1/d1/time-sync/reply");
    EXPECT_EQ(reply.now, w.clock.now());
}

TEST_F(DeviceTalk, APullGetsAnAbsoluteUrlBelowTheBasePath) {
    w.change([&](UnitOfWork& work) {
        Firmware relative = *work.firmwares().find(firmware);
        relative.url = "/file/x?accessKey=k";
        work.firmwares().update(relative);
        work.settings().put_scope("paths", {{"base-path", "http://public:9/api/"}});
    });
    w.create_task(firmware, UpgradeMode::pull, {"d1"});
    const auto handled = w.say("d1", w.pull("7", "1.0"));
    const auto& reply = std::get<downlink::FirmwarePullReply>(handled.reply->body);
    EXPECT_EQ(reply.message_id, "7");
    EXPECT_EQ(reply.firmware->url, "http://public:9/api/file/x?accessKey=k");
}

TEST_F(DeviceTalk, APullWithoutNewsIsAnsweredAndWritesNothing) {
    w.say("d1", w.pull("1", "1.0"));
    const std::size_t lines = w.log_of("d1").size();
    EXPECT_EQ(w.offered(w.say("d1", w.pull("2", "1.0"))), "NO_FIRMWARE");
    EXPECT_EQ(w.log_of("d1").size(), lines);
    w.change([](UnitOfWork& work) {
        Product product = *work.products().find(ProductId{"p1"});
        product.configuration["silentWhenNoFirmware"] = "true";
        work.products().update(product);
    });
    EXPECT_EQ(w.offered(w.say("d1", w.pull("3", "1.0"))), "");
}

// Void by write, as every answer from memory.
TEST_F(DeviceTalk, APreviewOfNothingIsRememberedUntilSomethingChanges) {
    const PullRequest asked = w.pull("1", "1.0").request;
    const auto previewed_nothing = [&] {
        return w.messages.previewed_nothing(DeviceId{"d1"}, asked);
    };
    EXPECT_FALSE(w.messages.preview_pull(DeviceId{"d1"}, asked).is_repeat);
    EXPECT_FALSE(previewed_nothing());  // its version was news
    w.say("d1", uplink::FirmwarePull{"1", asked});
    EXPECT_FALSE(previewed_nothing());  // nobody has looked since
    EXPECT_TRUE(w.messages.preview_pull(DeviceId{"d1"}, asked).is_repeat);
    EXPECT_TRUE(previewed_nothing());
    EXPECT_FALSE(w.messages.previewed_nothing(DeviceId{"d2"}, asked));
    PullRequest other = asked;
    other.latest = true;
    EXPECT_FALSE(w.messages.previewed_nothing(DeviceId{"d1"}, other));

    w.create_task(firmware, UpgradeMode::pull, {"d1"});
    EXPECT_FALSE(previewed_nothing());
    EXPECT_TRUE(w.messages.preview_pull(DeviceId{"d1"}, asked).firmware.has_value());
    EXPECT_FALSE(previewed_nothing());  // there is something to install
    w.say("d1", uplink::FirmwarePull{"2", asked});
    EXPECT_TRUE(w.messages.preview_pull(DeviceId{"d1"}, asked).is_repeat);
    EXPECT_FALSE(previewed_nothing());  // the same image again is no nothing
}

// The same answers when pulls are looked up on a worker first.
TEST_F(DeviceTalk, PullsLookedUpOnAWorkerSayTheSame) {
    bool busy = false;
    DeviceMessages::Hooks hooks;
    hooks.run_read = [&](const std::function<void()>& work) {
        if (!busy) {
            work();
        }
        return !busy;
    };
    w.messages.hook(std::move(hooks));
    EXPECT_EQ(w.offered(w.say("d1", w.pull("1", "1.0"))), "NO_FIRMWARE");
    EXPECT_EQ(w.device("d1").firmware->version, "1.0");  // step 0 is stored
    w.create_task(firmware, UpgradeMode::pull, {"d1"});
    EXPECT_EQ(w.offered(w.say("d1", w.pull("2", "1.0"))), "1.1");
    busy = true;
    EXPECT_EQ(w.offered(w.say("d1", w.pull("3", "1.0"))), "1.1");
}

TEST_F(DeviceTalk, NoSilentDowngradeByPull) {
    w.add_firmware("1.0", 1);
    w.create_task(FirmwareId{"F1.0"}, UpgradeMode::pull, {"d1"});
    EXPECT_EQ(w.offered(w.say("d1", w.pull("1", "1.1"))), "NO_FIRMWARE");
    uplink::FirmwarePull forced = w.pull("2", "1.1");
    forced.request.force = true;
    EXPECT_EQ(w.offered(w.say("d1", forced)), "1.0");
}

TEST_F(DeviceTalk, AnotherRequestedVersionReplacesTheRunningOne) {
    w.add_firmware("1.2", 3);
    const TaskId first = w.create_task(firmware, UpgradeMode::pull, {"d1"});
    const TaskId second = w.create_task(FirmwareId{"F1.2"}, UpgradeMode::pull, {"d1"});
    w.say("d1", w.pull("1", "1.0"));
    uplink::FirmwarePull named = w.pull("2", "1.0");
    named.request.request_version = "1.2";
    EXPECT_EQ(w.offered(w.say("d1", named)), "1.2");
    EXPECT_EQ(w.record("d1", first).error_reason, error_reason::other_version_requested);
    EXPECT_EQ(w.state("d1", second), processing);
}

TEST_F(DeviceTalk, AGatewayRegistersAndReturnsChildren) {
    w.add_gateway("gw1", {});
    w.change([](UnitOfWork& work) {
        Product product = a_product();
        product.id = ProductId{"pc"};
        product.device_type = DeviceType::children_device;
        work.products().add(product);
    });
    w.say("gw1", uplink::Register{"meter", "pc"}, "c9");
    EXPECT_EQ(w.device("c9").parent, DeviceId{"gw1"});
    w.say("gw1", uplink::FirmwareReport{"1.0", {}}, "c9");
    EXPECT_EQ(w.device("c9").firmware->version, "1.0");
    w.say("gw1", uplink::Unregister{}, "c9");
    EXPECT_FALSE(w.device("c9").parent);
    // A direct device cannot take another one over, nor can a gateway invent products.
    w.say("d1", uplink::Register{"meter", "pc"}, "c10");
    w.say("gw1", uplink::Register{"meter", "none"}, "c11");
    w.flush_writer();
    EXPECT_FALSE(
        w.store->read([](const Repositories& r) { return r.devices().find(DeviceId{"c10"}); }));
    EXPECT_FALSE(
        w.store->read([](const Repositories& r) { return r.devices().find(DeviceId{"c11"}); }));
}

TEST_F(DeviceTalk, PresenceIsStoredInOneBatch) {
    w.links.connected = {"d1", "d2"};
    w.messages.connected(DeviceId{"d1"}, ProductId{"p1"}, "10.0.0.1");
    w.messages.connected(DeviceId{"d2"}, ProductId{"p1"}, "10.0.0.2");
    EXPECT_EQ(w.device("d1").state, DeviceState::offline);
    EXPECT_FALSE(w.presence.flush());
    w.flush_writer();
    EXPECT_EQ(w.device("d1").state, DeviceState::online);
    EXPECT_EQ(w.device("d2").address, "10.0.0.2");
    w.messages.disconnected(DeviceId{"d1"}, "closed");
    w.presence.flush();
    w.flush_writer();
    EXPECT_EQ(w.device("d1").state, DeviceState::offline);
}

TEST_F(DeviceTalk, LiveEventsComeAfterTheCommit) {
    std::vector<std::string> seen;
    const auto subscription = w.live.subscribe([&](const LiveEvent& event) {
        if (const auto* record = std::get_if<live::RecordChanged>(&event.what)) {
            seen.push_back(std::string(name_of(record->record.state)));
        } else if (const auto* message = std::get_if<live::DeviceMessageSeen>(&event.what)) {
            seen.push_back(message->kind);
        }
    });
    a_running_push();
    w.say("d1", w.success_of("1.1"));
    EXPECT_EQ(seen, (std::vector<std::string>{"processing", "success", "firmware/progress"}));
}

TEST(LiveEvents, AnEndedSubscriptionIsNotCalled) {
    LiveEvents live;
    int calls = 0;
    {
        const auto subscription = live.subscribe([&](const LiveEvent&) { ++calls; });
        EXPECT_TRUE(live.anyone_listens());
        live.publish({});
    }
    live.publish({});
    EXPECT_EQ(calls, 1);
    EXPECT_FALSE(live.anyone_listens());
}

}  // namespace
}  // namespace updraft
