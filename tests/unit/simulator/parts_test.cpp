#include <gtest/gtest.h>

#include "client/digest.hpp"
#include "client/http_client.hpp"
#include "client/progress_bar.hpp"
#include "simulator/behaviour.hpp"
#include "simulator/device_messages.hpp"
#include "simulator/download.hpp"
#include "simulator/simulate.hpp"
#include "tests/unit/simulator/scripted_server.hpp"

namespace updraft::simulator {
namespace {

using namespace client;

using namespace std::chrono_literals;

// The vectors of spec 7.
TEST(SignIn, FollowsTheOfficialFormula) {
    const Credentials credentials = sign_in("test", "test", from_millis(1'700'000'000'000));

    EXPECT_EQ(credentials.username, "test|1700000000000");
    EXPECT_EQ(credentials.password, "d35a253ed29058fa87e05b790a79c9a6");
}

TEST(DigestHex, MatchesTheSpecificationsVectors) {
    EXPECT_EQ(digest_hex(DigestKind::md5, "hello firmware"), "5d99b396caab4bfae4e25207b62b30e2");
    EXPECT_EQ(digest_hex(DigestKind::sha256, "hello firmware"),
              "836bdaaef7134e769cf2c51b1494bb1602a3975412f7893e8b153ce20bbf3acd");
}

TEST(ParseDownlink, ReadsAPush) {
    const auto downlink = parse_downlink(
        "/p/d/firmware/upgrade",
        R"({"messageId":"9","url":"http://h/f","version":"2","sign":"ab","signMethod":"md5","size":14,)"
        R"("firmwareId":"f","headers":{"force":true}})");

    ASSERT_TRUE(downlink && downlink->order);
    EXPECT_EQ(downlink->kind, Downlink::Kind::upgrade);
    EXPECT_EQ(downlink->order->size_bytes, 14);
    EXPECT_TRUE(downlink->order->force);
}

TEST(ParseDownlink, APullReplyWithoutFirmwareHasNoOrder) {
    const auto downlink =
        parse_downlink("/p/d/firmware/pull/reply", R"({"success":false,"code":"NO_FIRMWARE"})");

    ASSERT_TRUE(downlink);
    EXPECT_FALSE(downlink->order);
}

TEST(ParseDownlink, RefusesWhatItCannotActOn) {
    EXPECT_FALSE(parse_downlink("/p/d/firmware/upgrade", R"({"messageId":"9"})"));
    EXPECT_FALSE(parse_downlink("/p/d/firmware/upgrade", "no json"));
    EXPECT_FALSE(parse_downlink("/p/d/firmware/read", "[]"));
}

TEST(ParseUrl, TakesUrlsApart) {
    const auto url = parse_url("http://[::1]:8848/api/file/a.bin?accessKey=k%20");

    ASSERT_TRUE(url);
    EXPECT_EQ(url->endpoint.host, "::1");
    EXPECT_EQ(url->endpoint.port, 8848);
    EXPECT_EQ(url->authority, "[::1]:8848");
    EXPECT_EQ(url->target, "/api/file/a.bin?accessKey=k%20");
    EXPECT_EQ(parse_url("https://h")->endpoint.port, 443);
    EXPECT_EQ(parse_url("https://h")->target, "/");
    EXPECT_FALSE(parse_url("ftp://h/f"));
    EXPECT_FALSE(parse_url("/api/file/a.bin"));
}

TEST(PlanUpgrade, KeepsToItsRates) {
    Dice dice(1);
    int failed = 0;
    int refused = 0;
    for (int i = 0; i < 10'000; ++i) {
        const UpgradePlan plan =
            plan_upgrade({.failure_rate = 0.2, .refusal_rate = 0.1}, dice, false);
        refused += plan.outcome == UpgradePlan::Outcome::refuse ? 1 : 0;
        failed += plan.outcome == UpgradePlan::Outcome::fail_verification ||
                          plan.outcome == UpgradePlan::Outcome::fail_installation
                      ? 1
                      : 0;
    }
    EXPECT_NEAR(refused, 1'000, 150);
    EXPECT_NEAR(failed, 1'800, 200);  // of those that were not refused
}

TEST(PlanUpgrade, WithFailOnceASecondAttemptAlwaysSucceeds) {
    Dice dice(1);
    const Behaviour behaviour{.failure_rate = 1, .refusal_rate = 1, .fail_once = true};

    EXPECT_EQ(plan_upgrade(behaviour, dice, true).outcome, UpgradePlan::Outcome::succeed);
    EXPECT_NE(plan_upgrade(behaviour, dice, false).outcome, UpgradePlan::Outcome::succeed);
}

TEST(Dice, RepeatsItselfForTheSameSeed) {
    Dice one(42);
    Dice other(42);

    EXPECT_EQ(one.next(), other.next());
    EXPECT_EQ(one.between(5, 5), 5);
    EXPECT_EQ(one.between(5, 1), 5);
}

TEST(Backoff, DoublesUpToItsLimit) {
    Dice dice(3);
    for (int failures = 0; failures < 40; ++failures) {
        const milliseconds wait = backoff(dice, failures, 100ms, 2'000ms);
        const milliseconds longest =
            std::min(2'000ms, milliseconds(100LL << std::min(failures, 10)));
        EXPECT_GE(wait, longest / 2);
        EXPECT_LE(wait, longest);
    }
}

TEST(ProgressLine, DrawsItsShare) {
    EXPECT_EQ(progress_line("x", 5, 10, "note", 10), "x  [=====>    ]   50 %  5/10  note");
    EXPECT_EQ(progress_line("x", 10, 10, {}, 10), "x  [==========]  100 %  10/10");
    EXPECT_EQ(progress_line("x", 3, 0, {}, 10), "x  3");
}

TEST(ReadableBytes, PicksTheUnit) {
    EXPECT_EQ(readable_bytes(1'023), "1023 B");
    EXPECT_EQ(readable_bytes(1'536 * 1'024), "1.5 MiB");
}

TEST(HttpClient, ReturnsTheAnswerWhateverItsStatus) {
    net::EventLoops loops(1);
    const ScriptedFiles files(loops, {.content = "abc", .chunked = true});
    const ScriptedFiles none(loops, {.content = {}, .status = 404});
    HttpClient client(files.url().substr(0, files.url().find("/file")));
    HttpClient other(none.url().substr(0, none.url().find("/file")));

    const auto found = client.send({.target = "/file/x"});
    const auto missing = other.send({.target = "/x"});

    ASSERT_TRUE(found && missing);
    EXPECT_EQ(found->status, 200);
    EXPECT_EQ(found->body, "abc");
    EXPECT_EQ(missing->status, 404);
}

TEST(HttpClient, SaysWhenThereIsNoServer) {
    HttpClient client("http://127.0.0.1:1", {.deadline = 2'000ms});

    const auto answer = client.send({});

    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
    EXPECT_THROW(HttpClient("127.0.0.1:8848"), std::invalid_argument);
}

// Beast's parser aborts when it is told of an end before any byte.
TEST(HttpClient, SurvivesAServerThatHangsUpWithoutAWord) {
    net::EventLoops loops(1);
    net::Listener mute(loops, "127.0.0.1", 0, nullptr,
                       [](std::unique_ptr<net::ByteStream> stream) { stream->close(); });
    HttpClient client("http://" + mute.address());

    EXPECT_FALSE(client.send({}));
}

TEST(HttpClient, RefusesCallsAfterCancel) {
    net::EventLoops loops(1);
    const ScriptedFiles files(loops, {.content = "abc"});
    HttpClient client(files.url().substr(0, files.url().find("/file")));

    client.cancel();

    EXPECT_FALSE(client.send({}));
    EXPECT_TRUE(files.requests().empty());
}

// An export of a million rows and an event stream without end must not be kept in memory.
TEST(HttpClient, HandsALongAnswerOnPieceByPiece) {
    net::EventLoops loops(1);
    const std::string content(300'000, 'x');
    const ScriptedFiles files(loops, {.content = content, .chunked = true});
    HttpClient client(files.url().substr(0, files.url().find("/file")));
    std::size_t bytes = 0;
    std::size_t pieces = 0;

    const auto whole = client.send({}, [&](std::string_view piece) {
        bytes += piece.size();
        ++pieces;
        return true;
    });
    const auto enough = client.send({}, [](std::string_view) { return false; });

    ASSERT_TRUE(whole && enough);
    EXPECT_EQ(bytes, content.size());
    EXPECT_GT(pieces, 1U);
    EXPECT_EQ(whole->body, "");
}

TEST(RestClient, TakesTheEnvelopeOffAndShowsTheServersMessage) {
    net::EventLoops loops(1);
    const ScriptedFiles good(
        loops, {.content = R"({"message":"success","status":200,"result":{"token":"t1"}})"});
    const ScriptedFiles bad(loops, {.content = {}, .status = 403});
    HttpClient http(good.url().substr(0, good.url().find("/file")));
    HttpClient forbidden(bad.url().substr(0, bad.url().find("/file")));
    RestClient rest(http);

    ASSERT_TRUE(rest.sign_in("admin", "secret"));
    const auto next = rest.get("/anything");
    const auto refused = RestClient(forbidden).get("/anything");

    ASSERT_TRUE(next);
    EXPECT_NE(good.requests()[1].find("X-Access-Token: t1"), std::string::npos);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::access_denied);
}

// A summary that scripts read: the run ends by itself once the version is everywhere.
TEST(RunSimulate, EndsWhenEveryDeviceRunsTheVersion) {
    net::EventLoops loops(1);
    ScriptedMqtt mqtt(loops);
    SimulateOptions options;
    options.fleet.mqtt = {"127.0.0.1", mqtt.port()};
    options.fleet.product_id = "p1";
    options.fleet.initial_version = "9.9";
    options.fleet.seed = 1;
    options.until_version = "9.9";
    options.json = true;
    options.quiet = true;
    options.out = std::tmpfile();
    options.progress = std::tmpfile();

    const int status = run_simulate(options);

    EXPECT_EQ(status, 0);
    std::rewind(options.out);
    std::string line(1'000, '\0');
    line.resize(std::fread(line.data(), 1, line.size(), options.out));
    EXPECT_NE(line.find(R"("versions":{"9.9":1})"), std::string::npos);
    EXPECT_NE(line.find(R"("seed":1)"), std::string::npos);
    std::fclose(options.out);
    std::fclose(options.progress);
}

}  // namespace
}  // namespace updraft::simulator
