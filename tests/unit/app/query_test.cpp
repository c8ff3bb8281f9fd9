#include "app/query.hpp"

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace updraft {
namespace {

namespace json = boost::json;

Query parsed(std::string_view body) {
    auto query = parse_query(json::parse(body));
    EXPECT_TRUE(query.has_value()) << body;
    return query ? *query : Query{};
}

Query from_get(const std::vector<std::pair<std::string, std::string>>& parameters) {
    auto query = parse_query(parameters);
    EXPECT_TRUE(query.has_value());
    return query ? *query : Query{};
}

bool refused_get(const std::vector<std::pair<std::string, std::string>>& parameters) {
    return !parse_query(parameters).has_value();
}

/// Terms as text: `column type value`, `|` before an alternative, options after `$`, groups in ().
std::string shown(const std::vector<Term>& terms) {
    std::string text;
    for (const Term& term : terms) {
        const bool alternative = term.connector == Term::Connector::disjunction;
        text += text.empty() ? "" : alternative ? " | " : " & ";
        text += term.column;
        if (!term.column.empty()) {
            text += " " + term.term_type;
            for (const std::string& option : term.options) {
                text += "$" + option;
            }
            text += " " + json::serialize(term.value);
        }
        if (!term.terms.empty()) {
            text += "(" + shown(term.terms) + ")";
        }
    }
    return text;
}

std::string shown_where(std::string_view expression) {
    const auto terms = parse_where(expression);
    return terms ? shown(*terms) : "refused: " + terms.error().message.en;
}

TEST(ParseQuery, ANullOrEmptyBodyIsTheDefaultQuery) {
    for (const json::value& body : {json::value(nullptr), json::value(""), json::value({})}) {
        const auto query = parse_query(body.is_array() ? json::value(json::object()) : body);
        ASSERT_TRUE(query.has_value());
        EXPECT_TRUE(query->paging);
        EXPECT_EQ(query->page_index, 0);
        EXPECT_EQ(query->page_size, 25);
        EXPECT_TRUE(query->terms.empty());
    }
    EXPECT_FALSE(parse_query(json::parse("[1]")).has_value());
    EXPECT_FALSE(parse_query(json::parse("7")).has_value());
}

TEST(ParseQuery, PagingCountsFromZeroWhateverTheClientCountsFrom) {
    EXPECT_EQ(parsed(R"({"pageIndex":3,"firstPageIndex":1})").page_index, 2);
    EXPECT_EQ(parsed(R"({"firstPageIndex":1})").page_index, 0);
    EXPECT_EQ(parsed(R"({"pageIndex":-4})").page_index, 0);
    EXPECT_EQ(parsed(R"({"pageIndex":"2","pageSize":"12"})").page_index, 2);
    EXPECT_EQ(parsed(R"({"pageIndex":"2","pageSize":"12"})").page_size, 12);
    EXPECT_EQ(parsed(R"({"total":37})").known_total, 37);
    EXPECT_EQ(parsed(R"({"total":"37"})").known_total, 37);
    EXPECT_EQ(parsed(R"({"total":null})").known_total, std::nullopt);
    EXPECT_FALSE(parsed(R"({"paging":false})").paging);
    EXPECT_FALSE(parsed(R"({"paging":"false"})").paging);
    EXPECT_EQ(parsed(R"({"pageIndex":9223372036854775807,"firstPageIndex":-9})").page_index, 0);
    EXPECT_FALSE(parse_query(json::parse(R"({"pageSize":"many"})")).has_value());
}

TEST(ParseQuery, ASizeOverTheLimitIsNamed) {
    const auto query = parse_query(json::parse(R"({"pageSize":100001})"));
    ASSERT_FALSE(query.has_value());
    for (const std::string& sentence : {query.error().message.zh, query.error().message.en}) {
        EXPECT_NE(sentence.find("100001"), std::string::npos) << sentence;
        EXPECT_NE(sentence.find("100000"), std::string::npos) << sentence;
    }
}

TEST(ParseQuery, Sorts) {
    const Query query = parsed(
        R"({"sorts":[{"name":"createTime","order":"DESC"},{"name":"state","value":"online"}]})");
    ASSERT_EQ(query.sorts.size(), 2U);
    EXPECT_EQ(query.sorts[0].column, "createTime");
    EXPECT_TRUE(query.sorts[0].descending);
    EXPECT_FALSE(query.sorts[1].descending);
    EXPECT_EQ(query.sorts[1].value, json::value("online"));
    const Query ordered = parsed(R"({"orderBy":"createTime desc, name asc,id"})");
    ASSERT_EQ(ordered.sorts.size(), 3U);
    EXPECT_TRUE(ordered.sorts[0].descending);
    EXPECT_EQ(ordered.sorts[1].column, "name");
    EXPECT_FALSE(ordered.sorts[2].descending);
    EXPECT_FALSE(parse_query(json::parse(R"({"sorts":"name"})")).has_value());
}

TEST(ParseQuery, TermsInTheirForms) {
    const auto terms = [](std::string_view list) {
        return shown(parsed(R"({"terms":)" + std::string(list) + "}").terms);
    };
    EXPECT_EQ(
        terms(R"([{"column":"a","value":1},{"column":"b","termType":"GT","value":2,"type":"OR"}])"),
        "a eq 1 | b gt 2");
    EXPECT_EQ(terms(R"([{"column":"name$like","termType":"eq","value":"a%"}])"),
              "name like \"a%\"");
    EXPECT_EQ(terms(R"([{"column":"id$dev-tag$not","value":"x"}])"), "id dev-tag$not \"x\"");
    EXPECT_EQ(terms(R"([{"column":"n","termType":"like$reversal$startWith","value":"x"}])"),
              "n like$reversal$startWith \"x\"");
    EXPECT_EQ(terms(R"([{"column":"n","termType":"like","options":["reversal"],"value":"x"}])"),
              "n like$reversal \"x\"");
    EXPECT_EQ(terms(R"([{"column":"deviceId"}])"), "deviceId eq null");
    EXPECT_EQ(terms(R"([{"terms":[{"terms":[{"column":"a","value":1}]}]},{"terms":null}])"),
              "((a eq 1)) & ");
    EXPECT_EQ(terms("null"), "");
    for (const char* bad : {R"({"terms":{}})", R"({"terms":[1]})", R"({"terms":"x"})"}) {
        EXPECT_FALSE(parse_query(json::parse(bad)).has_value()) << bad;
    }
}

TEST(ParseQuery, WhereAndFilterAreUsedOnlyWithoutTerms) {
    EXPECT_EQ(shown(parsed(R"({"where":"a = 1"})").terms), "a eq \"1\"");
    EXPECT_EQ(shown(parsed(R"({"where":"a = 1","terms":[{"column":"b","value":2}]})").terms),
              "b eq 2");
    EXPECT_EQ(shown(parsed(R"({"where":"a = 1","filter":{"b":2}})").terms), "a eq \"1\"");
}

TEST(ParseQuery, FilterMaps) {
    EXPECT_EQ(shown(parsed(R"({"filter":{"name$like":"a%","$or$state$in":["online"],
                               "$nest":{"age$gt":10}}})")
                        .terms),
              "name like \"a%\" | state in [\"online\"] & (age gt 10)");
    EXPECT_EQ(shown(parsed(R"({"filter":{"a":1,"$orNest2":"b = 2 and c = 3"}})").terms),
              "a eq 1 | (b eq \"2\" & c eq \"3\")");
    EXPECT_FALSE(parse_query(json::parse(R"({"filter":[1]})")).has_value());
}

