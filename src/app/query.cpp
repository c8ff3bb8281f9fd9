#include "app/query.hpp"

#include <boost/json/parse.hpp>

#include <charconv>
#include <map>

#include "app/query_limits.hpp"
#include "base/bytes.hpp"

namespace json = boost::json;

namespace updraft {
namespace query_detail {

Error malformed(Text message) {
    return Error::of(ErrorCode::malformed, std::move(message));
}

Result<void> Budget::take(std::size_t depth) {
    if (depth > nesting_depth_max) {
        return malformed(text("查询条件嵌套 {} 层，超过上限 {} 层",
                              "the terms are nested {} deep, the limit is {}", depth,
                              nesting_depth_max));
    }
    if (++terms_ > terms_max) {
        return malformed(text("查询条件 {} 个，超过上限 {} 个",
                              "the query has {} terms or more, the limit is {}", terms_,
                              terms_max));
    }
    return {};
}

void set_term_type(Term& term, std::string_view type) {
    const std::size_t end = type.find('$');
    term.term_type = to_lower(type.substr(0, end));
    while (end != std::string_view::npos && !type.empty()) {
        const std::size_t dollar = type.find('$');
        if (dollar == std::string_view::npos) {
            break;
        }
        type.remove_prefix(dollar + 1);
        if (const auto option = type.substr(0, type.find('$')); !option.empty()) {
            term.options.emplace_back(option);
        }
    }
}

void set_column(Term& term, std::string_view column) {
    const std::size_t dollar = column.find('$');
    term.column = std::string(column.substr(0, dollar));
    if (dollar != std::string_view::npos && dollar + 1 < column.size()) {
        set_term_type(term, column.substr(dollar + 1));
    }
}

namespace {

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> parts;
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        std::string_view part = list.substr(0, comma);
        while (!part.empty() && part.front() == ' ') {
            part.remove_prefix(1);
        }
        while (!part.empty() && part.back() == ' ') {
            part.remove_suffix(1);
        }
        if (!part.empty()) {
            parts.emplace_back(part);
        }
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
    return parts;
}

/// A list of names: an array of strings or one comma-joined string. Anything else is no names.
std::vector<std::string> names_of(const json::value* value) {
    std::vector<std::string> names;
    if (value == nullptr) {
        return names;
    }
    if (const auto* one = value->if_string()) {
        return split(std::string_view(*one));
    }
    if (const auto* array = value->if_array()) {
        for (const json::value& each : *array) {
            if (const auto* name = each.if_string()) {
                names.emplace_back(std::string_view(*name));
            }
        }
    }
    return names;
}

std::string_view string_of(const json::object& object, std::string_view member) {
    const json::value* value = object.if_contains(member);
    const auto* string = value != nullptr ? value->if_string() : nullptr;
    return string != nullptr ? std::string_view(*string) : std::string_view();
}

Result<Term> parse_term(const json::value& value, std::size_t depth, Budget& budget) {
    const auto* object = value.if_object();
    if (object == nullptr) {
        return malformed(text("查询条件必须是对象", "a term must be an object"));
    }
    UPDRAFT_CHECK(budget.take(depth));
    Term term;
    if (const auto type = string_of(*object, "termType"); !type.empty()) {
        set_term_type(term, type);
    }
    for (std::string& option : names_of(object->if_contains("options"))) {
        term.options.push_back(std::move(option));
    }
    set_column(term, string_of(*object, "column"));
    if (const json::value* given = object->if_contains("value")) {
        term.value = *given;
    }
    if (equals_ignoring_case(string_of(*object, "type"), "or")) {
        term.connector = Term::Connector::disjunction;
    }
    if (const json::value* nested = object->if_contains("terms")) {
        UPDRAFT_TRY(term.terms, parse_term_list(*nested, depth + 1, budget));
    }
    return term;
}

}  // namespace

Result<std::vector<Term>> parse_term_list(const json::value& list, std::size_t depth,
                                          Budget& budget) {
    std::vector<Term> terms;
    if (list.is_null()) {
        return terms;
    }
    const auto* array = list.if_array();
    if (array == nullptr) {
        return malformed(text("terms 必须是数组", "terms must be an array"));
    }
    for (const json::value& each : *array) {
        UPDRAFT_TRY(Term parsed, parse_term(each, depth, budget));
        terms.push_back(std::move(parsed));
    }
    return terms;
}

Result<std::vector<Term>> parse_filter(const json::value& filter, std::size_t depth,
                                       Budget& budget) {
    const auto* object = filter.if_object();
    if (object == nullptr) {
        return malformed(text("filter 必须是对象", "filter must be an object"));
    }
    std::vector<Term> terms;
    for (const auto& [name, value] : *object) {
        std::string_view key = name;
        UPDRAFT_CHECK(budget.take(depth));
        Term term;
        const bool or_nest = key.starts_with("$orNest");
        if (or_nest || key.starts_with("$or$")) {
            term.connector = Term::Connector::disjunction;
        }
        if (or_nest || key.starts_with("$nest")) {
            if (const auto* expression = value.if_string()) {
                UPDRAFT_TRY(term.terms, parse_expression(*expression, depth + 1, budget));
            } else if (!value.is_null()) {
                UPDRAFT_TRY(term.terms, parse_filter(value, depth + 1, budget));
            }
        } else {
            key.remove_prefix(key.starts_with("$or$") ? 4 : 0);
            set_column(term, key);
            term.value = value;
        }
        terms.push_back(std::move(term));
    }
    return terms;
}

std::vector<Sort> parse_order_by(std::string_view order_by) {
    std::vector<Sort> sorts;
    for (const std::string& part : split(order_by)) {
        const std::size_t space = part.find(' ');
        const std::size_t direction = part.find_first_not_of(' ', space);
        Sort sort;
        sort.column = part.substr(0, space);
        sort.descending = direction != std::string::npos &&
                          equals_ignoring_case(std::string_view(part).substr(direction), "desc");
        sorts.push_back(std::move(sort));
    }
    return sorts;
}

namespace {

/// A whole number, also as text. Absent or null: nothing.
Result<std::optional<std::int64_t>> integer_of(const json::object& body, std::string_view member) {
    const json::value* value = body.if_contains(member);
    if (value == nullptr || value->is_null()) {
        return std::optional<std::int64_t>();
    }
    if (value->is_int64()) {
        return std::optional(value->get_int64());
    }
    if (const auto* string = value->if_string()) {
        if (string->empty()) {
            return std::optional<std::int64_t>();
        }
        std::int64_t number = 0;
        const auto [end, code] =
            std::from_chars(string->data(), string->data() + string->size(), number);
        if (code == std::errc{} && end == string->data() + string->size()) {
            return std::optional(number);
        }
    }
    if (value->is_double()) {
        constexpr double exact_max = 9e15;
        const double number = value->get_double();
        if (number > -exact_max && number < exact_max) {
            return std::optional(static_cast<std::int64_t>(number));
        }
    }
    return malformed(text("{} 必须是整数", "{} must be a whole number", member));
}

bool flag_of(const json::object& body, std::string_view member, bool otherwise) {
    const json::value* value = body.if_contains(member);
    if (value == nullptr) {
        return otherwise;
    }
    if (const auto* flag = value->if_bool()) {
        return *flag;
    }
    if (const auto* string = value->if_string()) {
        if (*string == "0" || equals_ignoring_case(std::string_view(*string), "false")) {
            return false;
        }
        if (*string == "1" || equals_ignoring_case(std::string_view(*string), "true")) {
            return true;
        }
    }
    if (value->is_int64()) {
        return value->get_int64() != 0;
    }
    return otherwise;
}

Result<void> read_paging(const json::object& body, Query& query) {
    query.paging = flag_of(body, "paging", true);
    UPDRAFT_TRY(const auto first, integer_of(body, "firstPageIndex"));
    UPDRAFT_TRY(const auto index, integer_of(body, "pageIndex"));
    UPDRAFT_TRY(const auto size, integer_of(body, "pageSize"));
    UPDRAFT_TRY(query.known_total, integer_of(body, "total"));
    query.first_page_index = first.value_or(0);
    std::int64_t from_first = 0;
    if (!__builtin_sub_overflow(index.value_or(query.first_page_index), query.first_page_index,
                                &from_first)) {
        query.page_index = std::max<std::int64_t>(from_first, 0);
    }
    query.page_size = size && *size > 0 ? *size : page_size_default;
    if (query.page_size > page_size_max && query.paging) {
        return malformed(text("pageSize {} 超过上限 {}", "pageSize {} is over the limit {}",
                              query.page_size, page_size_max));
    }
    if (query.known_total && *query.known_total < 0) {
        query.known_total.reset();
    }
    return {};
}

Result<void> read_sorts(const json::object& body, Query& query) {
    const json::value* sorts = body.if_contains("sorts");
    const auto* list = sorts != nullptr ? sorts->if_array() : nullptr;
    if (sorts != nullptr && !sorts->is_null() && list == nullptr) {
        return malformed(text("sorts 必须是数组", "sorts must be an array"));
    }
    if (list != nullptr && list->size() > terms_max) {
        return malformed(text("排序 {} 个，超过上限 {} 个", "{} sorts are over the limit {}",
                              list->size(), terms_max));
    }
    if (list != nullptr) {
        for (const json::value& each : *list) {
            const auto* object = each.if_object();
            if (object == nullptr) {
                return malformed(
                    text("排序必须是对象", "a sort must be an object {{\"name\",\"order\"}}"));
            }
            Sort sort;
            sort.column = std::string(string_of(*object, "name"));
            sort.descending = equals_ignoring_case(string_of(*object, "order"), "desc");
            if (const json::value* first = object->if_contains("value")) {
                sort.value = *first;
            }
            query.sorts.push_back(std::move(sort));
        }
    }
    if (query.sorts.empty()) {
        query.sorts = parse_order_by(string_of(body, "orderBy"));
    }
    return {};
}

Result<void> read_terms(const json::object& body, Query& query) {
    Budget budget;
    if (const json::value* terms = body.if_contains("terms")) {
        UPDRAFT_TRY(query.terms, parse_term_list(*terms, 1, budget));
    }
    if (const auto where = string_of(body, "where"); query.terms.empty() && !where.empty()) {
        UPDRAFT_TRY(query.terms, parse_expression(where, 1, budget));
    }
    if (const json::value* filter = body.if_contains("filter");
        query.terms.empty() && filter != nullptr && !filter->is_null()) {
        UPDRAFT_TRY(query.terms, parse_filter(*filter, 1, budget));
    }
    return {};
}

/// A JSON value that grows from paths such as `terms[0].terms[1].value`.
struct Node {
    std::optional<std::string> text;
    std::map<std::string, Node, std::less<>> members;
    std::map<std::uint64_t, Node> items;

