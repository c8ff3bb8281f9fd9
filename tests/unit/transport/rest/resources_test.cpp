// Protocols, products and devices over REST (spec 2.3.7, 2.6, 2.7, 2.8).
#include <gtest/gtest.h>

#include "tests/support/rest_world.hpp"

namespace updraft::rest {
namespace {

using http::Method;

struct ResourcesTest : testing::Test {
    RestWorld world;

    void SetUp() override { world.add_product(); }
    RestAnswer del(const std::string& target) { return world.as_admin(Method::del, target, ""); }
    RestAnswer put(const std::string& target, const std::string& body = "") {
        return world.as_admin(Method::put, target, body);
    }
    RestAnswer patch(const std::string& target, const std::string& body) {
        return world.as_admin(Method::patch, target, body);
    }
};

TEST_F(ResourcesTest, ProtocolDetailDeclaresFirmwareOverItsTransports) {
    const RestAnswer detail = world.post("/protocol/jetlinks.v3.0/detail");

    ASSERT_EQ(detail.result().at("transports").as_array().size(), 4U);
    const json::value& mqtt = detail.result().at("transports").at(0);
    EXPECT_EQ(mqtt.at("id"), "MQTT");
    EXPECT_EQ(mqtt.at("features").at(0).at("id"), "supportFirmware");
    EXPECT_FALSE(mqtt.at("routes").as_array().empty());
    EXPECT_EQ(world.get("/protocol/jetlinks.v3.0/transports").result().as_array().size(), 4U);
    EXPECT_EQ(world.get("/protocol/jetlinks.v3.0/transport/HTTP").result().at("id"), "HTTP");
    EXPECT_EQ(world.get("/protocol/jetlinks.v3.0/transport/TCP").status, 404);
    EXPECT_EQ(world.get("/protocol/supports/MQTT").result().as_array().size(), 2U);
    EXPECT_EQ(world.get("/protocol/jetlinks.v9/exists").result(), false);
    const RestAnswer keys = world.get("/protocol/jetlinks.v3.0/MQTT/configuration");
    EXPECT_EQ(keys.result().at("properties").at(0).at("property"), "secureId");
}

TEST_F(ResourcesTest, FirmwarePageFindsThePublishedProductsWithTheirFeatures) {
    (void)world.post("/device-product", R"({"id":"off","name":"off"})");

    const RestAnswer list = world.post(
        "/device-product/detail/_query/no-paging",
        R"({"paging":false,"sorts":[{"name":"name","order":"desc"}],"terms":[{"column":"state","value":1}]})");

    ASSERT_EQ(list.result().as_array().size(), 1U) << list.text;
    const json::value& item = list.result().at(0);
    EXPECT_EQ(item.at("id"), "p1");
    EXPECT_EQ(item.at("features").at(0),
              (json::object{{"id", "supportFirmware"}, {"name", "支持固件升级"}}));
    EXPECT_EQ(item.at("deviceType").at("text"), "直连设备");
    EXPECT_EQ(item.at("protocolName"), "JetLinks V3.0");
    EXPECT_EQ(item.at("state"), 1);
}

TEST_F(ResourcesTest, ProductRowsCanBeInsertedChangedAndDeleted) {
    const RestAnswer added = world.post(
        "/device/product",
        R"({"id":"p2","name":"two","deviceType":{"value":"gateway","text":"网关设备"},"messageProtocol":"jetlinks.v3.0","transportProtocol":"MQTT","unknown":1})");
    ASSERT_EQ(added.status, 200) << added.text;
    EXPECT_EQ(added.result().at("deviceType").at("value"), "gateway");
    EXPECT_EQ(added.result().at("state"), 0);

    const RestAnswer patched =
        patch("/device-product", R"([{"id":"p2","name":"zwei"},{"id":"p3","name":"three"}])");
    EXPECT_EQ(patched.result(), (json::object{{"added", 1}, {"updated", 1}, {"total", 2}}));
    EXPECT_EQ(world.post("/device-product/p2/deploy").result(), 1);
    EXPECT_EQ(world.get("/device-product/p2").result().at("state"), 1);
    EXPECT_EQ(world.get("/device-product/p2").result().at("name"), "zwei");
    EXPECT_EQ(put("/device-product/p2", R"({"describe":"d"})").result(), true);
    EXPECT_EQ(put("/device-product/p9", R"({"name":"d"})").status, 404);
    EXPECT_EQ(world.get("/device-product/p2/exists").result(), true);
    EXPECT_EQ(world.get("/device-product/id/_validate?id=p2").result().at("passed"), false);
    EXPECT_EQ(del("/device-product/p2").result().at("id"), "p2");
    EXPECT_EQ(world.get("/device-product/p2").status, 404);
    EXPECT_EQ(del("/device-product/p2").status, 404);
}

TEST_F(ResourcesTest, ProductWithDevicesIsNotDeleted) {
    world.add_device("d1");

    const RestAnswer refused = del("/device-product/p1");

    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.message(), "存在关联设备,无法删除!");
    EXPECT_EQ(refused.json.at("code"), "error.data.referenced");
}

TEST_F(ResourcesTest, DevicesPageCountAndExist) {
    for (int i = 0; i < 5; ++i) {
        world.add_device("d" + std::to_string(i));
    }
    const RestAnswer page = world.post("/device-instance/_query", R"({"pageIndex":9,"pageSize":2,
            "sorts":[{"name":"id","order":"asc"}]})");
    EXPECT_EQ(page.result().at("total"), 5);
    EXPECT_EQ(page.result().at("pageIndex"), 2);
    EXPECT_EQ(page.result().at("data").as_array().size(), 1U);
    EXPECT_EQ(page.result().at("data").at(0).at("productName"), "product p1");

