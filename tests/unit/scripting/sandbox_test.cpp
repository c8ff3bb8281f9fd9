#include "scripting/sandbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace updraft::scripting {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A package whose decode has this body.
std::string decoding(const std::string& body) {
    return "return { transports = {\"MQTT\"}, decode = function(topic, payload, context)\n" + body +
           "\nend }";
}

ScriptCall uplink(std::string payload = "hello", std::string topic = "up") {
    ScriptCall call;
    call.topic = std::move(topic);
    call.payload = std::move(payload);
    call.product = ProductId("p1");
    call.device = DeviceId("d1");
    return call;
}

ScriptCall downlink(std::string message) {
    ScriptCall call = uplink(std::move(message), "");
    call.direction = ScriptCall::Direction::encode;
    return call;
}

/// Loads and makes one decode.
Answer decode(const std::string& body, const Limits& limits = {}) {
    Sandbox sandbox(limits);
    const Answer loaded = sandbox.load(decoding(body));
    EXPECT_EQ(loaded.fault, Fault::none) << loaded.message.en;
    return sandbox.call(uplink());
}

Limits small() {
    Limits limits;
    limits.memory_bytes_max = std::size_t{2} * 1024 * 1024;
    limits.call_instructions_max = 1'000'000;
    return limits;
}

TEST(Sandbox, SaysWhatTheScriptDeclares) {
    Sandbox sandbox({});
    const Answer loaded = sandbox.load(
        R"(return { transports = {"MQTT","HTTP"}, features = {"supportFirmware"},
             config = {{property="secureId"}},
             decode = function() end, encode = function() end })");
    EXPECT_THAT(loaded.items,
                ElementsAre(R"({"transports":["MQTT","HTTP"],"features":["supportFirmware"],)"
                            R"("config":[{"property":"secureId"}],)"
                            R"("decode":true,"encode":true})"));
}

TEST(Sandbox, DecodesBinaryIntoAMessage) {
    Sandbox sandbox({});
    ASSERT_EQ(sandbox
                  .load(decoding(R"(local kind, percent = string.unpack(">BB", payload)
                    return { messageType = "UPGRADE_FIRMWARE_PROGRESS", progress = percent / 1,
                             kind = kind, from = context.deviceId .. "/" .. context.productId })"))
                  .fault,
              Fault::none);
    const Answer answer = sandbox.call(uplink(std::string("\x07\x32", 2)));
    ASSERT_EQ(answer.items.size(), 1U) << answer.message.en;
    EXPECT_THAT(answer.items.front(), HasSubstr(R"("progress":50)"));
    EXPECT_THAT(answer.items.front(), HasSubstr(R"("from":"d1/p1")"));
}

TEST(Sandbox, DecodesIntoNoneOneOrMoreMessages) {
    EXPECT_THAT(decode("return nil").items, IsEmpty());
    EXPECT_THAT(decode("return {}").items, IsEmpty());
    EXPECT_THAT(decode("return {{a=1},{b=2}}").items, ElementsAre(R"({"a":1})", R"({"b":2})"));
}

TEST(Sandbox, EncodesIntoTopicAndBytes) {
    Sandbox sandbox({});
    ASSERT_EQ(sandbox
                  .load(R"(return { transports = {"MQTT"}, decode = function() end,
                    encode = function(m, c)
                      if m.messageType == "READ_FIRMWARE" then return nil end
                      return "down/" .. c.deviceId, string.pack(">I4s1", m.size, m.version)
                    end })")
                  .fault,
              Fault::none);
    EXPECT_THAT(sandbox.call(downlink(R"({"size":258,"version":"1.1"})")).items,
                ElementsAre("down/d1", std::string("\0\0\1\2\3"
                                                   "1.1",
                                                   8)));
    EXPECT_THAT(sandbox.call(downlink(R"({"messageType":"READ_FIRMWARE"})")).items, IsEmpty());
}

TEST(Sandbox, NamesTheLineOfASyntaxError) {
    Sandbox sandbox({});
    const Answer loaded = sandbox.load("local x = 1\n\nreturn { decode = function( }");
    EXPECT_EQ(loaded.fault, Fault::script);
    EXPECT_EQ(loaded.line, 3U);
    EXPECT_THAT(loaded.message.en, HasSubstr("near '}'"));
    EXPECT_THAT(loaded.message.en, testing::Not(HasSubstr("script:")));
}

