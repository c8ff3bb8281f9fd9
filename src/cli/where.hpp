#pragma once

#include <boost/json/value.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace updraft::cli {

namespace json = boost::json;

/// What the rows of one kind can be chosen by. The server ignores an unknown column, so that a
/// misspelt one would match everything: the command line refuses it first.
using Fields = std::span<const std::string_view>;
extern const Fields product_fields;
extern const Fields protocol_fields;
extern const Fields device_fields;
extern const Fields firmware_fields;
extern const Fields task_fields;
extern const Fields record_fields;
extern const Fields audit_fields;

/// One condition as people type it, as a term of the query language (spec 2.3.2):
///
///     FIELD OP VALUE      state = online     name ~ gate     id in d1,d2
///     OP  = != > >= < <=  ~ !~ (holds the text)  in  not-in  like  not-like  between
///     FIELD is null       FIELD is-not null
///     tag.KEY = VALUE     devices only
///
/// A value may stand in quotes. Errors: invalid_argument, naming what is known.
[[nodiscard]] Result<json::object> parse_where(std::string_view condition, Fields fields);

/// Conditions that must all hold, as a list of terms.
[[nodiscard]] Result<json::array> parse_all(const std::vector<std::string>& conditions,
                                            Fields fields);

/// A sort as people type it: "name", or "-createTime" for the last first.
[[nodiscard]] Result<json::object> parse_sort(std::string_view sort, Fields fields);

}  // namespace updraft::cli
