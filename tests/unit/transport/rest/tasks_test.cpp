#include "transport/http/rest/tasks.hpp"

#include <gtest/gtest.h>

#include "tests/support/upgrade_rest_world.hpp"

// Firmwares, tasks and records as consoles see them (spec 2.9-2.11).
namespace updraft::rest {
namespace {

struct UpgradeRoutes : testing::Test {
    void SetUp() override {
        w.add_product();
        w.add_device("d1");
        w.add_device("d2");
        firmware = std::string(w.add_firmware().at("id").as_string());
    }
    std::string task_form(const std::string& more) {
        return R"({"name":"push 1","mode":"push","responseTimeoutSeconds":30,"timeoutSeconds":"600",)"
               R"("firmwareId":")" +
               firmware + R"(","productId":"p1",)" + more + "}";
    }
    json::object create(const std::string& more) {
        const RestAnswer answer = w.post("/firmware/upgrade/task", task_form(more));
        EXPECT_EQ(answer.status, 200) << answer.text;
        return answer.result().is_object() ? answer.result().as_object() : json::object{};
    }
    std::int64_t count(const json::object& task, const char* state) {
        return w
            .post("/firmware/upgrade/history/_count", R"({"terms":[{"column":"taskId","value":")" +
                                                          std::string(task.at("id").as_string()) +
                                                          R"("},{"column":"state","value":")" +
                                                          state + R"("}]})")
            .result()
            .to_number<std::int64_t>();
    }
    UpgradeRestWorld w;
    std::string firmware;
};

TEST_F(UpgradeRoutes, Row21PropertiesAreAlwaysAList) {
    const RestAnswer row = w.get("/firmware/" + firmware);
    EXPECT_EQ(row.result().at("properties"), json::parse(R"([{"id":"slot","value":"B"}])"));
    w.as_admin(http::Method::patch, "/firmware", R"({"id":")" + firmware + R"(","properties":[]})");
    EXPECT_EQ(w.get("/firmware/" + firmware).result().at("properties"), json::array{});
}

TEST_F(UpgradeRoutes, Row10ExistsTellsWhetherAnOrderIsTaken) {
    EXPECT_EQ(w.get("/firmware/p1/2/exists").result(), true);
    EXPECT_EQ(w.get("/firmware/p1/3/exists").result(), false);
}

TEST_F(UpgradeRoutes, Row17PatchChangesOnlyWhatItGives) {
    const RestAnswer saved = w.as_admin(http::Method::patch, "/firmware",
                                        R"({"id":")" + firmware + R"(","name":"new","format":1})");
    EXPECT_EQ(saved.result(), json::parse(R"({"added":0,"updated":1,"total":1})")) << saved.text;
    const json::value row = w.get("/firmware/" + firmware).result();
    EXPECT_EQ(row.at("name"), "new");
    EXPECT_EQ(row.at("versionOrder"), 2);
}

// Spec of the insights: the server's own reasons are translated, the group to filter by is not.
TEST_F(UpgradeRoutes, FailuresAreShownInGroups) {
    const json::object task = create(R"("releaseType":"all")");
    const std::string id(task.at("id").as_string());
    const std::string path = "/firmware/upgrade/task/" + id + "/failures";
    EXPECT_EQ(w.get(path).result(), json::parse(R"({"failed":0,"groups":[],"otherCount":0})"));
    EXPECT_EQ(w.get("/firmware/upgrade/task/1/failures").status, 404);

    (void)w.store->write([&](UnitOfWork& work) -> Result<void> {
        const auto waiting = work.records().of_task(TaskId{id}, {RecordState::waiting}, {}, 10);
        for (const UpgradeRecord& record : waiting) {
            const Transition sent = w.changes.apply(work, record, event::Dispatched{"m", "n"});
            w.changes.apply(work, sent.record, event::Replied{false, "", ""});
        }
        return {};
    });

    const json::value failures = w.get(path).result();
    EXPECT_EQ(failures.at("failed"), 2);
    EXPECT_EQ(failures.at("otherCount"), 0);
    const json::value& group = failures.at("groups").at(0);
    EXPECT_EQ(group.at("group"), "设备拒绝升级");
    EXPECT_EQ(group.at("count"), 2);
    const RestAnswer rows = w.post("/firmware/upgrade/history/_query",
                                   R"({"terms":[{"column":"taskId","value":")" + id +
                                       R"("},{"column":"errorGroup","value":"设备拒绝升级"}]})");
    EXPECT_EQ(rows.result().at("total"), 2);
    EXPECT_EQ(rows.result().at("data").at(0).at("errorGroup"), "设备拒绝升级");
}