TEST(Sandbox, NamesTheLineOfAnErrorAtRunTime) {
    const Answer answer = decode("\n\nlocal x = nil; return x.y");
    EXPECT_EQ(answer.fault, Fault::script);
    EXPECT_EQ(answer.line, 4U);
    EXPECT_EQ(answer.message.en, "attempt to index a nil value (local 'x')");
}

TEST(Sandbox, AnErrorObjectIsAnErrorWithALine) {
    const Answer answer = decode("error(setmetatable({}, {__tostring = error}))");
    EXPECT_EQ(answer.fault, Fault::script);
    EXPECT_EQ(answer.line, 2U);
    EXPECT_THAT(answer.message.en, HasSubstr("table"));
}

TEST(Sandbox, RefusesBinaryChunks) {
    Sandbox sandbox({});
    EXPECT_EQ(sandbox.load("\x1bLua\x54").fault, Fault::script);
}

TEST(Sandbox, HasNothingThatReachesOut) {
    for (const char* name :
         {"os", "io", "debug", "package", "coroutine", "require", "load", "loadstring", "loadfile",
          "dofile", "collectgarbage", "warn", "string.dump", "getfenv"}) {
        const Answer answer = decode(std::string("return { there = ") + name + " ~= nil }");
        EXPECT_THAT(answer.items, ElementsAre(R"({"there":false})")) << name;
    }
    const Answer answer = decode("return { x = os.execute('id') }");
    EXPECT_EQ(answer.fault, Fault::script);
    EXPECT_EQ(answer.message.en, "attempt to index a nil value (global 'os')");
}

TEST(Sandbox, StopsAnEndlessLoop) {
    for (const char* body :
         {"while true do end", "::a:: goto a", "for i = 1, math.huge do end",
          "while true do pcall(function() while true do end end) end",
          "while true do xpcall(error, function() while true do end end) end",
          "local function loop() while true do end end while true do xpcall(loop, loop) end",
          "local function f() return f() end return f()",
          "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end})"
          " while true do pcall(function() return t[1] end) end",
          "local x <close> = setmetatable({}, {__close = function() while true do end end})",
          "table.sort({3,2,1,5,4}, function() while true do end end)",
          "string.gsub(('x'):rep(100), 'x', function() while true do end end)"}) {
        const Answer answer = decode(body, small());
        EXPECT_EQ(answer.fault, Fault::instructions) << body << ": " << answer.message.en;
    }
}

TEST(Sandbox, CallsTheHandlerOfXpcall) {
    EXPECT_THAT(
        decode("local ok, said = xpcall(function(a) error(a, 0) end,"
               " function(e) return 'caught ' .. e end, 'it')"
               " local fine, x, y = xpcall(function(...) return ... end, print, 1, 2)"
               " return { ok = ok, said = said, fine = fine, sum = x + y }")
            .items,
        ElementsAre(testing::AllOf(HasSubstr(R"("said":"caught it")"), HasSubstr(R"("ok":false)"),
                                   HasSubstr(R"("fine":true)"), HasSubstr(R"("sum":3)"))));
}

TEST(Sandbox, StopsWhatTakesTooMuchMemory) {
    for (const char* body :
         {"local t = {} for i = 1, 1e9 do t[i] = i end",
          "local s = 'x' while true do s = s .. s end",
          "local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end",
          "local t = {} while true do pcall(function() while true do t[#t + 1] = {} end end) end",
          "return table.concat({('x'):rep(1000000), ('y'):rep(1000000), ('z'):rep(1000000)})"}) {
        const Answer answer = decode(body, small());
        EXPECT_TRUE(answer.fault == Fault::memory || answer.fault == Fault::instructions)
            << body << ": " << static_cast<int>(answer.fault) << answer.message.en;
    }
}

