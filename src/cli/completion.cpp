#include "cli/completion.hpp"

#include <fmt/ranges.h>

#include "cli/commands.hpp"

namespace updraft::cli {
namespace {

/// The choices in the name of an option's type: "VALUE:{push,pull}".
std::vector<std::string> choices_of(const std::string& type) {
    std::vector<std::string> choices;
    const std::size_t open = type.find('{');
    const std::size_t close = type.find('}', open == std::string::npos ? 0 : open);
    if (open == std::string::npos || close == std::string::npos) {
        return choices;
    }
    std::string rest = type.substr(open + 1, close - open - 1) + ",";
    for (auto comma = rest.find(','); comma != std::string::npos; comma = rest.find(',')) {
        choices.push_back(rest.substr(0, comma));
        rest.erase(0, comma + 1);
    }
    return choices;
}

void collect(CLI::App& app, const std::string& path, std::vector<CompletionNode>& nodes) {
    CompletionNode node{path, {}, {}};
    for (const CLI::Option* const option : app.get_options()) {
        const bool takes_value = option->get_expected_max() > 0;
        for (const std::string& name : option->get_lnames()) {
            node.options.push_back(
                {"--" + name, option->get_description(), takes_value,
                 takes_value ? choices_of(option->get_type_name()) : std::vector<std::string>()});
        }
        if (option->get_positional() && !choices_of(option->get_type_name()).empty()) {
            for (const std::string& choice : choices_of(option->get_type_name())) {
                node.below.push_back({choice, option->get_description(), false, {}});
            }
        }
    }
    const auto everyone = [](CLI::App*) { return true; };
    for (CLI::App* const below : app.get_subcommands(everyone)) {
        node.below.push_back({below->get_name(), below->get_description(), false, {}});
    }
    nodes.push_back(std::move(node));
    for (CLI::App* const below : app.get_subcommands(everyone)) {
        collect(*below, path + " " + below->get_name(), nodes);
    }
}

/// In single quotes for a shell that knows no escapes in them.
std::string shell_quoted(std::string_view text) {
    std::string out = "'";
    for (const char letter : text) {
        out += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    }
    return out + "'";
}

std::vector<std::string> quoted_paths(const std::vector<CompletionNode>& nodes) {
    std::vector<std::string> paths;
    for (const CompletionNode& node : nodes) {
        if (!node.path.empty()) {
            paths.push_back(shell_quoted(node.path));
        }
    }
    return paths;
}

}  // namespace

std::vector<CompletionNode> completion_nodes(CLI::App& program) {
    std::vector<CompletionNode> nodes;
    collect(program, "", nodes);
    return nodes;
}

std::string bash_completion(const std::vector<CompletionNode>& nodes) {
    std::string script =
        "# bash completion for updraft; source it, or put it in /etc/bash_completion.d/\n"
        "_updraft() {\n"
        "    local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
        "    local path='' i words=''\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case \"$path ${COMP_WORDS[i]}\" in\n"
        "            " +
        fmt::format("{}", fmt::join(quoted_paths(nodes), " | ")) +
        ")\n"
        "                path=\"$path ${COMP_WORDS[i]}\" ;;\n"
        "        esac\n"
        "    done\n"
        "    case \"$path $before\" in\n";
    for (const CompletionNode& node : nodes) {
        std::vector<std::string> free_values;
        for (const auto& option : node.options) {
            const std::string at = shell_quoted(node.path + " " + option.spelled);
            if (!option.choices.empty()) {
                script += fmt::format(
                    "        {}) COMPREPLY=($(compgen -W {} -- \"$word\")); return ;;\n", at,
                    shell_quoted(fmt::format("{}", fmt::join(option.choices, " "))));
            } else if (option.takes_value) {
                free_values.push_back(at);
            }
        }
        if (!free_values.empty()) {
            script +=
                fmt::format("        {}) COMPREPLY=(); return ;;\n", fmt::join(free_values, " | "));
        }
    }
    script += "    esac\n    case \"$path\" in\n";
    for (const CompletionNode& node : nodes) {
        std::vector<std::string> words;
        for (const auto& below : node.below) {
            words.push_back(below.spelled);
        }
        for (const auto& option : node.options) {
            words.push_back(option.spelled);
        }
        script += fmt::format("        {}) words={} ;;\n", shell_quoted(node.path),
                              shell_quoted(fmt::format("{}", fmt::join(words, " "))));
    }
    return script +
           "    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "}\n"
           "complete -o default -F _updraft updraft\n";
}

std::string zsh_completion(const std::vector<CompletionNode>& nodes) {
    return "#compdef updraft\n"
           "# zsh completion for updraft; put it in a folder of $fpath as _updraft, or source it\n"
           "autoload -U +X compinit && compinit\n"
           "autoload -U +X bashcompinit && bashcompinit\n" +
           bash_completion(nodes);
}

std::string fish_completion(const std::vector<CompletionNode>& nodes) {
    std::string script =
        "# fish completion for updraft; put it in ~/.config/fish/completions/updraft.fish\n"
        "function __updraft_at\n"
        "    set -l path ''\n"
        "    for word in (commandline -opc)[2..-1]\n"
        "        switch \"$path $word\"\n"
        "            case " +
        fmt::format("{}", fmt::join(quoted_paths(nodes), " ")) +
        "\n"
        "                set path \"$path $word\"\n"
        "        end\n"
        "    end\n"
        "    test \"$path\" = \"$argv[1]\"\n"
        "end\n";
    for (const CompletionNode& node : nodes) {
        const std::string here = fmt::format("complete -c updraft -n {}",
                                             shell_quoted("__updraft_at \"" + node.path + "\""));
        for (const auto& below : node.below) {
            script +=
                fmt::format("{} -f -a {} -d {}\n", here, below.spelled, shell_quoted(below.help));
        }
        for (const auto& option : node.options) {
            script += fmt::format("{} -l {}", here, option.spelled.substr(2));
            if (!option.choices.empty()) {
                script +=
                    " -x -a " + shell_quoted(fmt::format("{}", fmt::join(option.choices, " ")));
            } else if (option.takes_value) {
                script += " -r";
            }
            script += " -d " + shell_quoted(option.help) + "\n";
        }
    }
    return script;
}

void add_completion_command(const Commands& commands) {
    auto shell = std::make_shared<std::string>();
    CLI::App& program = commands.program();
    CLI::App& leaf = commands.leaf(
        program, "completion", {"输出 shell 补全脚本", "Print a completion script for a shell"},
        "source <(updraft completion bash)", [shell, &program](Context&) -> Result<ExitStatus> {
            const auto nodes = completion_nodes(program);
            fmt::print("{}", *shell == "bash"  ? bash_completion(nodes)
                             : *shell == "zsh" ? zsh_completion(nodes)
                                               : fish_completion(nodes));
            return ExitStatus::done;
        });
    commands.option(leaf, "shell", *shell, {"bash, zsh 或 fish", "bash, zsh or fish"})
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
}

}  // namespace updraft::cli