TEST_F(UpgradeRoutes, TheTaskDetailIsAsSpecified) {
    const json::object task = create(R"("releaseType":"part","deviceId":["d1","d2"])");
    const RestAnswer found =
        w.post("/firmware/upgrade/task/detail/_query/no-paging",
               R"({"terms":[{"terms":[{"column":"firmwareId","value":")" + firmware + R"("}]}]})");
    ASSERT_EQ(found.result().as_array().size(), 1U) << found.text;
    const json::object& row = found.result().as_array()[0].as_object();
    EXPECT_EQ(row.at("mode"), json::parse(R"({"value":"push","text":"平台推送"})"));
    EXPECT_EQ(row.at("state"), json::parse(R"({"value":"processing","text":"升级中"})"));
    EXPECT_EQ(row.at("deviceId"), json::parse(R"(["d1","d2"])"));
    EXPECT_EQ(row.at("timeoutSeconds"), 600);
    for (const char* name : {"total", "waiting"}) {
        EXPECT_EQ(row.at(name), 2);
    }
    for (const char* name : {"progress", "processing", "success", "failed", "canceled"}) {
        EXPECT_EQ(row.at(name), 0);
    }
}

TEST_F(UpgradeRoutes, ATaskForAllDevicesHasNeitherIdsNorTerms) {
    const json::object task = create(R"("releaseType":"all","deviceId":[])");
    EXPECT_FALSE(task.contains("deviceId"));
    EXPECT_FALSE(task.contains("terms"));
    EXPECT_EQ(task.at("total"), 2);
}

TEST_F(UpgradeRoutes, APreviewIsAsSpecified) {
    create(R"("releaseType":"part","deviceId":["d1"])");
    const RestAnswer seen =
        w.post("/firmware/upgrade/task/_preview",
               task_form(R"("releaseType":"part","deviceId":["d1","d2","d9"])"));
    const json::object& preview = seen.result().as_object();
    EXPECT_EQ(preview.at("total"), 2) << seen.text;
    EXPECT_EQ(preview.at("busy"), 1);
    EXPECT_EQ(preview.at("unknownCount"), 1);
    EXPECT_EQ(preview.at("unknown"), json::parse(R"(["d9"])"));
    EXPECT_EQ(w.get("/firmware/upgrade/task/_count").result(), 1);
}

TEST_F(UpgradeRoutes, TermsComeBackAsSent) {
    const json::object task =
        create(R"("releaseType":"part","terms":[{"column":"id","termType":"in","value":["d1"]}])");
    EXPECT_EQ(task.at("terms"), json::parse(R"([{"column":"id","termType":"in","value":["d1"]}])"));
    EXPECT_EQ(task.at("deviceId"), json::parse(R"(["d1"])"));
}

