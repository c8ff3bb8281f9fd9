#include <gtest/gtest.h>

#include "protocol/ddi/bodies.hpp"

namespace updraft::ddi {
namespace {

Feedback feedback_of(std::string_view json) {
    Result<Feedback> parsed = parse_feedback(json);
    EXPECT_TRUE(parsed) << json;
    return parsed ? *parsed : Feedback{};
}

// hawkbit-ddi 11: as SWUpdate 2022.12 sends it, blanks and member order included.
TEST(DdiFeedback, SwupdateIsUnderstood) {
    const Feedback said = feedback_of(
        R"({ "id": 12, "time": "20261123T031735", "status": { "result": { "finished": "none" ,
             "progress": { "cnt": 0, "of": 1 } }, "execution": "proceeding",
             "details": [ "Installing Update Chunk Artifacts." ] } })");
    EXPECT_EQ(said.execution, Execution::proceeding);
    EXPECT_EQ(said.finished, Finished::none);
    EXPECT_EQ(said.progress_percent, 0);
    EXPECT_EQ(said.details, std::vector<std::string>{"Installing Update Chunk Artifacts."});
}

// hawkbit-ddi 12: as rauc-hawkbit-updater 1.4 sends it, with its id as text.
TEST(DdiFeedback, RaucIsUnderstood) {
    const Feedback said = feedback_of(
        R"({"id":"44","time":"20261123T032114","status":{"result":{"finished":"failure"},)"
        R"("execution":"closed","details":["Failed to install software bundle."]}})");
    EXPECT_EQ(said.execution, Execution::closed);
    EXPECT_EQ(said.finished, Finished::failure);
    EXPECT_FALSE(said.progress_percent);
}

TEST(DdiFeedback, EveryExecutionAndResultHasItsName) {
    for (const char* execution : {"closed", "proceeding", "canceled", "scheduled", "rejected",
                                  "resumed", "downloaded", "download"}) {
        for (const char* finished : {"none", "success", "failure"}) {
            const Feedback said = feedback_of(
                fmt::format(R"({{"status":{{"execution":"{}","result":{{"finished":"{}"}}}}}})",
                            execution, finished));
            EXPECT_EQ(name_of(said.execution), execution);
            EXPECT_EQ(name_of(said.finished), finished);
        }
    }
}

TEST(DdiFeedback, ProgressIsAPartOfSomething) {
    struct Case {
        const char* progress;
        std::optional<int> percent;
    };
    for (const auto& [progress, percent] :
         {Case{R"({"cnt":1,"of":3})", 33}, Case{R"({"cnt":3,"of":3})", 100},
          Case{R"({"cnt":5,"of":3})", 100}, Case{R"({"cnt":0,"of":0})", std::nullopt},
          Case{R"({"cnt":-1,"of":3})", std::nullopt}, Case{R"({"cnt":1,"of":-3})", std::nullopt},
          Case{R"({"cnt":9223372036854775807,"of":3})", std::nullopt},
          Case{R"({"cnt":"1","of":3})", std::nullopt}, Case{R"({"of":3})", std::nullopt},
          Case{"7", std::nullopt}}) {
        const Feedback said = feedback_of(fmt::format(
            R"({{"status":{{"execution":"proceeding","result":{{"finished":"none","progress":{}}}}}}})",
            progress));
        EXPECT_EQ(said.progress_percent, percent) << progress;
    }
}

TEST(DdiFeedback, DetailsAreTexts) {
    const auto details = [](std::string_view json) {
        return feedback_of(
                   fmt::format(
                       R"({{"status":{{"execution":"closed","result":{{"finished":"none"}},)"
                       R"("code":7,"details":{}}}}})",
                       json))
            .details;
    };
    using Lines = std::vector<std::string>;
    EXPECT_EQ(details("[]"), Lines{});
    EXPECT_EQ(details("null"), Lines{});
    EXPECT_EQ(details(R"("one")"), Lines{"one"});
    EXPECT_EQ(details(R"(["a",5,true,null])"), (Lines{"a", "5", "true", ""}));
    EXPECT_EQ(details(R"(["a\u0000b"])"), Lines{"ab"});
}

