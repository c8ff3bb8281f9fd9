#include "cli/terminal.hpp"

#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "cli/exit_status.hpp"
#include "cli/rows.hpp"

namespace updraft::cli {
namespace {

constexpr int colour_red = 31;

bool is_set(const char* variable) {
    const char* const value = std::getenv(variable);
    return value != nullptr && *value != '\0';
}

/// A cell never breaks its line and never sends control characters to the terminal.
std::string cell_text(const json::value& row, const Column& column, Language language) {
    std::string text;
    switch (column.kind) {
        case Column::Kind::plain:
            text = text_at(row, column.path);
            break;
        case Column::Kind::time:
            text = local_time(integer_at(row, column.path));
            break;
        case Column::Kind::bytes:
            text = client::readable_bytes(static_cast<std::uint64_t>(integer_at(row, column.path)));
            break;
        case Column::Kind::enabled:
            text = (text_at(row, column.path) == "1" ? Text{"正常", "enabled"}
                                                     : Text{"禁用", "disabled"})
                       .in(language);
            break;
    }
    std::replace_if(
        text.begin(), text.end(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
    return text;
}

/// Switches the terminal's echo off until the end of the scope.
class NoEcho {
public:
    explicit NoEcho(int terminal) : terminal_(terminal) {
        known_ = ::tcgetattr(terminal_, &before_) == 0;
        termios without = before_;
        without.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        if (known_) {
            ::tcsetattr(terminal_, TCSAFLUSH, &without);
        }
    }
    ~NoEcho() {
        if (known_) {
            ::tcsetattr(terminal_, TCSAFLUSH, &before_);
        }
    }
    NoEcho(const NoEcho&) = delete;
    NoEcho& operator=(const NoEcho&) = delete;

private:
    int terminal_;
    termios before_{};
    bool known_ = false;
};

}  // namespace

std::string table_text(const std::vector<std::vector<std::string>>& lines) {
    std::vector<std::size_t> widths;
    for (const auto& line : lines) {
        widths.resize(std::max(widths.size(), line.size()));
        for (std::size_t i = 0; i < line.size(); ++i) {
            widths[i] = std::max(widths[i], display_width(line[i]));
        }
    }
    std::string out;
    for (const auto& line : lines) {
        std::string text;
        for (std::size_t i = 0; i < line.size(); ++i) {
            text += line[i];
            text.append(widths[i] - display_width(line[i]) + 2, ' ');
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out += text + "\n";
    }
    return out;
}

Terminal::Terminal(Options options)
    : options_(options),
      draws_(::isatty(STDERR_FILENO) == 1),
      colours_(draws_ && !is_set("NO_COLOR")) {}

void Terminal::say(const Text& remark) const {
    if (!options_.quiet) {
        fmt::print(stderr, "{}\n", in_language(remark));
    }
}

void Terminal::result(const Text& line) const {
    if (!options_.json) {
        fmt::print("{}\n", in_language(line));
    }
}

void Terminal::result(const json::value& value) const {
    if (options_.json) {
        const bool for_people = ::isatty(STDOUT_FILENO) == 1;
        fmt::print("{}\n", for_people ? pretty(value) : json::serialize(value));
    }
}

void Terminal::rows(const json::array& rows, const std::vector<Column>& columns) const {
    if (options_.json) {
        result(json::value(rows));
        return;
    }
    std::vector<std::vector<std::string>> lines(1);
    for (const Column& column : columns) {
        lines.front().push_back(in_language(column.title));
    }
    for (const json::value& row : rows) {
        auto& line = lines.emplace_back();
        for (const Column& column : columns) {
            line.push_back(cell_text(row, column, options_.language));
        }
    }
    fmt::print("{}", table_text(lines));
}

void Terminal::row(const json::value& row, const std::vector<Column>& columns) const {
    if (options_.json) {
        result(row);
        return;
    }
    std::vector<std::vector<std::string>> lines;
    for (const Column& column : columns) {
        std::string text = cell_text(row, column, options_.language);
        if (!text.empty()) {
            lines.push_back({in_language(column.title), std::move(text)});
        }
    }
    fmt::print("{}", table_text(lines));
}

void Terminal::complain(const Error& error) const {
    const std::string& message = in_language(error.message);
    if (options_.json) {
        json::array fields;
        for (const FieldError& field : error.fields) {
            fields.push_back(json::object{{"property", field.property},
                                          {"message", in_language(field.message)}});
        }
        json::array references;
        for (const Reference& each : error.references) {
            references.push_back(json::object{{"type", each.reference_type},
                                              {"id", each.reference_id},
                                              {"name", each.reference_name}});
        }
        json::object told{{"code", name_of(error.code)}, {"message", message}};
        if (!fields.empty()) {
            told["fields"] = std::move(fields);
        }
        if (!references.empty()) {
            told["references"] = std::move(references);
        }
        fmt::print(stderr, "{}\n", json::serialize(json::object{{"error", std::move(told)}}));
        return;
    }
    fmt::print(stderr, "{} {}\n", coloured("updraft:", colour_red), message);
    for (const FieldError& field : error.fields) {
        if (in_language(field.message) != message) {
            fmt::print(stderr, "  {}: {}\n", field.property, in_language(field.message));
        }
    }
    for (const Reference& each : error.references) {
        fmt::print(stderr, "  {} {}  {}\n", each.reference_type, each.reference_id,
                   each.reference_name);
    }
}

Result<bool> Terminal::confirm(const Text& question) const {
    if (::isatty(STDIN_FILENO) != 1) {
        return Error::of(
            ErrorCode::precondition_failed,
            text("{} 没有终端可以确认; 加 --yes 表示同意",
                 "{} There is no terminal to confirm on; agree with --yes", in_language(question)));
    }
    fmt::print(stderr, "{} [y/N] ", in_language(question));
    std::fflush(stderr);
    std::string answer;
    std::getline(std::cin, answer);
    return !answer.empty() && (answer.front() == 'y' || answer.front() == 'Y');
}

Result<std::string> Terminal::ask_secret(const Text& prompt) const {
    std::FILE* const terminal = std::fopen("/dev/tty", "r+e");
    if (terminal == nullptr) {
        return Error::of(ErrorCode::invalid_argument,
                         {"没有终端可以输入密码; 请用 --password-stdin",
                          "there is no terminal to ask for the password; use --password-stdin"});
    }
    std::string secret;
    {
        const NoEcho hidden(::fileno(terminal));
        fmt::print(terminal, "{}: ", in_language(prompt));
        std::fflush(terminal);
        for (int letter = std::fgetc(terminal); letter != EOF && letter != '\n';
             letter = std::fgetc(terminal)) {
            secret.push_back(static_cast<char>(letter));
        }
    }
    fmt::print(terminal, "\n");
    std::fclose(terminal);
    return secret;
}

client::ProgressBar::Style Terminal::progress_style() const {
    return options_.quiet ? client::ProgressBar::Style::silent
                          : client::ProgressBar::Style::automatic;
}

bool Terminal::can_draw() const {
    return draws_ && !options_.quiet;
}

std::string Terminal::coloured(std::string_view text, int colour) const {
    return colours_ ? fmt::format("\033[{}m{}\033[0m", colour, text) : std::string(text);
}

}  // namespace updraft::cli
