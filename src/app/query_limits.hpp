#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "app/query.hpp"

namespace updraft::query_detail {

/// What one query may ask for. Every form of the query language is held to the same limits.
inline constexpr std::size_t nesting_depth_max = 16;
inline constexpr std::size_t terms_max = 1'000;
inline constexpr std::int64_t page_size_max = 100'000;
inline constexpr std::int64_t page_size_default = 25;

/// Counts terms and depth while a query is parsed.
class Budget {
public:
    /// One more term at `depth` (1 for the outermost list).
    [[nodiscard]] Result<void> take(std::size_t depth);

private:
    std::size_t terms_ = 0;
};

/// Sets column, term type and options from the forms `name`, `name$like`, `id$dev-tag$not`.
void set_column(Term& term, std::string_view column);
/// Sets term type and options from `like` or `like$reversal$startWith`.
void set_term_type(Term& term, std::string_view type);

[[nodiscard]] Error malformed(Text message);
[[nodiscard]] Result<std::vector<Term>> parse_term_list(const boost::json::value& list,
                                                        std::size_t depth, Budget& budget);
[[nodiscard]] Result<std::vector<Term>> parse_filter(const boost::json::value& filter,
                                                     std::size_t depth, Budget& budget);
[[nodiscard]] Result<std::vector<Term>> parse_expression(std::string_view expression,
                                                         std::size_t depth, Budget& budget);
[[nodiscard]] std::vector<Sort> parse_order_by(std::string_view order_by);

}  // namespace updraft::query_detail
