#include "scripting/script_workers.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>

#include "tests/support/patience.hpp"

namespace updraft::scripting {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Kind = ScriptFailure::Kind;

/// Ordinary for "ok", harmful in as many ways as there are other payloads.
constexpr const char* moody = R"(
local function decode(topic, payload, context)
    if payload == "hang" then
        return { x = string.find(("a"):rep(1000), ("a-"):rep(8) .. "b") }
    elseif payload == "loop" then
        while true do end
    elseif payload == "error" then
        error("no such thing")
    elseif payload == "move" then
        table.move({}, 1, math.maxinteger - 1, 2)
    end
    return { said = payload, topic = topic }
end
return { transports = {"MQTT"}, decode = decode }
)";

std::shared_ptr<const Script> script(std::string text = moody, std::string package = "vendor") {
    return std::make_shared<Script>(Script{ProtocolId(std::move(package)), std::move(text)});
}

ScriptCall uplink(std::string payload) {
    ScriptCall call;
    call.topic = "t";
    call.payload = std::move(payload);
    call.product = ProductId("p1");
    call.device = DeviceId("d1");
    return call;
}

ScriptOptions quick() {
    ScriptOptions options;
    options.call_timeout = patient(milliseconds{300});
    options.stops_max = 100;
    return options;
}

/// Makes the calls at once and gives their answers in order of arrival.
std::vector<ScriptAnswer> ask(ScriptWorkers& workers, const std::shared_ptr<const Script>& script,
                              const std::vector<std::string>& payloads) {
    struct Shared {
        std::mutex mutex;
        std::vector<ScriptAnswer> answers;
        std::promise<void> all;
    };
    const auto shared = std::make_shared<Shared>();
    for (const std::string& payload : payloads) {
        workers.call(script, uplink(payload),
                     [shared, count = payloads.size()](ScriptAnswer answer) {
                         const std::scoped_lock lock(shared->mutex);
                         shared->answers.push_back(std::move(answer));
                         if (shared->answers.size() == count) {
                             shared->all.set_value();
                         }
                     });
    }
    if (shared->all.get_future().wait_for(patient(std::chrono::seconds(60))) !=
        std::future_status::ready) {
        ADD_FAILURE() << "not all calls were answered";
    }
    const std::scoped_lock lock(shared->mutex);
    return shared->answers;
}

std::string said(const ScriptAnswer& answer) {
    if (answer.failure) {
        return "failed: " + answer.failure->described().en;
    }
    return answer.items.empty() ? "nothing" : answer.items.front();
}

std::string out_of_time() {
    return fmt::format("failed: it was not done within {} ms and was stopped",
                       quick().call_timeout.count());
}

std::string ok(const std::string& payload) {
    return R"({"said":")" + payload + R"(","topic":"t"})";
}

/// Kills the package's worker, and then the next ones that the guilty call is given.
void kill_workers(const ScriptWorkers& workers, int count) {
    for (std::optional<int> last; count > 0; --count) {
        std::optional<int> worker = last;
        while (!worker || worker == last) {
            worker = workers.worker_of(ProtocolId("vendor"));
        }
        ::kill(*worker, SIGKILL);
        last = worker;
    }
}

TEST(ScriptWorkers, AnswersInOrder) {
    ScriptWorkers workers(quick());
    const auto answers = ask(workers, script(), {"a", "b", "c", "d"});
    ASSERT_EQ(answers.size(), 4U);
    EXPECT_EQ(said(answers[0]), ok("a"));
    EXPECT_EQ(said(answers[3]), ok("d"));
    EXPECT_EQ(workers.counters().started, 1U);
}

TEST(ScriptWorkers, AnErrorHurtsOnlyItsOwnMessage) {
    ScriptWorkers workers(quick());
    const auto answers = ask(workers, script(), {"a", "error", "b", "loop", "c"});
    EXPECT_EQ(said(answers[0]), ok("a"));
    EXPECT_EQ(said(answers[1]), "failed: line 8: no such thing");
    EXPECT_EQ(said(answers[2]), ok("b"));
    EXPECT_THAT(said(answers[3]), HasSubstr("line 6: it took over 10000000 instructions"));
    EXPECT_EQ(said(answers[4]), ok("c"));
    EXPECT_EQ(workers.counters().started, 1U);
    EXPECT_EQ(workers.counters().failed, 1U);
    EXPECT_EQ(workers.counters().calls_stopped, 1U);
}

