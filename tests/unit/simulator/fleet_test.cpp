#include "simulator/fleet.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "client/digest.hpp"
#include "tests/support/patience.hpp"
#include "tests/unit/simulator/scripted_server.hpp"

namespace updraft::simulator {
namespace {

using namespace client;

using namespace std::chrono_literals;

std::string a_firmware() {
    std::string bytes;
    for (int i = 0; i < 30'000; ++i) {
        bytes += fmt::format("{:04x}", i);
    }
    return bytes;
}

std::string order_json(const std::string& url, const std::string& bytes,
                       const std::string& message_id = "m1") {
    return fmt::format(
        R"({{"messageType":"UPGRADE_FIRMWARE","messageId":"{}","deviceId":"d1","url":"{}",)"
        R"("version":"1.1.0","sign":"{}","signMethod":"sha256","firmwareId":"f1","size":{},)"
        R"("parameters":{{}}}})",
        message_id, url, digest_hex(DigestKind::sha256, bytes), bytes.size());
}

/// One quick device d1 of product p1 and the servers it talks to.
class FleetTest : public testing::Test {
protected:
    FleetOptions one_device() const {
        FleetOptions options;
        options.mqtt = {"127.0.0.1", mqtt.port()};
        options.product_id = "p1";
        options.id_prefix = "d";
        options.secure_id = "test";
        options.secure_key = "key";
        options.latency_min = options.latency_max = 0ms;
        options.offline_min = options.offline_max = 20ms;
        options.install_time = 10ms;
        options.reboot_time = 10ms;
        options.reconnect_min = 5ms;
        options.reconnect_max = 20ms;
        options.io_deadline = 5s;
        options.connects_per_second = 0;
        options.threads = 1;
        options.seed = 7;
        return options;
    }

    net::EventLoops loops{1};
    ScriptedMqtt mqtt{loops};
    const std::string firmware = a_firmware();
};

// The platform refuses a device whose credentials are off by a byte (spec 4.2, 7).
TEST_F(FleetTest, SignsInWithTheOfficialFormulaAndReportsItsVersion) {
    Fleet fleet(one_device());
    fleet.start();

    const mqtt::Connect connect = mqtt.expect_connects(1);
    const auto report = mqtt.expect("/p1/d1/firmware/report");

    EXPECT_EQ(connect.client_id, "d1");
    EXPECT_TRUE(connect.username->starts_with("test|"));
    EXPECT_EQ(*connect.password, digest_hex(DigestKind::md5, *connect.username + "|key"));
    EXPECT_NE(report.payload.find(R"("version":"1.0.0")"), std::string::npos);
    EXPECT_TRUE(mqtt.subscriptions().empty());
}

// The life of spec 5.1: told without a subscription, downloads, verifies, reboots, reports.
TEST_F(FleetTest, ADeviceGoesThroughAPushToTheNewVersion) {
    ScriptedFiles files(loops, {.content = firmware});
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report", "1.0.0");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 1);

    mqtt.expect_pubacks(1);
    mqtt.expect("firmware/upgrade/reply", R"("messageId":"m1")");
    mqtt.expect("firmware/upgrade/progress", R"("complete":false)");
    const auto last = mqtt.expect("firmware/upgrade/progress", R"("complete":true)");
    EXPECT_NE(last.payload.find(R"("success":true)"), std::string::npos);
    EXPECT_NE(last.payload.find(R"("firmwareId":"f1")"), std::string::npos);
    mqtt.expect("firmware/report", "1.1.0");
    mqtt.expect_connects(2);
    fleet.stop();
    EXPECT_EQ(fleet.statistics().succeeded, 1U);
    EXPECT_EQ(fleet.statistics().bytes_downloaded, firmware.size());
    EXPECT_EQ(fleet.versions().at("1.1.0"), 1U);
}

// MQTT 5 and a subscription change nothing about the upgrade.
TEST_F(FleetTest, AnMqtt5DeviceThatSubscribesUpgradesToo) {
    ScriptedFiles files(loops, {.content = firmware, .chunked = true});
    FleetOptions options = one_device();
    options.level = MqttLevel::v5;
    options.subscribe_qos = 1;
    Fleet fleet(options);
    fleet.start();
    mqtt.expect("firmware/report");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);