    const std::string one = R"({"terms":[{"column":"id","value":"d3"}]})";
    EXPECT_EQ(world.post("/device/instance/_count", one).result(), 1);
    EXPECT_EQ(world.post("/device-instance/_exists", one).result(), true);
    EXPECT_EQ(world.get("/device-instance/_count?terms[0].column=id&terms[0].value=d3").result(),
              1);
    EXPECT_EQ(world.post("/device-instance/_query/no-paging", "{}").result().as_array().size(), 5U);
    const RestAnswer names =
        world.post("/device-instance/_query/no-paging", R"({"includes":["name"],"terms":[]})");
    EXPECT_EQ(names.result().at(0).as_object().size(), 1U);
}

// A browser would hang on such an answer: the message says what to do instead.
TEST_F(ResourcesTest, TooLongAListIsRefusedBeforeItsFirstByte) {
    std::vector<DeviceForm> forms;
    for (int i = 0; i < 101; ++i) {
        forms.push_back(AppWorld::device_form("d" + std::to_string(i)));
    }
    ASSERT_TRUE(world.devices.add(forms, AppWorld::admin()));

    const RestAnswer all =
        world.post("/device-instance/detail/_query/no-paging", R"({"paging":false})");
    const RestAnswer some =
        world.post("/device-instance/detail/_query/no-paging", R"({"pageSize":50})");

    EXPECT_EQ(all.status, 400);
    EXPECT_NE(all.message().find("101"), std::string::npos);
    EXPECT_EQ(some.result().as_array().size(), 50U);
}

TEST_F(ResourcesTest, DeviceLivesFromNotActiveToDeleted) {
    const RestAnswer added = world.post(
        "/device-instance", R"({"id":"d1","name":"gate","productId":"p1","describe":"x"})");
    ASSERT_EQ(added.status, 200) << added.text;
    EXPECT_EQ(added.result().at("state"), (json::object{{"value", "notActive"}, {"text", "禁用"}}));
    EXPECT_EQ(world.post("/device-instance", R"({"id":"d1","productId":"p1"})").status, 400);
    EXPECT_EQ(world.get("/device-instance/id/_validate?id=d1").result().at("passed"), false);
    EXPECT_EQ(world.get("/device-instance/id/_validate?id=d2").result().at("passed"), true);

    EXPECT_EQ(world.post("/device-instance/d1/deploy").result(),
              (json::object{{"total", 1}, {"success", true}}));
    EXPECT_EQ(world.get("/device-instance/d1/state").result().at("value"), "offline");
    EXPECT_EQ(del("/device-instance/d1").status, 400);
    EXPECT_EQ(world.post("/device-instance/d1/disconnect").result(), false);
    EXPECT_EQ(world.post("/device-instance/d1/undeploy").result(), 1);
    EXPECT_EQ(del("/device-instance/d1").result().at("id"), "d1");
    EXPECT_EQ(world.get("/device-instance/d1/exists").result(), false);
    EXPECT_EQ(world.post("/device-instance/d1/deploy").status, 404);
}

TEST_F(ResourcesTest, DetailAddsProductPackageAndFirmware) {
    world.add_device("d1");
    ASSERT_TRUE(world.store->write([&](UnitOfWork& work) {
        work.devices().set_firmware(DeviceId{"d1"}, {"1.0", 1, {{"k", "v"}}, at(seconds{5})});
        return Result<void>();
    }));

    const RestAnswer detail = world.get("/device-instance/d1/detail");

    EXPECT_EQ(detail.result().at("features").at(0).at("id"), "supportFirmware");
    EXPECT_EQ(detail.result().at("protocol"), "jetlinks.v3.0");
    EXPECT_EQ(detail.result().at("transport"), "MQTT");
    EXPECT_EQ(detail.result().at("firmwareInfo"),
              (json::object{{"deviceId", "d1"},
                            {"version", "1.0"},
                            {"properties", json::object{{"k", "v"}}},
                            {"updateTime", 1735689605000},
                            {"versionOrder", 1}}));
    const RestAnswer bare = world.post("/device-instance/detail/_query",
                                       R"({"context":{"includeFirmwareInfos":false}})");
    EXPECT_FALSE(bare.result().at("data").at(0).as_object().contains("firmwareInfo"));
}

