#include "transport/http/rest/json_reader.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace updraft::rest {
namespace {

json::object object(std::string_view text) {
    return json::parse(text).as_object();
}

TEST(JsonReader, ReadsTextFromNumbersAndNumbersFromText) {
    const json::object body = object(R"({"a":1.5,"b":"12","c":true,"d":7.0,"e":null,"f":""})");
    JsonReader read(body);

    EXPECT_EQ(read.text("b"), "12");
    EXPECT_EQ(read.integer("b"), 12);
    EXPECT_EQ(read.text("c"), "true");
    EXPECT_EQ(read.integer("d"), 7);
    EXPECT_EQ(read.text("e"), std::nullopt);
    EXPECT_EQ(read.integer("f"), std::nullopt);
    EXPECT_EQ(read.text("missing"), std::nullopt);
    EXPECT_TRUE(read.finish());
}

TEST(JsonReader, TakesAChoiceInEveryShapeThatConsolesSend) {
    const json::object body = object(
        R"({"a":"push","b":{"value":"pull","text":"x"},"c":{"text":"设备拉取"},"d":1,"e":"PUSH"})");
    JsonReader read(body);
    const auto choice = [&](std::string_view name) {
        return read.choice(name, {UpgradeMode::push, UpgradeMode::pull});
    };

    EXPECT_EQ(choice("a"), UpgradeMode::push);
    EXPECT_EQ(choice("b"), UpgradeMode::pull);
    EXPECT_EQ(choice("c"), UpgradeMode::pull);
    EXPECT_EQ(choice("d"), UpgradeMode::pull);
    EXPECT_EQ(choice("e"), UpgradeMode::push);
    EXPECT_TRUE(read.finish());
}

TEST(JsonReader, RefusalNamesTheMemberItsValueAndWhatIsRight) {
    const json::object body = object(R"({"mode":"both","order":0,"name":{}})");
    JsonReader read(body);
    (void)read.choice("mode", {UpgradeMode::push, UpgradeMode::pull});
    (void)read.integer("order", 1, 99999);
    (void)read.text("name");

    const Result<void> done = read.finish();

    ASSERT_FALSE(done);
    ASSERT_EQ(done.error().fields.size(), 3U);
    EXPECT_EQ(done.error().message.en, "mode: \"both\" is not valid, one of: push, pull");
    EXPECT_EQ(done.error().fields[1].message.en,
              "order: 0 is not valid, a whole number of 1 to 99999 is expected");
    EXPECT_EQ(done.error().fields[2].property, "name");
}

TEST(JsonReader, ReadsSwitchesMapsAndLists) {
    const json::object body = object(
        R"({"state":{"value":1},"off":"0","map":{"a":1,"b":null,"c":"x"},"list":["a",2],"one":"z"})");
    JsonReader read(body);

    EXPECT_EQ(read.switch_state("state"), true);
    EXPECT_EQ(read.flag("off"), false);
    EXPECT_EQ(read.text_map("map"), (std::map<std::string, std::string>{{"a", "1"}, {"c", "x"}}));
    EXPECT_EQ(read.texts("list"), (std::vector<std::string>{"a", "2"}));
    EXPECT_EQ(read.texts("one"), std::vector<std::string>{"z"});
    EXPECT_TRUE(read.finish());
}

// A cut in the middle of a character would make the answer invalid JSON.
TEST(JsonReader, LongValuesAreShownInPart) {
    std::string name;
    for (int i = 0; i < 100; ++i) {
        name += "设";
    }
    const json::object body{{"order", name}};
    JsonReader read(body);
    (void)read.integer("order");

    const Result<void> done = read.finish();

    ASSERT_FALSE(done);
    EXPECT_LT(done.error().message.zh.size(), 200U);
}

}  // namespace
}  // namespace updraft::rest
