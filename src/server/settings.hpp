#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace updraft::server {

/// One key of the configuration: `http.body_bytes_max` in the TOML file, `--http-body-bytes-max` as
/// a flag, `UPDRAFT_HTTP_BODY_BYTES_MAX` in the environment.
struct Setting {
    std::string key;
    std::string help;
    std::string default_value;
    std::function<Result<void>(std::string_view text)> assign;

    [[nodiscard]] std::string flag() const;
    [[nodiscard]] std::string variable() const;
};

/// All keys, each bound to the member of an options struct that it sets. The value that the member
/// holds when it is bound is the default.
class Settings {
public:
    void bind(std::string key, std::string& target, std::string help);
    void bind(std::string key, bool& target, std::string help);
    /// Any signed or unsigned integer type; accepts 4096, "4KiB", "64MiB", "16GiB", from 0 to what
    /// the type holds.
    template <class Integer>
        requires std::is_integral_v<Integer>
    void bind(std::string key, Integer& target, std::string help) {
        bind_integer(
            std::move(key), static_cast<std::int64_t>(target), max_of<Integer>(),
            [&target](std::int64_t value) { target = static_cast<Integer>(value); },
            std::move(help));
    }
    /// Accepts "250ms", "30s", "10min", "24h", or a bare number of the member's own unit; at most
    /// 100 years.
    template <class Rep, class Period>
    void bind(std::string key, std::chrono::duration<Rep, Period>& target, std::string help) {
        using Unit = std::chrono::duration<Rep, Period>;
        bind_duration(
            std::move(key), std::chrono::duration_cast<std::chrono::milliseconds>(target),
            std::chrono::duration_cast<std::chrono::milliseconds>(Unit{1}),
            [&target](std::chrono::milliseconds value) {
                target = std::chrono::duration_cast<Unit>(value);
            },
            std::move(help));
    }

    [[nodiscard]] const std::vector<Setting>& all() const { return settings_; }

    /// Sets one key. Errors: invalid_argument, naming an unknown key and the one it resembles, or
    /// the value and what would be right.
    [[nodiscard]] Result<void> assign(std::string_view key, std::string_view value);
    /// Reads a TOML file; nested tables make dotted keys. Errors: as assign, with the file and
    /// line.
    [[nodiscard]] Result<void> read_file(const std::string& path);
    /// The same of a file's text; `name` is what errors call it.
    [[nodiscard]] Result<void> read_text(std::string_view toml, const std::string& name);
    /// Takes `UPDRAFT_...` variables. `ignored` are those that are no keys
    /// (UPDRAFT_ADMIN_PASSWORD).
    [[nodiscard]] Result<void> read_environment(const char* const* environment,
                                                const std::vector<std::string>& ignored);

    /// What was set by any of these, as a configuration file that sets it again. Keys that name a
    /// password, a secret or a token are left out.
    [[nodiscard]] std::string given() const;

    /// A sample file: every key with its help and default, commented out.
    [[nodiscard]] std::string sample() const;

private:
    template <class Integer>
    [[nodiscard]] static constexpr std::int64_t max_of() {
        constexpr auto most = std::numeric_limits<std::int64_t>::max();
        constexpr auto holds = std::numeric_limits<Integer>::max();
        return std::cmp_less(holds, most) ? static_cast<std::int64_t>(holds) : most;
    }
    void bind_integer(std::string key, std::int64_t value, std::int64_t max,
                      std::function<void(std::int64_t)> set, std::string help);
    void bind_duration(std::string key, std::chrono::milliseconds value,
                       std::chrono::milliseconds unit,
                       std::function<void(std::chrono::milliseconds)> set, std::string help);
    [[nodiscard]] std::string resembling(std::string_view key) const;

    std::vector<Setting> settings_;
    std::map<std::string, std::string> given_;  ///< key -> text, the last one that was taken
};

}  // namespace updraft::server
