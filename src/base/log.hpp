#pragma once

#include <fmt/format.h>

#include <string_view>

namespace updraft::log {

enum class Level : std::uint8_t { debug, info, warn, error };

/// Starts logging to standard error at `level`. Without it warnings and errors still get out.
void start(Level level);
[[nodiscard]] bool enabled(Level level);
/// Writes one finished line. `area` is the folder that speaks: "mqtt", "http", "dispatch" ...
void write(Level level, std::string_view area, std::string_view line);

/// A log line is a fact with fields: `log::info("mqtt", "device signed in device={} took_ms={}", id, ms)`.
template <class... Args>
void debug(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::debug)) {
        write(Level::debug, area, fmt::format(format, std::forward<Args>(args)...));
    }
}
template <class... Args>
void info(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::info)) {
        write(Level::info, area, fmt::format(format, std::forward<Args>(args)...));
    }
}
template <class... Args>
void warn(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
    write(Level::warn, area, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {
    write(Level::error, area, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace updraft::log
