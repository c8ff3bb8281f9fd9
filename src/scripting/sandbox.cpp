#include "scripting/sandbox.hpp"

#include <lua.hpp>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <functional>
#include <new>

#include "base/bytes.hpp"
#include "scripting/json_tables.hpp"

namespace updraft::scripting {
namespace {

namespace json = boost::json;

/// Instructions between two looks at what is left.
constexpr int instructions_at_a_time = 1'000;
/// How often a call may run out of memory and be helped by a collection.
constexpr int refusals_max = 8;
constexpr const char* chunk_name = "=script";
constexpr std::size_t message_bytes_max = 1'000;
/// Stack that the calls from outside need.
constexpr int stack_slots = 32;

/// At most `bytes` of what a script said, as text: bytes that are none become '?'.
std::string printable(std::string_view said, std::size_t bytes) {
    std::string text(said.substr(0, bytes));
    if (is_utf8(text)) {
        return text;
    }
    while (!text.empty() && said.size() > bytes &&
           (static_cast<unsigned char>(text.back()) & 0x80U) != 0) {
        text.pop_back();  // a character that the cut went through
    }
    if (!is_utf8(text)) {
        std::ranges::replace_if(
            text, [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; }, '?');
    }
    return text;
}

}  // namespace

/// The Lua state with everything that counts.
class Sandbox::Interpreter {
public:
    explicit Interpreter(const Limits& limits);
    ~Interpreter() {
        if (state_ != nullptr) {
            lua_close(state_);
        }
    }
    Interpreter(const Interpreter&) = delete;
    Interpreter& operator=(const Interpreter&) = delete;

    [[nodiscard]] Answer load(std::string_view script);
    [[nodiscard]] Answer call(const ScriptCall& call);

private:
    using Work = std::function<void(lua_State*, Answer&)>;

    static Interpreter& of(lua_State* state) {
        return **static_cast<Interpreter**>(lua_getextraspace(state));
    }
    static void* allocate(void* self, void* block, std::size_t old_size, std::size_t new_size);
    void refuse_memory();
    void stop(Fault limit);
    static void count(lua_State* state, lua_Debug* /*activation*/);
    static int note_error(lua_State* state);
    static int run_work(lua_State* state);
    static int print(lua_State* state);
    static int bounded_pattern(lua_State* state);
    static int bounded_rep(lua_State* state);
    static int guarded_setmetatable(lua_State* state);
    static int counted_xpcall(lua_State* state);
    static int open(lua_State* state);

    [[nodiscard]] Answer protect(const Work& work);
    void name_fault(int status, Answer& answer) const;
    void run_chunk(lua_State* state, std::string_view script, Answer& answer);
    void declare(lua_State* state, Answer& answer);
    void decode(lua_State* state, const ScriptCall& call, Answer& answer);
    void encode(lua_State* state, const ScriptCall& call, Answer& answer);
    void push_context(lua_State* state, const ScriptCall& call) const;
    bool add_item(lua_State* state, int index, std::size_t& bytes_left, Answer& answer) const;