    mqtt.expect("firmware/report", "1.1.0");
    EXPECT_EQ(mqtt.expect_connects(1).version, mqtt::Version::v5);
    EXPECT_EQ(mqtt.subscriptions().front(), "/p1/d1/#");
}

// The digest is checked for real: a file that differs must never count as an upgrade.
TEST_F(FleetTest, AWrongDigestFailsTheUpgradeAndKeepsTheVersion) {
    ScriptedFiles files(loops, {.content = std::string(firmware.size(), 'x')});
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);

    const auto last = mqtt.expect("firmware/upgrade/progress", R"("complete":true)");
    EXPECT_NE(last.payload.find(R"("success":false)"), std::string::npos);
    EXPECT_NE(last.payload.find("校验失败"), std::string::npos);
    EXPECT_EQ(fleet.statistics().failed, 1U);
    EXPECT_EQ(fleet.versions().at("1.0.0"), 1U);
}

TEST_F(FleetTest, AFileOfTheWrongSizeFailsTheUpgrade) {
    ScriptedFiles files(loops, {.content = firmware + "tail"});
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);

    mqtt.expect("firmware/upgrade/progress", "固件大小不一致");
}

TEST_F(FleetTest, AFileThatIsGoneFailsTheUpgradeWithItsStatus) {
    ScriptedFiles files(loops, {.content = {}, .status = 404});
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);

    mqtt.expect("firmware/upgrade/progress", "HTTP 404");
}

// Over a bad link a download that starts anew each time never ends.
TEST_F(FleetTest, ACutDownloadGoesOnWhereItStopped) {
    ScriptedFiles files(loops, {.content = firmware, .cuts = {50'000, 30'000}});
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);

    mqtt.expect("firmware/report", "1.1.0");
    const auto requests = files.requests();
    ASSERT_EQ(requests.size(), 3U);
    EXPECT_NE(requests[1].find("Range: bytes=50000-"), std::string::npos);
    EXPECT_NE(requests[1].find("If-Range: \"v1\""), std::string::npos);
    EXPECT_NE(requests[2].find("Range: bytes=80000-"), std::string::npos);
    EXPECT_EQ(fleet.statistics().downloads_resumed, 2U);
    EXPECT_EQ(fleet.statistics().bytes_downloaded, firmware.size());
}

TEST_F(FleetTest, AFileServerThatHangsUpAtOnceIsTriedAgain) {
    ScriptedFiles files(loops, {.content = firmware, .mute_answers = 2});
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);

    mqtt.expect("firmware/report", "1.1.0");
}

// Older JetLinks servers answer a range with the whole file (spec 2.5): what came before is thrown
// away.
TEST_F(FleetTest, AServerThatIgnoresRangesMakesTheDownloadStartOver) {
    ScriptedFiles files(loops, {.content = firmware, .cuts = {50'000}, .ignores_ranges = true});
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);

    mqtt.expect("firmware/report", "1.1.0");
    EXPECT_EQ(fleet.statistics().bytes_downloaded, firmware.size() + 50'000);
}

TEST_F(FleetTest, ARedirectIsFollowed) {
    ScriptedFiles files(loops, {.content = firmware, .redirect_to = "/elsewhere"});
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);

    mqtt.expect("firmware/report", "1.1.0");
}

TEST_F(FleetTest, ARefusalIsAnsweredAndDownloadsNothing) {
    ScriptedFiles files(loops, {.content = firmware});
    FleetOptions options = one_device();
    options.behaviour.refusal_rate = 1;
    Fleet fleet(options);
    fleet.start();
    mqtt.expect("firmware/report");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);

    const auto reply = mqtt.expect("firmware/upgrade/reply");
    EXPECT_NE(reply.payload.find(R"("success":false)"), std::string::npos);
    EXPECT_NE(reply.payload.find(R"("message":")"), std::string::npos);
    EXPECT_EQ(fleet.statistics().refused, 1U);
    EXPECT_TRUE(files.requests().empty());
}

// What the demo's batch retry rests on: the second attempt succeeds.
TEST_F(FleetTest, WithFailOnceTheRetrySucceeds) {
    ScriptedFiles files(loops, {.content = firmware});
    FleetOptions options = one_device();
    options.behaviour = {.failure_rate = 1, .fail_once = true};
    Fleet fleet(options);
    fleet.start();
    mqtt.expect("firmware/report");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware, "m1"), 0);
    mqtt.expect("firmware/upgrade/progress", R"("success":false)");
    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware, "m2"), 0);

    mqtt.expect("firmware/upgrade/progress", R"("complete":true,"version":"1.1.0","success":true)");
    mqtt.expect("firmware/report", "1.1.0");
}

