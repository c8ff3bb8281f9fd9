#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "domain/names.hpp"

namespace updraft::rest {

namespace json = boost::json;

/// Reads the members of a request's JSON object as leniently as JetLinks does: text from numbers,
/// numbers from text, enum values bare or as `{"value","text"}`. An absent or null member is
/// nothing. A member that cannot be read is noted, and finish() refuses with its name, its value
/// and what would be right. The object must outlive the reader.
class JsonReader {
public:
    explicit JsonReader(const json::object& object) : object_(object) {}

    [[nodiscard]] bool has(std::string_view name) const;
    /// Text; numbers and booleans as they are written in JSON.
    [[nodiscard]] std::optional<std::string> text(std::string_view name);
    /// A whole number, also as text, within the range.
    [[nodiscard]] std::optional<std::int64_t> integer(
        std::string_view name, std::int64_t min = std::numeric_limits<std::int64_t>::min(),
        std::int64_t max = std::numeric_limits<std::int64_t>::max());
    /// true, false, 1, 0, "true", "false", "1", "0".
    [[nodiscard]] std::optional<bool> flag(std::string_view name);
    /// 1 or 0, true or false, also as {"value":..}: the `state` and `status` of rows.
    [[nodiscard]] std::optional<bool> switch_state(std::string_view name);
    /// A list of texts; one text is a list of one.
    [[nodiscard]] std::optional<std::vector<std::string>> texts(std::string_view name);
    /// An object with text values; null members are left out.
    [[nodiscard]] std::optional<std::map<std::string, std::string>> text_map(std::string_view name);
    /// Any JSON as its text; a string is taken as it is (metadata).
    [[nodiscard]] std::optional<std::string> json_text(std::string_view name);
    /// A list of objects.
    [[nodiscard]] std::optional<std::vector<json::object>> objects(std::string_view name);

    /// One of `values`: by name, by position, or as an object with `value` or only `text`.
    template <class Enum>
    [[nodiscard]] std::optional<Enum> choice(std::string_view name,
                                             std::initializer_list<Enum> values) {
        const json::value* member = find(name);
        if (member == nullptr) {
            return std::nullopt;
        }
        std::string allowed;
        std::int64_t position = 0;
        for (const Enum value : values) {
            if (is_choice(*member, name_of(value), label_or_name(value), position)) {
                return value;
            }
            allowed += (allowed.empty() ? "" : ", ") + std::string(name_of(value));
            ++position;
        }
        refuse(name, *member, updraft::text("可选值: {}", "one of: {}", allowed));
        return std::nullopt;
    }

    /// Notes that `name` breaks a rule of the caller.
    void refuse(std::string_view name, const json::value& value, const Text& what_is_right);
    /// The refusal of everything that was noted; good if nothing was.
    [[nodiscard]] Result<void> finish();

private:
    template <class Enum>
    [[nodiscard]] static Text label_or_name(Enum value) {
        if constexpr (requires { label_of(value); }) {
            return label_of(value);
        } else {
            return Text{std::string(name_of(value)), std::string(name_of(value))};
        }
    }
    [[nodiscard]] static bool is_choice(const json::value& member, std::string_view name,
                                        const Text& label, std::int64_t position);
    /// The member, unless it is absent or null.
    [[nodiscard]] const json::value* find(std::string_view name) const;

    const json::object& object_;
    std::vector<FieldError> refused_;
};

/// A scalar as text: strings as they are, numbers and booleans as JSON writes them.
[[nodiscard]] std::optional<std::string> scalar_text(const json::value& value);

/// Text values as a JSON object.
[[nodiscard]] json::object text_map_json(const std::map<std::string, std::string>& values);

/// Adds a member unless the text is empty: absent members are left out of answers.
void put_text(json::object& object, std::string_view name, std::string_view value);

}  // namespace updraft::rest