    const Limits& limits_;
    lua_State* state_ = nullptr;
    std::size_t used_bytes_ = 0;
    std::int64_t instructions_left_ = 0;
    int refusals_left_ = 0;        ///< of memory; each costs a full collection
    Fault stopped_ = Fault::none;  ///< the limit that ends this call, whatever the script catches
    int decode_ = LUA_NOREF;
    int encode_ = LUA_NOREF;
    const Work* work_ = nullptr;
    Answer* answer_ = nullptr;  ///< of the call that runs
};

void* Sandbox::Interpreter::allocate(void* self, void* block, std::size_t old_size,
                                     std::size_t new_size) {
    auto& mine = *static_cast<Interpreter*>(self);
    const std::size_t had = block == nullptr ? 0 : old_size;
    if (new_size == 0) {
        std::free(block);
        mine.used_bytes_ -= had;
        return nullptr;
    }
    if (new_size > had && mine.used_bytes_ - had + new_size > mine.limits_.memory_bytes_max) {
        mine.refuse_memory();
        return nullptr;
    }
    void* moved = std::realloc(block, new_size);
    if (moved == nullptr) {
        mine.refuse_memory();
        return nullptr;
    }
    mine.used_bytes_ = mine.used_bytes_ - had + new_size;
    return moved;
}

/// Lua collects its garbage and asks again. A script that catches the errors and goes on asking
/// would spend all its time so.
void Sandbox::Interpreter::refuse_memory() {
    if (stopped_ == Fault::none && state_ != nullptr && --refusals_left_ < 0) {
        stop(Fault::memory);
    }
}

/// From now on every instruction raises an error: a script that catches one gets the next at once,
/// until nothing is left that could catch it.
void Sandbox::Interpreter::stop(Fault limit) {
    stopped_ = limit;
    lua_sethook(state_, &Interpreter::count, LUA_MASKCOUNT, 1);
}

void Sandbox::Interpreter::count(lua_State* state, lua_Debug* /*activation*/) {
    Interpreter& mine = of(state);
    if (mine.stopped_ == Fault::none) {
        mine.instructions_left_ -= instructions_at_a_time;
        if (mine.instructions_left_ > 0) {
            return;
        }
        mine.stop(Fault::instructions);
    }
    luaL_error(state, "over a limit");
}

/// Keeps an error's text and line; nothing of the script runs here.
int Sandbox::Interpreter::note_error(lua_State* state) {
    Answer& answer = *of(state).answer_;
    answer.line = 0;
    lua_Debug activation;
    for (int level = 0; level < 100 && lua_getstack(state, level, &activation) != 0; ++level) {
        lua_getinfo(state, "Sl", &activation);
        if (activation.currentline > 0 && std::string_view(activation.source) == chunk_name) {
            answer.line = static_cast<std::uint32_t>(activation.currentline);
            break;
        }
    }
    std::string said;
    if (lua_type(state, 1) == LUA_TSTRING || lua_type(state, 1) == LUA_TNUMBER) {
        std::size_t size = 0;
        const char* text = lua_tolstring(state, 1, &size);
        said = printable({text, size}, message_bytes_max);
    } else {
        said = std::string("an error object of type ") + luaL_typename(state, 1);
    }
    answer.message = {said, said};
    return 1;
}

int Sandbox::Interpreter::run_work(lua_State* state) {
    Interpreter& mine = of(state);
    (*mine.work_)(state, *mine.answer_);
    return 0;
}

/// Collects a line instead of writing it anywhere.
int Sandbox::Interpreter::print(lua_State* state) {
    Interpreter& mine = of(state);
    std::string line;
    const int count = lua_gettop(state);
    for (int i = 1; i <= count; ++i) {
        std::size_t size = 0;
        const char* text = luaL_tolstring(state, i, &size);
        line += i > 1 ? "\t" : "";
        line += std::string_view(text, std::min(size, mine.limits_.log_line_bytes_max + 1));
        lua_pop(state, 1);
        if (line.size() > mine.limits_.log_line_bytes_max) {
            break;
        }
    }
    if (mine.answer_ != nullptr && mine.answer_->log.size() < mine.limits_.log_lines_max) {
        mine.answer_->log.push_back(printable(line, mine.limits_.log_line_bytes_max));
    }
    return 0;
}

/// string.find and its kin: what they search by a pattern may not be long, since their time is not
/// counted and grows with a power of the length.
int Sandbox::Interpreter::bounded_pattern(lua_State* state) {
    const std::size_t longest = of(state).limits_.subject_bytes_max;
    std::size_t size = 0;
    luaL_checklstring(state, 1, &size);
    const bool plain =
        lua_toboolean(state, lua_upvalueindex(2)) != 0 && lua_toboolean(state, 4) != 0;
    if (size > longest && !plain) {
        return luaL_error(state, "the text to search has %d bytes, over the limit of %d",
                          static_cast<int>(size), static_cast<int>(longest));
    }
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
    return lua_gettop(state);
}

int Sandbox::Interpreter::bounded_rep(lua_State* state) {
    const std::size_t longest = of(state).limits_.repeated_bytes_max;
    std::size_t size = 0;
    std::size_t separator = 0;
    luaL_checklstring(state, 1, &size);
    const lua_Integer times = luaL_checkinteger(state, 2);
    (void)luaL_optlstring(state, 3, "", &separator);
    const std::size_t each = size + separator;
    if (times > 0 && each > 0 && static_cast<std::uint64_t>(times) > longest / each) {
        return luaL_error(state, "string.rep makes at most %d bytes", static_cast<int>(longest));
    }
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
    return lua_gettop(state);
}

/// Finalizers run where nothing is counted, so there are none.
int Sandbox::Interpreter::guarded_setmetatable(lua_State* state) {
    if (lua_type(state, 2) == LUA_TTABLE) {
        lua_pushliteral(state, "__gc");
        if (lua_rawget(state, 2) != LUA_TNIL) {
            return luaL_error(state, "__gc is not available");
        }
        lua_pop(state, 1);
    }
    lua_pushvalue(state, lua_upvalueindex(1));
    lua_insert(state, 1);
    lua_call(state, lua_gettop(state) - 1, LUA_MULTRET);
    return lua_gettop(state);
}

/// xpcall whose handler runs after the error has been caught: Lua's own calls it inside the hook
/// that raised it, where nothing is counted.
int Sandbox::Interpreter::counted_xpcall(lua_State* state) {
    luaL_checktype(state, 2, LUA_TFUNCTION);
    lua_pushvalue(state, 2);
    lua_insert(state, 1);  // handler, function, handler, arguments
    lua_remove(state, 3);
    const int status = lua_pcall(state, lua_gettop(state) - 2, LUA_MULTRET, 0);
    if (status == LUA_OK) {
        lua_pushboolean(state, 1);
        lua_replace(state, 1);
        return lua_gettop(state);
    }
    lua_call(state, 1, 1);
    lua_pushboolean(state, 0);
    lua_insert(state, 1);
    return 2;
}

/// Opens the five libraries without what reaches out of them.
int Sandbox::Interpreter::open(lua_State* state) {
    luaL_requiref(state, LUA_GNAME, luaopen_base, 1);
    luaL_requiref(state, LUA_STRLIBNAME, luaopen_string, 1);
    luaL_requiref(state, LUA_TABLIBNAME, luaopen_table, 1);
    luaL_requiref(state, LUA_MATHLIBNAME, luaopen_math, 1);
    luaL_requiref(state, LUA_UTF8LIBNAME, luaopen_utf8, 1);
    lua_settop(state, 0);
    for (const char* name :
         {"load", "loadfile", "dofile", "loadstring", "require", "collectgarbage", "warn"}) {
        lua_pushnil(state);
        lua_setglobal(state, name);
    }
    lua_pushcfunction(state, &Interpreter::print);
    lua_setglobal(state, "print");
    lua_pushcfunction(state, &Interpreter::counted_xpcall);
    lua_setglobal(state, "xpcall");
    lua_getglobal(state, "setmetatable");
    lua_pushcclosure(state, &Interpreter::guarded_setmetatable, 1);
    lua_setglobal(state, "setmetatable");

    lua_getglobal(state, LUA_STRLIBNAME);
    lua_pushnil(state);
    lua_setfield(state, -2, "dump");
    for (const char* name : {"find", "match", "gmatch", "gsub"}) {
        lua_getfield(state, -1, name);
        lua_pushboolean(state, std::string_view(name) == "find" ? 1 : 0);
        lua_pushcclosure(state, &Interpreter::bounded_pattern, 2);
        lua_setfield(state, -2, name);
    }
    lua_getfield(state, -1, "rep");
    lua_pushcclosure(state, &Interpreter::bounded_rep, 1);
    lua_setfield(state, -2, "rep");

    lua_pushliteral(state, "");  // the metatable that all strings share is nobody's to change
    lua_getmetatable(state, -1);
    lua_pushboolean(state, 0);
    lua_setfield(state, -2, "__metatable");
    lua_settop(state, 0);
    return 0;
}

Sandbox::Interpreter::Interpreter(const Limits& limits) : limits_(limits) {
    state_ = lua_newstate(&Interpreter::allocate, this);
    if (state_ == nullptr) {
        throw std::bad_alloc();
    }
    *static_cast<Interpreter**>(lua_getextraspace(state_)) = this;
    lua_gc(state_, LUA_GCINC, 120, 400, 0);  // collects early: there is no second heap to grow into
    lua_pushcfunction(state_, &Interpreter::open);
    if (lua_checkstack(state_, stack_slots) == 0 || lua_pcall(state_, 0, 0, 0) != LUA_OK) {
        lua_close(state_);
        state_ = nullptr;
        throw std::bad_alloc();
    }
}

/// Runs `work` so that no error gets out of it, and counts from zero.
Answer Sandbox::Interpreter::protect(const Work& work) {
    Answer answer;
    work_ = &work;
    answer_ = &answer;
    stopped_ = Fault::none;
    refusals_left_ = refusals_max;
    instructions_left_ = static_cast<std::int64_t>(
        std::min<std::uint64_t>(limits_.call_instructions_max, std::int64_t{1} << 60));
    lua_settop(state_, 0);
    lua_sethook(state_, &Interpreter::count, LUA_MASKCOUNT, instructions_at_a_time);
    lua_pushcfunction(state_, &Interpreter::note_error);
    lua_pushcfunction(state_, &Interpreter::run_work);
    const int status = lua_pcall(state_, 0, 0, 1);
    lua_sethook(state_, nullptr, 0, 0);
    name_fault(status, answer);
    lua_settop(state_, 0);
    answer_ = nullptr;
    work_ = nullptr;
    return answer;
}

/// What the outcome of a protected call means.
void Sandbox::Interpreter::name_fault(int status, Answer& answer) const {
    if (stopped_ == Fault::instructions) {
        answer.fault = Fault::instructions;
        answer.message =
            text("执行超过{}条指令", "it took over {} instructions", limits_.call_instructions_max);
    } else if (stopped_ == Fault::memory || status == LUA_ERRMEM || status < 0) {
        answer.fault = Fault::memory;
        answer.message = text("使用的内存超过{}字节", "it took over {} bytes of memory",
                              limits_.memory_bytes_max);
        answer.line = status == LUA_ERRMEM ? 0 : answer.line;
    } else if (status != LUA_OK) {
        answer.fault = Fault::script;
        if (answer.message.en.empty() || status == LUA_ERRERR) {
            answer.message = {"错误处理函数中出错", "error in error handling"};
        }
        // Lua puts "script:12: " before what it or error() says; the line is told apart.
        const std::string prefix = fmt::format("script:{}: ", answer.line);
        if (answer.message.en.starts_with(prefix)) {
            answer.message.en.erase(0, prefix.size());
            answer.message.zh = answer.message.en;
        }
    }
    if (answer.fault != Fault::none) {
        answer.items.clear();
    }
}

Answer Sandbox::Interpreter::load(std::string_view script) {
    return protect([&](lua_State* state, Answer& answer) { run_chunk(state, script, answer); });
}

/// The line that the compiler's message "script:12: ..." begins with, taken off it.
std::uint32_t take_line(std::string& message) {
    constexpr std::string_view prefix = "script:";
    if (!message.starts_with(prefix)) {
        return 0;
    }
    std::size_t at = prefix.size();
    std::uint32_t line = 0;
    while (at < message.size() && message[at] >= '0' && message[at] <= '9' && line < 100'000'000) {
        line = line * 10 + static_cast<std::uint32_t>(message[at++] - '0');
    }
    if (message.compare(at, 2, ": ") != 0) {
        return 0;
    }
    message.erase(0, at + 2);
    return line;
}

void Sandbox::Interpreter::run_chunk(lua_State* state, std::string_view script, Answer& answer) {
    const int compiled = luaL_loadbufferx(state, script.data(), script.size(), chunk_name, "t");
    if (compiled == LUA_ERRMEM) {
        stop(Fault::memory);
        lua_error(state);
    }
    if (compiled != LUA_OK) {
        std::size_t size = 0;
        const char* said = lua_tolstring(state, -1, &size);
        std::string message = printable({said, size}, message_bytes_max);
        answer.fault = Fault::script;
        answer.line = take_line(message);
        answer.message = {message, message};
        return;
    }
    lua_call(state, 0, 1);
    if (lua_type(state, -1) != LUA_TTABLE) {
        answer.fault = Fault::output;
        answer.message =
            text("脚本应返回一个表, 而不是 {}", "the script returns a {} instead of a table",
                 luaL_typename(state, -1));
        return;
    }
    declare(state, answer);
}

/// Reads the table that the script returned.
void Sandbox::Interpreter::declare(lua_State* state, Answer& answer) {
    const int table = lua_absindex(state, -1);
    const auto field = [&](const char* name) {
        lua_pushstring(state, name);
        return lua_rawget(state, table);
    };
    json::object declared;
    std::size_t bytes_left = limits_.output_bytes_max;
    for (const char* name : {"transports", "features", "config"}) {
        field(name);
        ToJson value = json_of(state, -1, bytes_left);
        lua_pop(state, 1);
        if (value.refusal) {
            answer.fault = Fault::output;
            answer.message = text("{}: {}", "{}: {}", name, value.refusal->en);
            answer.message.zh = fmt::format("{}: {}", name, value.refusal->zh);
            return;
        }
        declared[name] = std::move(value.value);
    }
    for (auto [name, reference] : {std::pair{"decode", &decode_}, std::pair{"encode", &encode_}}) {
        const int type = field(name);
        if (type != LUA_TFUNCTION && type != LUA_TNIL) {
            answer.fault = Fault::output;
            answer.message = text("{} 应为函数, 而不是 {}", "{} is a {} instead of a function",
                                  name, lua_typename(state, type));
            answer.message.zh =
                fmt::format("{} 应为函数, 而不是 {}", name, lua_typename(state, type));
            return;
        }
        declared[name] = type == LUA_TFUNCTION;
        *reference = type == LUA_TFUNCTION ? luaL_ref(state, LUA_REGISTRYINDEX) : LUA_NOREF;
        if (type != LUA_TFUNCTION) {
            lua_pop(state, 1);
        }
    }
    answer.items.push_back(json::serialize(declared));
}

Answer Sandbox::Interpreter::call(const ScriptCall& call) {
    return protect([&](lua_State* state, Answer& answer) {
        if (call.direction == ScriptCall::Direction::decode) {
            decode(state, call, answer);
        } else {
            encode(state, call, answer);
        }
    });
}

void Sandbox::Interpreter::push_context(lua_State* state, const ScriptCall& call) const {
    lua_createtable(state, 0, 3);
    const auto put = [&](const char* name, const std::string& value) {
        lua_pushlstring(state, value.data(), value.size());
        lua_setfield(state, -2, name);
    };
    put("productId", call.product.value);
    put("deviceId", call.device.value);
    if (call.gateway) {
        put("gatewayId", call.gateway->value);
    }
}

/// Adds the message at `index`; false if it is none.
bool Sandbox::Interpreter::add_item(lua_State* state, int index, std::size_t& bytes_left,
                                    Answer& answer) const {
    if (lua_type(state, index) != LUA_TTABLE) {
        answer.fault = Fault::output;
        answer.message = text("decode 返回了 {}, 应为表, 表的列表或nil",
                              "decode returned a {}; a table, a list of tables or nil is right",
                              luaL_typename(state, index));
        return false;
    }
    ToJson message = json_of(state, index, bytes_left);
    if (message.refusal) {
        answer.fault = Fault::output;
        answer.message = std::move(*message.refusal);
        return false;
    }
    answer.items.push_back(json::serialize(message.value));
    return true;
}

void Sandbox::Interpreter::decode(lua_State* state, const ScriptCall& call, Answer& answer) {
    if (decode_ == LUA_NOREF) {
        return;
    }
    lua_rawgeti(state, LUA_REGISTRYINDEX, decode_);
    lua_pushlstring(state, call.topic.data(), call.topic.size());
    lua_pushlstring(state, call.payload.data(), call.payload.size());
    push_context(state, call);
    lua_call(state, 3, 1);
    if (lua_type(state, -1) == LUA_TNIL) {
        return;
    }
    const int result = lua_absindex(state, -1);
    std::size_t bytes_left = limits_.output_bytes_max;
    bool list = false;
    if (lua_type(state, result) == LUA_TTABLE) {
        list = lua_rawgeti(state, result, 1) != LUA_TNIL;
        lua_pop(state, 1);
        lua_pushnil(state);
        const bool empty = lua_next(state, result) == 0;
        if (empty) {
            return;  // {}: a list of no messages
        }
        lua_pop(state, 2);
    }
    if (!list) {
        (void)add_item(state, result, bytes_left, answer);
        return;
    }
    const lua_Unsigned length = lua_rawlen(state, result);
    if (length > limits_.messages_max) {
        answer.fault = Fault::output;
        answer.message =
            text("decode 返回了{}条消息, 超过上限{}条",
                 "decode returned {} messages, over the limit of {}", length, limits_.messages_max);
        return;
    }
    for (lua_Unsigned i = 1; i <= length; ++i) {
        lua_rawgeti(state, result, static_cast<lua_Integer>(i));
        if (!add_item(state, -1, bytes_left, answer)) {
            return;
        }
        lua_pop(state, 1);
    }
}

void Sandbox::Interpreter::encode(lua_State* state, const ScriptCall& call, Answer& answer) {
    if (encode_ == LUA_NOREF) {
        return;
    }
    boost::system::error_code error;
    const json::value message = json::parse(call.payload, error);
    if (error || !message.is_object()) {
        answer.fault = Fault::output;
        answer.message = {"要编码的消息不是JSON对象", "the message to encode is not a JSON object"};
        return;
    }
    lua_rawgeti(state, LUA_REGISTRYINDEX, encode_);
    push_json(state, message);
    push_context(state, call);
    lua_call(state, 2, 2);
    if (lua_type(state, -2) == LUA_TNIL) {
        return;
    }
    const int payload = lua_type(state, -1);
    if (lua_type(state, -2) != LUA_TSTRING || (payload != LUA_TSTRING && payload != LUA_TNIL)) {
        answer.fault = Fault::output;
        answer.message =
            text("encode 返回了 {} 和 {}, 应为文本主题和文本内容, 或nil",
                 "encode returned a {} and a {}; the topic and the payload as strings, "
                 "or nil, is right",
                 luaL_typename(state, -2), luaL_typename(state, -1));
        return;
    }
    std::size_t total = 0;
    for (const int index : {-2, -1}) {
        std::size_t size = 0;
        const char* bytes = lua_tolstring(state, index, &size);
        total += size;
        if (total > limits_.output_bytes_max) {
            answer.fault = Fault::output;
            answer.message = {"返回的内容过大", "the answer is too large"};
            return;
        }
        answer.items.emplace_back(bytes == nullptr ? "" : bytes, size);
    }
}

Sandbox::Sandbox(const Limits& limits)
    : limits_(limits), interpreter_(std::make_unique<Interpreter>(limits_)) {}

Sandbox::~Sandbox() = default;

Answer Sandbox::load(std::string_view script) {
    script_ = script;
    return interpreter_->load(script_);
}

Answer Sandbox::call(const ScriptCall& call) {
    Answer answer = interpreter_->call(call);
    if (answer.fault == Fault::instructions || answer.fault == Fault::memory) {
        interpreter_ = std::make_unique<Interpreter>(limits_);
        (void)interpreter_->load(script_);  // it loaded before; if it does not now, calls fail
    }
    return answer;
}

}  // namespace updraft::scripting