// The device drops off the network in the middle, comes back, and goes on with the rest of the
// file.
TEST_F(FleetTest, ADeviceThatDropsOffComesBackAndFinishes) {
    ScriptedFiles files(loops, {.content = firmware});
    FleetOptions options = one_device();
    options.behaviour.offline_rate = 1;
    Fleet fleet(options);
    fleet.start();
    mqtt.expect("firmware/report", "1.0.0");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);

    mqtt.expect("firmware/report", "1.0.0");
    mqtt.expect("firmware/report", "1.1.0");
    mqtt.expect_connects(3);  // at first, after the drop, after the reboot
    EXPECT_EQ(fleet.statistics().downloads_resumed, 1U);
}

// T25: the platform sends an order again that it has no answer to; one flash is enough.
TEST_F(FleetTest, ARepeatedOrderIsAnsweredButNotCarriedOutTwice) {
    ScriptedFiles files(loops, {.content = firmware});
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report");
    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);
    mqtt.expect("firmware/report", "1.1.0");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);

    mqtt.expect("firmware/upgrade/reply", R"("messageId":"m1")");
    mqtt.publish("/p1/d1/firmware/read", R"({"messageId":"r1"})", 0);
    mqtt.expect("firmware/read/reply");  // by now a second upgrade would have begun
    EXPECT_EQ(fleet.statistics().upgrading + fleet.statistics().succeeded, 1U);
    EXPECT_EQ(files.requests().size(), 1U);
}

// The platform gave up on the first attempt and retries: the device drops what it does for the new
// order.
TEST_F(FleetTest, ANewOrderTakesThePlaceOfTheOneUnderWay) {
    ScriptedFiles files(loops, {.content = firmware});
    FleetOptions options = one_device();
    options.install_time = 10min;
    Fleet fleet(options);
    fleet.start();
    mqtt.expect("firmware/report");
    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware, "m1"), 0);
    mqtt.expect("firmware/upgrade/progress", R"("progress":80)");

    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware, "m2"), 0);

    mqtt.expect("firmware/upgrade/reply", R"("messageId":"m2")");
    mqtt.expect("firmware/upgrade/progress", R"("progress":80)");
    EXPECT_EQ(files.requests().size(), 2U);
}

// A failure that nobody heard of leaves the record waiting for its timeout.
TEST_F(FleetTest, AResultIsToldAgainUntilItIsAcknowledged) {
    ScriptedFiles files(loops, {.content = {}, .status = 404});
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report");
    mqtt.withhold_acks(true);
    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);
    mqtt.expect("firmware/upgrade/progress", "HTTP 404");

    mqtt.withhold_acks(false);
    mqtt.kick();
    mqtt.expect("firmware/upgrade/progress", "HTTP 404");
    mqtt.expect("firmware/report");
    mqtt.publish("/p1/d1/firmware/read", R"({"messageId":"r1"})", 0);
    mqtt.expect("firmware/read/reply");
    mqtt.kick();

    const auto next = mqtt.expect("");
    EXPECT_TRUE(next.topic.ends_with("firmware/report")) << next.topic << " " << next.payload;
}

TEST_F(FleetTest, AKickedDeviceComesBackWithItsVersion) {
    ScriptedFiles files(loops, {.content = firmware});
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report");
    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);
    mqtt.expect("firmware/report", "1.1.0");

    mqtt.kick();

    mqtt.expect("firmware/report", "1.1.0");
    mqtt.expect_connects(3);
}

