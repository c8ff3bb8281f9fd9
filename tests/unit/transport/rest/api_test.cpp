#include "transport/http/rest/api.hpp"

#include <gtest/gtest.h>

#include "app/ports.hpp"
#include "tests/support/rest_world.hpp"
#include "transport/http/rest/crud.hpp"

namespace updraft::rest {
namespace {

struct ApiTest : testing::Test {
    RestWorld world;

    /// A route that answers with `result`, or whatever `handler` gives.
    void serve(const ApiHandler& handler, const Access& access = Access::open()) {
        world.api.route(http::Method::get, "/probe", access, handler);
    }
    RestAnswer probe(http::Fields headers = {}) {
        return world.call(http::Method::get, "/probe", "", std::move(headers));
    }
    RestAnswer refused(const Error& error, http::Fields headers = {}) {
        serve([error](const Call&) -> Result<Answer> { return error; });
        return probe(std::move(headers));
    }
};

TEST_F(ApiTest, SuccessEnvelopeHasResultStatusAndTime) {
    serve([](const Call&) -> Result<Answer> { return json::value(json::array{1}); });

    const RestAnswer answer = probe();

    EXPECT_EQ(answer.text,
              R"({"message":"success","result":[1],"status":200,"timestamp":1735689600000})");
    EXPECT_EQ(answer.header("Content-Type"), "application/json;charset=UTF-8");
}

TEST_F(ApiTest, NothingHasNoResult) {
    serve([](const Call&) -> Result<Answer> { return NoResult{}; });

    EXPECT_EQ(probe().text, R"({"message":"success","status":200,"timestamp":1735689600000})");
}

TEST_F(ApiTest, WrapperCanBeLeftOut) {
    serve([](const Call&) -> Result<Answer> { return json::value(json::array{1, 2}); });

    EXPECT_EQ(probe({{"X-Response-Wrapper", "Ignore"}}).text, "[1,2]");
    EXPECT_EQ(probe({{"Accept", "application/x-ndjson"}}).text, "1\n2\n");
    EXPECT_EQ(probe({{"Accept", "text/event-stream"}}).text, "data:1\n\ndata:2\n\n");
}

TEST_F(ApiTest, StreamedListLooksLikeAnyOther) {
    serve([](const Call&) -> Result<Answer> {
        return StreamedList{[](const auto& emit) {
            for (int i = 0; i < 3; ++i) {
                EXPECT_TRUE(emit(json::value(i)));
            }
        }};
    });

    EXPECT_EQ(probe().text,
              R"({"message":"success","result":[0,1,2],"status":200,"timestamp":1735689600000})");
    EXPECT_EQ(probe({{"X-Response-Wrapper", "Ignore"}}).text, "[0,1,2]");
    EXPECT_EQ(probe({{"Accept", "application/x-ndjson"}}).text, "0\n1\n2\n");
}

// A list of a million rows must not go on being read for a client that has left.
TEST_F(ApiTest, StreamEndsWhenTheClientHasGone) {
    int produced = 0;
    serve([&](const Call&) -> Result<Answer> {
        return StreamedList{[&](const auto& emit) {
            const json::value item(std::string(1000, 'x'));
            while (produced < 100'000 && emit(item)) {
                ++produced;
            }
        }};
    });
    world.client_leaves = true;

    (void)probe();

    EXPECT_LT(produced, 100);
}

TEST_F(ApiTest, FindsTheTokenInEachPlaceThatClientsUse) {
    serve([](const Call& call) -> Result<Answer> { return json::value(call.identity.username); },
          Access::signed_in());
    const std::string token = world.sign_in();

    EXPECT_EQ(probe({{"X-Access-Token", token}}).result(), "admin");
    EXPECT_EQ(probe({{"Authorization", "Bearer " + token}}).result(), "admin");
    EXPECT_EQ(world.call(http::Method::get, "/probe?:X_Access_Token=" + token).result(), "admin");
    EXPECT_EQ(probe({{"X-Access-Token", "wrong"}, {"Authorization", "Bearer " + token}}).status,
              401);
}

TEST_F(ApiTest, MissingSignInIs401WithTheStateOfTheToken) {
    serve([](const Call&) -> Result<Answer> { return NoResult{}; }, Access::signed_in());

    const RestAnswer answer = probe();

    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.json.at("status"), 401);
    EXPECT_EQ(answer.json.at("code"), "unauthorized");
    EXPECT_EQ(answer.json.at("message"), "用户未登录");
    EXPECT_EQ(answer.result().at("value"), "expired");
}

TEST_F(ApiTest, MissingPermissionIs403AndNamesIt) {
    serve([](const Call&) -> Result<Answer> { return NoResult{}; },
          Access::permitted(permission::firmware, permission::save));
    const std::string token = world.sign_in_as("eve", {{"device/Firmware", {"view"}}});

    const RestAnswer answer = probe({{"X-Access-Token", token}});

    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(answer.json.at("message"), "当前用户无权限[firmware-manager]:save");
}

TEST_F(ApiTest, OpenRoutesTolerateAnEndedToken) {
    serve([](const Call& call) -> Result<Answer> { return json::value(call.token.empty()); });

    EXPECT_EQ(probe({{"X-Access-Token", "ended"}}).result(), true);
}

TEST_F(ApiTest, ValidationListsTheMembers) {
    const RestAnswer answer = refused(Error::invalid("name", text("请输入名称", "enter a name")));

    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.json.at("code"), "illegal_argument");
    EXPECT_EQ(answer.json.at("message"), "请输入名称");
    EXPECT_EQ(answer.result().at(0).at("property"), "name");
    EXPECT_EQ(answer.result().at(0).at("message"), "请输入名称");
}

