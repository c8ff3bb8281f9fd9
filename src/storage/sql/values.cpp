#include "storage/sql/values.hpp"

#include <boost/json/serialize.hpp>

#include <charconv>
#include <cmath>
#include <ctime>

#include "base/bytes.hpp"

namespace json = boost::json;

namespace updraft::sql {
namespace {

std::optional<std::int64_t> integer_in(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code == std::errc{} && end == text.data() + text.size()) {
        return number;
    }
    return std::nullopt;
}

std::optional<Value> number_of(const json::value& value) {
    if (value.is_int64()) {
        return Value(value.get_int64());
    }
    if (value.is_double()) {
        const double number = value.get_double();
        constexpr double exact_max = 9e15;
        if (std::trunc(number) == number && std::abs(number) < exact_max) {
            return Value(static_cast<std::int64_t>(number));
        }
        return Value(number);
    }
    if (const auto* flag = value.if_bool()) {
        return Value(std::int64_t{*flag});
    }
    if (const auto* string = value.if_string()) {
        if (const auto whole = integer_in(*string)) {
            return Value(*whole);
        }
        double number = 0;
        const auto [end, code] =
            std::from_chars(string->data(), string->data() + string->size(), number);
        if (code == std::errc{} && end == string->data() + string->size() &&
            std::isfinite(number)) {
            return Value(number);
        }
    }
    return std::nullopt;
}

std::optional<Value> flag_of(const json::value& value) {
    if (const auto* string = value.if_string()) {
        if (equals_ignoring_case(std::string_view(*string), "true")) {
            return Value(std::int64_t{1});
        }
        if (equals_ignoring_case(std::string_view(*string), "false")) {
            return Value(std::int64_t{0});
        }
    }
    return number_of(value);
}

std::string enum_name(const Column& column, const json::value& value) {
    const auto* object = value.if_object();
    const json::value* member = object != nullptr ? object->if_contains("value") : nullptr;
    const std::string given = text_of(member != nullptr ? *member : value);
    if (column.names != nullptr) {
        for (const EnumName& each : *column.names) {
            if (equals_ignoring_case(each.name, given) || each.label.zh == given ||
                equals_ignoring_case(each.label.en, given)) {
                return std::string(each.name);
            }
        }
    }
    return given;
}

/// Reads fixed-width digits off the front of `text`.
std::optional<int> digits(std::string_view& text, std::size_t count) {
    if (text.size() < count) {
        return std::nullopt;
    }
    int number = 0;
    for (const char c : text.substr(0, count)) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        number = number * 10 + (c - '0');
    }
    text.remove_prefix(count);
    return number;
}

bool accept(std::string_view& text, std::string_view any_of) {
    if (text.empty() || any_of.find(text.front()) == std::string_view::npos) {
        return false;
    }
    text.remove_prefix(1);
    return true;
}

/// Minutes east of UTC: `Z`, `+08:00`, `+0800`. Nothing if there is no offset or a wrong one.
std::optional<int> offset_minutes(std::string_view text) {
    if (text == "Z" || text == "z") {
        return 0;
    }
    const int sign = text.starts_with('-') ? -1 : 1;
    if (!accept(text, "+-")) {
        return std::nullopt;
    }
    const auto hours = digits(text, 2);
    accept(text, ":");
    const auto minutes = text.empty() ? std::optional(0) : digits(text, 2);
    if (!hours || !minutes || !text.empty()) {
        return std::nullopt;
    }
    return sign * (*hours * 60 + *minutes);
}

/// The time of day at the front of `text`, into `fields` and `millis`; false if it is not one.
bool read_time_of_day(std::string_view& text, std::tm& fields, int& millis) {
    const auto hour = digits(text, 2);
    if (!hour || !accept(text, ":")) {
        return false;
    }
    const auto minute = digits(text, 2);
    if (!minute) {
        return false;
    }
    fields.tm_hour = *hour;
    fields.tm_min = *minute;
    if (accept(text, ":")) {
        const auto second = digits(text, 2);
        if (!second) {
            return false;
        }
        fields.tm_sec = *second;
    }
    if (accept(text, ".,")) {
        int scale = 100;
        while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
            millis += (text.front() - '0') * scale;
            scale /= 10;
            text.remove_prefix(1);
        }
    }
    return *hour < 24 && *minute < 60 && fields.tm_sec <= 60;
}

}  // namespace

std::string text_of(const json::value& value) {
    if (const auto* string = value.if_string()) {
        return std::string(std::string_view(*string));
    }
    if (value.is_null()) {
        return {};
    }
    return json::serialize(value);
}

bool is_absent(const json::value& value) {
    return value.is_null() || (value.is_string() && value.get_string().empty());
}

std::optional<std::int64_t> millis_of_date(std::string_view text) {
    std::tm fields{};
    int millis = 0;
    const auto year = digits(text, 4);
    if (!year || !accept(text, "-/")) {
        return std::nullopt;
    }
    const auto month = digits(text, 2);
    if (!month || !accept(text, "-/")) {
        return std::nullopt;
    }
    const auto day = digits(text, 2);
    const bool real_day = month && day && *month >= 1 && *month <= 12 && *day >= 1 && *day <= 31;
    if (!real_day) {
        return std::nullopt;
    }
    fields.tm_year = *year - 1900;
    fields.tm_mon = *month - 1;
    fields.tm_mday = *day;
    if (accept(text, "T ") && !read_time_of_day(text, fields, millis)) {
        return std::nullopt;
    }
    if (!text.empty()) {
        const auto offset = offset_minutes(text);
        if (!offset) {
            return std::nullopt;
        }
        return (std::int64_t{timegm(&fields)} - std::int64_t{*offset} * 60) * 1000 + millis;
    }
    fields.tm_isdst = -1;
    return std::int64_t{std::mktime(&fields)} * 1000 + millis;
}

std::optional<Value> converted(const Column& column, const json::value& value) {
    switch (column.kind) {
        case Kind::integer:
            return number_of(value);
        case Kind::flag:
            return flag_of(value);
        case Kind::time:
            if (const auto* string = value.if_string()) {
                if (const auto millis = millis_of_date(*string)) {
                    return Value(*millis);
                }
            }
            return number_of(value);
        case Kind::enumeration:
        case Kind::task_state:
            return Value(enum_name(column, value));
        case Kind::text:
            return Value(text_of(value));
    }
    return std::nullopt;
}

std::vector<json::value> elements_of(const json::value& value) {
    std::vector<json::value> elements;
    if (const auto* array = value.if_array()) {
        elements.assign(array->begin(), array->end());
    } else if (const auto* string = value.if_string()) {
        std::string_view rest = *string;
        for (;;) {
            const std::size_t comma = rest.find(',');
            elements.emplace_back(rest.substr(0, comma));
            if (comma == std::string_view::npos) {
                break;
            }
            rest.remove_prefix(comma + 1);
        }
    } else {
        elements.push_back(value);
    }
    std::erase_if(elements, is_absent);
    return elements;
}

}  // namespace updraft::sql
