#include "protocol/jetlinks/json_members.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>

#include "base/bytes.hpp"

namespace updraft::jetlinks {

namespace json = boost::json;
using json::error_code;
using View = json::string_view;

/// Receives the parser's events and keeps the members that matter, without building a tree.
///
/// Depth 1 is the object itself, depth 2 a value inside `headers` or `properties`; what lies deeper
/// below `properties` is written back as JSON text into `composite_`, the rest is only checked.
struct MembersHandler {
    static constexpr std::size_t max_object_size = 10'000;
    static constexpr std::size_t max_array_size = 1'000'000;
    static constexpr std::size_t max_key_size = 64U * 1024;
    static constexpr std::size_t max_string_size = 16U * 1024 * 1024;

    JsonMembers result;
    bool is_object = false;

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) { return open('{'); }
    bool on_object_end(std::size_t, error_code&) { return close('}'); }
    bool on_array_begin(error_code&) { return open('['); }
    bool on_array_end(std::size_t, error_code&) { return close(']'); }
    bool on_key_part(View part, std::size_t, error_code&) { return append(part); }
    bool on_key(View part, std::size_t, error_code&) {
        append(part);
        std::string key = take_text();
        if (depth_ == 1) {
            member_ = std::move(key);
        } else if (depth_ == 2 && in_named_group_) {
            submember_ = std::move(key);
        } else if (capturing()) {
            separate();
            composite_ += json::serialize(View(key));
            composite_ += ':';
            after_key_ = true;
        }
        return true;
    }
    bool on_string_part(View part, std::size_t, error_code&) { return append(part); }
    bool on_string(View part, std::size_t, error_code&) {
        append(part);
        return value(JsonMembers::Kind::string, take_text());
    }
    bool on_number_part(View part, error_code&) { return append(part); }
    bool on_int64(std::int64_t, View part, error_code&) { return number(part); }
    bool on_uint64(std::uint64_t, View part, error_code&) { return number(part); }
    bool on_double(double, View part, error_code&) { return number(part); }
    bool on_bool(bool truth, error_code&) {
        return value(JsonMembers::Kind::boolean, truth ? "true" : "false");
    }
    bool on_null(error_code&) { return value(JsonMembers::Kind::null, "null"); }
    bool on_comment_part(View, error_code&) { return true; }
    bool on_comment(View, error_code&) { return true; }

private:
    [[nodiscard]] bool capturing() const { return depth_ > 2 && capture_; }

    /// Of the composite that this bracket, opening or closing, belongs to.
    [[nodiscard]] static JsonMembers::Kind kind_of(char bracket) {
        return bracket == '[' || bracket == ']' ? JsonMembers::Kind::array
                                                : JsonMembers::Kind::object;
    }

    bool append(View part) {
        text_.append(part.data(), part.size());
        return true;
    }
    std::string take_text() {
        std::erase(text_, '\0');
        return std::exchange(text_, {});
    }
    bool number(View part) {
        append(part);
        return value(JsonMembers::Kind::number, take_text());
    }
    void separate() {
        if (!after_key_ && !composite_.empty() && composite_.back() != '{' &&
            composite_.back() != '[') {
            composite_ += ',';
        }
        after_key_ = false;
    }
    void keep(JsonMembers::Kind kind, std::string text) {
        std::string name = depth_ == 1 ? member_ : member_ + "." + submember_;
        result.members_.push_back({std::move(name), kind, std::move(text)});
    }
    bool value(JsonMembers::Kind kind, std::string text) {
        if (depth_ == 1 ? is_object : depth_ == 2 && in_named_group_) {
            keep(kind, std::move(text));
        } else if (capturing()) {
            separate();
            composite_ += kind == JsonMembers::Kind::string ? json::serialize(View(text)) : text;
        }
        return true;
    }
    bool open(char bracket) {
        if (depth_ == 0) {
            is_object = bracket == '{';
        } else if (depth_ == 1) {
            in_named_group_ =
                is_object && bracket == '{' && (member_ == "headers" || member_ == "properties");
            if (is_object) {
                keep(kind_of(bracket), {});
            }
        } else if (depth_ == 2 && in_named_group_) {
            capture_ = member_ == "properties";
            composite_.clear();
        }
        ++depth_;
        if (capturing()) {
            separate();
            composite_ += bracket;
        }
        return true;
    }
    bool close(char bracket) {
        if (capturing()) {
            composite_ += bracket;
            after_key_ = false;
        }
        --depth_;
        if (depth_ == 2 && in_named_group_) {
            keep(kind_of(bracket), std::exchange(composite_, {}));
            capture_ = false;
        } else if (depth_ == 1) {
            in_named_group_ = false;
        }
        return true;
    }

    int depth_ = 0;
    bool in_named_group_ = false;
    bool capture_ = false;
    bool after_key_ = false;
    std::string member_;
    std::string submember_;
    std::string text_;
    std::string composite_;
};

std::optional<JsonMembers> JsonMembers::parse(std::string_view json) {
    if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return JsonMembers{};
    }
    json::basic_parser<MembersHandler> parser{json::parse_options{}};
    error_code error;
    const std::size_t used = parser.write_some(false, json.data(), json.size(), error);
    if (error || used != json.size() || !parser.done() || !parser.handler().is_object) {
        return std::nullopt;
    }
    return std::move(parser.handler().result);
}

const JsonMembers::Member* JsonMembers::find(std::string_view name) const {
    const auto last = std::find_if(members_.rbegin(), members_.rend(),
                                   [&](const Member& member) { return member.name == name; });
    return last == members_.rend() ? nullptr : &*last;
}

std::optional<JsonMembers::Kind> JsonMembers::kind(std::string_view name) const {
    const Member* member = find(name);
    return member == nullptr ? std::nullopt : std::optional(member->kind);
}

std::string JsonMembers::text(std::string_view name) const {
    const Member* member = find(name);
    const bool readable =
        member != nullptr && member->kind != Kind::null && !member->is_composite();
    return readable ? member->text : std::string{};
}

std::optional<std::int64_t> JsonMembers::integer(std::string_view name) const {
    const Member* member = find(name);
    if (member == nullptr || (member->kind != Kind::number && member->kind != Kind::string)) {
        return std::nullopt;
    }
    std::string_view digits = member->text;
    const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
    while (!digits.empty() && is_space(digits.front())) {
        digits.remove_prefix(1);
    }
    while (!digits.empty() && is_space(digits.back())) {
        digits.remove_suffix(1);
    }
    const char* const end = digits.data() + digits.size();
    std::int64_t whole = 0;
    if (const auto [stop, failed] = std::from_chars(digits.data(), end, whole);
        failed == std::errc{} && stop == end) {
        return whole;
    }
    double real = 0;
    const auto [stop, failed] = std::from_chars(digits.data(), end, real);
    constexpr double limit = 9.0e18;  // inside the range of 64 bits
    if (failed != std::errc{} || stop != end || !(std::abs(real) <= limit)) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(real);
}

std::optional<bool> JsonMembers::boolean(std::string_view name) const {
    const Member* member = find(name);
    if (member == nullptr || member->kind == Kind::null || member->is_composite()) {
        return std::nullopt;
    }
    if (equals_ignoring_case(member->text, "true")) {
        return true;
    }
    if (equals_ignoring_case(member->text, "false")) {
        return false;
    }
    if (const std::optional<std::int64_t> number = integer(name)) {
        return *number != 0;
    }
    return std::nullopt;
}

}  // namespace updraft::jetlinks
