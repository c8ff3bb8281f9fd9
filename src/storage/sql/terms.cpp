#include "storage/sql/terms.hpp"

#include <fmt/format.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

#include "base/bytes.hpp"
#include "storage/sql/values.hpp"

namespace json = boost::json;

namespace updraft::sql {
namespace {

/// Longer IN lists travel as one JSON parameter: engines limit the number of parameters.
constexpr std::size_t list_parameters_max = 50;
/// Longer chains of operands are put in parentheses: SQLite limits the depth of an expression.
constexpr std::size_t chain_max = 64;

constexpr std::string_view nothing_matches = "1 = 0";

/// `parts` joined by `word`, in groups where there are many.
std::string chained(std::vector<std::string> parts, std::string_view word) {
    while (parts.size() > chain_max) {
        std::vector<std::string> groups;
        for (std::size_t i = 0; i < parts.size(); i += chain_max) {
            const auto end = parts.begin() + std::min(i + chain_max, parts.size());
            groups.push_back(fmt::format("({})", fmt::join(parts.begin() + i, end, word)));
        }
        parts = std::move(groups);
    }
    return fmt::format("{}", fmt::join(parts, word));
}

/// One operand of a flat list with the connector that stands before it.
struct Part {
    Term::Connector connector;
    std::string sql;
};

/// `a or b and c`, with the precedence of SQL: runs of `and` between the `or`s.
std::string flat(const std::vector<Part>& parts) {
    std::vector<std::string> alternatives;
    std::vector<std::string> run;
    for (const Part& part : parts) {
        if (part.connector == Term::Connector::disjunction && !run.empty()) {
            alternatives.push_back(chained(std::move(run), " AND "));
            run.clear();
        }
        run.push_back(part.sql);
    }
    if (!run.empty()) {
        alternatives.push_back(chained(std::move(run), " AND "));
    }
    return chained(std::move(alternatives), " OR ");
}

bool has_option(const Term& term, std::string_view option) {
    return std::ranges::any_of(
        term.options, [&](const std::string& each) { return equals_ignoring_case(each, option); });
}

/// The condition that a task's counters meet in a state of the console's filter (spec 3.3).
std::string task_state_condition(const std::string& state) {
    if (state == "waiting") {
        return "(c.waiting > 0 AND c.processing = 0)";
    }
    const std::string_view emitted = state == "successful" ? "success" : std::string_view(state);
    for (const std::string_view known : {"processing", "canceled", "failed", "success"}) {
        if (emitted == known) {
            return fmt::format("{} = '{}'", task_state_sql, known);
        }
    }
    return std::string(nothing_matches);
}

class TermRenderer {
public:
    TermRenderer(const Table& table, UnknownTerms unknown, const Connection& engine,
                 Condition& condition)
        : table_(table), unknown_(unknown), engine_(engine), out_(condition) {}

    Result<std::string> list(const std::vector<Term>& terms) {
        return list(terms, [this](const Term& term) { return own(term); });
    }

private:
    template <class Own>
    Result<std::string> list(const std::vector<Term>& terms, const Own& own_condition) {
        std::vector<Part> parts;
        for (const Term& term : terms) {
            UPDRAFT_TRY(std::string own_sql, own_condition(term));
            if (!own_sql.empty()) {
                parts.push_back({term.connector, std::move(own_sql)});
            }
            UPDRAFT_TRY(const std::string nested, list(term.terms, own_condition));
            if (!nested.empty()) {
                parts.push_back({term.connector, "(" + nested + ")"});
            }
        }
        return flat(parts);
    }

    /// The term's own condition; "" if it contributes nothing.
    Result<std::string> own(const Term& term) {
        const bool is_group = term.column.empty() && is_absent(term.value);
        if (is_group) {
            return std::string();
        }
        if (is_absent(term.value) || term.column.empty()) {
            return unknown(idle(term));
        }
        const Column* column = table_.column(term.column);
        if (column == nullptr) {
            return unknown(text("未知的查询字段 {}", "unknown column {}", term.column));
        }
        UPDRAFT_TRY(std::string sql, restriction(*column, term));
        return sql.empty() ? unknown(idle(term)) : Result<std::string>(std::move(sql));
    }

    /// Where unknown terms are refused, so is one that would restrict nothing (gap 29).
    static Text idle(const Term& term) {
        return text("查询条件 {} 没有可用的值，会选中全部数据",
                    "the condition on {} has no usable value and would choose every row",
                    term.column);
    }

    Result<std::string> restriction(const Column& column, const Term& term) {
        UPDRAFT_TRY(const auto custom, custom_condition(column, term));
        if (custom) {
            return *custom;
        }
        UPDRAFT_TRY(std::string sql, comparison(column, term));
        if (!sql.empty() && column.join > 0) {
            out_.joins |= 1U << (column.join - 1);
        }
        return sql;
    }

