#include "server/settings.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <optional>
#include <sstream>
#include <utility>

#include <toml++/toml.h>

#include "base/bytes.hpp"

namespace updraft::server {
namespace {

using std::chrono::milliseconds;

Error wrong_value(std::string_view key, std::string_view value, const Text& right) {
    return Error::invalid(std::string(key),
                          {fmt::format("配置项 {} 的值 \"{}\" 无效: {}", key, value, right.zh),
                           fmt::format("setting {} cannot be \"{}\": {}", key, value, right.en)});
}

std::optional<std::int64_t> parse_number(std::string_view& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
    const auto number = parse_number(text);
    if (!number) {
        return std::nullopt;
    }
    constexpr std::pair<std::string_view, int> units[] = {
        {"", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
    for (const auto& [unit, shift] : units) {
        if (text == unit) {
            const std::int64_t limit = std::numeric_limits<std::int64_t>::max() >> shift;
            return *number > limit ? std::nullopt : std::optional(*number << shift);
        }
    }
    return std::nullopt;
}

/// Moments that far ahead can still be computed with, in nanoseconds too.
constexpr milliseconds duration_max = std::chrono::hours{24 * 365 * 100};

std::optional<milliseconds> parse_duration(std::string_view text, milliseconds bare_unit) {
    const auto number = parse_number(text);
    if (!number || *number < 0) {
        return std::nullopt;
    }
    const std::pair<std::string_view, milliseconds> units[] = {{"", bare_unit},
                                                               {"ms", milliseconds{1}},
                                                               {"s", std::chrono::seconds{1}},
                                                               {"min", std::chrono::minutes{1}},
                                                               {"h", std::chrono::hours{1}},
                                                               {"d", std::chrono::hours{24}}};
    for (const auto& [unit, length] : units) {
        if (text == unit) {
            return *number > duration_max / length ? std::nullopt : std::optional(length * *number);
        }
    }
    return std::nullopt;
}

std::string spell(milliseconds value) {
    if (value.count() % 1000 != 0 || value.count() == 0) {
        return fmt::format("{}ms", value.count());
    }
    return fmt::format("{}s", value.count() / 1000);
}

/// The table of a TOML file in which the key stands; empty for the top.
std::string table_of(const Setting& setting) {
    const std::size_t dot = setting.key.find('.');
    return dot == std::string::npos ? "" : setting.key.substr(0, dot);
}

/// The key in its table, commented out with its help and default.
std::string sample_of(const Setting& setting) {
    const std::size_t dot = setting.key.find('.');
    const std::string name = dot == std::string::npos ? setting.key : setting.key.substr(dot + 1);
    const std::string& value = setting.default_value;
    const bool number =
        !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
    const bool bare = number || value == "true" || value == "false";
    return fmt::format("\n# {}\n# {} = {}\n", setting.help, name,
                       bare ? value : "\"" + value + "\"");
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
        }
    }
    return row.back();
}

Result<void> read_table(Settings& settings, const toml::table& table, const std::string& prefix) {
    for (const auto& [name, node] : table) {
        const std::string key =
            prefix.empty() ? std::string(name.str()) : prefix + "." + std::string(name.str());
        if (const toml::table* nested = node.as_table()) {
            UPDRAFT_CHECK(read_table(settings, *nested, key));
            continue;
        }
        std::ostringstream value;
        if (const auto* plain = node.as_string()) {
            value << plain->get();
        } else {
            node.visit([&](const auto& other) { value << other; });
        }
        UPDRAFT_CHECK(settings.assign(key, value.str()));
    }
    return {};
}

}  // namespace

std::string Setting::flag() const {
    std::string name = "--" + key;
    std::replace_if(name.begin() + 2, name.end(), [](char c) { return c == '.' || c == '_'; }, '-');
    return name;
}

std::string Setting::variable() const {
    std::string name = "UPDRAFT_" + key;
    for (char& letter : name) {
        letter = letter == '.'
                     ? '_'
                     : static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    }
    return name;
}

void Settings::bind(std::string key, std::string& target, std::string help) {
    const std::string before = target;
    settings_.push_back(
        {std::move(key), std::move(help), before, [&target](std::string_view text) -> Result<void> {
             target = text;
             return {};
         }});
}

void Settings::bind(std::string key, bool& target, std::string help) {
    const auto assign = [&target, key](std::string_view text) -> Result<void> {
        if (text != "true" && text != "false") {
            return wrong_value(key, text, {"true 或 false", "say true or false"});
        }
        target = text == "true";
        return {};
    };
    settings_.push_back({key, std::move(help), target ? "true" : "false", assign});
}

void Settings::bind_integer(std::string key, std::int64_t value, std::int64_t max,
                            std::function<void(std::int64_t)> set, std::string help) {
    const auto assign = [key, max, set = std::move(set)](std::string_view given) -> Result<void> {
        const auto parsed = parse_integer(given);
        if (!parsed || *parsed < 0) {
            return wrong_value(key, given,
                               {"例如 4096 或 64MiB", "say a whole number such as 4096 or 64MiB"});
        }
        if (*parsed > max) {
            return wrong_value(key, given, text("最大为 {}", "it is at most {}", max));
        }
        set(*parsed);
        return {};
    };
    settings_.push_back({key, std::move(help), std::to_string(value), assign});
}

void Settings::bind_duration(std::string key, milliseconds value, milliseconds unit,
                             std::function<void(milliseconds)> set, std::string help) {
    const auto assign = [key, unit, set = std::move(set)](std::string_view text) -> Result<void> {
        const auto parsed = parse_duration(text, unit);
        if (!parsed) {
            return wrong_value(key, text,
                               {"例如 500ms, 30s, 10min, 24h, 最长100年",
                                "say a time such as 500ms, 30s, 10min or 24h, at most 100 years"});
        }
        set(*parsed);
        return {};
    };
    settings_.push_back({key, std::move(help), spell(value), assign});
}

std::string Settings::resembling(std::string_view key) const {
    const auto closest = std::min_element(
        settings_.begin(), settings_.end(), [&](const Setting& a, const Setting& b) {
            return edit_distance(a.key, key) < edit_distance(b.key, key);
        });
    return closest == settings_.end() ? std::string() : closest->key;
}

Result<void> Settings::assign(std::string_view key, std::string_view value) {
    const auto found = std::find_if(settings_.begin(), settings_.end(),
                                    [&](const Setting& s) { return s.key == key; });
    if (found == settings_.end()) {
        return Error::invalid(std::string(key),
                              text("未知的配置项 {}, 是否指 {}?",
                                   "unknown setting {}; did you mean {}?", key, resembling(key)));
    }
    UPDRAFT_CHECK(found->assign(value));
    given_.insert_or_assign(found->key, std::string(value));
    return {};
}

std::string Settings::given() const {
    std::string out;
    for (const auto& [key, value] : given_) {
        const auto names = [&key](std::string_view word) { return key.contains(word); };
        const bool names_secret = names("secret") && !key.ends_with("_file");
        const bool is_switch = value == "true" || value == "false";  // ddi.target_token
        if (!is_switch && (names("password") || names_secret || key.ends_with("token"))) {
            continue;
        }
        std::ostringstream quoted;
        quoted << toml::value<std::string>(value);
        out += fmt::format("{} = {}\n", key, quoted.str());
    }
    return out;
}

namespace {

/// Takes the table that `parse` gives.
template <class Parse>
Result<void> read_parsed(Settings& settings, const std::string& name, const Parse& parse) {
    try {
        return read_table(settings, parse(), "");
    } catch (const toml::parse_error& error) {
        return Error::of(ErrorCode::malformed,
                         text("配置文件 {} 第 {} 行: {}", "configuration file {} line {}: {}", name,
                              error.source().begin.line, std::string(error.description())));
    }
}

}  // namespace

Result<void> Settings::read_file(const std::string& path) {
    return read_parsed(*this, path, [&] { return toml::parse_file(path); });
}

Result<void> Settings::read_text(std::string_view toml, const std::string& name) {
    return read_parsed(*this, name, [&] { return toml::parse(toml, name); });
}

Result<void> Settings::read_environment(const char* const* environment,
                                        const std::vector<std::string>& ignored) {
    constexpr std::string_view prefix = "UPDRAFT_";
    for (; *environment != nullptr; ++environment) {
        const std::string_view line = *environment;
        const std::size_t equals = line.find('=');
        if (!line.starts_with(prefix) || equals == std::string_view::npos) {
            continue;
        }
        const std::string name(line.substr(0, equals));
        if (std::find(ignored.begin(), ignored.end(), name) != ignored.end()) {
            continue;
        }
        const auto found = std::find_if(settings_.begin(), settings_.end(),
                                        [&](const Setting& s) { return s.variable() == name; });
        if (found == settings_.end()) {
            std::string key = to_lower(name.substr(prefix.size()));
            return Error::invalid(
                name, text("未知的环境变量 {}, 是否指 {}?", "unknown variable {}; did you mean {}?",
                           name, Setting{resembling(key), "", "", {}}.variable()));
        }
        UPDRAFT_CHECK(assign(found->key, line.substr(equals + 1)));
    }
    return {};
}

std::string Settings::sample() const {
    std::string out =
        "# Updraft's configuration: every key with its default. A flag wins over a variable "
        "(UPDRAFT_...),\n"
        "# a variable over this file. Sizes take KiB, MiB, GiB; times take ms, s, min, h.\n";
    // A table may stand in a file only once, whoever binds its keys, and where.
    std::vector<std::string> tables{""};
    for (const Setting& setting : settings_) {
        const std::string table = table_of(setting);
        if (std::find(tables.begin(), tables.end(), table) == tables.end()) {
            tables.push_back(table);
        }
    }
    for (const std::string& table : tables) {
        out += table.empty() ? "" : fmt::format("\n[{}]\n", table);
        for (const Setting& setting : settings_) {
            if (table_of(setting) == table) {
                out += sample_of(setting);
            }
        }
    }
    return out;
}

}  // namespace updraft::server