    [[nodiscard]] json::value to_json() const {
        if (!items.empty()) {
            json::array array;
            for (const auto& [index, item] : items) {
                array.push_back(item.to_json());
            }
            return array;
        }
        if (!members.empty()) {
            json::object object;
            for (const auto& [name, member] : members) {
                object[name] = member.to_json();
            }
            return object;
        }
        return text ? json::value(*text) : json::value(nullptr);
    }
};

/// Puts `text` at `path`; false if the path is not of the form name[index].name ... or too deep.
bool put(Node& root, std::string_view path, const std::string& text) {
    Node* node = &root;
    constexpr std::size_t steps_max = 4 * nesting_depth_max;
    for (std::size_t steps = 0; !path.empty(); ++steps) {
        if (steps == steps_max) {
            return false;
        }
        if (path.front() == '[') {
            std::uint64_t index = 0;
            const auto [end, code] =
                std::from_chars(path.data() + 1, path.data() + path.size(), index);
            if (code != std::errc{} || end == path.data() + path.size() || *end != ']') {
                return false;
            }
            path.remove_prefix(static_cast<std::size_t>(end - path.data()) + 1);
            node = &node->items[index];
        } else {
            const std::size_t end = path.find_first_of(".[");
            node = &node->members[std::string(path.substr(0, end))];
            path.remove_prefix(end == std::string_view::npos ? path.size() : end);
        }
        if (!path.empty() && path.front() == '.') {
            path.remove_prefix(1);
        }
    }
    node->text = text;
    return true;
}

}  // namespace
}  // namespace query_detail

