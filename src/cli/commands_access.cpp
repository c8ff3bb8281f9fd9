#include <boost/json.hpp>
#include <cstdlib>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/password.hpp"
#include "cli/rows.hpp"

namespace updraft::cli {

Result<std::string> secret_from_input() {
    std::string line;
    std::getline(std::cin, line);
    while (line.ends_with('\r')) {
        line.pop_back();
    }
    if (line.empty()) {
        return Error::of(ErrorCode::invalid_argument,
                         {"标准输入是空的", "standard input is empty"});
    }
    return line;
}

namespace {

/// A session that a person forgets about ends after this long without use, unless --keep says more.
constexpr std::int64_t session_days_default = 7;
constexpr std::int64_t millis_a_day = 24LL * 3600 * 1000;
/// Machine tokens begin so (API: POST /api-token); a sign-out does not revoke them.
constexpr std::string_view machine_token_prefix = "updraft_";

struct LoginFlags {
    std::string url;
    std::string username = "admin";
    std::int64_t days = session_days_default;
    bool password_stdin = false;
    bool token_stdin = false;
};

Result<std::string> password_of(Context& context, const LoginFlags& flags) {
    if (flags.password_stdin) {
        return secret_from_input();
    }
    return context.terminal().ask_secret(
        text("{} 在 {} 的密码", "Password of {} at {}", flags.username, context.target().server));
}

/// Signs in with a password; the token is the session's.
Result<std::string> open_session(Context& context, client::RestClient& api,
                                 const LoginFlags& flags) {
    UPDRAFT_TRY(const json::value configs, api.get("/authorize/login/configs"));
    UPDRAFT_TRY(std::string password, password_of(context, flags));
    json::object body{{"username", flags.username}, {"expires", flags.days * millis_a_day}};
    if (text_at(configs, "encrypt.enabled") == "true") {
        UPDRAFT_TRY(password, encrypted_password(password, text_at(configs, "encrypt.publicKey")));
        body["encryptId"] = text_at(configs, "encrypt.id");
    }
    body["password"] = password;
    const Result<json::value> signed_in = api.post("/authorize/login", body);
    if (!signed_in) {
        Error error = signed_in.error();
        // JetLinks answers a wrong password with 400; scripts shall see that it was the sign-in.
        error.code =
            error.code == ErrorCode::invalid_argument ? ErrorCode::login_failed : error.code;
        return error;
    }
    return text_at(*signed_in, "token");
}

Result<ExitStatus> login(Context& context, const LoginFlags& flags) {
    const CommonFlags& common = context.flags();
    UPDRAFT_TRY(Profiles profiles, context.profiles());
    UPDRAFT_TRY(const std::string server, normal_server(flags.url));
    const std::string name = common.profile.empty() ? profile_name_of(server) : common.profile;
    UPDRAFT_CHECK(checked_profile_name(name));
    UPDRAFT_TRY(client::RestClient* const api, context.api_of({server, {}, common.ca_file}));
    UPDRAFT_TRY(const std::string token,
                flags.token_stdin ? secret_from_input() : open_session(context, *api, flags));
    api->use_token(token);
    UPDRAFT_TRY(const json::value me, api->get("/authorize/me"));
    const std::string username = text_at(me, "user.username");
    std::error_code ignored;
    const std::string ca_file =
        common.ca_file.empty() ? "" : std::filesystem::absolute(common.ca_file, ignored).string();
    profiles.put({name, server, username, token, ca_file});
    UPDRAFT_CHECK(profiles.use(name));
    UPDRAFT_CHECK(profiles.save());
    context.terminal().result(text("已登录 {}, 用户 {}, 配置档 {}",
                                   "signed in at {} as {}, profile {}", server, username, name));
    context.terminal().result(
        json::object{{"profile", name}, {"server", server}, {"username", username}});
    return ExitStatus::done;
}

/// The profile that --profile or UPDRAFT_PROFILE names, or the one in use.
Result<Profile> named_profile(Context& context, const Profiles& profiles) {
    std::string name = context.flags().profile;
    name = name.empty() ? read_environment().profile : name;
    name = name.empty() ? profiles.current() : name;
    const Profile* const profile = profiles.find(name);
    if (profile == nullptr) {
        return Error::not_found("配置档", "profile", name);
    }
    return *profile;
}

Result<ExitStatus> logout(Context& context) {
    UPDRAFT_TRY(Profiles profiles, context.profiles());
    UPDRAFT_TRY(Profile profile, named_profile(context, profiles));
    if (!profile.token.empty() && !profile.token.starts_with(machine_token_prefix)) {
        UPDRAFT_TRY(client::RestClient* const api,
                    context.api_of({profile.server, profile.token, profile.ca_file}));
        const Result<json::value> ended = api->get("/user-token/reset");
        if (!ended && status_of(ended.error().code) != ExitStatus::not_allowed) {
            return ended.error();
        }
    }
    profile.token.clear();
    const std::string name = profile.name;
    profiles.put(std::move(profile));
    static_cast<void>(profiles.use(name));
    UPDRAFT_CHECK(profiles.save());
    context.terminal().result(text("已退出 {}", "signed out of {}", name));
    context.terminal().result(json::object{{"profile", name}, {"done", true}});
    return ExitStatus::done;
}

Result<ExitStatus> who_am_i(Context& context) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(json::value me, api->get("/authorize/me"));
    me.as_object()["server"] = context.target().server;
    context.terminal().row(me, {{{"服务器", "SERVER"}, "server"},
                                {{"用户", "USER"}, "user.username"},
                                {{"姓名", "NAME"}, "user.name"}});
    return ExitStatus::done;
}

Result<ExitStatus> list_profiles(Context& context) {
    UPDRAFT_TRY(const Profiles profiles, context.profiles());
    json::array rows;
    for (const Profile& profile : profiles.all()) {
        rows.push_back(json::object{{"name", profile.name},
                                    {"server", profile.server},
                                    {"username", profile.username},
                                    {"signedIn", !profile.token.empty()},
                                    {"current", profile.name == profiles.current()}});
    }
    context.terminal().rows(rows, {{{"名称", "NAME"}, "name"},
                                   {{"服务器", "SERVER"}, "server"},
                                   {{"用户", "USER"}, "username"},
                                   {{"已登录", "SIGNED IN"}, "signedIn"},
                                   {{"当前", "CURRENT"}, "current"}});
    return ExitStatus::done;
}

Result<ExitStatus> change_profile(Context& context, const std::string& name, bool removes) {
    UPDRAFT_TRY(Profiles profiles, context.profiles());
    if (removes && !profiles.remove(name)) {
        return Error::not_found("配置档", "profile", name);
    }
    if (!removes) {
        UPDRAFT_CHECK(profiles.use(name));
    }
    UPDRAFT_CHECK(profiles.save());
    context.terminal().result(removes ? text("已移除配置档 {}", "removed profile {}", name)
                                      : text("当前配置档: {}", "profile in use: {}", name));
    context.terminal().result(json::object{{"profile", name}, {"done", true}});
    return ExitStatus::done;
}

void add_login(const Commands& commands) {
    auto flags = std::make_shared<LoginFlags>();
    CLI::App& leaf = commands.leaf(
        commands.program(), "login",
        {"登录服务器, 保存为配置档", "Sign in at a server and keep it as a profile"},
        "updraft login https://ota.example.com --username admin\n"
        "  printf %s \"$TOKEN\" | updraft login https://ota.example.com --token-stdin",
        [flags](Context& context) { return login(context, *flags); });
    commands.option(leaf, "url", flags->url, {"服务器地址", "The server's address"})->required();
    commands.option(leaf, "--username", flags->username, {"用户名", "User name"})
        ->capture_default_str();
    CLI::Option* const password =
        commands.flag(leaf, "--password-stdin", flags->password_stdin,
                      {"从标准输入读密码", "Read the password from standard input"});
    commands
        .flag(leaf, "--token-stdin", flags->token_stdin,
              {"从标准输入读令牌 (见 updraft token), 不用密码",
               "Read a token from standard input instead of a password (see updraft token)"})
        ->excludes(password);
    commands
        .option(leaf, "--keep-days", flags->days,
                {"多少天不用后登录失效", "The sign-in ends after so many days without use"})
        ->check(CLI::Range(1, 365))
        ->capture_default_str();
}

void add_profiles(const Commands& commands) {
    CLI::App& group = commands.group(
        "profile", {"配置档: 各服务器的地址和登录", "Profiles: servers and how to sign in there"});
    commands.leaf(group, "list", {"列出配置档", "List profiles"}, "updraft profile list",
                  list_profiles);
    for (const bool removes : {false, true}) {
        auto name = std::make_shared<std::string>();
        CLI::App& leaf = commands.leaf(
            group, removes ? "remove" : "use",
            removes ? Text{"移除配置档 (不退出登录)", "Remove a profile (without signing out)"}
                    : Text{"切换当前配置档", "Use this profile from now on"},
            removes ? "updraft profile remove staging" : "updraft profile use production",
            [name, removes](Context& context) { return change_profile(context, *name, removes); });
        commands.option(leaf, "name", *name, {"配置档", "Name of the profile"})->required();
    }
}

}  // namespace

void add_access_commands(const Commands& commands) {
    add_login(commands);
    commands.leaf(commands.program(), "logout", {"退出登录", "Sign out"},
                  "updraft logout --profile staging", logout);
    commands.leaf(commands.program(), "whoami", {"当前用户", "Who is signed in"}, "updraft whoami",
                  who_am_i);
    add_profiles(commands);
}

}  // namespace updraft::cli