TEST_F(UpgradeRoutes, StopTakesNoBodyAnObjectOrAList) {
    const json::object task = create(R"("releaseType":"all")");
    const std::string path = "/firmware/upgrade/task/" + std::string(task.at("id").as_string());
    for (const char* body : {"", "{}", R"(["waiting"])", R"([{"value":"waiting"}])"}) {
        EXPECT_EQ(w.post(path + "/_stop", body).result(), 2) << body;
        EXPECT_EQ(count(task, "canceled"), 2);
        EXPECT_EQ(
            w.post(path + "/_start", body[0] == '[' ? R"(["canceled","failed"])" : body).result(),
            2);
        EXPECT_EQ(count(task, "waiting"), 2);
    }
    EXPECT_EQ(w.post(path + "/_start", R"(["sleeping"])").status, 400);
    EXPECT_EQ(w.post("/firmware/upgrade/task/none/_stop").status, 404);
}

TEST_F(UpgradeRoutes, Row51RecordsAreStoppedByIdAndSayWhatIsAllowed) {
    create(R"("releaseType":"part","deviceId":["d1"])");
    const json::value rows =
        w.post("/firmware/upgrade/history/detail/_query/no-paging", "{}").result();
    const json::object& record = rows.at(0).as_object();
    EXPECT_EQ(record.at("hasEditPermission"), true);
    EXPECT_EQ(record.at("hasDeletePermission"), true);
    EXPECT_EQ(record.at("deviceName"), "device d1");
    EXPECT_FALSE(record.contains("completeTime"));
    EXPECT_FALSE(record.contains("errorReason"));
    const std::string id(record.at("id").as_string());
    EXPECT_EQ(w.as_admin(http::Method::del, "/firmware/upgrade/history/" + id, "").status, 400);
    EXPECT_EQ(w.post("/firmware/upgrade/task/_stop", R"([")" + id + R"("])").result(), 1);
    EXPECT_EQ(w.as_admin(http::Method::del, "/firmware/upgrade/history/" + id, "").status, 200);
}

TEST_F(UpgradeRoutes, Row24TheRefusalToDeleteNamesTheTask) {
    const json::object task = create(R"("releaseType":"all")");
    const RestAnswer refused = w.as_admin(http::Method::del, "/firmware/" + firmware, "");
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.message(), "当前固件下已有升级任务，不可删除");
    EXPECT_EQ(refused.json.at("code"), "error.data.referenced");
    EXPECT_EQ(refused.result().at(0).at("referenceId"), task.at("id"));
    EXPECT_EQ(refused.result().at(0).at("referenceName"), "push 1");
}

TEST_F(UpgradeRoutes, DeletingARunningTaskNeedsForce) {
    const json::object task = create(R"("releaseType":"all")");
    const std::string path = "/firmware/upgrade/task/" + std::string(task.at("id").as_string());
    EXPECT_EQ(w.as_admin(http::Method::del, path, "").status, 400);
    EXPECT_EQ(w.as_admin(http::Method::del, path + "?force=true", "").status, 200);
}

TEST_F(UpgradeRoutes, ViewersMayLookOnly) {
    const std::string viewer = w.sign_in_as("viewer", {{"device/Firmware", {"view"}}});
    const http::Fields headers{{"X-Access-Token", viewer}};
    EXPECT_EQ(w.call(http::Method::post, "/firmware/_query", "{}", headers).status, 200);
    EXPECT_EQ(w.call(http::Method::post, "/firmware/upgrade/task",
                     task_form(R"("releaseType":"all")"), headers)
                  .status,
              403);
    EXPECT_EQ(w.call(http::Method::post, "/firmware/upgrade/task/x/_stop", "", headers).status,
              403);
    EXPECT_EQ(w.call(http::Method::del, "/firmware/" + firmware, "", headers).status, 403);
}

TEST_F(UpgradeRoutes, ReasonsAreTranslated) {
    RecordRow row;
    row.record = a_record();
    row.record.state = RecordState::failed;
    row.record.error_reason = error_reason::upgrade_timeout;
    EXPECT_EQ(record_json(row, Language::zh).at("errorReason"), "升级超时");
    EXPECT_EQ(record_json(row, Language::en).at("errorReason"),
              "the upgrade did not finish in time");
}

}  // namespace
}  // namespace updraft::rest
