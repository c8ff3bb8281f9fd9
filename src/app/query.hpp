#pragma once

#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace updraft {

/// One condition of the query language (spec 2.3.2), after parsing: `column` holds no `$` any more.
struct Term {
    enum class Connector : std::uint8_t { conjunction, disjunction };

    std::string column;                ///< empty: this term is only a group
    std::string term_type = "eq";      ///< lower case id: "eq", "like", "in", "dev-firmware" ...
    std::vector<std::string> options;  ///< what followed the type: "not", "reversal" ...
    boost::json::value value;          ///< null: the condition contributes nothing
    Connector connector = Connector::conjunction;  ///< to what stands before it on its level
    std::vector<Term> terms;           ///< nested group
};

struct Sort {
    std::string column;
    bool descending = false;
    boost::json::value value;  ///< not null: rows with this value first
};

/// A parsed QueryParam (spec 2.3.1).
struct Query {
    bool paging = true;
    std::int64_t page_index = 0;  ///< from 0, whatever firstPageIndex the client counts from
    std::int64_t page_size = 25;
    std::optional<std::int64_t> known_total;  ///< `total`: skip the count and echo it
    std::int64_t first_page_index = 0;
    std::vector<Sort> sorts;
    std::vector<Term> terms;
    std::vector<std::string> includes;  ///< projection, applied to the JSON answer
    std::vector<std::string> excludes;
    boost::json::object context;
};

/// Whether an unknown column or term type is silently ignored (reads) or refused (task creation and
/// deletions: spec 2.3.3, 2.3.5, gap 29).
enum class UnknownTerms : std::uint8_t { ignore, refuse };

/// A QueryParam from a JSON body: terms, or `where`, or `filter`; sorts, or `orderBy`. A null, an
/// absent or an empty body is the default query. Errors: malformed.
[[nodiscard]] Result<Query> parse_query(const boost::json::value& body);

/// A QueryParam from decoded query-string parameters in their order (spec 2.3.1, "GET form").
[[nodiscard]] Result<Query> parse_query(const std::vector<std::pair<std::string, std::string>>& parameters);

/// A list of terms from JSON (spec 2.3.2). Errors: malformed.
[[nodiscard]] Result<std::vector<Term>> parse_terms(const boost::json::value& terms);

/// The expression form: `name = x and (age gt 16 or state in online,offline)` (spec 2.3.4).
[[nodiscard]] Result<std::vector<Term>> parse_where(std::string_view expression);

/// Convenience for our own code: a term `column termType value`.
[[nodiscard]] Term term(std::string column, boost::json::value value, std::string term_type = "eq");

/// One page of rows (spec 2.3.6).
template <class Row>
struct Page {
    std::int64_t page_index = 0;
    std::int64_t page_size = 0;
    std::int64_t total = 0;
    std::vector<Row> rows;
};

}  // namespace updraft
