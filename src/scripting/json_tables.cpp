#include "scripting/json_tables.hpp"

#include <lua.hpp>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "scripting/limits.hpp"

namespace updraft::scripting {
namespace {

namespace json = boost::json;

/// What a member costs beside its text.
constexpr std::size_t value_bytes = 8;

std::string_view string_at(lua_State* state, int index) {
    std::size_t size = 0;
    const char* text = lua_tolstring(state, index, &size);
    return {text, size};
}

/// Walks a Lua value; the first thing that is no JSON ends the walk.
class Walk {
public:
    Walk(lua_State* state, std::size_t& bytes_left) : state_(state), bytes_left_(bytes_left) {}

    json::value value(int index, int depth) {
        switch (lua_type(state_, index)) {
            case LUA_TNIL:
                return nullptr;
            case LUA_TBOOLEAN:
                (void)spend(0);
                return lua_toboolean(state_, index) != 0;
            case LUA_TNUMBER:
                return number(index);
            case LUA_TSTRING:
                return text(index);
            case LUA_TTABLE:
                return table(lua_absindex(state_, index), depth + 1);
            default: {
                const char* type = luaL_typename(state_, index);
                return refuse(
                    updraft::text("消息中不能有 {} 类型的值", "a message cannot hold a {}", type));
            }
        }
    }
    [[nodiscard]] std::optional<Text> refusal() && { return std::move(refusal_); }

private:
    using Members = std::vector<std::pair<std::string, json::value>>;

    json::value refuse(Text why) {
        if (!refusal_) {
            refusal_ = std::move(why);
        }
        return nullptr;
    }

    bool spend(std::size_t bytes) {
        const std::size_t cost = bytes + value_bytes;
        if (cost > bytes_left_) {
            bytes_left_ = 0;
            (void)refuse({"返回的内容过大", "the answer is too large"});
            return false;
        }
        bytes_left_ -= cost;
        return true;
    }

    json::value number(int index) {
        (void)spend(0);
        if (lua_isinteger(state_, index) != 0) {
            return static_cast<std::int64_t>(lua_tointeger(state_, index));
        }
        constexpr double exact_max = 9007199254740992.0;  // 2^53
        const double number = lua_tonumber(state_, index);
        if (!std::isfinite(number)) {
            return refuse({"消息中不能有NaN或无穷大", "a message cannot hold NaN or infinity"});
        }
        if (std::trunc(number) == number && std::abs(number) <= exact_max) {
            return static_cast<std::int64_t>(number);  // 100 * 1.0 is meant as 100
        }
        return number;
    }

    json::value text(int index) {
        const std::string_view text = string_at(state_, index);
        if (!spend(text.size())) {
            return nullptr;
        }
        if (!is_utf8(text)) {
            return refuse(
                {"消息中的文本不是UTF-8, 二进制内容请转换为十六进制等文本",
                 "a text in a message is not UTF-8; bytes have to become text, such as hex"});
        }
        return json::string(text);
    }

    /// True if the keys are exactly 1..n with n > 0.
    bool is_list(int table, lua_Unsigned length) {
        lua_Unsigned members = 0;
        bool list = length > 0;
        lua_pushnil(state_);
        while (lua_next(state_, table) != 0) {
            lua_pop(state_, 1);
            ++members;
            if (lua_isinteger(state_, -1) == 0 || members > length) {
                lua_pop(state_, 1);
                return false;
            }
        }
        return list && members == length;
    }

    json::value table(int table, int depth) {
        if (depth > table_depth_max) {
            return refuse(updraft::text("消息的嵌套超过{}层", "a message is nested over {} levels",
                                        table_depth_max));
        }
        if (!spend(0)) {
            return nullptr;
        }
        luaL_checkstack(state_, 4, "too deep");
        const lua_Unsigned length = lua_rawlen(state_, table);
        return is_list(table, length) ? list(table, length, depth) : object(table, depth);
    }

    json::value list(int table, lua_Unsigned length, int depth) {
        json::array list;
        for (lua_Unsigned i = 1; i <= length && !refusal_; ++i) {
            lua_rawgeti(state_, table, static_cast<lua_Integer>(i));
            list.push_back(value(-1, depth));
            lua_pop(state_, 1);
        }
        return list;
    }

    /// In the order of the names: Lua's own is another one in every process.
    json::value object(int table, int depth) {
        Members members;
        lua_pushnil(state_);
        while (lua_next(state_, table) != 0) {
            member(members, depth);
            lua_pop(state_, 1);
            if (refusal_) {
                lua_pop(state_, 1);
                break;
            }
        }
        std::ranges::sort(members, {}, &Members::value_type::first);
        json::object object(members.size());
        for (auto& [name, value] : members) {
            object.insert_or_assign(name, std::move(value));
        }
        return object;
    }

    /// The key is at -2, its value at -1. lua_tolstring would change a number key under lua_next.
    void member(Members& members, int depth) {
        std::string name;
        if (lua_isinteger(state_, -2) != 0) {
            name = std::to_string(lua_tointeger(state_, -2));
        } else if (lua_type(state_, -2) == LUA_TSTRING) {
            name = string_at(state_, -2);
        } else {
            (void)refuse({"消息的成员名必须是文本", "a member's name has to be a text"});
            return;
        }
        if (!is_utf8(name)) {
            (void)refuse({"消息的成员名不是UTF-8", "a member's name is not UTF-8"});
            return;
        }
        if (spend(name.size())) {
            json::value found = value(-1, depth);
            members.emplace_back(std::move(name), std::move(found));
        }
    }

    lua_State* state_;
    std::size_t& bytes_left_;
    std::optional<Text> refusal_;
};

void push_list(lua_State* state, const json::array& list) {
    lua_createtable(state, static_cast<int>(list.size()), 0);
    lua_Integer at = 1;
    for (const json::value& each : list) {
        push_json(state, each);
        lua_rawseti(state, -2, at++);
    }
}

void push_object(lua_State* state, const json::object& object) {
    lua_createtable(state, 0, static_cast<int>(object.size()));
    for (const auto& [name, value] : object) {
        lua_pushlstring(state, name.data(), name.size());
        push_json(state, value);
        lua_rawset(state, -3);
    }
}

}  // namespace

void push_json(lua_State* state, const json::value& value) {
    luaL_checkstack(state, 4, "too deep");
    switch (value.kind()) {
        case json::kind::null:
            return lua_pushnil(state);
        case json::kind::bool_:
            return lua_pushboolean(state, value.get_bool() ? 1 : 0);
        case json::kind::int64:
            return lua_pushinteger(state, value.get_int64());
        case json::kind::uint64:
        case json::kind::double_:
            return lua_pushnumber(state, value.to_number<double>());
        case json::kind::string:
            lua_pushlstring(state, value.get_string().data(), value.get_string().size());
            return;
        case json::kind::array:
            return push_list(state, value.get_array());
        case json::kind::object:
            return push_object(state, value.get_object());
    }
}

ToJson json_of(lua_State* state, int index, std::size_t& bytes_left) {
    Walk walk(state, bytes_left);
    ToJson result{walk.value(index, 0), std::nullopt};
    result.refusal = std::move(walk).refusal();
    return result;
}

}  // namespace updraft::scripting