TEST_F(ApiTest, AnswersInTheAskedLanguage) {
    const RestAnswer answer = refused(Error::of(ErrorCode::conflict, text("中文", "English")),
                                      {{"Accept-Language", "en-US,en;q=0.9"}});

    EXPECT_EQ(answer.json.at("message"), "English");
    EXPECT_FALSE(answer.json.contains("result"));
}

TEST_F(ApiTest, ReferencesNameTheRowsInTheWay) {
    Error error = Error::of(ErrorCode::referenced, text("不可删除", "in use"));
    error.references.push_back({"1", "firmware-upgrade-task", "2", "push 1"});

    const RestAnswer answer = refused(error);

    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.json.at("code"), "error.data.referenced");
    EXPECT_EQ(answer.result().at(0).at("referenceName"), "push 1");
}

TEST_F(ApiTest, BusyAsksToComeBack) {
    const RestAnswer answer = refused(Error::of(ErrorCode::unavailable, text("忙", "busy")));

    EXPECT_EQ(answer.status, 503);
    EXPECT_FALSE(answer.header("Retry-After").empty());
}

// What an exception says is for the log: it may hold SQL or paths.
TEST_F(ApiTest, ExceptionsBecomeRefusalsWithoutTheirText) {
    serve([](const Call&) -> Result<Answer> { throw std::runtime_error("secret /path"); });

    const RestAnswer answer = probe();

    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.json.at("message"), "服务器内部错误");
    EXPECT_EQ(answer.text.find("secret"), std::string::npos);
}

TEST_F(ApiTest, AFullDiskSaysSo) {
    serve([](const Call&) -> Result<Answer> {
        throw StorageError(StorageError::Cause::disk_full, "SQLITE_FULL");
    });

    const RestAnswer answer = probe();

    EXPECT_EQ(answer.status, 507);
    EXPECT_TRUE(answer.json.at("message").as_string().starts_with("磁盘空间不足"));
}

TEST_F(ApiTest, AFullQueueIs503) {
    serve([](const Call&) -> Result<Answer> {
        throw StorageError(StorageError::Cause::queue_full, "full");
    });

    EXPECT_EQ(probe().status, 503);
}

TEST_F(ApiTest, UnknownPathAndWrongMethodHaveTheirCodes) {
    serve([](const Call&) -> Result<Answer> { return NoResult{}; });
    const auto refuse = server_refusals(world.router, world.clock);
    http::Request request;
    request.method = http::Method::del;
    request.path = "/probe";

    const RestAnswer unknown(
        refuse(Error::of(ErrorCode::not_found, text("无", "none")), Language::zh, &request));
    const RestAnswer wrong(
        refuse(Error::of(ErrorCode::method_not_allowed, text("x", "x")), Language::zh, &request));

    EXPECT_EQ(unknown.json.at("code"), "error.resource_not_found");
    EXPECT_EQ(wrong.status, 406);
    EXPECT_EQ(wrong.result().at(0), "GET");
}

TEST_F(ApiTest, BodyMustBeJson) {
    world.api.route(http::Method::post, "/probe", Access::open(),
                    [](const Call& call) -> Result<Answer> {
                        UPDRAFT_TRY(json::value body, call.body());
                        return body;
                    });
    const auto post = [&](const std::string& body, http::Fields headers) {
        return world.call(http::Method::post, "/probe", body, std::move(headers));
    };

    EXPECT_EQ(post("{broken", {}).json.at("code"), "illegal_argument");
    EXPECT_EQ(post("{}", {{"Content-Type", "text/xml"}}).status, 415);
    EXPECT_EQ(post("{}", {{"Content-Type", "application/json; charset=utf-8"}}).status, 200);
    EXPECT_EQ(post("", {{"Content-Type", "text/xml"}}).status, 200);
}

// Found by fuzzing: the refusal told the header's bytes as they came, and was no JSON any more.
TEST_F(ApiTest, ARefusedContentTypeThatIsNotUtf8LeavesTheAnswerJson) {
    world.api.route(http::Method::post, "/probe", Access::open(),
                    [](const Call& call) -> Result<Answer> {
                        UPDRAFT_TRY(json::value body, call.body());
                        return body;
                    });

    const auto refused = world.call(http::Method::post, "/probe", "{}",
                                    {{"Content-Type",
                                      "appli\xCB"
                                      "ation/json"}});

    EXPECT_EQ(refused.status, 415);
    EXPECT_TRUE(is_utf8(refused.text)) << refused.text;
}

TEST(Project, KeepsIncludesAndDropsExcludes) {
    Query query;
    query.includes = {"id", "create_time"};
    json::object row{{"id", "1"}, {"createTime", 2}, {"name", "n"}};
    project(row, query);
    EXPECT_EQ(row, (json::object{{"id", "1"}, {"createTime", 2}}));

    query = {};
    query.excludes = {"createTime"};
    project(row, query);
    EXPECT_EQ(row, (json::object{{"id", "1"}}));
}

}  // namespace
}  // namespace updraft::rest
