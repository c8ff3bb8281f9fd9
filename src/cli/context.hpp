#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/profiles.hpp"
#include "cli/terminal.hpp"
#include "client/http_client.hpp"

namespace updraft::cli {

/// The flags that every command takes.
struct CommonFlags {
    std::string profile;
    std::string server;
    std::string language;  ///< "zh" or "en"; empty: by the environment
    std::string ca_file;
    bool insecure = false;
    bool json = false;
    bool quiet = false;
};

/// What the environment says; a variable that is empty is not set.
struct Environment {
    std::string server;   ///< UPDRAFT_SERVER
    std::string token;    ///< UPDRAFT_TOKEN
    std::string profile;  ///< UPDRAFT_PROFILE
};
[[nodiscard]] Environment read_environment();

/// zh or en by `flag`, else by LC_ALL, LC_MESSAGES and LANG: Chinese for zh..., English for the
/// rest.
[[nodiscard]] Language chosen_language(const std::string& flag);

/// Which server a command talks to and as whom.
struct Target {
    std::string server;
    std::string token;  ///< empty: not signed in
    std::string ca_file;
    friend bool operator==(const Target&, const Target&) = default;
};

/// A flag beats the environment, the environment beats the file. A token only ever goes to the
/// server it was given for: naming another server does not take the token of the profile in use,
/// unless flags name both the server and the profile.
/// Errors: not_found (no such profile), unauthorized (no server known), invalid_argument.
[[nodiscard]] Result<Target> resolve(const CommonFlags& flags, const Environment& environment,
                                     const Profiles& profiles);

/// What a running command works with.
class Context {
public:
    explicit Context(const CommonFlags& flags);

    [[nodiscard]] const CommonFlags& flags() const { return flags_; }
    [[nodiscard]] const Terminal& terminal() const { return terminal_; }
    [[nodiscard]] Result<Profiles> profiles() const { return Profiles::load(profiles_file()); }

    /// The server's API with the token. Errors: as resolve(); unauthorized without a token.
    [[nodiscard]] Result<client::RestClient*> api();
    /// The same for an address, without a token.
    [[nodiscard]] Result<client::RestClient*> api_of(const Target& target);
    /// Ends the calls under way and refuses later ones. Safe from every thread after api().
    void cancel_calls() { http_->cancel(); }
    /// Who is talked to; after api() or api_of().
    [[nodiscard]] const Target& target() const { return target_; }

private:
    CommonFlags flags_;
    Terminal terminal_;
    Target target_;
    std::unique_ptr<client::HttpClient> http_;
    std::optional<client::RestClient> rest_;
};

}  // namespace updraft::cli
