#include <cstdlib>

#include "app/query_limits.hpp"
#include "base/bytes.hpp"

// The expression form of the query language (spec 2.3.4):
//
//     list      := condition ((" and " | " or ") condition)*
//     condition := "(" list ")" | column operator operand
//     operator  := "=" | "!=" | "<>" | ">" | ">=" | "<" | "<=" | any term type with its $options
//     operand   := 'quoted' | "quoted" | text up to the next space or closing parenthesis
//
// isnull, notnull, empty and nempty need no operand.

namespace updraft::query_detail {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The expression behind a URL-encoded one. A plain expression has spaces, an encoded one has none,
/// so that the `%` of a LIKE pattern is never mistaken for an escape.
std::string decoded(std::string_view expression) {
    if (expression.find(' ') != std::string_view::npos ||
        expression.find_first_of("%+") == std::string_view::npos) {
        return std::string(expression);
    }
    std::string plain;
    for (std::size_t i = 0; i < expression.size(); ++i) {
        const char c = expression[i];
        if (c == '%' && i + 2 < expression.size() && hex_digit(expression[i + 1]) >= 0 &&
            hex_digit(expression[i + 2]) >= 0) {
            plain +=
                static_cast<char>(hex_digit(expression[i + 1]) * 16 + hex_digit(expression[i + 2]));
            i += 2;
        } else {
            plain += c == '+' ? ' ' : c;
        }
    }
    return plain;
}

bool needs_no_operand(std::string_view term_type) {
    return term_type == "isnull" || term_type == "notnull" || term_type == "empty" ||
           term_type == "nempty" || term_type == "notempty";
}

class ExpressionParser {
public:
    ExpressionParser(std::string_view text, Budget& budget) : text_(text), budget_(budget) {}

    Result<std::vector<Term>> parse(std::size_t depth) {
        UPDRAFT_TRY(std::vector<Term> terms, list(depth));
        skip_spaces();
        if (position_ != text_.size()) {
            return unexpected("and / or");
        }
        return terms;
    }

private:
    Result<std::vector<Term>> list(std::size_t depth) {
        std::vector<Term> terms;
        skip_spaces();
        if (position_ == text_.size()) {
            return terms;
        }
        auto connector = Term::Connector::conjunction;
        for (;;) {
            UPDRAFT_CHECK(budget_.take(depth));
            UPDRAFT_TRY(Term term, condition(depth));
            term.connector = connector;
            terms.push_back(std::move(term));
            if (accept_word("and")) {
                connector = Term::Connector::conjunction;
            } else if (accept_word("or")) {
                connector = Term::Connector::disjunction;
            } else {
                return terms;
            }
        }
    }

    Result<Term> condition(std::size_t depth) {
        Term term;
        skip_spaces();
        if (peek() == '(') {
            ++position_;
            UPDRAFT_TRY(term.terms, list(depth + 1));
            skip_spaces();
            if (peek() != ')') {
                return unexpected(")");
            }
            ++position_;
            return term;
        }
        const std::string_view column = until(" ()=<>!");
        if (column.empty()) {
            return unexpected("column");
        }
        UPDRAFT_TRY(const std::string_view type, operator_name());
        set_term_type(term, type);
        set_column(term, column);
        UPDRAFT_CHECK(operand(term));
        return term;
    }

    Result<std::string_view> operator_name() {
        skip_spaces();
        struct Symbol {
            std::string_view spelling;
            std::string_view type;
        };
        static constexpr Symbol symbols[] = {{">=", "gte"}, {"<=", "lte"}, {"!=", "not"},
                                             {"<>", "not"}, {"=", "eq"},   {">", "gt"},
                                             {"<", "lt"}};
        for (const Symbol& symbol : symbols) {
            if (text_.substr(position_).starts_with(symbol.spelling)) {
                position_ += symbol.spelling.size();
                return symbol.type;
            }
        }
        const std::string_view word = until(" ()");
        if (word.empty()) {
            return unexpected("operator");
        }
        return word;
    }

    Result<void> operand(Term& term) {
        skip_spaces();
        if (needs_no_operand(term.term_type) &&
            (position_ == text_.size() || peek() == ')' || at_word("and") || at_word("or"))) {
            term.value = 1;
            return {};
        }
        if (peek() == '\'' || peek() == '"') {
            return quoted(term);
        }
        const std::size_t start = position_;
        int open = 0;
        while (position_ < text_.size() && peek() != ' ' && (peek() != ')' || open > 0)) {
            open += peek() == '(' ? 1 : peek() == ')' ? -1 : 0;
            ++position_;
        }
        if (position_ == start) {
            return unexpected("value");
        }
        term.value = text_.substr(start, position_ - start);
        return {};
    }

    /// Between quotes everything is itself; a backslash before the quote keeps it in the text.
    Result<void> quoted(Term& term) {
        const char quote = text_[position_++];
        std::string value;
        while (position_ < text_.size() && peek() != quote) {
            if (peek() == '\\' && position_ + 1 < text_.size() && text_[position_ + 1] == quote) {
                ++position_;
            }
            value += text_[position_++];
        }
        if (position_ == text_.size()) {
            return unexpected(std::string_view(&quote, 1));
        }
        ++position_;
        term.value = value;
        return {};
    }

    [[nodiscard]] Error unexpected(std::string_view wanted) const {
        return malformed(text("查询表达式第 {} 个字节处应为 {}",
                              "the expression needs {1} at byte {0}", position_ + 1, wanted));
    }
    [[nodiscard]] char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
    void skip_spaces() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') {
            ++position_;
        }
    }
    std::string_view until(std::string_view ends) {
        const std::size_t start = position_;
        position_ = std::min(text_.find_first_of(ends, start), text_.size());
        return text_.substr(start, position_ - start);
    }
    [[nodiscard]] bool at_word(std::string_view word) const {
        const std::string_view rest = text_.substr(position_);
        return rest.size() >= word.size() &&
               equals_ignoring_case(rest.substr(0, word.size()), word) &&
               (rest.size() == word.size() || rest[word.size()] == ' ' || rest[word.size()] == '(');
    }
    bool accept_word(std::string_view word) {
        skip_spaces();
        if (!at_word(word)) {
            return false;
        }
        position_ += word.size();
        return true;
    }

    std::string_view text_;
    Budget& budget_;
    std::size_t position_ = 0;
};

}  // namespace

Result<std::vector<Term>> parse_expression(std::string_view expression, std::size_t depth,
                                           Budget& budget) {
    const std::string plain = decoded(expression);
    return ExpressionParser(plain, budget).parse(depth);
}

}  // namespace updraft::query_detail
