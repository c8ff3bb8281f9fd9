#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "server/config.hpp"

namespace updraft::server {

/// The configuration of a command: the file, then the environment, then the flags.
class ConfiguredCommand {
public:
    /// Adds `--config` and a flag for every key to `command`.
    explicit ConfiguredCommand(CLI::App& command);
    ConfiguredCommand(const ConfiguredCommand&) = delete;
    ConfiguredCommand& operator=(const ConfiguredCommand&) = delete;

    /// Reads all three and checks the whole. Call it in the command's callback.
    [[nodiscard]] Result<void> load();
    [[nodiscard]] Config& config() { return config_; }
    /// True if the key was given as a flag.
    [[nodiscard]] bool given(const std::string& key) const;
    /// What all three have set, as a file, without secrets.
    [[nodiscard]] std::string settings_file() const { return settings_.given(); }

private:
    Config config_;
    Settings settings_;
    std::string file_;
    std::map<std::string, std::string> flags_;  ///< key -> text, as given
};

/// `UPDRAFT_ADMIN_PASSWORD`, if it is set and not empty.
[[nodiscard]] std::optional<std::string> admin_password_from_environment();

/// Prints an error in both languages on standard error; returns exit status 2.
[[nodiscard]] int complain(const Error& error);

/// What has to be done once before threads start: logging, time zone, rights of new files.
void prepare_process(const Config& config);

}  // namespace updraft::server
