#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cli/exit_status.hpp"
#include "cli/where.hpp"

namespace updraft::cli {

/// What a command does once its flags are known.
using Work = std::function<Result<ExitStatus>(Context&)>;

/// Makes commands: their texts in one language, the flags that all take, and how they end.
class Commands {
public:
    Commands(CLI::App& program, int& status, Language language)
        : program_(program), status_(status), language_(language) {}

    [[nodiscard]] const std::string& in_language(const Text& text) const {
        return text.in(language_);
    }
    [[nodiscard]] CLI::App& program() const { return program_; }

    /// A command that only has commands below it: `updraft device`.
    CLI::App& group(const std::string& name, const Text& what) const;
    /// A command that does something. `example` stands in its help.
    CLI::App& leaf(CLI::App& parent, const std::string& name, const Text& what,
                   const std::string& example, Work work) const;

    /// `--name VALUE`, or a positional argument if the name has no dashes.
    template <class Value>
    CLI::Option* option(CLI::App& leaf, const std::string& name, Value& target,
                        const Text& help) const {
        CLI::Option* const option = leaf.add_option(name, target, help.in(language_));
        option->type_name(name.starts_with("-") ? "VALUE" : "");
        return option;
    }
    /// The same for a flag that may be given several times, one value each time.
    CLI::Option* repeated(CLI::App& leaf, const std::string& name, std::vector<std::string>& target,
                          const Text& help) const {
        return option(leaf, name, target, help)->allow_extra_args(name.front() != '-');
    }
    CLI::Option* flag(CLI::App& leaf, const std::string& name, bool& target,
                      const Text& help) const {
        return leaf.add_flag(name, target, help.in(language_));
    }

private:
    void add_common(CLI::App& leaf, CommonFlags& flags) const;

    CLI::App& program_;
    int& status_;
    Language language_;
};

/// The flags of a command that lists rows.
struct ListFlags {
    std::vector<std::string> where;
    std::string sort;
    std::size_t limit = 100;
    std::size_t page = 1;
    bool all = false;
};
void add_list_flags(const Commands& commands, CLI::App& leaf, ListFlags& flags);
/// Asks the endpoint and prints the rows; `more` must hold too. With --json the array of rows.
[[nodiscard]] Result<ExitStatus> list_rows(Context& context, const std::string& path,
                                           const ListFlags& flags, Fields fields, json::array more,
                                           const std::vector<Column>& columns);

/// A condition that a column equals a value.
[[nodiscard]] json::object equals(std::string_view column, std::string_view value);

/// Deletes or changes each of the ids with `change` and says so; goes on after a refusal. With
/// --json an array of `{"id","done"}`. The first error is returned.
[[nodiscard]] Result<ExitStatus> for_each_id(
    Context& context, const std::vector<std::string>& ids, const Text& done,
    const std::function<Result<void>(client::RestClient& api, const std::string& id)>& change);

/// The line that standard input holds: a password or a token. Errors: invalid_argument (empty).
[[nodiscard]] Result<std::string> secret_from_input();

/// Of the entries of a record's or a device's timeline.
[[nodiscard]] const std::vector<Column>& timeline_columns();

/// Writes the CSV of an export endpoint to a file, or to standard output for "" and "-".
[[nodiscard]] Result<ExitStatus> export_rows(Context& context, const std::string& path,
                                             json::array terms, const std::string& out);

void add_access_commands(const Commands& commands);
void add_product_commands(const Commands& commands);
void add_protocol_commands(const Commands& commands);
void add_device_commands(const Commands& commands);
/// `credential`, below the commands of devices and of products.
void add_device_credentials(const Commands& commands, CLI::App& group);
void add_product_credentials(const Commands& commands, CLI::App& group);
void add_firmware_commands(const Commands& commands);
void add_task_commands(const Commands& commands);
/// `task records`, beside the other commands of a task.
void add_task_records(const Commands& commands, CLI::App& group);
void add_record_commands(const Commands& commands);
void add_token_commands(const Commands& commands);
void add_audit_commands(const Commands& commands);
void add_completion_command(const Commands& commands);

}  // namespace updraft::cli