    Result<std::string> unknown(Text message) {
        if (unknown_ == UnknownTerms::refuse) {
            return Error::invalid("terms", std::move(message));
        }
        return std::string();
    }

    std::string bind(Value value) {
        out_.parameters.push_back(std::move(value));
        return "?";
    }

    // --- The term types of spec 2.3.3 ---

    Result<std::string> comparison(const Column& column, const Term& term) {
        const std::string& type = term.term_type;
        const std::string sql(column.sql);
        if (type == "isnull") {
            return sql + " IS NULL";
        }
        if (type == "notnull") {
            return sql + " IS NOT NULL";
        }
        if (type == "empty") {
            return as_text(column) + " = ''";
        }
        if (type == "nempty" || type == "notempty") {
            return as_text(column) + " != ''";
        }
        if (type == "like" || type == "nlike") {
            return like(column, term);
        }
        if (type == "btw" || type == "nbtw") {
            return between(column, term);
        }
        const bool positive = type == "eq" || type == "is" || type == "in";
        if (positive || type == "not" || type == "neq" || type == "nin") {
            const bool is_list = type == "in" || type == "nin" || term.value.is_array();
            return is_list ? among(column, term, positive) : equal(column, term, positive);
        }
        struct Ordering {
            std::string_view type;
            std::string_view sign;
        };
        static constexpr Ordering orderings[] = {
            {"gt", ">"}, {"gte", ">="}, {"lt", "<"}, {"lte", "<="}};
        for (const Ordering& each : orderings) {
            if (type == each.type) {
                return ordered(column, term, each.sign);
            }
        }
        return unknown(text("未知的查询类型 {}", "unknown term type {}", type));
    }

    static std::string as_text(const Column& column) {
        const bool textual = column.kind == Kind::text || column.kind == Kind::enumeration ||
                             column.kind == Kind::task_state;
        return textual ? std::string(column.sql) : fmt::format("CAST({} AS TEXT)", column.sql);
    }

    /// What a comparison with an impossible value amounts to, or the refusal.
    Result<std::string> impossible(const Column& column, const json::value& value, bool positive) {
        if (unknown_ == UnknownTerms::refuse) {
            return Error::invalid("terms", text("字段 {} 的值 {} 无效", "column {} cannot be {}",
                                                column.name, text_of(value)));
        }
        return positive ? std::string(nothing_matches) : fmt::format("{} IS NOT NULL", column.sql);
    }

    Result<std::string> equal(const Column& column, const Term& term, bool positive) {
        auto value = converted(column, term.value);
        if (!value) {
            return impossible(column, term.value, positive);
        }
        if (column.kind == Kind::task_state) {
            const std::string state = task_state_condition(std::get<std::string>(*value));
            return positive ? "(" + state + ")" : "NOT (" + state + ")";
        }
        return fmt::format("{} {} {}", column.sql, positive ? "=" : "!=", bind(std::move(*value)));
    }

    Result<std::string> ordered(const Column& column, const Term& term, std::string_view sign) {
        auto value = converted(column, term.value);
        if (!value) {
            return impossible(column, term.value, true);
        }
        return fmt::format("{} {} {}", column.sql, sign, bind(std::move(*value)));
    }

    Result<std::string> like(const Column& column, const Term& term) {
        const std::string_view word =
            (term.term_type == "nlike") != has_option(term, "not") ? "NOT LIKE" : "LIKE";
        const std::string value = text_of(term.value);
        if (value.size() > like_bytes_max) {
            if (unknown_ == UnknownTerms::ignore) {  // reads have no error: no text is that long
                return std::string(nothing_matches);
            }
            return Error::invalid("terms", text("字段 {} 的模糊查询超过{}字节",
                                                "the pattern for {} is longer than {} bytes",
                                                column.name, like_bytes_max));
        }
        if (!has_option(term, "reversal")) {
            const std::string matches =
                fmt::format("{} {} {} ESCAPE '\\'", as_text(column), word, bind(value));
            const bool fits_nothing = value.find_first_not_of('%') != std::string::npos;
            return column.filled.empty() || word != "LIKE" || !fits_nothing
                       ? matches
                       : fmt::format("({} AND {})", column.filled, matches);
        }
        std::string pattern = as_text(column);
        if (has_option(term, "startWith")) {
            pattern = pattern + " || '%'";
        }
        if (has_option(term, "endWith")) {
            pattern = "'%' || " + pattern;
        }
        return fmt::format("{} {} ({}) ESCAPE '\\'", bind(value), word, pattern);
    }