// What no hook interrupts is ended by the clock, and the rest of its batch is sent again.
TEST(ScriptWorkers, AHangIsStoppedAndOnlyTheGuiltyOneFails) {
    ScriptWorkers workers(quick());
    const auto answers = ask(workers, script(), {"a", "b", "hang", "c", "move", "d"});
    EXPECT_EQ(said(answers[0]), ok("a"));
    EXPECT_EQ(said(answers[1]), ok("b"));
    EXPECT_EQ(said(answers[2]), out_of_time());
    EXPECT_EQ(answers[2].failure->kind, Kind::stopped);
    EXPECT_EQ(said(answers[3]), ok("c"));
    EXPECT_EQ(said(answers[4]), out_of_time());
    EXPECT_EQ(said(answers[5]), ok("d"));
    EXPECT_GE(workers.counters().stopped, 2U);
}

TEST(ScriptWorkers, APackageDoesNotWaitForAnothersHang) {
    ScriptOptions options = quick();
    options.call_timeout = milliseconds{30'000};
    ScriptWorkers workers(options);
    std::promise<void> hung;
    workers.call(script(), uplink("hang"), [&](const ScriptAnswer&) { hung.set_value(); });
    EXPECT_EQ(said(ask(workers, script(moody, "other"), {"a"}).front()), ok("a"));
    std::future<void> end = hung.get_future();
    EXPECT_EQ(end.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
    kill_workers(workers, 3);
    end.wait();
}

TEST(ScriptWorkers, AKilledWorkerLosesNoMessage) {
    ScriptWorkers workers(quick());
    const auto vendor = script();
    EXPECT_EQ(said(ask(workers, vendor, {"a"}).front()), ok("a"));
    for (int round = 0; round < 5; ++round) {
        const std::optional<int> worker = workers.worker_of(ProtocolId("vendor"));
        ASSERT_TRUE(worker);
        ::kill(*worker, SIGKILL);
        for (const ScriptAnswer& answer : ask(workers, vendor, {"b", "b", "b"})) {
            EXPECT_EQ(said(answer), ok("b"));
        }
    }
}

TEST(ScriptWorkers, APackageThatIsStoppedAgainAndAgainIsPaused) {
    ScriptOptions options = quick();
    options.call_timeout = patient(milliseconds{100});
    options.stops_max = 2;
    options.pause_min = milliseconds{60'000};
    ScriptWorkers workers(options);
    const auto answers = ask(workers, script(), {"hang", "hang", "a"});
    EXPECT_EQ(answers[0].failure->kind, Kind::stopped);
    EXPECT_EQ(answers[1].failure->kind, Kind::stopped);
    EXPECT_EQ(answers[2].failure->kind, Kind::paused);
    EXPECT_EQ(workers.counters().paused, 1);
    EXPECT_EQ(said(ask(workers, script(moody, "other"), {"a"}).front()), ok("a"));
}

TEST(ScriptWorkers, APauseEnds) {
    ScriptOptions options = quick();
    options.call_timeout = patient(milliseconds{100});
    options.stops_max = 1;
    options.pause_min = milliseconds{1};
    ScriptWorkers workers(options);
    const auto vendor = script();
    EXPECT_EQ(ask(workers, vendor, {"hang"}).front().failure->kind, Kind::stopped);
    while (ask(workers, vendor, {"a"}).front().failure) {
    }
    EXPECT_EQ(workers.counters().paused, 0);
}

TEST(ScriptWorkers, ANewScriptTakesOver) {
    ScriptWorkers workers(quick());
    EXPECT_EQ(said(ask(workers, script(), {"a"}).front()), ok("a"));
    const auto newer =
        script("return { transports = {'MQTT'}, decode = function() return { n = 2 } end }");
    EXPECT_EQ(said(ask(workers, newer, {"a"}).front()), R"({"n":2})");
}

TEST(ScriptWorkers, AFullQueueRefuses) {
    ScriptOptions options = quick();
    options.queue_calls_max = 1;
    options.call_timeout = milliseconds{60'000};
    ScriptWorkers workers(options);
    const auto vendor = script();
    std::promise<void> hung;
    workers.call(vendor, uplink("hang"), [&](const ScriptAnswer&) { hung.set_value(); });
    while (!workers.worker_of(ProtocolId("vendor")) || workers.counters().queued > 0) {
        std::this_thread::yield();
    }
    std::promise<ScriptAnswer> waiting;
    workers.call(vendor, uplink("a"),
                 [&](ScriptAnswer answer) { waiting.set_value(std::move(answer)); });
    std::optional<ScriptAnswer> refused;
    workers.call(vendor, uplink("b"), [&](ScriptAnswer answer) { refused = std::move(answer); });
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->failure->kind, Kind::later);
    EXPECT_EQ(workers.counters().refused_later, 1U);
    kill_workers(workers, 3);
    hung.get_future().wait();
    EXPECT_EQ(said(waiting.get_future().get()), ok("a"));
}

TEST(ScriptWorkers, RefusesAMessageThatIsTooLarge) {
    ScriptOptions options = quick();
    options.input_bytes_max = 10;
    ScriptWorkers workers(options);
    EXPECT_EQ(ask(workers, script(), {std::string(100, 'x')}).front().failure->kind, Kind::script);
}

TEST(ScriptWorkers, StoppingAnswersEveryCall) {
    ScriptWorkers workers(quick());
    const auto vendor = script();
    std::atomic<int> answered = 0;
    for (int i = 0; i < 100; ++i) {
        workers.call(vendor, uplink("a"), [&](const ScriptAnswer&) { ++answered; });
    }
    workers.stop();
    EXPECT_EQ(answered, 100);
    workers.call(vendor, uplink("a"), [&](const ScriptAnswer& answer) {
        ++answered;
        EXPECT_EQ(answer.failure->kind, Kind::later);
    });
    EXPECT_EQ(answered, 101);
}

TEST(ScriptWorkers, AnIdleWorkerEnds) {
    ScriptOptions options = quick();
    options.idle_after = milliseconds{50};
    ScriptWorkers workers(options);
    const auto vendor = script();
    EXPECT_EQ(said(ask(workers, vendor, {"a"}).front()), ok("a"));
    while (workers.worker_of(ProtocolId("vendor"))) {
        std::this_thread::yield();
    }
    EXPECT_EQ(said(ask(workers, vendor, {"a"}).front()), ok("a"));
    EXPECT_EQ(workers.counters().started, 2U);
}

TEST(ScriptWorkers, MorePackagesThanWorkersAreRefused) {
    ScriptOptions options = quick();
    options.workers_max = 1;
    ScriptWorkers workers(options);
    EXPECT_EQ(said(ask(workers, script(), {"a"}).front()), ok("a"));
    EXPECT_EQ(ask(workers, script(moody, "other"), {"a"}).front().failure->kind, Kind::later);
}

TEST(ScriptWorkers, ChecksWhatAScriptDeclares) {
    ScriptWorkers workers(quick());
    const auto declared = workers.check(
        R"(return { transports = {"mqtt"}, features = {"supportFirmware", {id="x", name="X"}},
             config = {{property="secureId", name="Id"}, {property="k", type="password"}},
             decode = function() end, encode = function() end })");
    ASSERT_TRUE(declared) << declared.error().message.en;
    const std::vector<Feature> features{{"supportFirmware", "支持固件升级"}, {"x", "X"}};
    EXPECT_THAT(declared->transports, ElementsAre(TransportDetail{"MQTT", features}));
    EXPECT_THAT(declared->config_keys, ElementsAre(ScriptConfigKey{"secureId", "Id", "string"},
                                                   ScriptConfigKey{"k", "k", "password"}));
}

TEST(ScriptWorkers, RefusesScriptsThatDeclareNothingUseful) {
    ScriptWorkers workers(quick());
    const std::string decode = "decode = function() end";
    for (const std::string& text : std::initializer_list<std::string>{
             "return 5", "return {}", "return {" + decode + "}",
             "return { transports = {'LoRa'}, " + decode + "}",
             "return { transports = 'MQTT', " + decode + "}",
             "return { transports = {'MQTT'}, decode = 5 }",
             "return { transports = {'MQTT'}, features = {'supportFirmware'}, " + decode + "}",
             "return { transports = {'MQTT'}, features = {''}, " + decode + "}",
             "return { transports = {'MQTT'}, config = {{}}, " + decode + "}",
             "return { transports = {'MQTT'}, config = {{property='a'},{property='a'}}, " + decode +
                 "}",
             "return { transports = {'MQTT'}, config = {{property='a', type='x'}}, " + decode + "}",
             "while true do end", "x = = 1", "\x1bLua"}) {
        const auto declared = workers.check(text);
        ASSERT_FALSE(declared) << text;
        EXPECT_FALSE(declared.error().message.zh.empty()) << text;
    }
    EXPECT_EQ(workers.check("\n\nx = = 1").error().line, 3);
}

TEST(ScriptWorkers, TriesACallWithoutHarmToTheDeployed) {
    ScriptWorkers workers(quick());
    EXPECT_EQ(said(workers.attempt(moody, uplink("a"))), ok("a"));
    EXPECT_EQ(said(workers.attempt(moody, uplink("hang"))), out_of_time());
    EXPECT_THAT(said(workers.attempt("x = = 1", uplink("a"))), HasSubstr("line 1"));
    const ScriptAnswer printed = workers.attempt(
        "return { transports = {'MQTT'}, decode = function() print('seen') error('x') end }",
        uplink("a"));
    EXPECT_THAT(printed.log, ElementsAre("seen"));
    EXPECT_EQ(workers.counters().started, 0U);
}

TEST(ScriptWorkers, TrialsAreFew) {
    ScriptOptions options = quick();
    options.trials_max = 0;
    ScriptWorkers workers(options);
    EXPECT_EQ(workers.check(moody).error().kind, Kind::later);
}

}  // namespace
}  // namespace updraft::scripting
