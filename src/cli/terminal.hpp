#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "client/progress_bar.hpp"

namespace updraft::cli {

namespace json = boost::json;

/// One column of a table: its title, and the dotted path of its value in a row.
struct Column {
    enum class Kind : std::uint8_t { plain, time, bytes, enabled };
    Text title;
    std::string path;
    Kind kind = Kind::plain;
};

/// What the command prints for programs (standard output: tables or JSON) and says to people
/// (standard error), in one language.
class Terminal {
public:
    struct Options {
        Language language = Language::en;
        bool json = false;
        bool quiet = false;  ///< no progress and no remarks; errors are still said
    };
    explicit Terminal(Options options);

    [[nodiscard]] Language language() const { return options_.language; }
    [[nodiscard]] bool json() const { return options_.json; }
    [[nodiscard]] const std::string& in_language(const Text& text) const {
        return text.in(options_.language);
    }

    /// A remark on standard error.
    void say(const Text& remark) const;
    /// A result line on standard output; nothing with --json.
    void result(const Text& line) const;
    /// The result as JSON on standard output; nothing without --json.
    void result(const json::value& value) const;
    /// Rows: a table, or with --json the array itself.
    void rows(const json::array& rows, const std::vector<Column>& columns) const;
    /// One row, a line for each column that has a value, or with --json the object itself.
    void row(const json::value& row, const std::vector<Column>& columns) const;
    /// An error on standard error, with what to do next; with --json one line of JSON.
    void complain(const Error& error) const;

    /// True if the person at the terminal says yes. Errors: precondition_failed if nobody is there
    /// to ask.
    [[nodiscard]] Result<bool> confirm(const Text& question) const;
    /// Asks for a secret without showing it. Errors: invalid_argument if there is no terminal.
    [[nodiscard]] Result<std::string> ask_secret(const Text& prompt) const;

    /// For long work: on standard error, silent with --quiet.
    [[nodiscard]] client::ProgressBar::Style progress_style() const;
    /// True if standard error is a terminal that may be drawn on.
    [[nodiscard]] bool can_draw() const;
    /// The text in a colour (SGR number), if the terminal shows colours and NO_COLOR is not set.
    [[nodiscard]] std::string coloured(std::string_view text, int colour) const;

private:
    Options options_;
    bool draws_;    ///< standard error is a terminal
    bool colours_;  ///< and shows colours
};

/// The lines of a table, aligned by what each cell takes in a terminal.
[[nodiscard]] std::string table_text(const std::vector<std::vector<std::string>>& lines);

}  // namespace updraft::cli