TEST(DdiFeedback, WhatIsMissingOrUnknownIsNamed) {
    struct Case {
        const char* json;
        const char* names;
    };
    for (const auto& [json, names] :
         {Case{"", "JSON"}, Case{"{", "JSON"}, Case{"[]", "object"}, Case{"{}", "status"},
          Case{R"({"status":1})", "status"},
          Case{R"({"status":{"result":{"finished":"none"}}})", "status.execution"},
          Case{R"({"status":{"execution":"CLOSED","result":{"finished":"none"}}})",
               "status.execution"},
          Case{R"({"status":{"execution":"closed"}})", "status.result"},
          Case{R"({"status":{"execution":"closed","result":{}}})", "status.result.finished"},
          Case{R"({"status":{"execution":"closed","result":{"finished":"none"},"details":[{}]}})",
               "details"}}) {
        const Result<Feedback> parsed = parse_feedback(json);
        ASSERT_FALSE(parsed) << json;
        EXPECT_EQ(parsed.error().code, ErrorCode::malformed);
        EXPECT_NE(parsed.error().message.en.find(names), std::string::npos)
            << parsed.error().message.en;
    }
}

TEST(DdiFeedback, DeepNestingIsRefused) {
    EXPECT_FALSE(parse_feedback(std::string(10'000, '[')));
}

TEST(DdiConfigData, ModesAndValues) {
    const auto parsed =
        parse_config_data(R"({"mode":"replace","data":{"a":"1","b":null,"c":2},"id":""})");
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->mode, ConfigData::Mode::replace);
    EXPECT_EQ(parsed->data.at("a"), "1");
    EXPECT_EQ(parsed->data.at("b"), std::nullopt);
    EXPECT_EQ(parsed->data.at("c"), "2");
    EXPECT_EQ(parse_config_data(R"({"data":{"a":"1"}})")->mode, ConfigData::Mode::merge);
    EXPECT_EQ(parse_config_data(R"({"mode":"remove","data":{"a":""}})")->mode,
              ConfigData::Mode::remove);
    for (const char* broken :
         {"{}", R"({"data":{}})", R"({"data":[]})", R"({"data":{"a":[]}})",
          R"({"mode":"x","data":{"a":"1"}})", R"({"mode":5,"data":{"a":"1"}})"}) {
        EXPECT_FALSE(parse_config_data(broken)) << broken;
    }
}

TEST(DdiConfirmation, AgreesOrDenies) {
    const auto yes = parse_confirmation(R"({"confirmation":"confirmed","code":9,"details":["a"]})");
    ASSERT_TRUE(yes);
    EXPECT_TRUE(yes->confirmed);
    EXPECT_EQ(yes->code, 9);
    EXPECT_FALSE(parse_confirmation(R"({"confirmation":"denied"})")->confirmed);
    EXPECT_FALSE(parse_confirmation(R"({"confirmation":"maybe"})"));
    EXPECT_FALSE(parse_confirmation("{}"));
}

TEST(DdiAutoConfirmation, NeedsNoBody) {
    EXPECT_EQ(*parse_auto_confirmation(" \r\n"), AutoConfirmation{});
    EXPECT_EQ(*parse_auto_confirmation("{}"), AutoConfirmation{});
    EXPECT_EQ(*parse_auto_confirmation(R"({"initiator":"ann","remark":"r"})"),
              (AutoConfirmation{"ann", "r"}));
    EXPECT_FALSE(parse_auto_confirmation("ann"));
}

TEST(DdiInstalledSet, HasAVersion) {
    EXPECT_EQ(*parse_installed_set(R"({"name":"n","version":"1.1"})"), (InstalledSet{"n", "1.1"}));
    EXPECT_FALSE(parse_installed_set(R"({"name":"n"})"));
}

}  // namespace
}  // namespace updraft::ddi
