#include "transport/http/rest/messaging.hpp"

#include <gtest/gtest.h>

#include "tests/support/upgrade_rest_world.hpp"
#include "transport/http/rest/live.hpp"

namespace updraft::rest {
namespace {

struct Frames final : http::WebSocketSender {
    std::vector<json::object> frames;
    bool closed = false;
    bool send(std::string text) override {
        frames.push_back(json::parse(text).as_object());
        return true;
    }
    void close() override { closed = true; }
};

struct Messaging : testing::Test {
    UpgradeRestWorld w;
    LiveFeed feed{*w.store, w.live, {}};
    std::shared_ptr<Frames> frames = std::make_shared<Frames>();
    std::shared_ptr<http::WebSocketHandler> open(const Identity& identity) {
        return open_messaging(feed, identity, Language::zh, frames, {});
    }
    std::shared_ptr<http::WebSocketHandler> channel = open(AppWorld::admin());

    void publish_online() {
        w.live.publish({w.clock.now(), live::DeviceStateChanged{DeviceId{"d1"}, ProductId{"p1"},
                                                                DeviceState::online}});
        feed.pump();
    }
};

TEST(Topics, StarIsOneSegmentTwoStarsAreAny) {
    EXPECT_TRUE(topic_matches("/device/*/d1/online", "/device/p1/d1/online"));
    EXPECT_TRUE(topic_matches("/device/**", "/device/p1/d1/firmware/push/reply"));
    EXPECT_TRUE(topic_matches("/device/p1/**/reply", "/device/p1/d1/firmware/push/reply"));
    EXPECT_FALSE(topic_matches("/device/*", "/device/p1/d1"));
    EXPECT_FALSE(topic_matches("/device/p1/d1", "/device/p1"));
    EXPECT_FALSE(topic_matches("/device/*/d2/**", "/device/p1/d1/online"));
}

TEST_F(Messaging, PingIsAnsweredAndAnIdIsNeeded) {
    channel->on_text(R"({"type":"ping"})");
    EXPECT_EQ(frames->frames.at(0).at("type"), "pong");
    channel->on_text(R"({"type":"sub","topic":"/notifications"})");
    EXPECT_EQ(frames->frames.at(1).at("message"), "id不能为空");
    channel->on_text("nonsense");
    EXPECT_EQ(frames->frames.at(2).at("type"), "error");
}

TEST_F(Messaging, DeviceTopicsTellStatesAsTheConsolesReadThem) {
    channel->on_text(R"({"type":"sub","id":"1","topic":"/dashboard/device/status/change/realTime",)"
                     R"("parameter":{"deviceId":"d1"}})");
    channel->on_text(R"({"type":"sub","id":"2","topic":"/device/*/d1/online"})");
    channel->on_text(R"({"type":"sub","id":"3","topic":"/device/*/d2/*"})");
    publish_online();
    ASSERT_EQ(frames->frames.size(), 2U);
    EXPECT_EQ(frames->frames[0].at("requestId"), "1");
    EXPECT_EQ(frames->frames[0].at("payload").at("value").at("type"), "online");
    EXPECT_EQ(frames->frames[1].at("topic"), "/device/p1/d1/online");

    channel->on_text(R"({"type":"unsub","id":"1"})");
    EXPECT_EQ(frames->frames.back().at("type"), "complete");
    channel->on_close();
    publish_online();
    EXPECT_EQ(frames->frames.size(), 3U);
    EXPECT_FALSE(w.live.anyone_listens());
}

TEST_F(Messaging, TaskTopicsAreTaskDetailsBroughtTogether) {
    w.add_product();
    w.add_device("d1");
    const json::object firmware = w.add_firmware();
    const RestAnswer task = w.post(
        "/firmware/upgrade/task",
        R"({"name":"t","mode":"push","responseTimeoutSeconds":1,"timeoutSeconds":1,"firmwareId":")" +
            std::string(firmware.at("id").as_string()) + R"("})");
    const std::string id(task.result().at("id").as_string());
    channel->on_text(R"({"type":"sub","id":"1","topic":"/firmware/task/)" + id + R"("})");
    feed.pump();
    ASSERT_EQ(frames->frames.size(), 1U);
    EXPECT_EQ(frames->frames[0].at("payload").at("waiting"), 1);
    w.post("/firmware/upgrade/task/" + id + "/_stop");
    w.post("/firmware/upgrade/task/" + id + "/_start");
    w.post("/firmware/upgrade/task/" + id + "/_stop");
    feed.pump();
    ASSERT_EQ(frames->frames.size(), 2U);  // the last state, once
    EXPECT_EQ(frames->frames[1].at("payload").at("canceled"), 1);
}

TEST_F(Messaging, TopicsNeedTheirPermission) {
    const auto nobody = open(Identity{});
    nobody->on_text(R"({"type":"sub","id":"1","topic":"/firmware/task/K"})");
    nobody->on_text(R"({"type":"sub","id":"2","topic":"/device/**"})");
    nobody->on_text(R"({"type":"sub","id":"3","topic":"/nonsense"})");
    ASSERT_EQ(frames->frames.size(), 3U);
    for (const json::object& frame : frames->frames) {
        EXPECT_EQ(frame.at("type"), "error");
    }
}

TEST_F(Messaging, SubscriptionsAreBounded) {
    for (int i = 0; i < 101; ++i) {
        channel->on_text(R"({"type":"sub","topic":"/notifications","id":)" + std::to_string(i) +
                         "}");
    }
    ASSERT_EQ(frames->frames.size(), 1U);
    EXPECT_EQ(frames->frames[0].at("requestId"), "100");
}

TEST_F(Messaging, EventsAreToldToWhoeverAskedForThem) {
    live_routes(w.api, feed);
    http::Request request;
    request.method = http::Method::get;
    request.path = "/events";
    request.headers = {{"X-Access-Token", w.sign_in()}};
    const http::Response response =
        w.router.find(http::Method::get, "/events").route->handler(request);
    ASSERT_EQ(response.status, 200);
    std::vector<std::string> events;
    const auto handle = std::get<http::EventStream>(response.body)
                            .attach([&](const std::string& event, const std::string& data) {
                                events.push_back(event + " " + data);
                                return true;
                            });
    publish_online();
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].substr(0, 19), R"(device {"id":"d1",")");
}

}  // namespace
}  // namespace updraft::rest
