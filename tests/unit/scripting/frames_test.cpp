#include "scripting/frames.hpp"

#include <gtest/gtest.h>

namespace updraft::scripting {
namespace {

std::string_view body(const std::string& frame) {
    return std::string_view(frame).substr(frame_head_bytes);
}

// The bytes of docs/internals/script-frames.md.
TEST(Frames, AreAsDocumented) {
    ScriptCall call;
    call.topic = "up";
    call.payload = std::string("\x01\x00", 2);
    call.product = ProductId("p");
    call.device = DeviceId("d");
    const std::string frame = calls_frame({&call});
    EXPECT_EQ(frame, std::string("\x20\0\0\0\x02\1\0\0\0\0"
                                 "\2\0\0\0up\2\0\0\0\1\0\1\0\0\0p\1\0\0\0d\0\0\0\0",
                                 36));
    EXPECT_EQ(frame_length(frame), frame.size() - frame_head_bytes);
}

TEST(Frames, KeepWhatTheyCarry) {
    ScriptCall call;
    call.direction = ScriptCall::Direction::encode;
    call.payload = "{}";
    call.device = DeviceId("child");
    call.gateway = DeviceId("gw");
    const auto calls = read_calls(body(calls_frame({&call, &call})));
    ASSERT_TRUE(calls);
    ASSERT_EQ(calls->size(), 2U);
    EXPECT_EQ(calls->back().direction, ScriptCall::Direction::encode);
    EXPECT_EQ(calls->back().gateway, DeviceId("gw"));

    const Answer answer{Fault::script, {"错", "wrong"}, 12, {"a", std::string("\0", 1)}, {"log"}};
    const auto answers = read_answers(body(answers_frame({answer, {}})));
    ASSERT_TRUE(answers);
    EXPECT_EQ(answers->front(), answer);
    EXPECT_EQ(answers->back(), Answer{});

    Load load;
    load.limits.messages_max = 5;
    load.script = "return {}";
    const auto loaded = read_load(body(load_frame(load)));
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->limits.messages_max, 5U);
    EXPECT_EQ(loaded->script, "return {}");
}

// A worker that has been taken over says what it likes.
TEST(Frames, RefuseWhatDoesNotFit) {
    const std::string whole = answers_frame({Answer{Fault::none, {}, 0, {"item"}, {"log"}}});
    for (std::size_t size = 0; size < whole.size() - frame_head_bytes; ++size) {
        EXPECT_FALSE(read_answers(body(whole).substr(0, size))) << size;
    }
    EXPECT_FALSE(read_answers(std::string(body(whole)) + "x"));
    EXPECT_FALSE(read_answers(std::string("\x03\xff\xff\xff\xff", 5)));
    EXPECT_FALSE(read_calls(body(whole)));
    EXPECT_FALSE(read_load(body(whole)));
}

}  // namespace
}  // namespace updraft::scripting
