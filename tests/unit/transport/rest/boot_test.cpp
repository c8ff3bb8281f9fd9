// What a console asks from its login page to its first screen (spec 2.2, 2.4, 2.13).
#include <gtest/gtest.h>

#include "tests/support/rest_world.hpp"

namespace updraft::rest {
namespace {

using http::Method;

struct BootTest : testing::Test {
    RestWorld world;
};

TEST_F(BootTest, LoginPageNeedsNoSignIn) {
    const auto open = [&](const std::string& path) { return world.call(Method::get, path); };

    EXPECT_EQ(open("/system/version").result(),
              (json::object{{"edition", "standard"}, {"version", "9.9.9"}}));
    EXPECT_TRUE(open("/system/config/front").result().as_object().contains("ico"));
    EXPECT_EQ(open("/authorize/captcha/config").result().at("enabled"), false);
    EXPECT_EQ(open("/authorize/login/configs").result().at("encrypt").at("enabled"), false);
    EXPECT_TRUE(open("/application/sso/_all").result().as_array().empty());
}

TEST_F(BootTest, SignInAnswersWhatAConsoleKeeps) {
    const RestAnswer answer =
        world.call(Method::post, "/authorize/login",
                   R"({"username":"admin","password":"correct horse","expires":3600000,
                       "remember":false,"verifyCode":"","verifyKey":""})");

    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.result().at("token").as_string().size(), 32U);
    EXPECT_EQ(answer.result().at("expires"), 3600000);
    EXPECT_EQ(answer.result().at("user").at("username"), "admin");
    EXPECT_TRUE(answer.result().at("roles").is_array());
    EXPECT_EQ(answer.text.find("argon2"), std::string::npos);
}

TEST_F(BootTest, WrongPasswordIs400WithAMessage) {
    const RestAnswer answer = world.call(Method::post, "/authorize/login",
                                         R"({"username":"admin","password":"wrong one"})");

    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.json.at("code"), "illegal_password");
    EXPECT_EQ(answer.message(), "用户名密码错误或用户已被禁用");
}

TEST_F(BootTest, FirstScreenFindsAllThatItAsks) {
    EXPECT_EQ(world.get("/user/detail").result().at("username"), "admin");
    EXPECT_FALSE(world.get("/user/settings/init").result().as_array().empty());
    const RestAnswer scopes =
        world.post("/system/config/scopes", R"(["front","amap","paths","media"])");
    ASSERT_EQ(scopes.result().as_array().size(), 4U);
    EXPECT_EQ(scopes.result().at(2).at("properties").at("base-path"), "http://127.0.0.1:8848/api");
    EXPECT_EQ(world.get("/message/preprocessor/product/test/property/test").status, 404);
    EXPECT_EQ(world.get("/command-supports/service/metadataPreprocessor/exists").result(), false);
    EXPECT_TRUE(world.get("/system/resources/ui").result().as_array().empty());
    EXPECT_TRUE(world.get("/notify/channel/all").result().as_array().empty());
    EXPECT_EQ(world.post("/notifications/_query", "{}").result().at("total"), 0);
}

TEST_F(BootTest, MenuLeadsToTheFirmwarePage) {
    const RestAnswer tree = world.post("/menu/user-own/tree", R"({"paging":false})");

    const json::value& page = tree.result().at(0).at("children").at(0).at("children").at(0);
    EXPECT_EQ(page.at("code"), "device/Firmware");
    EXPECT_EQ(page.at("url"), "/iot/link/firmware");
    EXPECT_EQ(page.at("buttons").at(0).at("id"), "view");
    EXPECT_FALSE(page.as_object().contains("appId"));
}

TEST_F(BootTest, MenuShowsGrantedButtonsOnly) {
    const std::string token = world.sign_in_as("eve", {{"device/Firmware", {"view"}}});

    const RestAnswer tree =
        world.call(Method::post, "/menu/user-own/tree", "{}", {{"X-Access-Token", token}});

    ASSERT_EQ(tree.result().as_array().size(), 1U);
    const json::value& page = tree.result().at(0).at("children").at(0).at("children").at(0);
    EXPECT_EQ(page.at("buttons").as_array().size(), 1U);
}

TEST_F(BootTest, SignOutEndsTheToken) {
    const std::string token = world.sign_in();
    const http::Fields headers{{"X-Access-Token", token}};

    EXPECT_EQ(world.call(Method::get, "/user-token/reset", "", headers).result(), true);

    EXPECT_EQ(world.call(Method::get, "/authorize/me", "", headers).status, 401);
    EXPECT_EQ(world.get("/user-token/token/" + token + "/logged").result(), false);
}

TEST_F(BootTest, SavedSearchesAreKeptByKey) {
    const RestAnswer saved =
        world.post("/user/settings/search-firmware", R"({"name":"mine","content":"{\"a\":1}"})");
    const std::string key(saved.result().at("key").as_string());

    const RestAnswer list = world.get("/user/settings/search-firmware");
    ASSERT_EQ(list.result().as_array().size(), 1U);
    EXPECT_EQ(list.result().at(0).at("content"), R"({"a":1})");
    (void)world.as_admin(Method::del, "/user/settings/search-firmware/" + key, "");
    EXPECT_TRUE(world.get("/user/settings/search-firmware").result().as_array().empty());
}

TEST_F(BootTest, BasePathMustBeAnAbsoluteAddress) {
    const auto save = [&](const std::string& base) {
        return world.post("/system/config/scope/_save",
                          R"([{"scope":"paths","properties":{"base-path":")" + base + R"("}}])");
    };

    EXPECT_EQ(save("ota.example.com").status, 400);
    EXPECT_EQ(save("https://ota.example.com/api").status, 200);
}

TEST_F(BootTest, PasswordsNeverComeBack) {
    (void)world.post("/user", R"({"username":"eve","name":"Eve","password":"correct horse"})");

    const RestAnswer list = world.post("/user/_query", "{}");

    EXPECT_EQ(list.result().at("total"), 2);
    EXPECT_EQ(list.text.find("assword"), std::string::npos);
    EXPECT_EQ(list.text.find("argon2"), std::string::npos);
}

TEST_F(BootTest, OwnPasswordIsChangedWithTheOldOne) {
    EXPECT_EQ(
        world.post("/user/passwd", R"({"oldPassword":"no","newPassword":"longer one"})").status,
        400);
    EXPECT_EQ(
        world.post("/user/passwd", R"({"oldPassword":"correct horse","newPassword":"longer one"})")
            .status,
        200);
}

TEST(SetUpRoutes, LinkIsValidUntilItIsUsed) {
    AppWorld world;
    http::Router router;
    Api api(router, world.access, world.clock);
    access_routes(api, *world.store, world.access);
    const auto link = world.access.start(std::nullopt);
    ASSERT_TRUE(link && *link);
    const auto call = [&](Method method, const std::string& token, const std::string& body) {
        http::Request request;
        request.method = method;
        request.path = "/setup";
        request.query = {{"token", token}};
        request.body = body;
        return RestAnswer(router.find(method, "/setup").route->handler(request));
    };
    const std::string body = R"({"token":")" + **link + R"(","password":"correct horse"})";

    EXPECT_EQ(call(Method::get, **link, "").result().at("valid"), true);
    EXPECT_EQ(call(Method::get, "other", "").result().at("valid"), false);
    EXPECT_EQ(call(Method::post, "", body).status, 200);
    EXPECT_EQ(call(Method::post, "", body).status, 403);
    EXPECT_EQ(call(Method::get, **link, "").result().at("valid"), false);
}

}  // namespace
}  // namespace updraft::rest
