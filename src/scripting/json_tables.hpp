#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <optional>

#include "base/text.hpp"

struct lua_State;

/// JSON values as Lua's, and back. Both run inside a protected call: Lua's errors (no memory) leave
/// through them.
namespace updraft::scripting {

/// Pushes one value. null is nil.
void push_json(lua_State* state, const boost::json::value& value);

/// What can be had from a Lua value: tables with the keys 1..n are arrays, others objects; an empty
/// one is an object. Metatables are not asked. `bytes_left` is what it may cost, and becomes less.
struct ToJson {
    boost::json::value value;
    std::optional<Text> refusal;  ///< why it is no JSON; `value` is of no use then
};
[[nodiscard]] ToJson json_of(lua_State* state, int index, std::size_t& bytes_left);

}  // namespace updraft::scripting