TEST(ParseQuery, ProjectionAndContext) {
    const Query query = parsed(
        R"({"includes":["id","name"],"excludes":"metadata,tags","context":{"includeTags":false}})");
    EXPECT_EQ(query.includes, (std::vector<std::string>{"id", "name"}));
    EXPECT_EQ(query.excludes, (std::vector<std::string>{"metadata", "tags"}));
    EXPECT_EQ(query.context.at("includeTags"), false);
}

TEST(ParseQuery, TheGetFormIsTheSameQuery) {
    const Query query = from_get({{"pageIndex", "1"},
                                  {"pageSize", "5"},
                                  {"paging", "true"},
                                  {"current", "2"},
                                  {"terms[0].column", "state"},
                                  {"terms[0].value", "online"},
                                  {"terms[0].termType", "in"},
                                  {"terms[0].terms[1].column", "name"},
                                  {"terms[0].terms[1].value", "x"},
                                  {"terms[0].terms[1].type", "or"},
                                  {"terms[7].column", "id"},
                                  {"terms[7].value", "9"},
                                  {"terms[7].type", "or"},
                                  {"sorts[0].name", "createTime"},
                                  {"sorts[0].order", "desc"},
                                  {"includes", "id,name"}});
    EXPECT_EQ(query.page_index, 1);
    EXPECT_EQ(query.page_size, 5);
    EXPECT_EQ(shown(query.terms), "state in \"online\"(name eq \"x\") | id eq \"9\"");
    ASSERT_EQ(query.sorts.size(), 1U);
    EXPECT_TRUE(query.sorts[0].descending);
    EXPECT_EQ(query.includes.size(), 2U);
    EXPECT_EQ(shown(from_get({{"where", "a = 1"}, {"orderBy", "b desc"}}).terms), "a eq \"1\"");
    EXPECT_EQ(shown(from_get({{"filter", R"({"a$gt":1})"}}).terms), "a gt 1");
    EXPECT_TRUE(from_get({}).paging);
    EXPECT_TRUE(refused_get({{"terms[x].column", "a"}}));
    EXPECT_TRUE(refused_get({{"terms[0", "a"}}));
    EXPECT_TRUE(refused_get({{"filter", "{"}}));
}