    Result<std::string> between(const Column& column, const Term& term) {
        const std::vector<json::value> ends = elements_of(term.value);
        if (ends.empty()) {
            return std::string();
        }
        const bool positive = term.term_type == "btw";
        auto from = converted(column, ends.front());
        auto to = converted(column, ends.size() > 1 ? ends[1] : ends.front());
        if (!from || !to) {
            return impossible(column, from ? ends[1] : ends.front(), positive);
        }
        const std::string low = bind(std::move(*from));
        const std::string high = bind(std::move(*to));
        return fmt::format("({} {}BETWEEN {} AND {})", column.sql, positive ? "" : "NOT ", low,
                           high);
    }

    Result<std::string> among(const Column& column, const Term& term, bool positive) {
        std::vector<Value> values;
        for (const json::value& element : elements_of(term.value)) {
            auto value = converted(column, element);
            if (value) {
                values.push_back(std::move(*value));
            } else if (unknown_ == UnknownTerms::refuse) {
                return impossible(column, element, positive);
            }
        }
        if (values.empty()) {  // an empty list matches nothing: the hardening of spec 2.3.3
            return positive ? std::string(nothing_matches) : std::string();
        }
        if (column.kind == Kind::task_state) {
            std::vector<std::string> states;
            for (const Value& value : values) {
                states.push_back(task_state_condition(std::get<std::string>(value)));
            }
            return (positive ? "(" : "NOT (") + chained(std::move(states), " OR ") + ")";
        }
        return fmt::format("{} {}IN {}", column.sql, positive ? "" : "NOT ", list_of(values));
    }

    std::string list_of(std::vector<Value>& values) {
        if (values.size() > list_parameters_max) {
            json::array array;
            for (const Value& value : values) {
                std::visit([&](const auto& held) { append(array, held); }, value);
            }
            bind(json::serialize(array));
            return std::string(engine_.elements_of_json());
        }
        std::string marks;
        for (Value& value : values) {
            marks += (marks.empty() ? "" : ", ") + bind(std::move(value));
        }
        return "(" + marks + ")";
    }
    template <class T>
    static void append(json::array& array, const T& value) {
        if constexpr (!std::is_same_v<T, std::monostate>) {
            array.emplace_back(value);
        }
    }

    // --- The custom terms of spec 2.3.5 ---

    /// Nothing if `term` is not of a custom type; "" if it contributes nothing.
    Result<std::optional<std::string>> custom_condition(const Column& column, const Term& term) {
        const std::string& type = term.term_type;
        const bool of_device = column.refers == Refers::device;
        const bool of_product = column.refers == Refers::product;
        if (type == "dev-tag" && of_device) {
            return some(tags(column, term));
        }
        if (type == "dev-firmware" && of_device) {
            return some(sub_query(column, term, firmware_info_table(), "t.id", "firmware_version"));
        }
        if (type == "dev-instance" && of_device) {
            return some(sub_query(column, term, device_table(), "t.id", {}));
        }
        if (type == "product-info" && of_product) {
            return some(sub_query(column, term, product_table(), "t.id", {}));
        }
        if ((type == "dev-protocol" || type == "dev-device-type") && of_product) {
            Term inner = term;
            inner.column = type == "dev-protocol" ? "messageProtocol" : "deviceType";
            inner.term_type = "in";
            inner.terms.clear();
            return some(product_with(column, term, {inner}));
        }
        return std::optional<std::string>();
    }

    static Result<std::optional<std::string>> some(Result<std::string> sql) {
        if (!sql) {
            return std::move(sql).error();
        }
        return std::optional(*std::move(sql));
    }

    Result<std::string> product_with(const Column& column, const Term& term,
                                     const std::vector<Term>& terms) {
        return rows_with(column, term, product_table(), "t.id", {}, terms);
    }

    Result<std::string> sub_query(const Column& column, const Term& term, const Table& table,
                                  std::string_view key, std::string_view required) {
        auto terms = terms_in(term.value);
        if (!terms) {
            return unknown(std::move(terms).error().message);
        }
        return rows_with(column, term, table, key, required, *terms);
    }

    /// `column in (the keys of the rows of table that match terms)`.
    Result<std::string> rows_with(const Column& column, const Term& term, const Table& table,
                                  std::string_view key, std::string_view required,
                                  const std::vector<Term>& terms) {
        Condition inner;
        UPDRAFT_TRY(inner.sql, TermRenderer(table, unknown_, engine_, inner).list(terms));
        if (inner.sql.empty()) {
            return std::string();
        }
        std::ranges::move(inner.parameters, std::back_inserter(out_.parameters));
        const std::string present =
            required.empty() ? "" : fmt::format("t.{} IS NOT NULL AND ", required);
        if (column.join > 0) {
            out_.joins |= 1U << (column.join - 1);
        }
        return fmt::format("{} {}IN (SELECT {} FROM {}{} WHERE {}({}))", column.sql,
                           has_option(term, "not") ? "NOT " : "", key, table.from,
                           joins_of(table, inner.joins), present, inner.sql);
    }

