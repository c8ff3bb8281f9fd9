#include "cli/where.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace updraft::cli {
namespace {

constexpr std::array<std::string_view, 12> product_columns{
    "id",    "name",      "describe",   "deviceType",   "messageProtocol", "transportProtocol",
    "state", "creatorId", "createTime", "protocolName", "accessId",        "accessName"};
constexpr std::array<std::string_view, 7> protocol_columns{
    "id", "name", "description", "type", "state", "creatorId", "createTime"};
constexpr std::array<std::string_view, 16> device_columns{
    "id",           "name",       "productId",   "productName",     "deviceType",
    "state",        "describe",   "parentId",    "address",         "registryTime",
    "registerTime", "onlineTime", "offlineTime", "firmwareVersion", "creatorId",
    "createTime"};
constexpr std::array<std::string_view, 13> firmware_columns{
    "id",   "name", "productId", "productName", "version",   "versionOrder", "signMethod",
    "sign", "url",  "size",      "description", "creatorId", "createTime"};
constexpr std::array<std::string_view, 15> task_columns{
    "id",         "name",         "productId",      "productName", "firmwareId",
    "version",    "versionOrder", "mode",           "releaseType", "description",
    "createTime", "creatorId",    "timeoutSeconds", "state",       "progress"};
constexpr std::string_view audit_columns[] = {
    "seq",       "at",     "userId",     "username", "via",        "tokenName", "address",  "proxy",
    "userAgent", "action", "objectType", "objectId", "objectName", "outcome",   "errorCode"};
constexpr std::array<std::string_view, 18> record_columns{
    "id",          "deviceId",     "deviceName", "productId", "productName", "firmwareId",
    "version",     "versionOrder", "taskId",     "taskName",  "mode",        "createTime",
    "upgradeTime", "completeTime", "progress",   "state",     "errorReason", "errorGroup"};

struct Operator {
    std::string_view spelled;
    std::string_view term_type;
};
/// Longer spellings before those they begin with.
constexpr std::array<Operator, 26> operators{{
    {"!=", "not"},     {">=", "gte"},         {"<=", "lte"},      {"!~", "nlike"},
    {"=", "eq"},       {">", "gt"},           {"<", "lt"},        {"~", "like"},
    {"not-in", "nin"}, {"not-like", "nlike"}, {"between", "btw"}, {"is-not", "notnull"},
    {"is", "isnull"},  {"in", "in"},          {"like", "like"},   {"eq", "eq"},
    {"not", "not"},    {"neq", "neq"},        {"gte", "gte"},     {"gt", "gt"},
    {"lte", "lte"},    {"lt", "lt"},          {"nin", "nin"},     {"nlike", "nlike"},
    {"btw", "btw"},    {"nbtw", "nbtw"},
}};

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view unquoted(std::string_view text) {
    const bool quoted = text.size() >= 2 && (text.front() == '\'' || text.front() == '"') &&
                        text.front() == text.back();
    return quoted ? text.substr(1, text.size() - 2) : text;
}

/// The pattern that finds a text anywhere, whatever characters it holds.
std::string containing(std::string_view text) {
    std::string pattern = "%";
    for (const char letter : text) {
        if (letter == '%' || letter == '_' || letter == '\\') {
            pattern.push_back('\\');
        }
        pattern.push_back(letter);
    }
    return pattern + "%";
}

Error not_a_condition(std::string_view condition) {
    return Error::invalid(
        "where",
        text("条件 \"{}\" 无效; 写成 字段 运算符 值, 例如 state = online",
             "\"{}\" is no condition; say FIELD OP VALUE, like state = online", condition));
}

Error unknown_field(std::string_view field, Fields fields) {
    const std::string known = fmt::format("{}", fmt::join(fields, ", "));
    return Error::invalid(
        "where", text("未知的字段 {}; 可用: {}", "unknown field {}; there are {}", field, known));
}

/// The operator at the front of what follows the field; a word ends at a space.
const Operator* operator_of(std::string_view rest) {
    const bool is_word = std::isalpha(static_cast<unsigned char>(rest.front())) != 0;
    const std::string_view word = rest.substr(0, rest.find(' '));
    const auto* const found = std::ranges::find_if(operators, [&](const Operator& each) {
        return is_word ? word == each.spelled : rest.starts_with(each.spelled);
    });
    return found == operators.end() ? nullptr : found;
}

}  // namespace

const Fields product_fields{product_columns};
const Fields protocol_fields{protocol_columns};
const Fields device_fields{device_columns};
const Fields firmware_fields{firmware_columns};
const Fields task_fields{task_columns};
const Fields record_fields{record_columns};
const Fields audit_fields{audit_columns};

Result<json::object> parse_where(std::string_view condition, Fields fields) {
    const std::string_view whole = trimmed(condition);
    const std::size_t field_end = whole.find_first_of(" =!<>~");
    if (field_end == 0 || field_end == std::string_view::npos) {
        return not_a_condition(condition);
    }
    const std::string_view field = whole.substr(0, field_end);
    const std::string_view rest = trimmed(whole.substr(field_end));
    const Operator* const found = rest.empty() ? nullptr : operator_of(rest);
    if (found == nullptr) {
        return not_a_condition(condition);
    }
    const std::string_view value = unquoted(trimmed(rest.substr(found->spelled.size())));
    const bool about_null = found->term_type == "isnull" || found->term_type == "notnull";
    if (value.empty() || (about_null && value != "null")) {
        return not_a_condition(condition);
    }
    if (field.starts_with("tag.") && fields.data() == device_fields.data()) {
        if (found->term_type != "eq") {
            return not_a_condition(condition);
        }
        return json::object{
            {"column", "id$dev-tag"},
            {"value", json::array{json::object{{"key", field.substr(4)}, {"value", value}}}}};
    }
    if (std::ranges::find(fields, field) == fields.end()) {
        return unknown_field(field, fields);
    }
    json::object term{{"column", field}, {"termType", found->term_type}};
    const bool holds = found->spelled == "~" || found->spelled == "!~";
    term["value"] = about_null ? json::value(1) : json::value(holds ? containing(value) : value);
    return term;
}

Result<json::array> parse_all(const std::vector<std::string>& conditions, Fields fields) {
    json::array terms;
    for (const std::string& condition : conditions) {
        UPDRAFT_TRY(json::object term, parse_where(condition, fields));
        terms.emplace_back(std::move(term));
    }
    return terms;
}

Result<json::object> parse_sort(std::string_view sort, Fields fields) {
    const bool descending = sort.starts_with('-');
    const std::string_view field = descending ? sort.substr(1) : sort;
    if (std::ranges::find(fields, field) == fields.end()) {
        return unknown_field(field, fields);
    }
    return json::object{{"name", field}, {"order", descending ? "desc" : "asc"}};
}

}  // namespace updraft::cli