TEST(ParseWhere, TheSpecificationsExample) {
    EXPECT_EQ(shown_where("name = 张三 and (age gt 16 or state in online,offline)"),
              "name eq \"张三\" & (age gt \"16\" | state in \"online,offline\")");
}

TEST(ParseWhere, Operators) {
    EXPECT_EQ(shown_where("a > 1 and b < 2 and c >= 3 and d <= 4 and e != 5 and f <> 6"),
              "a gt \"1\" & b lt \"2\" & c gte \"3\" & d lte \"4\" & e not \"5\" & f not \"6\"");
    EXPECT_EQ(shown_where("a=1 or b>=2"), "a eq \"1\" | b gte \"2\"");
    EXPECT_EQ(shown_where("a NLIKE %x% AND b isnull OR c notnull 1"),
              "a nlike \"%x%\" & b isnull 1 | c notnull \"1\"");
    EXPECT_EQ(shown_where("id$dev-tag$not = 'k = v'"), "id dev-tag$not \"k = v\"");
    EXPECT_EQ(shown_where("  "), "");
}

TEST(ParseWhere, QuotesKeepSpacesAndLikePatternsKeepTheirBackslash) {
    EXPECT_EQ(shown_where("a = 'x and y' and b = \"it's\""), "a eq \"x and y\" & b eq \"it's\"");
    EXPECT_EQ(shown_where(R"(a = 'it\'s')"), R"(a eq "it's")");
    EXPECT_EQ(shown_where(R"(a like '50\%')"), R"(a like "50\\%")");
    EXPECT_EQ(shown_where("a = '' or b = (x)y"), "a eq \"\" | b eq \"(x)y\"");
    EXPECT_EQ(shown_where("order = 1 and android = 2"), "order eq \"1\" & android eq \"2\"");
}

TEST(ParseWhere, MayBeUrlEncoded) {
    EXPECT_EQ(shown_where("a+%3D+1%20and%20b+like+%25x%25"), "a eq \"1\" & b like \"%x%\"");
    EXPECT_EQ(shown_where("a like %ab%"), "a like \"%ab%\"");
}

// JetLinks' parser breaks at 127 characters.
TEST(ParseWhere, OperandsOfAnyLength) {
    const std::string value(5'000, 'x');
    EXPECT_EQ(shown_where("a = " + value), "a eq \"" + value + "\"");
}

TEST(ParseWhere, MalformedExpressionsAreRefused) {
    for (const char* bad : {"a", "a =", "a = 1 b = 2", "(a = 1", "a = 1)", "a = 'x", "= 1", "and",
                            "a = 1 and", "()", "a like"}) {
        const auto terms = parse_where(bad);
        ASSERT_FALSE(terms.has_value()) << bad;
        EXPECT_EQ(terms.error().code, ErrorCode::malformed);
    }
}

TEST(QueryLimits, DepthAndNumberAreNamed) {
    std::string deep = R"({"column":"a","value":1})";
    for (int i = 1; i < 16; ++i) {
        deep = R"({"terms":[)" + deep + "]}";
    }
    EXPECT_TRUE(parse_terms(json::parse("[" + deep + "]", {}, {.max_depth = 100})).has_value());
    const auto too_deep =
        parse_terms(json::parse(R"([{"terms":[)" + deep + "]}]", {}, {.max_depth = 100}));
    ASSERT_FALSE(too_deep.has_value());
    EXPECT_NE(too_deep.error().message.en.find("16"), std::string::npos);
    EXPECT_FALSE(parse_where(std::string(17, '(') + "a = 1" + std::string(17, ')')).has_value());
    EXPECT_TRUE(parse_where(std::string(15, '(') + "a = 1" + std::string(15, ')')).has_value());

    json::array many(1'000, json::object{{"column", "a"}});
    EXPECT_TRUE(parse_terms(many).has_value());
    many.push_back(json::object{{"column", "a"}});
    const auto too_many = parse_terms(many);
    ASSERT_FALSE(too_many.has_value());
    EXPECT_NE(too_many.error().message.en.find("1000"), std::string::npos);
    EXPECT_EQ(too_many.error().code, ErrorCode::malformed);
}

TEST(QueryLimits, AHugeIndexOfTheGetFormCostsNothing) {
    EXPECT_EQ(shown(from_get({{"terms[18446744073709551615].column", "a"},
                              {"terms[18446744073709551615].value", "1"}})
                        .terms),
              "a eq \"1\"");
    std::string path = "terms[0]";
    for (int i = 0; i < 100; ++i) {
        path += ".terms[0]";
    }
    EXPECT_TRUE(refused_get({{path + ".column", "a"}}));
}

}  // namespace
}  // namespace updraft