    /// What JSON text holds; any other value is itself.
    static json::value unpacked(const json::value& value) {
        const auto* string = value.if_string();
        if (string != nullptr && (string->starts_with('[') || string->starts_with('{'))) {
            boost::system::error_code code;
            json::value parsed = json::parse(*string, code);
            if (!code) {
                return parsed;
            }
        }
        return value;
    }

    /// Terms given as a list, as one object, as JSON text or as an expression.
    static Result<std::vector<Term>> terms_in(const json::value& given) {
        const json::value value = unpacked(given);
        if (const auto* expression = value.if_string()) {
            return parse_where(*expression);
        }
        return parse_terms(value.is_object() ? json::value(json::array{value}) : value);
    }

    Result<std::string> tags(const Column& column, const Term& term) {
        auto wanted = terms_in(with_columns(term.value));
        if (!wanted) {
            return unknown(std::move(wanted).error().message);
        }
        UPDRAFT_TRY(const std::string sql,
                    list(*wanted, [&](const Term& tag) { return has_tag(column, tag); }));
        if (sql.empty()) {
            return std::string();
        }
        return fmt::format("{}({})", has_option(term, "not") ? "NOT " : "", sql);
    }

    Result<std::string> has_tag(const Column& column, const Term& tag) {
        static constexpr Column value_column{"value", "g.value"};
        if (is_absent(tag.value) || tag.column.empty()) {
            return std::string();
        }
        bind(tag.column);
        UPDRAFT_TRY(const std::string matches, comparison(value_column, tag));
        if (matches.empty()) {
            out_.parameters.pop_back();
            return std::string();
        }
        return fmt::format("{} IN (SELECT g.device_id FROM device_tag g WHERE g.tag = ? AND {})",
                           column.sql, matches);
    }

    /// `[{"key":"k","value":"v"}]` as `[{"column":"k","value":"v"}]`.
    static json::value with_columns(const json::value& value) {
        const json::value list = unpacked(value);
        const auto* array = list.if_array();
        if (array == nullptr) {
            return list;
        }
        json::array renamed = *array;
        for (json::value& each : renamed) {
            auto* object = each.if_object();
            if (object != nullptr && object->contains("key") && !object->contains("column")) {
                (*object)["column"] = json::value((*object)["key"]);
            }
        }
        return renamed;
    }

    const Table& table_;
    UnknownTerms unknown_;
    const Connection& engine_;
    Condition& out_;
};

}  // namespace

Result<Condition> render_terms(const Table& table, const std::vector<Term>& terms,
                               UnknownTerms unknown, const Connection& engine) {
    Condition condition;
    UPDRAFT_TRY(condition.sql, TermRenderer(table, unknown, engine, condition).list(terms));
    return condition;
}

Order render_sorts(const Table& table, const std::vector<Sort>& sorts) {
    Order order;
    const auto append = [&](std::string_view sql, bool descending) {
        const std::string_view comma = order.sql.empty() ? "" : ", ";
        order.sql += fmt::format("{}{}{}", comma, sql, descending ? " DESC" : "");
        order.reversed += fmt::format("{}{}{}", comma, sql, descending ? "" : " DESC");
    };
    bool descending = true;
    bool has_key = false;
    for (const Sort& sort : sorts) {
        const Column* column = table.column(sort.column);
        if (column == nullptr || has_key) {
            continue;
        }
        if (column->join > 0) {
            order.joins |= 1U << (column->join - 1);
        }
        if (!is_absent(sort.value)) {
            if (auto first = converted(*column, sort.value)) {
                append(fmt::format("CASE WHEN {} = ? THEN 0 ELSE 1 END", column->sql), false);
                order.parameters.push_back(std::move(*first));
            }
        }
        descending = sort.descending;
        const std::string_view sql = column->order.empty() ? column->sql : column->order;
        append(sql, descending);
        has_key = sql == table.key;
    }
    if (order.sql.empty()) {
        order.sql = table.newest_first;
        order.reversed = table.oldest_first;
    } else if (!has_key) {
        append(table.key, descending);
    }
    return order;
}

std::string joins_of(const Table& table, unsigned mask) {
    std::string sql;
    for (std::size_t i = 0; i < table.joins.size(); ++i) {
        if ((mask & (1U << i)) != 0) {
            sql += fmt::format(" {}", table.joins[i]);
        }
    }
    return sql;
}

}  // namespace updraft::sql
