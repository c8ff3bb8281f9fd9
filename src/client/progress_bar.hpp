#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace updraft::client {

/// One line that shows how far long work is: redrawn in place on a terminal, a plain line every few
/// seconds anywhere else. For one thread.
///
///     升级 / upgrading  [=========>          ]  47 %  141/300  12 failed
class ProgressBar {
public:
    enum class Style : std::uint8_t { automatic, terminal, plain, silent };

    /// What is counted: things, or bytes, which are shown in KiB, MiB ...
    enum class Unit : std::uint8_t { things, bytes };

    /// `title` stands in front. `automatic`: terminal if `out` is one.
    explicit ProgressBar(std::string title, std::FILE* out = stderr, Style style = Style::automatic,
                         Unit unit = Unit::things);
    /// Ends the line if it is still open.
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    /// Shows `done` of `total` (0: unknown, no bar) and a note. Draws at most ten times a second on
    /// a terminal, and every five seconds elsewhere; the end (`done` == `total`) is always drawn.
    void show(std::uint64_t done, std::uint64_t total, std::string_view note = {});
    /// Leaves the last state standing and goes to the next line.
    void finish();

private:
    using SteadyClock = std::chrono::steady_clock;
    std::string title_;
    std::FILE* out_;
    Style style_;
    Unit unit_;
    SteadyClock::time_point drawn_at_{};
    std::string shown_;
    bool open_ = false;
};

/// The line's text: what ProgressBar draws, `width` columns for the bar.
[[nodiscard]] std::string progress_line(std::string_view title, std::uint64_t done,
                                        std::uint64_t total, std::string_view note,
                                        std::size_t width,
                                        ProgressBar::Unit unit = ProgressBar::Unit::things);

/// "1.5 MiB"
[[nodiscard]] std::string readable_bytes(std::uint64_t bytes);

}  // namespace updraft::client
