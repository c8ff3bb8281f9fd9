#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/text.hpp"

namespace updraft::server {

/// Ends the help of a command with a line that works.
inline void show_example(CLI::App& command, const std::string& example, Language language) {
    command.footer(Text{"示例:", "Example:"}.in(language) + "\n  " + example);
}

/// Adds a command to the program; its callback stores the exit status in `status`.
void add_serve(CLI::App& program, int& status);
void add_demo(CLI::App& program, int& status);
void add_simulate(CLI::App& program, int& status);
/// `backup` and `restore`.
void add_backup(CLI::App& program, int& status, Language language);
void add_doctor(CLI::App& program, int& status, Language language);
/// `secrets rotate`.
void add_secrets(CLI::App& program, int& status, Language language);
/// `audit verify`, below the operators' `audit`.
void add_audit(CLI::App& program, int& status, Language language);
/// `routes`: every route; `config`: a sample configuration file.
void add_reference(CLI::App& program, int& status);

}  // namespace updraft::server
