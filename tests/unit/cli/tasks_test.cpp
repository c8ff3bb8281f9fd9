#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "cli/completion.hpp"
#include "cli/selection.hpp"
#include "cli/token_scope.hpp"
#include "cli/watch_state.hpp"

namespace updraft::cli {
namespace {

using namespace std::chrono_literals;

TEST(TaskCounts, ComeFromATasksDetail) {
    const TaskCounts counts = counts_of(json::parse(
        R"({"total":10,"waiting":1,"processing":2,"success":3,"failed":3,"canceled":1})"));

    EXPECT_EQ(counts, (TaskCounts{10, 1, 2, 3, 3, 1}));
    EXPECT_EQ(counts_text(counts).en, "waiting 1  upgrading 2  succeeded 3  failed 3  stopped 1");
}

// The records of a large task are made behind the answer: none is not the end.
TEST(HasEnded, OnlyWhenNothingIsOpen) {
    EXPECT_FALSE(has_ended({}));
    EXPECT_FALSE(has_ended({2, 1, 0, 1, 0, 0}));
    EXPECT_FALSE(has_ended({2, 0, 1, 0, 0, 1}));
    EXPECT_TRUE(has_ended({3, 0, 0, 1, 1, 1}));
}

TEST(OutcomeOf, FailuresComeBeforeStops) {
    EXPECT_EQ(outcome_of({2, 0, 0, 2, 0, 0}), ExitStatus::done);
    EXPECT_EQ(outcome_of({3, 0, 0, 1, 1, 1}), ExitStatus::failures);
    EXPECT_EQ(outcome_of({3, 0, 0, 2, 0, 1}), ExitStatus::stopped);
    EXPECT_STREQ(name_of_outcome(ExitStatus::stopped), "stopped");
}

TEST(TimeLeft, FollowsThePaceSinceTheStart) {
    const TaskCounts before{100, 90, 0, 10, 0, 0};
    const TaskCounts now{100, 60, 10, 25, 5, 0};

    EXPECT_EQ(time_left(before, now, 10s), 35s);
    EXPECT_EQ(time_left(before, before, 10s), std::nullopt);
}

TEST(CutToWidth, NeverCutsACharacter) {
    EXPECT_EQ(cut_to_width("升级中", 4), "升级");
    EXPECT_EQ(cut_to_width("升级中", 5), "升级");
    EXPECT_EQ(cut_to_width("abc", 5), "abc");
}

TEST(SelectionOf, WantsOneClearChoice) {
    EXPECT_FALSE(selection_of({}));
    EXPECT_FALSE(selection_of({.ids = {"d1"}, .ids_file = {}, .where = {}, .all = true}));
    EXPECT_FALSE(selection_of({.ids = {}, .ids_file = "/nowhere", .where = {}, .all = false}));
    EXPECT_FALSE(selection_of({.ids = {}, .ids_file = {}, .where = {"stat = x"}, .all = false}));
    EXPECT_EQ(json::serialize(*selection_of({.ids = {}, .ids_file = {}, .where = {}, .all = true})),
              R"({"releaseType":"all"})");
    EXPECT_EQ(
        json::serialize(*selection_of(
            {.ids = {"d1", "d2"}, .ids_file = {}, .where = {"state = online"}, .all = false})),
        R"({"releaseType":"part","deviceId":["d1","d2"],)"
        R"("terms":[{"column":"state","termType":"eq","value":"online"}]})");
}

// A typing error must not shrink a task in silence.
TEST(KnownOnly, LeavesUnknownDevicesOutOnlyWhenAsked) {
    const json::object task{{"deviceId", json::array{"d1", "x", "d2"}}};
    const json::value preview = json::parse(R"({"unknownCount":1,"unknown":["x"]})");
    const json::value more = json::parse(R"({"unknownCount":5,"unknown":["x"]})");

    const auto refused = known_only(task, preview, false);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.en.find(": x;"), std::string::npos);
    EXPECT_EQ(json::serialize(*known_only(task, preview, true)), R"({"deviceId":["d1","d2"]})");
    EXPECT_FALSE(known_only(task, more, true));
    EXPECT_TRUE(known_only(task, json::parse(R"({"unknownCount":0})"), false));
}

TEST(ParseScopes, TakesResourcesAndActions) {
    EXPECT_EQ(json::serialize(*parse_scopes({"firmware-manager:query,save", "a:b"})),
              R"([{"id":"firmware-manager","actions":["query","save"]},)"
              R"({"id":"a","actions":["b"]}])");
    EXPECT_FALSE(parse_scopes({"firmware-manager"}));
    EXPECT_FALSE(parse_scopes({"firmware-manager:"}));
}

TEST(ParseLifetime, KnowsItsUnits) {
    EXPECT_EQ(*parse_lifetime("90d"), 90 * 86'400);
    EXPECT_EQ(*parse_lifetime("30min"), 1'800);
    for (const auto* const wrong : {"", "d", "0d", "-1d", "90", "90 d", "99999999999d"}) {
        EXPECT_FALSE(parse_lifetime(wrong)) << wrong;
    }
}

TEST(Completion, KnowsCommandsFlagsAndChoices) {
    CLI::App program{"p", "updraft"};
    CLI::App* const task = program.add_subcommand("task", "it's tasks");
    CLI::App* const create = task->add_subcommand("create", "make");
    std::string mode;
    std::string name;
    create->add_option("--mode", mode, "how")->check(CLI::IsMember({"push", "pull"}));
    create->add_option("--name", name, "what");

    const auto nodes = completion_nodes(program);

    const std::string bash = bash_completion(nodes);
    EXPECT_NE(bash.find("' task' | ' task create')"), std::string::npos);
    EXPECT_NE(bash.find("' task create --mode') COMPREPLY=($(compgen -W 'push pull'"),
              std::string::npos);
    EXPECT_NE(fish_completion(nodes).find("-a task -d 'it'\\''s tasks'"), std::string::npos);
    EXPECT_TRUE(zsh_completion(nodes).starts_with("#compdef updraft\n"));
}

}  // namespace
}  // namespace updraft::cli
