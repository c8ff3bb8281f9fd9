#include <gtest/gtest.h>

#include "protocol/ddi/documents.hpp"

namespace updraft::ddi {
namespace {

// Every byte here is read by clients that nobody updates: a change is a change of the wire.
TEST(DdiDocuments, APoll) {
    PollDocument poll;
    poll.sleep = seconds{300};
    EXPECT_EQ(to_json(poll), R"({"config":{"polling":{"sleep":"00:05:00"}}})");
    poll.deployment_base = "http://h/d";
    poll.installed_base = "http://h/i";
    poll.config_data = "http://h/c";
    EXPECT_EQ(to_json(poll),
              R"({"config":{"polling":{"sleep":"00:05:00"}},"_links":{)"
              R"("deploymentBase":{"href":"http://h/d"},"installedBase":{"href":"http://h/i"},)"
              R"("configData":{"href":"http://h/c"}}})");
}

TEST(DdiDocuments, SleepIsHoursMinutesSecondsBelowADay) {
    EXPECT_EQ(sleep_text(seconds{0}), "00:00:00");
    EXPECT_EQ(sleep_text(seconds{30}), "00:00:30");
    EXPECT_EQ(sleep_text(seconds{3'661}), "01:01:01");
    EXPECT_EQ(sleep_text(seconds{86'399}), "23:59:59");
    EXPECT_EQ(sleep_text(seconds{36 * 3'600}), "23:59:59");
}

TEST(DdiDocuments, ADeployment) {
    DeploymentDocument deployment;
    deployment.id = 8;
    deployment.update = Handling::skip;
    ArtifactDocument artifact;
    artifact.filename = "fw.swu";
    artifact.size_bytes = 13;
    artifact.sha1 = "s1";
    artifact.md5 = "m";
    artifact.download_http = "http://h/fw.swu";
    artifact.md5sum_http = "http://h/fw.swu.MD5SUM";
    deployment.chunks = {{"application", "one", "1.0", {artifact}, {{"k", "v"}}},
                         {"runtime", "two", "2", {}, {}}};
    deployment.history = HistoryDocument{"RUNNING", {"b", "a"}};
    EXPECT_EQ(to_json(deployment),
              R"({"id":"8","deployment":{"download":"forced","update":"skip","chunks":[)"
              R"({"part":"bApp","version":"1.0","name":"one","artifacts":[{"filename":"fw.swu",)"
              R"("hashes":{"sha1":"s1","md5":"m"},"size":13,"_links":{)"
              R"("download-http":{"href":"http://h/fw.swu"},)"
              R"("md5sum-http":{"href":"http://h/fw.swu.MD5SUM"}}}],)"
              R"("metadata":[{"key":"k","value":"v"}]},)"
              R"({"part":"jvm","version":"2","name":"two","artifacts":[]}]},)"
              R"("actionHistory":{"status":"RUNNING","messages":["b","a"]}})");
}

TEST(DdiDocuments, AQuestionForConsent) {
    DeploymentDocument deployment;
    deployment.id = 9;
    deployment.content = "confirmation";
    deployment.download = deployment.update = Handling::attempt;
    EXPECT_EQ(to_json(deployment),
              R"({"id":"9","confirmation":{"download":"attempt","update":"attempt","chunks":[]}})");
}

TEST(DdiDocuments, ACancel) {
    EXPECT_EQ(cancel_json(11), R"({"id":"11","cancelAction":{"stopId":"11"}})");
}

TEST(DdiDocuments, ConsentInAdvance) {
    AutoConfirmDocument confirmation;
    confirmation.activate = "http://h/a";
    EXPECT_EQ(
        to_json(confirmation),
        R"({"autoConfirm":{"active":false},"_links":{"activateAutoConfirm":{"href":"http://h/a"}}})");
    confirmation = {true, "ann", "", from_millis(5), {}, "http://h/d", {}};
    EXPECT_EQ(to_json(confirmation),
              R"({"autoConfirm":{"active":true,"initiator":"ann","activatedAt":5},)"
              R"("_links":{"deactivateAutoConfirm":{"href":"http://h/d"}}})");
}

TEST(DdiDocuments, ARefusal) {
    EXPECT_EQ(to_json(ErrorDocument{"E", "hawkbit.server.error", "m"}),
              R"({"exceptionClass":"E","errorCode":"hawkbit.server.error","message":"m"})");
}

}  // namespace
}  // namespace updraft::ddi