TEST_F(ResourcesTest, BatchesAreAllOrNothing) {
    const RestAnswer added = world.post(
        "/device-instance/_batch", R"([{"id":"a","productId":"p1"},{"id":"b","productId":"p1"}])");
    EXPECT_EQ(added.result(), 2);
    const RestAnswer failed = world.post(
        "/device-instance/_batch", R"([{"id":"c","productId":"p1"},{"id":"a","productId":"p1"}])");
    EXPECT_EQ(failed.status, 400);
    EXPECT_NE(failed.message().find("第1条"), std::string::npos);
    EXPECT_EQ(world.get("/device-instance/c").status, 404);

    EXPECT_EQ(put("/device-instance/batch/_deploy", R"(["a","b","nobody"])").result(), 2);
    EXPECT_EQ(put("/device-instance/batch/_unDeploy", R"(["a"])").result(), 1);
    EXPECT_EQ(put("/device-instance/batch/_delete", R"(["a","b"])").result(), 1);
    EXPECT_EQ(world.get("/device-instance/b/exists").result(), true);
}

TEST_F(ResourcesTest, LogsAreThoseOfTheDevice) {
    world.add_device("d1");
    world.add_device("d2");
    ASSERT_TRUE(world.store->write([&](UnitOfWork& work) {
        for (const char* id : {"d1", "d2"}) {
            work.device_logs().add({world.ids.next(), DeviceId{id}, "reportFirmware",
                                    world.clock.now(), "{}", std::nullopt});
        }
        return Result<void>();
    }));

    // The device stands before what a person asks: an "or" must not open the others' logs.
    const RestAnswer logs = world.post(
        "/device-instance/d1/logs",
        R"({"terms":[{"column":"content","value":"x"},{"column":"content","value":"{}","type":"or"}]})");

    EXPECT_EQ(logs.result().at("total"), 1);
    EXPECT_EQ(logs.result().at("data").at(0).at("deviceId"), "d1");
    EXPECT_EQ(logs.result().at("data").at(0).at("type"),
              (json::object{{"value", "reportFirmware"}, {"text", "上报固件信息"}}));
}

TEST_F(ResourcesTest, MessageReturnsTheDevicesReply) {
    world.add_device("d1");
    EXPECT_EQ(world.post("/device-instance/d1/message", R"({"messageType":"READ_FIRMWARE"})")
                  .json.at("code"),
              "client_offline");
    world.links.connect("d1");
    world.links.on_send = [&](const DownlinkMessage& message) {
        const auto& command = std::get<downlink::OtherDownlink>(message.body);
        EXPECT_EQ(command.body, R"({"properties":["t"]})");
        world.replies.complete(DeviceId{"d1"}, command.message_id, R"({"version":"1.0"})");
    };

    const RestAnswer reply =
        world.post("/device-instance/d1/message",
                   R"({"messageType":"READ_PROPERTY","properties":["t"],"deviceId":"other"})");

    EXPECT_EQ(reply.result().at(0).at("version"), "1.0");
    EXPECT_EQ(reply.result().at(0).at("messageType"), "READ_PROPERTY_REPLY");
    EXPECT_EQ(
        world.post("/device-instance/d1/message", R"({"messageType":"UPGRADE_FIRMWARE"})").status,
        400);
}

TEST_F(ResourcesTest, ServerChecksPermissionsItself) {
    const std::string token = world.sign_in_as("eve", {{"device/Instance", {"view"}}});
    const http::Fields headers{{"X-Access-Token", token}};
    world.add_device("d1");

    EXPECT_EQ(world.call(Method::get, "/device-instance/d1", "", headers).status, 200);
    EXPECT_EQ(world.call(Method::post, "/device-instance/d1/deploy", "", headers).status, 403);
    EXPECT_EQ(world.call(Method::del, "/device-instance/d1", "", headers).status, 403);
    EXPECT_EQ(world.call(Method::post, "/user/_query", "{}", headers).status, 403);
    EXPECT_EQ(world.call(Method::get, "/device-instance/d1").status, 401);
}

}  // namespace
}  // namespace updraft::rest
