#include "domain/failure_group.hpp"

#include <algorithm>

#include "domain/upgrade_record.hpp"

namespace updraft {
namespace {

constexpr std::size_t group_characters_max = 200;
constexpr std::size_t hex_id_digits_min = 8;  ///< shorter ones are words, or numbers with a letter
constexpr std::size_t quoted_id_bytes_max = 64;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_hex_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_space(char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
}
bool continues_character(char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// The length of a quoted word that has a digit in it, with its quotes; 0 if there is none here.
std::size_t quoted_id_at(std::string_view text) {
    const char quote = text.front();
    if (quote != '\'' && quote != '"' && quote != '`') {
        return 0;
    }
    const std::size_t end = text.find(quote, 1);
    if (end == std::string_view::npos || end - 1 > quoted_id_bytes_max) {
        return 0;
    }
    const std::string_view word = text.substr(1, end - 1);
    const bool is_id = std::ranges::any_of(word, is_digit) && std::ranges::none_of(word, is_space);
    return is_id ? end + 1 : 0;
}

/// The length of an id in hex: groups of two digits and more, joined by `-` or `:`, at the
/// beginning of a word and up to its end; 0 if there is none here.
std::size_t hex_id_at(std::string_view text) {
    const bool prefixed = text.starts_with("0x") || text.starts_with("0X");
    std::size_t end = prefixed ? 2 : 0;
    std::size_t digits = 0;
    bool any_decimal = prefixed;
    for (;;) {
        std::size_t group = end;
        while (group < text.size() && is_hex_digit(text[group])) {
            any_decimal = any_decimal || is_digit(text[group]);
            ++group;
        }
        const std::size_t length = group - end;
        if (length < (digits == 0 ? 1U : 2U)) {
            end -= digits == 0 ? 0 : 1;  // the separator belongs to what follows
            break;
        }
        digits += length;
        end = group;
        if (prefixed || end == text.size() || (text[end] != '-' && text[end] != ':')) {
            break;
        }
        ++end;
    }
    const bool whole_word = end == text.size() || !(is_letter(text[end]) || is_digit(text[end]));
    const bool long_enough = prefixed ? digits > 0 : digits >= hex_id_digits_min;
    return any_decimal && whole_word && long_enough ? end : 0;
}

std::size_t digits_at(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
}

/// The length of what differs from device to device at the front of `text`; 0 if nothing does.
std::size_t particular_at(std::string_view text, bool at_word) {
    if (const std::size_t quoted = quoted_id_at(text)) {
        return quoted;
    }
    const std::size_t hex = at_word ? hex_id_at(text) : 0;
    return hex > 0 ? hex : digits_at(text);
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

}  // namespace

std::string failure_group(std::string_view reason) {
    std::string group;
    std::size_t characters = 0;
    bool at_word = true;
    std::string_view rest = trimmed(reason);
    while (!rest.empty() && characters < group_characters_max) {
        const char c = rest.front();
        std::size_t taken = particular_at(rest, at_word);
        if (taken > 0) {
            group += '#';
        } else if (is_space(c)) {
            group += ' ';
            taken = rest.size() - trimmed(rest).size();
        } else {
            taken = 1;
            while (taken < rest.size() && continues_character(rest[taken])) {
                ++taken;
            }
            group += rest.substr(0, taken);
        }
        at_word = !is_letter(c) && !is_digit(c);
        ++characters;
        rest.remove_prefix(taken);
    }
    return group.empty() ? std::string(error_reason::failed) : std::string(trimmed(group));
}

}  // namespace updraft
