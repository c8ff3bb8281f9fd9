#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace updraft::cli {

/// One server that the operator works with, and how to sign in there. Passwords are never kept.
struct Profile {
    std::string name;
    std::string server;    ///< "https://ota.example.com"
    std::string username;  ///< whose token it is; for people
    std::string token;     ///< a session's or a machine's
    std::string ca_file;   ///< PEM, if the server's certificate needs one
    friend bool operator==(const Profile&, const Profile&) = default;
};

/// The operator's profiles: one TOML file that only its owner may read.
///
///     current = "production"
///     [profile.production]
///     server = "https://ota.example.com"
///     username = "admin"
///     token = "..."
class Profiles {
public:
    explicit Profiles(std::filesystem::path file) : file_(std::move(file)) {}

    /// Reads the file; a missing one is no profile. Errors: malformed, naming file and line.
    [[nodiscard]] static Result<Profiles> load(const std::filesystem::path& file);
    /// Writes the file anew (mode 0600, folder 0700), whole or not at all. Errors: internal.
    [[nodiscard]] Result<void> save() const;

    [[nodiscard]] const std::filesystem::path& file() const { return file_; }
    [[nodiscard]] const std::vector<Profile>& all() const { return profiles_; }
    /// The name of the one in use; empty if there is none.
    [[nodiscard]] const std::string& current() const { return current_; }
    /// Null if there is no such profile.
    [[nodiscard]] const Profile* find(std::string_view name) const;
    /// Null if no profile is for this server.
    [[nodiscard]] const Profile* find_server(std::string_view server) const;

    /// Adds the profile, or replaces the one of that name.
    void put(Profile profile);
    /// False if there is no such profile. Without its profile nothing is in use.
    bool remove(std::string_view name);
    /// Errors: not_found.
    [[nodiscard]] Result<void> use(std::string_view name);

private:
    std::filesystem::path file_;
    std::string current_;
    std::vector<Profile> profiles_;  ///< by name
};

/// ${XDG_CONFIG_HOME:-~/.config}/updraft/profiles.toml
[[nodiscard]] std::filesystem::path profiles_file();

/// A server's address as people type it: a missing scheme is https (http on this machine), slashes
/// at the end and the console's path go. Errors: invalid_argument.
[[nodiscard]] Result<std::string> normal_server(std::string_view typed);

/// The name a profile gets if nobody names it: the server's host and port.
[[nodiscard]] std::string profile_name_of(std::string_view server);
/// Letters, digits, '.', '_', '-'; 1 to 64.
[[nodiscard]] Result<void> checked_profile_name(std::string_view name);

}  // namespace updraft::cli