// spec 5.3: one version after the other until the platform has nothing left.
TEST_F(FleetTest, APullingDeviceAsksInstallsAndAsksAgain) {
    ScriptedFiles files(loops, {.content = firmware});
    FleetOptions options = one_device();
    options.pull_interval = 30ms;
    Fleet fleet(options);
    fleet.start();

    const auto pull = mqtt.expect("firmware/pull", R"("currentVersion":"1.0.0")");
    EXPECT_NE(pull.payload.find(R"("latest":false)"), std::string::npos);
    mqtt.publish("/p1/d1/firmware/pull/reply", order_json(files.url(), firmware), 0);

    mqtt.expect("firmware/upgrade/progress", R"("complete":true,"version":"1.1.0","success":true)");
    mqtt.expect("firmware/pull", R"("currentVersion":"1.1.0")");
    mqtt.publish("/p1/d1/firmware/pull/reply",
                 R"({"success":false,"code":"NO_FIRMWARE","messageId":"2"})", 0);
    mqtt.expect("firmware/pull", R"("currentVersion":"1.1.0")");
    EXPECT_EQ(fleet.statistics().succeeded, 1U);
}

TEST_F(FleetTest, AReadOfTheFirmwareIsAnswered) {
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect("firmware/report");

    mqtt.publish("/p1/d1/firmware/read", R"({"messageType":"READ_FIRMWARE","messageId":"r1"})", 0);

    const auto reply = mqtt.expect("firmware/read/reply", R"("messageId":"r1")");
    EXPECT_NE(reply.payload.find(R"("version":"1.0.0")"), std::string::npos);
}

TEST_F(FleetTest, AnIdleDevicePings) {
    FleetOptions options = one_device();
    options.keep_alive = 1s;
    Fleet fleet(options);
    fleet.start();

    mqtt.expect_pings(1);
}

TEST_F(FleetTest, ARefusedSignInIsCountedAndTriedAgain) {
    mqtt.answer_with(mqtt::ReasonCode::bad_user_name_or_password);
    Fleet fleet(one_device());
    fleet.start();
    mqtt.expect_connects(2);
    EXPECT_GE(fleet.statistics().sign_ins_refused, 1U);

    mqtt.answer_with(mqtt::ReasonCode::success);

    mqtt.expect("firmware/report");
}

TEST_F(FleetTest, VersionsSurviveARestartOfTheSimulator) {
    const auto file =
        std::filesystem::path(testing::TempDir()) / fmt::format("versions-{}", mqtt.port());
    ScriptedFiles files(loops, {.content = firmware});
    FleetOptions options = one_device();
    options.state_file = file;
    {
        Fleet fleet(options);
        fleet.start();
        mqtt.expect("firmware/report", "1.0.0");
        mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);
        mqtt.expect("firmware/report", "1.1.0");
    }

    Fleet again(options);
    again.start();

    mqtt.expect("firmware/report", "1.1.0");
    again.stop();
    std::filesystem::remove(file);
}

// Stopping must not wait for sleepers, downloads or the queue in front of them.
TEST_F(FleetTest, StopsAtOnceInTheMiddleOfEverything) {
    ScriptedFiles files(loops, {.content = firmware});
    FleetOptions options = one_device();
    options.count = 20;
    options.downloads_max = 1;
    options.download_bytes_per_second = 1'000;
    Fleet fleet(options);
    fleet.start();
    mqtt.expect_connects(20);
    mqtt.publish("/p1/d1/firmware/upgrade", order_json(files.url(), firmware), 0);
    mqtt.expect("firmware/upgrade/reply");
    const auto before = std::chrono::steady_clock::now();

    fleet.stop();

    EXPECT_LT(std::chrono::steady_clock::now() - before, patient(3s));
    EXPECT_EQ(fleet.statistics().connected, 0U);
    EXPECT_EQ(fleet.statistics().upgrading, 0U);
}

TEST(DeviceId, IsThePrefixAndAPaddedNumber) {
    FleetOptions options;
    options.id_prefix = "gw-";
    options.first_number = 7;
    options.digits = 4;

    EXPECT_EQ(device_id(options, 3), "gw-0010");
}

}  // namespace
}  // namespace updraft::simulator
