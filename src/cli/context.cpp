#include "cli/context.hpp"

#include <array>
#include <cstdlib>

namespace updraft::cli {
namespace {

std::string variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

Error no_server() {
    return Error::of(ErrorCode::unauthorized, {"不知道连接哪个服务器; 请先登录: updraft login URL",
                                               "which server? Sign in first: updraft login URL"});
}

Error not_signed_in(const std::string& server) {
    return Error::of(ErrorCode::unauthorized,
                     text("未登录 {0}; 请先登录: updraft login {0}",
                          "not signed in at {0}; sign in first: updraft login {0}", server));
}

/// The profile that a flag or variable names, or the one in use; null if none is in use.
Result<const Profile*> chosen_profile(const std::string& named, const Profiles& profiles) {
    const std::string& name = named.empty() ? profiles.current() : named;
    const Profile* const profile = name.empty() ? nullptr : profiles.find(name);
    if (profile == nullptr && !named.empty()) {
        return Error::not_found("配置档", "profile", named);
    }
    return profile;
}

/// A server by its address: its token is the environment's, or that of a profile for this server.
Result<Target> named_server(const std::string& typed, const Environment& environment,
                            const Profiles& profiles) {
    UPDRAFT_TRY(const std::string server, normal_server(typed));
    Target target{server, environment.token, {}};
    if (const Profile* const profile = profiles.find_server(server)) {
        target.ca_file = profile->ca_file;
        if (target.token.empty()) {
            target.token = profile->token;
        }
    }
    return target;
}

}  // namespace

Environment read_environment() {
    return {variable("UPDRAFT_SERVER"), variable("UPDRAFT_TOKEN"), variable("UPDRAFT_PROFILE")};
}

Language chosen_language(const std::string& flag) {
    if (!flag.empty()) {
        return flag == "zh" ? Language::zh : Language::en;
    }
    for (const char* const name : std::array{"LC_ALL", "LC_MESSAGES", "LANG"}) {
        const std::string value = variable(name);
        if (!value.empty()) {
            return value.starts_with("zh") ? Language::zh : Language::en;
        }
    }
    return Language::en;
}

Result<Target> resolve(const CommonFlags& flags, const Environment& environment,
                       const Profiles& profiles) {
    Target target;
    if (!flags.server.empty() && flags.profile.empty()) {
        UPDRAFT_TRY(target, named_server(flags.server, environment, profiles));
    } else if (!environment.server.empty() && flags.profile.empty()) {
        UPDRAFT_TRY(target, named_server(environment.server, environment, profiles));
    } else {
        const std::string& named = flags.profile.empty() ? environment.profile : flags.profile;
        UPDRAFT_TRY(const Profile* const profile, chosen_profile(named, profiles));
        if (profile == nullptr) {
            return no_server();
        }
        target = {profile->server, profile->token, profile->ca_file};
        // UPDRAFT_TOKEN beside UPDRAFT_SERVER belongs to that server, not to a named profile's.
        if (!environment.token.empty() && environment.server.empty()) {
            target.token = environment.token;
        }
        if (!flags.server.empty()) {
            UPDRAFT_TRY(const std::string server, normal_server(flags.server));
            target.server = server;
        }
    }
    if (!flags.ca_file.empty()) {
        target.ca_file = flags.ca_file;
    }
    return target;
}

Context::Context(const CommonFlags& flags)
    : flags_(flags), terminal_({chosen_language(flags.language), flags.json, flags.quiet}) {}

Result<client::RestClient*> Context::api() {
    if (rest_) {
        return &*rest_;
    }
    UPDRAFT_TRY(const Profiles known, profiles());
    UPDRAFT_TRY(const Target target, resolve(flags_, read_environment(), known));
    if (target.token.empty()) {
        return not_signed_in(target.server);
    }
    return api_of(target);
}

Result<client::RestClient*> Context::api_of(const Target& target) {
    client::HttpClientOptions options;
    options.ca_file = target.ca_file;
    options.verify = flags_.insecure ? client::Verify::nothing : client::Verify::peer;
    try {
        http_ = std::make_unique<client::HttpClient>(target.server, options);
    } catch (const std::exception& error) {
        const std::string what = error.what();
        return Error::of(ErrorCode::invalid_argument, text("{}", "{}", what));
    }
    target_ = target;
    rest_.emplace(*http_);
    rest_->speak(terminal_.language());
    rest_->use_token(target.token);
    return &*rest_;
}

}  // namespace updraft::cli
