#pragma once

#include <expected>
#include <string_view>

#include "app/script_host.hpp"

namespace updraft::scripting {

/// Reads what a script declares (Sandbox::load), and checks it: transports that scripts can serve,
/// ids and keys of sane forms, and a function for what the transports need.
[[nodiscard]] std::expected<ScriptDeclaration, ScriptFailure> read_declaration(
    std::string_view json_text);

}  // namespace updraft::scripting
