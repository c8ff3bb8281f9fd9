#include "protocol/ddi/bodies.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace updraft::ddi {
namespace {

namespace json = boost::json;

template <class Enum>
struct Named {
    std::string_view name;
    Enum value;
};
constexpr std::array executions{
    Named<Execution>{"closed", Execution::closed},
    Named<Execution>{"proceeding", Execution::proceeding},
    Named<Execution>{"canceled", Execution::canceled},
    Named<Execution>{"scheduled", Execution::scheduled},
    Named<Execution>{"rejected", Execution::rejected},
    Named<Execution>{"resumed", Execution::resumed},
    Named<Execution>{"downloaded", Execution::downloaded},
    Named<Execution>{"download", Execution::download},
};
constexpr std::array results{
    Named<Finished>{"none", Finished::none},
    Named<Finished>{"success", Finished::success},
    Named<Finished>{"failure", Finished::failure},
};
constexpr std::array modes{
    Named<ConfigData::Mode>{"merge", ConfigData::Mode::merge},
    Named<ConfigData::Mode>{"replace", ConfigData::Mode::replace},
    Named<ConfigData::Mode>{"remove", ConfigData::Mode::remove},
};
constexpr std::array consents{Named<bool>{"confirmed", true}, Named<bool>{"denied", false}};

Error malformed(Text why) {
    return Error::of(ErrorCode::malformed, std::move(why));
}

Result<json::object> object_of(std::string_view text_of_body) {
    boost::system::error_code failed;
    json::value value = json::parse(text_of_body, failed);
    if (failed) {
        return malformed(
            text("请求体不是合法的JSON: {}", "the body is not JSON: {}", failed.message()));
    }
    if (!value.is_object()) {
        return malformed(text("请求体应为JSON对象", "the body is no JSON object"));
    }
    return std::move(value.as_object());
}

/// The member; null where there is none.
const json::value& member(const json::object& object, std::string_view name) {
    static const json::value none;
    const json::value* found = object.if_contains(name);
    return found == nullptr ? none : *found;
}

/// A scalar as text, without the NULs that no store holds; nothing for null, lists and objects.
std::optional<std::string> text_of(const json::value& value) {
    if (value.is_null() || value.is_structured()) {
        return std::nullopt;
    }
    std::string plain =
        value.is_string() ? std::string(value.get_string()) : json::serialize(value);
    std::erase(plain, '\0');
    return plain;
}

std::optional<std::int64_t> number_of(const json::value& value) {
    return value.is_int64() ? std::optional(value.get_int64()) : std::nullopt;
}

/// `path` is what a person reads: "status.execution".
template <class Choices>
auto choice_of(const json::object& object, std::string_view name, std::string_view path,
               const Choices& choices) -> Result<decltype(choices.front().value)> {
    const json::value& value = member(object, name);
    const std::string said = value.is_string() ? std::string(value.get_string()) : std::string();
    const auto* found = std::ranges::find(choices, said, &Choices::value_type::name);
    if (found != choices.end()) {
        return found->value;
    }
    std::string known;
    for (const auto& each : choices) {
        known += known.empty() ? "" : ", ";
        known += each.name;
    }
    if (value.is_null()) {
        return malformed(
            text("缺少成员 {}, 可选值: {}", "the member {} is missing; use {}", path, known));
    }
    return malformed(
        text("成员 {} 的值无效, 可选值: {}", "the member {} is none of {}", path, known));
}

Result<json::object> object_in(const json::object& object, std::string_view name,
                               std::string_view path) {
    const json::value& value = member(object, name);
    if (!value.is_object()) {
        return malformed(
            text("缺少JSON对象 {}", "the member {} is missing or no JSON object", path));
    }
    return value.get_object();
}

Result<std::vector<std::string>> details_of(const json::object& object) {
    const json::value& value = member(object, "details");
    std::vector<std::string> details;
    if (value.is_null()) {
        return details;
    }
    if (!value.is_array()) {
        if (auto single = text_of(value)) {
            details.push_back(*std::move(single));
            return details;
        }
        return malformed(text("details 应为字符串数组", "details is no list of texts"));
    }
    for (const json::value& each : value.get_array()) {
        auto line = text_of(each);
        if (!line && !each.is_null()) {
            return malformed(text("details 应为字符串数组", "details is no list of texts"));
        }
        details.push_back(std::move(line).value_or(""));
    }
    return details;
}

std::optional<int> percent_of(const json::object& result) {
    const json::value& progress = member(result, "progress");
    if (!progress.is_object()) {
        return std::nullopt;
    }
    const auto count = number_of(member(progress.get_object(), "cnt"));
    const auto of = number_of(member(progress.get_object(), "of"));
    constexpr std::int64_t sane = 1'000'000'000'000;
    if (!count || !of || *of <= 0 || *count < 0 || *count > sane) {
        return std::nullopt;
    }
    return static_cast<int>(std::min<std::int64_t>(*count * 100 / *of, 100));
}

}  // namespace

