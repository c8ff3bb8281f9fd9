#include "cli/rows.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <cctype>
#include <ctime>

namespace updraft::cli {
namespace {

void write_pretty(const json::value& value, std::size_t depth, std::string& out) {
    const std::string inner(2 * (depth + 1), ' ');
    const std::string outer(2 * depth, ' ');
    if (value.is_object() && !value.get_object().empty()) {
        std::string_view separator = "{\n";
        for (const auto& member : value.get_object()) {
            out.append(separator).append(inner);
            out.append(json::serialize(json::value(member.key()))).append(": ");
            write_pretty(member.value(), depth + 1, out);
            separator = ",\n";
        }
        out.append("\n").append(outer).append("}");
    } else if (value.is_array() && !value.get_array().empty()) {
        std::string_view separator = "[\n";
        for (const json::value& each : value.get_array()) {
            out.append(separator).append(inner);
            write_pretty(each, depth + 1, out);
            separator = ",\n";
        }
        out.append("\n").append(outer).append("]");
    } else {
        out.append(json::serialize(value));
    }
}

/// The code point at the front and the bytes it takes; a wrong byte stands for itself.
std::pair<char32_t, std::size_t> first_code_point(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t bytes = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (bytes == 1 || bytes > text.size()) {
        return {lead, 1};
    }
    char32_t point = lead & (0xFFU >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) {
        point = (point << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
    }
    return {point, bytes};
}

/// Hangul, CJK, kana, full-width forms and emoji (Unicode TR 11, coarsely).
bool is_wide(char32_t point) {
    return (point >= 0x1100 && point <= 0x115F) || (point >= 0x2E80 && point <= 0xA4CF) ||
           (point >= 0xAC00 && point <= 0xD7A3) || (point >= 0xF900 && point <= 0xFAFF) ||
           (point >= 0xFE30 && point <= 0xFE6F) || (point >= 0xFF00 && point <= 0xFF60) ||
           (point >= 0xFFE0 && point <= 0xFFE6) || (point >= 0x1F300 && point <= 0x1FAFF) ||
           (point >= 0x20000 && point <= 0x3FFFD);
}

}  // namespace

const json::value& member_at(const json::value& row, std::string_view path) {
    static const json::value nothing;
    const json::value* at = &row;
    while (!path.empty()) {
        const std::size_t dot = path.find('.');
        const json::object* const object = at->if_object();
        at = object == nullptr ? nullptr : object->if_contains(path.substr(0, dot));
        if (at == nullptr) {
            return nothing;
        }
        path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    }
    return *at;
}

std::string text_at(const json::value& row, std::string_view path) {
    const json::value& value = member_at(row, path);
    if (value.is_null()) {
        return {};
    }
    if (value.is_string()) {
        return std::string(value.get_string());
    }
    return json::serialize(value);
}

std::int64_t integer_at(const json::value& row, std::string_view path) {
    const json::value& value = member_at(row, path);
    boost::system::error_code not_a_number;
    const auto number = value.to_number<std::int64_t>(not_a_number);
    return not_a_number ? 0 : number;
}

const json::array& rows_of(const json::value& result) {
    static const json::array none;
    const json::value& rows = result.is_object() ? member_at(result, "data") : result;
    return rows.is_array() ? rows.get_array() : none;
}

std::string local_time(std::int64_t millis) {
    if (millis == 0) {
        return {};
    }
    const std::time_t seconds = millis / 1000;
    std::tm fields{};
    ::localtime_r(&seconds, &fields);
    std::array<char, 32> text{};
    const std::size_t length =
        std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &fields);
    return {text.data(), length};
}

std::string readable_seconds(std::int64_t seconds) {
    if (seconds >= 3600) {
        return fmt::format("{} h {:02} min", seconds / 3600, seconds / 60 % 60);
    }
    if (seconds >= 60) {
        return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
    }
    return fmt::format("{} s", seconds);
}

std::string pretty(const json::value& value) {
    std::string out;
    write_pretty(value, 0, out);
    return out;
}

std::size_t display_width(std::string_view utf8) {
    std::size_t width = 0;
    while (!utf8.empty()) {
        const auto [point, bytes] = first_code_point(utf8);
        width += is_wide(point) ? 2 : 1;
        utf8.remove_prefix(bytes);
    }
    return width;
}

std::string url_encoded(std::string_view text) {
    std::string encoded;
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        const bool plain = byte < 0x80 && (std::isalnum(byte) != 0 || letter == '-' ||
                                           letter == '_' || letter == '.' || letter == '~');
        encoded += plain ? std::string(1, letter) : fmt::format("%{:02X}", byte);
    }
    return encoded;
}

}  // namespace updraft::cli