using namespace query_detail;

Result<Query> parse_query(const json::value& body) {
    Query query;
    if (body.is_null() || (body.is_string() && body.get_string().empty())) {
        return query;
    }
    const auto* object = body.if_object();
    if (object == nullptr) {
        return malformed(text("查询参数必须是 JSON 对象", "the query must be a JSON object"));
    }
    UPDRAFT_CHECK(read_paging(*object, query));
    UPDRAFT_CHECK(read_sorts(*object, query));
    UPDRAFT_CHECK(read_terms(*object, query));
    query.includes = names_of(object->if_contains("includes"));
    query.excludes = names_of(object->if_contains("excludes"));
    if (const json::value* context = object->if_contains("context");
        context != nullptr && context->is_object()) {
        query.context = context->get_object();
    }
    return query;
}

Result<Query> parse_query(const std::vector<std::pair<std::string, std::string>>& parameters) {
    Node root;
    for (const auto& [name, value] : parameters) {
        if (!put(root, name, value)) {
            return malformed(
                text("无法识别的查询参数 {}", "cannot read the query parameter {}", name));
        }
    }
    json::value body = root.to_json();
    auto* object = body.if_object();
    if (object == nullptr) {
        return Query{};
    }
    for (const std::string_view member : {"filter", "context"}) {
        if (const auto text_form = string_of(*object, member); !text_form.empty()) {
            boost::system::error_code code;
            json::value parsed = json::parse(text_form, code);
            if (code) {
                return malformed(text("{} 不是合法的 JSON", "{} is not valid JSON", member));
            }
            (*object)[member] = std::move(parsed);
        }
    }
    return parse_query(body);
}

Result<std::vector<Term>> parse_terms(const json::value& terms) {
    Budget budget;
    return parse_term_list(terms, 1, budget);
}

Result<std::vector<Term>> parse_where(std::string_view expression) {
    Budget budget;
    return parse_expression(expression, 1, budget);
}

Term term(std::string column, json::value value, std::string term_type) {
    Term made;
    made.column = std::move(column);
    made.value = std::move(value);
    made.term_type = std::move(term_type);
    return made;
}

}  // namespace updraft
