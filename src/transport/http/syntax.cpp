#include "transport/http/syntax.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "base/bytes.hpp"

namespace updraft::http {

namespace {

constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> weekdays = {"Sun", "Mon", "Tue", "Wed",
                                                      "Thu", "Fri", "Sat"};

bool is_token_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// "0.75" as 750; a malformed weight as 0, so that nothing is sent that may be unwelcome.
int parse_weight(std::string_view text) {
    if (text.empty() || (text[0] != '0' && text[0] != '1') || text.size() > 5) {
        return 0;
    }
    int weight = (text[0] - '0') * 1000;
    int scale = 100;
    for (std::size_t i = 2; i < text.size(); ++i, scale /= 10) {
        if (text[1] != '.' || text[i] < '0' || text[i] > '9') {
            return 0;
        }
        weight += (text[i] - '0') * scale;
    }
    return std::min(weight, 1000);
}

std::optional<int> number_at(std::string_view text, std::size_t position, std::size_t digits) {
    if (position + digits > text.size()) {
        return std::nullopt;
    }
    int value = 0;
    for (const char c : text.substr(position, digits)) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        value = value * 10 + (c - '0');
    }
    return value;
}

std::optional<std::int64_t> moment(std::optional<int> year, std::string_view month_name,
                                   std::optional<int> day, std::string_view time) {
    const auto* const month = std::ranges::find(months, month_name);
    const std::optional<int> hour = number_at(time, 0, 2);
    const std::optional<int> minute = number_at(time, 3, 2);
    const std::optional<int> second = number_at(time, 6, 2);
    if (!year || month == months.end() || !day || !hour || !minute || !second || time.size() < 8 ||
        time[2] != ':' || time[5] != ':' || *hour > 23 || *minute > 59 || *second > 60) {
        return std::nullopt;
    }
    const std::chrono::year_month_day date{
        std::chrono::year{*year},
        std::chrono::month{static_cast<unsigned>(month - months.begin() + 1)},
        std::chrono::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) {
        return std::nullopt;
    }
    const std::int64_t days = std::chrono::sys_days{date}.time_since_epoch().count();
    return ((days * 24 + *hour) * 60 + *minute) * 60 + *second;
}

/// "06-Nov-94": years that seem more than 50 years ahead are in the past (RFC 9110 5.6.7).
int full_year(int two_digits) {
    return two_digits < 70 ? 2000 + two_digits : 1900 + two_digits;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_token_char);
}

std::vector<std::string_view> list_elements(std::string_view list) {
    std::vector<std::string_view> elements;
    bool quoted = false;
    std::size_t start = 0;
    for (std::size_t i = 0; i <= list.size(); ++i) {
        if (i < list.size() && list[i] == '"') {
            quoted = !quoted;
        }
        if (i == list.size() || (list[i] == ',' && !quoted)) {
            const std::string_view element = trimmed(list.substr(start, i - start));
            if (!element.empty()) {
                elements.push_back(element);
            }
            start = i + 1;
        }
    }
    return elements;
}

std::vector<WeightedItem> weighted_list(std::string_view list) {
    std::vector<WeightedItem> items;
    for (const std::string_view element : list_elements(list)) {
        WeightedItem item{trimmed(element.substr(0, element.find(';'))), 1000};
        std::size_t at = element.find(';');
        while (at != std::string_view::npos) {
            const std::size_t next = element.find(';', at + 1);
            const std::string_view parameter = trimmed(element.substr(at + 1, next - at - 1));
            if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
                item.weight = parse_weight(parameter.substr(2));
            }
            at = next;
        }
        items.push_back(item);
    }
    return items;
}

std::optional<std::string> find_field(const Fields& fields, std::string_view name) {
    for (const auto& [key, value] : fields) {
        if (equals_ignoring_case(key, name)) {
            return value;
        }
    }
    return std::nullopt;
}

bool field_has_token(const Fields& fields, std::string_view name, std::string_view token) {
    for (const auto& [key, value] : fields) {
        if (!equals_ignoring_case(key, name)) {
            continue;
        }
        for (const std::string_view element : list_elements(value)) {
            if (equals_ignoring_case(element, token)) {
                return true;
            }
        }
    }
    return false;
}

std::optional<std::int64_t> parse_decimal(std::string_view digits) {
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    std::int64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc{}) {
        return std::nullopt;
    }
    return value;
}

std::string http_date(std::int64_t unix_seconds) {
    const std::chrono::sys_seconds time{std::chrono::seconds{unix_seconds}};
    const auto days = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{days};
    const std::chrono::hh_mm_ss clock{time - days};
    return fmt::format(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        weekdays[std::chrono::weekday{days}.c_encoding()], static_cast<unsigned>(date.day()),
        months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
        clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) {  // Sun Nov  6 08:49:37 1994
        if (text.size() != 24) {
            return std::nullopt;
        }
        const bool one_digit = text[8] == ' ';
        const std::optional<int> day = one_digit ? number_at(text, 9, 1) : number_at(text, 8, 2);
        return moment(number_at(text, 20, 4), text.substr(4, 3), day, text.substr(11, 8));
    }
    const std::string_view rest = text.substr(std::min(comma + 2, text.size()));
    if (comma == 3 && rest.size() == 24 && rest.ends_with(" GMT")) {  // 06 Nov 1994 08:49:37 GMT
        return moment(number_at(rest, 7, 4), rest.substr(3, 3), number_at(rest, 0, 2),
                      rest.substr(12, 8));
    }
    if (rest.size() == 22 && rest.ends_with(" GMT")) {  // 06-Nov-94 08:49:37 GMT
        std::optional<int> year = number_at(rest, 7, 2);
        if (year) {
            year = full_year(*year);
        }
        return moment(year, rest.substr(3, 3), number_at(rest, 0, 2), rest.substr(10, 8));
    }
    return std::nullopt;
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 101:
            return "Switching Protocols";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 411:
            return "Length Required";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 416:
            return "Range Not Satisfiable";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Content";
        case 426:
            return "Upgrade Required";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 507:
            return "Insufficient Storage";
        default:
            return "Status";
    }
}

}  // namespace updraft::http
