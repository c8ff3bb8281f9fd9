#include "cli/profiles.hpp"

#include <fcntl.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "client/url.hpp"

namespace updraft::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t name_characters_max = 64;

std::string member(const toml::table& table, std::string_view name) {
    return table[name].value_or(std::string());
}

Error cannot_write(const fs::path& file, int error_number) {
    return Error::of(ErrorCode::internal, text("无法写入 {}: {}", "cannot write {}: {}",
                                               file.string(), std::strerror(error_number)));
}

/// Writes a file that only its owner can read, beside the final one, and renames it.
Result<void> write_private(const fs::path& file, const std::string& content) {
    const fs::path draft = fs::path(file).concat(".new");
    ::unlink(draft.c_str());
    const int out = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0) {
        return cannot_write(draft, errno);
    }
    std::size_t done = 0;
    bool written = true;
    while (written && done < content.size()) {
        const ::ssize_t step = ::write(out, content.data() + done, content.size() - done);
        written = step >= 0;
        done += written ? static_cast<std::size_t>(step) : 0;
    }
    written = ::fsync(out) == 0 && written;
    written = ::close(out) == 0 && written;
    if (!written || ::rename(draft.c_str(), file.c_str()) != 0) {
        return cannot_write(file, errno);
    }
    return {};
}

bool is_this_machine(std::string_view host) {
    return host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]");
}

}  // namespace

Result<Profiles> Profiles::load(const fs::path& file) {
    Profiles profiles(file);
    std::error_code ignored;
    if (!fs::exists(file, ignored)) {
        return profiles;
    }
    try {
        const toml::table all = toml::parse_file(file.string());
        if (const toml::table* const named = all["profile"].as_table()) {
            for (const auto& [name, node] : *named) {
                if (const toml::table* const row = node.as_table()) {
                    profiles.put({std::string(name.str()), member(*row, "server"),
                                  member(*row, "username"), member(*row, "token"),
                                  member(*row, "ca_file")});
                }
            }
        }
        const std::string current = member(all, "current");
        profiles.current_ = profiles.find(current) == nullptr ? "" : current;
    } catch (const toml::parse_error& error) {
        return Error::of(ErrorCode::malformed,
                         text("{} 第 {} 行: {}", "{} line {}: {}", file.string(),
                              error.source().begin.line, std::string(error.description())));
    }
    return profiles;
}

Result<void> Profiles::save() const {
    toml::table named;
    for (const Profile& profile : profiles_) {
        toml::table row{{"server", profile.server}};
        for (const auto& [name, value] :
             {std::pair<const char*, const std::string&>{"username", profile.username},
              {"token", profile.token},
              {"ca_file", profile.ca_file}}) {
            if (!value.empty()) {
                row.insert(name, value);
            }
        }
        named.insert(profile.name, std::move(row));
    }
    toml::table all;
    if (!current_.empty()) {
        all.insert("current", current_);
    }
    all.insert("profile", std::move(named));
    std::ostringstream content;
    content << all << "\n";

    std::error_code error;
    const fs::path folder = file_.parent_path();
    if (fs::create_directories(folder, error)) {
        fs::permissions(folder, fs::perms::owner_all, error);
    }
    return write_private(file_, content.str());
}

const Profile* Profiles::find(std::string_view name) const {
    const auto found = std::ranges::find(profiles_, name, &Profile::name);
    return found == profiles_.end() ? nullptr : &*found;
}

const Profile* Profiles::find_server(std::string_view server) const {
    const auto found = std::ranges::find(profiles_, server, &Profile::server);
    return found == profiles_.end() ? nullptr : &*found;
}

void Profiles::put(Profile profile) {
    remove(profile.name);
    const auto at = std::ranges::lower_bound(profiles_, profile.name, {}, &Profile::name);
    profiles_.insert(at, std::move(profile));
}

bool Profiles::remove(std::string_view name) {
    const auto found = std::ranges::find(profiles_, name, &Profile::name);
    if (found == profiles_.end()) {
        return false;
    }
    profiles_.erase(found);
    if (current_ == name) {
        current_.clear();
    }
    return true;
}

Result<void> Profiles::use(std::string_view name) {
    if (find(name) == nullptr) {
        return Error::not_found("配置档", "profile", name);
    }
    current_ = name;
    return {};
}

fs::path profiles_file() {
    const char* const config = std::getenv("XDG_CONFIG_HOME");
    if (config != nullptr && *config != '\0') {
        return fs::path(config) / "updraft" / "profiles.toml";
    }
    const char* const home = std::getenv("HOME");
    return fs::path(home == nullptr ? "." : home) / ".config" / "updraft" / "profiles.toml";
}

Result<std::string> normal_server(std::string_view typed) {
    std::string server(typed);
    if (server.find("://") == std::string::npos) {
        server.insert(0, is_this_machine(server) ? "http://" : "https://");
    }
    server.erase(std::min(server.size(), server.find_first_of("?#")));
    const std::size_t console = server.find("/console");
    if (console != std::string::npos) {
        server.erase(console);
    }
    while (server.ends_with('/')) {
        server.pop_back();
    }
    if (!client::parse_url(server)) {
        return Error::invalid("server", text("{} 不是服务器地址, 例如 https://ota.example.com",
                                             "{} is no address of a server, like "
                                             "https://ota.example.com",
                                             typed));
    }
    return server;
}

std::string profile_name_of(std::string_view server) {
    const auto url = client::parse_url(server);
    std::string name = url ? url->authority : std::string(server);
    std::ranges::replace_if(
        name, [](char c) { return c == ':' || c == '[' || c == ']' || c == '%'; }, '-');
    return name.substr(0, name_characters_max);
}

Result<void> checked_profile_name(std::string_view name) {
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (name.empty() || name.size() > name_characters_max ||
        name.find_first_not_of(allowed) != std::string_view::npos) {
        return Error::invalid(
            "profile", text("配置档名称 {} 无效: 1~64位字母, 数字, . _ -",
                            "{} is no name for a profile: 1 to 64 letters, digits, . _ -", name));
    }
    return {};
}

}  // namespace updraft::cli
