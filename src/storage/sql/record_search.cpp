#include "storage/sql/record_search.hpp"

#include <boost/json/array.hpp>

#include <algorithm>

#include "base/bytes.hpp"
#include "storage/sql/table.hpp"
#include "storage/sql/table_repository.hpp"
#include "storage/sql/values.hpp"

namespace updraft::sql {
namespace {

// No settings: on both sides of these the answer is the same, and only the way to it differs.

/// So many ids are handed to the engine one by one; it looks each record up.
constexpr std::int64_t narrowed_max = 50'000;
/// Further pages of an order by a text are left to the engine: so many texts are held at once.
constexpr std::int64_t ordered_max = 10'000;

std::optional<RecordText> text_of_column(std::string_view name) {
    const Column* column = record_table().column(name);
    if (column == nullptr) {
        return std::nullopt;
    }
    if (column->name == "deviceId") {
        return RecordText::device_id;
    }
    return column->name == "deviceName" ? std::optional(RecordText::device_name) : std::nullopt;
}

std::optional<TextPattern> pattern_of(const Term& term) {
    const auto text = text_of_column(term.column);
    if (!text || term.term_type != "like" || !term.options.empty()) {
        return std::nullopt;
    }
    return plain_pattern(*text, text_of(term.value));
}

std::optional<std::int64_t> task_of(const Term& term) {
    const Column* column = record_table().column(term.column);
    const bool plain = column != nullptr && column->name == "taskId" && term.term_type == "eq" &&
                       term.options.empty() && !term.value.is_array();
    return plain ? std::optional(number_or_none(text_of(term.value))) : std::nullopt;
}

bool restricts(const Term& term) {
    return !term.column.empty() && !is_absent(term.value);
}

Term group_of(const std::vector<Term>& terms) {
    Term group;
    group.terms = terms;
    return group;
}

/// `a or b or c`, each a pattern; nothing if it is anything else.
std::optional<std::vector<TextPattern>> alternatives(const std::vector<Term>& terms) {
    std::vector<TextPattern> patterns;
    for (const Term& term : terms) {
        if (!term.terms.empty()) {
            return std::nullopt;
        }
        if (!restricts(term)) {
            continue;
        }
        if (!patterns.empty() && term.connector != Term::Connector::disjunction) {
            return std::nullopt;
        }
        auto pattern = pattern_of(term);
        if (!pattern) {
            return std::nullopt;
        }
        patterns.push_back(*std::move(pattern));
    }
    return patterns.empty() ? std::nullopt : std::optional(std::move(patterns));
}

/// The first term's connector joins only its own condition with its group.
bool has_disjunction(const std::vector<Term>& terms) {
    return std::ranges::any_of(terms, [&](const Term& term) {
        return term.connector == Term::Connector::disjunction &&
               (&term != &terms.front() || !term.terms.empty());
    });
}

/// Adds what the list restricts to `search`.
void take_apart(const std::vector<Term>& terms, RecordSearch& search) {
    if (has_disjunction(terms)) {
        if (auto patterns = alternatives(terms)) {
            search.texts.push_back(*std::move(patterns));
        } else {
            search.rest.push_back(group_of(terms));
        }
        return;
    }
    for (const Term& term : terms) {
        take_apart(term.terms, search);
        if (!restricts(term)) {
            continue;
        }
        const auto task = search.task ? std::nullopt : task_of(term);
        auto pattern = pattern_of(term);
        if (task) {
            search.task = task;
        } else if (pattern) {
            search.texts.push_back({*std::move(pattern)});
        } else {
            Term own = term;
            own.terms.clear();
            own.connector = Term::Connector::conjunction;
            search.rest.push_back(std::move(own));
        }
    }
}

/// The part of the page that exists, in the order of the query.
struct Cut {
    std::int64_t page_index = 0;
    std::int64_t offset = 0;
    std::int64_t limit = 0;
};
Cut cut(const Query& query, std::int64_t total) {
    Cut page;
    const std::int64_t size = std::max<std::int64_t>(query.page_size, 1);
    const std::int64_t told = query.known_total.value_or(total);
    page.page_index =
        std::clamp<std::int64_t>(query.page_index, 0, std::max<std::int64_t>(told - 1, 0) / size);
    page.offset = page.page_index * size;
    page.limit = told == 0 ? 0 : std::clamp<std::int64_t>(total - page.offset, 0, size);
    return page;
}

std::optional<FoundPage> page_by_text(Connection& db, const Query& query,
                                      const RecordSearch& search, const TextOrder& order) {
    const std::int64_t size = std::max<std::int64_t>(query.page_size, 1);
    if (query.page_index < 0 || query.page_index >= ordered_max / size) {
        return std::nullopt;
    }
    const std::int64_t end = (query.page_index + 1) * size;
    OrderedMatches found =
        first_matches(db, *search.task, search.texts, order, static_cast<std::size_t>(end));
    const Cut page = cut(query, found.total);
    FoundPage result;
    result.total = query.known_total.value_or(found.total);
    result.page_index = page.page_index;
    const auto begin = found.ids.begin() + std::min<std::int64_t>(page.offset, found.total);
    result.ids.assign(begin, begin + page.limit);
    return result;
}

}  // namespace

RecordSearch read_record_search(const std::vector<Term>& terms) {
    RecordSearch search;
    take_apart(terms, search);
    return search;
}

std::optional<RecordOrder> read_record_order(const std::vector<Sort>& sorts) {
    RecordOrder order;
    if (sorts.empty()) {
        return order;
    }
    const Sort& sort = sorts.front();
    const Column* column = record_table().column(sort.column);
    if (column == nullptr || sorts.size() > 1 || !is_absent(sort.value)) {
        return std::nullopt;
    }
    order.descending = sort.descending;
    if (const auto text = text_of_column(sort.column)) {
        order.text = TextOrder{*text, sort.descending};
        return order;
    }
    const std::string_view sql = column->order.empty() ? column->sql : column->order;
    return sql == record_table().key ? std::optional(order) : std::nullopt;
}

std::optional<TextPattern> plain_pattern(RecordText text, std::string_view like) {
    TextPattern pattern;
    pattern.text = text;
    pattern.at_begin = !like.starts_with('%');
    if (!pattern.at_begin) {
        like.remove_prefix(1);
    }
    pattern.at_end = true;
    for (std::size_t i = 0; i < like.size(); ++i) {
        char letter = like[i];
        if (letter == '%' && i + 1 == like.size()) {
            pattern.at_end = false;
            break;
        }
        if (letter == '%' || letter == '_' || letter == '\0' ||
            (letter == '\\' && ++i == like.size())) {
            return std::nullopt;
        }
        letter = like[i];
        pattern.part += letter;
    }
    const bool usable =
        !pattern.part.empty() && pattern.part.size() <= like_bytes_max && is_utf8(pattern.part);
    return usable ? std::optional(std::move(pattern)) : std::nullopt;
}

std::optional<FoundPage> find_page(Connection& db, const Query& query, const RecordSearch& search) {
    const auto order = read_record_order(query.sorts);
    if (!search.task || !search.rest.empty() || !order || (search.texts.empty() && !order->text)) {
        return std::nullopt;
    }
    if (order->text) {
        return page_by_text(db, query, search, *order->text);
    }
    const auto found = find_texts(db, *search.task, search.texts);
    if (!found) {
        return std::nullopt;
    }
    const Cut page = cut(query, found->total);
    const std::int64_t from =
        order->descending ? found->total - page.offset - page.limit : page.offset;
    return FoundPage{matches_between(db, *search.task, search.texts, *found, from, page.limit),
                     query.known_total.value_or(found->total), page.page_index};
}

std::optional<std::int64_t> count_texts(Connection& db, const RecordSearch& search) {
    if (!search.task || !search.rest.empty() || search.texts.empty()) {
        return std::nullopt;
    }
    const auto found = find_texts(db, *search.task, search.texts);
    return found ? std::optional(found->total) : std::nullopt;
}

std::optional<std::vector<Term>> narrowed(Connection& db, const RecordSearch& search) {
    if (!search.task || search.texts.empty()) {
        return std::nullopt;
    }
    const auto found = find_texts(db, *search.task, search.texts);
    if (!found || found->total > narrowed_max) {
        return std::nullopt;
    }
    std::vector<Term> terms = search.rest;
    terms.push_back(
        among_ids(matches_between(db, *search.task, search.texts, *found, 0, found->total)));
    return terms;
}

Term among_ids(const std::vector<std::int64_t>& ids) {
    boost::json::array list(ids.begin(), ids.end());
    if (list.empty()) {
        list.emplace_back(-1);  // no record has it
    }
    return term("id", std::move(list), "in");
}

}  // namespace updraft::sql
