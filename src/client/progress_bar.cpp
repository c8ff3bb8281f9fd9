#include "client/progress_bar.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace updraft::client {

namespace {

constexpr std::size_t bar_columns = 30;
constexpr std::chrono::milliseconds terminal_interval{100};
constexpr std::chrono::milliseconds plain_interval{5'000};

ProgressBar::Style resolve(ProgressBar::Style style, std::FILE* out) {
    if (style != ProgressBar::Style::automatic) {
        return style;
    }
    return isatty(fileno(out)) == 1 ? ProgressBar::Style::terminal : ProgressBar::Style::plain;
}

}  // namespace

std::string progress_line(std::string_view title, std::uint64_t done, std::uint64_t total,
                          std::string_view note, std::size_t width, ProgressBar::Unit unit) {
    const auto amount = [unit](std::uint64_t count) {
        return unit == ProgressBar::Unit::bytes ? readable_bytes(count) : std::to_string(count);
    };
    std::string line(title);
    if (total > 0) {
    const std::uint64_t reached = std::min(done, total);
    const auto filled = static_cast<std::size_t>(reached * width / total);
    const std::string bar(filled, '=');
    const std::string_view head = filled < width ? ">" : "";
    line += fmt::format("  [{:<{}}]  {:>3} %  {}/{}", bar + std::string(head), width,
                        reached * 100 / total, amount(done), amount(total));
    } else {
    line += "  " + amount(done);
    }
    if (!note.empty()) {
    line += fmt::format("  {}", note);
    }
    return line;
}

std::string readable_bytes(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
    auto amount = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (amount >= 1024 && unit + 1 < units.size()) {
        amount /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", amount, units[unit]);
}

ProgressBar::ProgressBar(std::string title, std::FILE* out, Style style, Unit unit)
    : title_(std::move(title)), out_(out), style_(resolve(style, out)), unit_(unit) {}

ProgressBar::~ProgressBar() {
    finish();
}

void ProgressBar::show(std::uint64_t done, std::uint64_t total, std::string_view note) {
    if (style_ == Style::silent) {
        return;
    }
    const bool terminal = style_ == Style::terminal;
    const bool complete = total > 0 && done >= total;
    const auto now = SteadyClock::now();
    if (!complete && now - drawn_at_ < (terminal ? terminal_interval : plain_interval)) {
        return;
    }
    std::string line = progress_line(title_, done, total, note, bar_columns, unit_);
    if (line == shown_) {
        return;
    }
    drawn_at_ = now;
    // ESC [ K clears what a longer line has left behind.
    fmt::print(out_, "{}{}{}", terminal ? "\r" : "", line, terminal ? "\033[K" : "\n");
    std::fflush(out_);
    shown_ = std::move(line);
    open_ = terminal;
}

void ProgressBar::finish() {
    if (open_) {
        fmt::print(out_, "\n");
        std::fflush(out_);
        open_ = false;
    }
}

}  // namespace updraft::client
