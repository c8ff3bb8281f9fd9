#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace updraft::cli {

/// One command as a completion script sees it.
struct CompletionNode {
    struct Word {
        std::string spelled;  ///< "list" or "--mode"
        std::string help;
        bool takes_value = false;
        std::vector<std::string> choices;  ///< of the value, if it is one of a few
    };
    std::string path;         ///< " task create"; empty for the program itself
    std::vector<Word> below;  ///< commands
    std::vector<Word> options;
};

/// The program and every command below it, each with what may follow it.
[[nodiscard]] std::vector<CompletionNode> completion_nodes(CLI::App& program);

/// A script to be sourced by the shell; completes commands, flags, and the values of flags that
/// have a few; file names for the rest.
[[nodiscard]] std::string bash_completion(const std::vector<CompletionNode>& nodes);
[[nodiscard]] std::string zsh_completion(const std::vector<CompletionNode>& nodes);
[[nodiscard]] std::string fish_completion(const std::vector<CompletionNode>& nodes);

}  // namespace updraft::cli
