#include "transport/http/rest/json_reader.hpp"

#include <boost/json/serialize.hpp>

#include <charconv>
#include <cmath>

#include "base/bytes.hpp"

namespace updraft::rest {
namespace {

/// What a person is shown of a wrong value.
constexpr std::size_t shown_bytes_max = 80;

std::string shown(const json::value& value) {
    std::string text = json::serialize(value);
    if (text.size() > shown_bytes_max) {
        text.resize(shown_bytes_max);
        while (!is_utf8(text)) {
            text.pop_back();  // never cut a character in two
        }
        text += "...";
    }
    return text;
}

std::optional<std::int64_t> parse_integer(std::string_view digits) {
    std::int64_t number = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, failed] = std::from_chars(digits.data(), end, number);
    return failed == std::errc{} && stop == end && !digits.empty() ? std::optional(number)
                                                                   : std::nullopt;
}

std::optional<std::int64_t> whole_number(const json::value& value) {
    if (value.is_int64()) {
        return value.as_int64();
    }
    if (value.is_double()) {
        constexpr double exact_max = 9007199254740992.0;  // 2^53
        const double number = value.as_double();
        const bool whole = std::trunc(number) == number && std::abs(number) <= exact_max;
        return whole ? std::optional(static_cast<std::int64_t>(number)) : std::nullopt;
    }
    if (value.is_string()) {
        return parse_integer(value.as_string());
    }
    return std::nullopt;
}

std::optional<bool> truth(const json::value& value) {
    if (value.is_bool()) {
        return value.as_bool();
    }
    const std::string word = scalar_text(value).value_or("");
    if (word == "1" || equals_ignoring_case(word, "true")) {
        return true;
    }
    if (word == "0" || equals_ignoring_case(word, "false")) {
        return false;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::string> scalar_text(const json::value& value) {
    if (value.is_string()) {
        return std::string(value.as_string());
    }
    if (value.is_number() || value.is_bool()) {
        return json::serialize(value);
    }
    return std::nullopt;
}

json::object text_map_json(const std::map<std::string, std::string>& values) {
    json::object object;
    for (const auto& [key, value] : values) {
        object[key] = value;
    }
    return object;
}

void put_text(json::object& object, std::string_view name, std::string_view value) {
    if (!value.empty()) {
        object[name] = value;
    }
}

const json::value* JsonReader::find(std::string_view name) const {
    const json::value* member = object_.if_contains(name);
    return member == nullptr || member->is_null() ? nullptr : member;
}

bool JsonReader::has(std::string_view name) const {
    return find(name) != nullptr;
}

void JsonReader::refuse(std::string_view name, const json::value& value, const Text& right) {
    refused_.push_back(
        {std::string(name), updraft::text("参数{0}的值{1}不正确, {2}", "{0}: {1} is not valid, {3}",
                                          name, shown(value), right.zh, right.en)});
}

Result<void> JsonReader::finish() {
    if (refused_.empty()) {
        return {};
    }
    Error error = Error::of(ErrorCode::invalid_argument, refused_.front().message);
    error.fields = std::move(refused_);
    return error;
}

std::optional<std::string> JsonReader::text(std::string_view name) {
    const json::value* member = find(name);
    if (member == nullptr) {
        return std::nullopt;
    }
    std::optional<std::string> value = scalar_text(*member);
    if (!value || !is_utf8(*value) || value->find('\0') != std::string::npos) {
        refuse(name, *member, updraft::text("应为字符串", "a string is expected"));
        return std::nullopt;
    }
    return value;
}

std::optional<std::int64_t> JsonReader::integer(std::string_view name, std::int64_t min,
                                                std::int64_t max) {
    const json::value* member = find(name);
    if (member == nullptr || (member->is_string() && member->as_string().empty())) {
        return std::nullopt;
    }
    const std::optional<std::int64_t> number = whole_number(*member);
    if (!number || *number < min || *number > max) {
        refuse(name, *member,
               updraft::text("应为{}~{}之间的整数", "a whole number of {} to {} is expected", min,
                             max));
        return std::nullopt;
    }
    return number;
}

std::optional<bool> JsonReader::flag(std::string_view name) {
    const json::value* member = find(name);
    if (member == nullptr) {
        return std::nullopt;
    }
    const std::optional<bool> value = truth(*member);
    if (!value) {
        refuse(name, *member, updraft::text("应为true或false", "true or false is expected"));
    }
    return value;
}

std::optional<bool> JsonReader::switch_state(std::string_view name) {
    const json::value* member = find(name);
    if (member == nullptr) {
        return std::nullopt;
    }
    const json::value* inner =
        member->is_object() ? member->as_object().if_contains("value") : member;
    const std::optional<bool> value = inner == nullptr ? std::nullopt : truth(*inner);
    if (!value) {
        refuse(name, *member, updraft::text("应为1或0", "1 or 0 is expected"));
    }
    return value;
}

std::optional<std::vector<std::string>> JsonReader::texts(std::string_view name) {
    const json::value* member = find(name);
    if (member == nullptr) {
        return std::nullopt;
    }
    std::vector<std::string> list;
    if (const std::optional<std::string> single = scalar_text(*member)) {
        list.push_back(*single);
        return list;
    }
    if (member->is_array()) {
        for (const json::value& item : member->as_array()) {
            std::optional<std::string> value = scalar_text(item);
            if (!value) {
                refuse(name, *member,
                       updraft::text("应为字符串数组", "a list of strings is expected"));
                return std::nullopt;
            }
            list.push_back(*std::move(value));
        }
        return list;
    }
    refuse(name, *member, updraft::text("应为字符串数组", "a list of strings is expected"));
    return std::nullopt;
}

std::optional<std::map<std::string, std::string>> JsonReader::text_map(std::string_view name) {
    const json::value* member = find(name);
    if (member == nullptr) {
        return std::nullopt;
    }
    if (!member->is_object()) {
        refuse(name, *member, updraft::text("应为对象", "an object is expected"));
        return std::nullopt;
    }
    std::map<std::string, std::string> values;
    for (const auto& [key, value] : member->as_object()) {
        if (value.is_null()) {
            continue;
        }
        values[std::string(key)] = scalar_text(value).value_or(json::serialize(value));
    }
    return values;
}

std::optional<std::string> JsonReader::json_text(std::string_view name) {
    const json::value* member = find(name);
    if (member == nullptr) {
        return std::nullopt;
    }
    return member->is_string() ? std::string(member->as_string()) : json::serialize(*member);
}

std::optional<std::vector<json::object>> JsonReader::objects(std::string_view name) {
    const json::value* member = find(name);
    if (member == nullptr) {
        return std::nullopt;
    }
    std::vector<json::object> list;
    const bool is_list = member->is_array();
    if (is_list) {
        for (const json::value& item : member->as_array()) {
            if (item.is_object()) {
                list.push_back(item.as_object());
            }
        }
    }
    if (!is_list || list.size() != member->as_array().size()) {
        refuse(name, *member, updraft::text("应为对象数组", "a list of objects is expected"));
        return std::nullopt;
    }
    return list;
}

bool JsonReader::is_choice(const json::value& member, std::string_view name, const Text& label,
                           std::int64_t position) {
    if (member.is_object()) {
        const json::object& object = member.as_object();
        if (const json::value* value = object.if_contains("value"); value != nullptr) {
            return is_choice(*value, name, label, position);
        }
        const json::value* text = object.if_contains("text");
        return text != nullptr && text->is_string() &&
               (text->as_string() == label.zh || text->as_string() == label.en);
    }
    if (member.is_int64()) {
        return member.as_int64() == position;
    }
    return member.is_string() && equals_ignoring_case(member.as_string(), name);
}

}  // namespace updraft::rest