std::string_view name_of(Execution execution) {
    return std::ranges::find(executions, execution, &Named<Execution>::value)->name;
}

std::string_view name_of(Finished finished) {
    return std::ranges::find(results, finished, &Named<Finished>::value)->name;
}

Result<Feedback> parse_feedback(std::string_view body) {
    UPDRAFT_TRY(const json::object whole, object_of(body));
    UPDRAFT_TRY(const json::object status, object_in(whole, "status", "status"));
    Feedback feedback;
    UPDRAFT_TRY(feedback.execution, choice_of(status, "execution", "status.execution", executions));
    UPDRAFT_TRY(const json::object result, object_in(status, "result", "status.result"));
    UPDRAFT_TRY(feedback.finished,
                choice_of(result, "finished", "status.result.finished", results));
    feedback.progress_percent = percent_of(result);
    feedback.code = number_of(member(status, "code"));
    UPDRAFT_TRY(feedback.details, details_of(status));
    return feedback;
}

Result<ConfigData> parse_config_data(std::string_view body) {
    UPDRAFT_TRY(const json::object whole, object_of(body));
    ConfigData config;
    if (!member(whole, "mode").is_null()) {
        UPDRAFT_TRY(config.mode, choice_of(whole, "mode", "mode", modes));
    }
    UPDRAFT_TRY(const json::object data, object_in(whole, "data", "data"));
    if (data.empty()) {
        return malformed(text("data 不能为空", "data has no members"));
    }
    for (const auto& [key, value] : data) {
        std::optional<std::string> said = text_of(value);
        if (!said && !value.is_null()) {
            return malformed(text("属性 {} 的值应为字符串", "the value of {} is no text",
                                  std::string_view(key)));
        }
        config.data.insert_or_assign(std::string(key), std::move(said));
    }
    return config;
}

Result<Confirmation> parse_confirmation(std::string_view body) {
    UPDRAFT_TRY(const json::object whole, object_of(body));
    Confirmation confirmation;
    UPDRAFT_TRY(confirmation.confirmed, choice_of(whole, "confirmation", "confirmation", consents));
    confirmation.code = number_of(member(whole, "code"));
    UPDRAFT_TRY(confirmation.details, details_of(whole));
    return confirmation;
}

Result<AutoConfirmation> parse_auto_confirmation(std::string_view body) {
    AutoConfirmation confirmation;
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return confirmation;
    }
    UPDRAFT_TRY(const json::object whole, object_of(body));
    confirmation.initiator = text_of(member(whole, "initiator")).value_or("");
    confirmation.remark = text_of(member(whole, "remark")).value_or("");
    return confirmation;
}

Result<InstalledSet> parse_installed_set(std::string_view body) {
    UPDRAFT_TRY(const json::object whole, object_of(body));
    InstalledSet set{text_of(member(whole, "name")).value_or(""),
                     text_of(member(whole, "version")).value_or("")};
    if (set.version.empty()) {
        return malformed(text("缺少成员 version", "the member version is missing"));
    }
    return set;
}

}  // namespace updraft::ddi
