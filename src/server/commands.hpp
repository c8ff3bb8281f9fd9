#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/text.hpp"

namespace updraft::server {

/// Ends the help of a command with a line that works.
inline void show_example(CLI::App& command, const std::string& example, Language language) {
    command.footer(Text{"示例:", "Example:"}.in(language) + "\n  " + example);
}

/// How a command tells its result.
struct OutputFlags {
    bool as_json = false;
    std::string language;  ///< "zh", "en", or empty: as LANG says
};

/// Adds `--json` and `--lang`; `flags` lives as long as the command.
inline void add_output_flags(CLI::App& command, OutputFlags& flags, Language language) {
    command.add_flag(
        "--json", flags.as_json,
        Text{"在标准输出上给出 JSON", "The result as JSON on standard output"}.in(language));
    command
        .add_option("--lang", flags.language,
                    Text{"zh 或 en; 默认按 LANG", "zh or en; by default as LANG says"}.in(language))
        ->check(CLI::IsMember({"zh", "en"}));
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
