#pragma once

#include <CLI/CLI.hpp>

#include "base/text.hpp"

namespace updraft::cli {

/// The language of the help texts: --lang wherever it stands, else the environment's. Read before
/// the command line is parsed, because the texts are given to the parser.
[[nodiscard]] Language help_language(int argc, const char* const* argv);

/// Adds the operators' commands (login, product, device, firmware, task, record, token ...) to the
/// program; the callback of the one that runs stores the exit status in `status`.
void add_operator_commands(CLI::App& program, int& status, Language language);

/// Says on standard error what is wrong with a command line that could not be parsed, and what
/// would be right.
void explain_usage(const CLI::App& program, const CLI::ParseError& error, int argc,
                   const char* const* argv, Language language);

}  // namespace updraft::cli