TEST(Sandbox, RefusesAStringOfAGibibyte) {
    const Answer answer = decode("return { x = #string.rep('x', 1 << 30) }");
    EXPECT_EQ(answer.fault, Fault::script);
    EXPECT_THAT(answer.message.en, HasSubstr("string.rep makes at most"));
    EXPECT_EQ(decode("local s = ('x'):rep(1 << 19) for i = 1, 11 do s = s .. s end").fault,
              Fault::memory);
}

TEST(Sandbox, StopsDeepRecursion) {
    for (const char* body :
         {"local function f(n) return 1 + f(n + 1) end return { x = f(1) }",
          "local t = {} t.__index = t setmetatable(t, t) return { x = t.y }",
          "local s = '' local t = setmetatable({}, {}) getmetatable(t).__tostring ="
          " function() return tostring(t) end return { x = tostring(t) }"}) {
        const Answer answer = decode(body, small());
        EXPECT_NE(answer.fault, Fault::none) << body;
    }
}

TEST(Sandbox, RefusesLongSubjectsOfPatterns) {
    const std::string longer = "local s = ('a'):rep(20000) ";
    for (const char* use : {"s:find('a-b')", "s:match('b')", "s:gsub('a', 'b')", "s:gmatch('a')"}) {
        const Answer answer = decode(longer + "local x = " + use);
        EXPECT_EQ(answer.fault, Fault::script) << use;
        EXPECT_THAT(answer.message.en, HasSubstr("20000 bytes")) << use;
    }
    EXPECT_EQ(decode(longer + "return { x = s:find('b', 1, true) == nil }").fault, Fault::none);
}

TEST(Sandbox, HasNoFinalizers) {
    const Answer answer = decode("setmetatable({}, {__gc = function() while true do end end})");
    EXPECT_THAT(answer.message.en, HasSubstr("__gc"));
    // One that is added later is never called.
    EXPECT_EQ(decode("local m = {} for i = 1, 1000 do setmetatable({}, m) end"
                     " m.__gc = function() while true do end end"
                     " local t = {} for i = 1, 1000 do t = {t} end")
                  .fault,
              Fault::none);
}

TEST(Sandbox, KeepsTheMetatableOfStrings) {
    EXPECT_EQ(decode("getmetatable('').__index = nil").fault, Fault::script);
    EXPECT_EQ(decode("setmetatable('', {})").fault, Fault::script);
}

TEST(Sandbox, RefusesTablesThatAreNoMessage) {
    for (const char* body :
         {"local t = {} t.t = t return t", "return { x = print }", "return { x = 0/0 }",
          "return { x = math.huge }", "return { x = '\\xff' }", "return { ['\\xff'] = 1 }",
          "return { [true] = 1 }", "return 5", "return 'text'", "return { 1, 2 }",
          "local t = {} for i = 1, 100 do t[i] = {} end return t",
          "local t = {} for i = 1, 50000 do t['k' .. i] = 'value' end return t"}) {
        EXPECT_EQ(decode(body).fault, Fault::output) << body;
    }
}

TEST(Sandbox, CapturesABoundedLog) {
    const Answer few = decode("print('a', 1, nil) print(('x'):rep(1000)) return nil");
    ASSERT_EQ(few.log.size(), 2U);
    EXPECT_EQ(few.log[0], "a\t1\tnil");
    EXPECT_EQ(few.log[1].size(), Limits{}.log_line_bytes_max);
    EXPECT_EQ(decode("for i = 1, 100000 do print(i) end").log.size(), Limits{}.log_lines_max);
    EXPECT_THAT(decode("print('before') error('x')").log, ElementsAre("before"));
}

TEST(Sandbox, AStoppedCallLeavesTheNextOneAFreshState) {
    Limits limits = small();
    Sandbox sandbox(limits);
    ASSERT_EQ(sandbox
                  .load("local kept = {} return { transports = {'MQTT'}, decode = function(t, p)\n"
                        "if p == 'eat' then for i = 1, 1e9 do kept[i] = i end end\n"
                        "return { kept = #kept } end }")
                  .fault,
              Fault::none);
    EXPECT_EQ(sandbox.call(uplink("eat")).fault, Fault::memory);
    EXPECT_THAT(sandbox.call(uplink("ok")).items, ElementsAre(R"({"kept":0})"));
}

}  // namespace
}  // namespace updraft::scripting
