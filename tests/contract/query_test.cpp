#include <boost/json/parse.hpp>

#include "tests/contract/engine.hpp"
#include "tests/contract/rows.hpp"

// The query language over real rows: every term type, the precedence of spec 2.3.2, conversion,
// custom terms, sorting and paging.

namespace updraft::contract {
namespace {

/// Five devices that differ in what the terms below ask for.
class QueryContract : public Contract {
protected:
    QueryContract() {
        write([](UnitOfWork& work) {
            Product meter = a_product("p1");
            meter.name = "Meter";
            meter.protocol = ProtocolId{"jetlinks.v3.0"};
            meter.device_type = DeviceType::device;
            Product gate = a_product("p2");
            gate.name = "Gate";
            gate.protocol = ProtocolId{"other"};
            gate.device_type = DeviceType::gateway;
            work.products().add(meter);
            work.products().add(gate);
            Device a = a_device("a", "p1");
            a.name = "Alpha 50%";
            a.state = DeviceState::online;
            a.firmware = FirmwareInfo{"1.0", 1, {}, at(0)};
            a.tags = {{"site", "north"}, {"floor", "1"}};
            Device b = a_device("b", "p1");
            b.name = "beta_1";
            b.parent = DeviceId{"d"};
            b.firmware = FirmwareInfo{"1.2", 2, {}, at(0)};
            b.tags = {{"site", "north"}, {"floor", "2"}};
            Device c = a_device("c", "p1");
            c.name = "Gamma";
            c.description = "";
            c.tags = {};
            Device d = a_device("d", "p2");
            d.name = "alpha gate";
            d.state = DeviceState::not_active;
            d.registered_at.reset();
            Device e = a_device("e", "p2");
            e.name = "back\\slash";
            e.tags = {{"site", "south"}};
            for (Device* device : {&a, &b, &c, &d, &e}) {
                device->created_at = at(device->id.value[0]);
                work.devices().add(*device);
            }
        });
    }

    /// The ids of the devices that match, in order of id.
    std::string matching(const std::vector<Term>& terms) const {
        Query query;
        query.terms = terms;
        query.sorts = {{"id", false, nullptr}};
        return ids(query);
    }
    std::string matching(const Term& one) const { return matching(std::vector{one}); }
    std::string matching_json(std::string_view json) const {
        const auto terms = parse_terms(boost::json::parse(json));
        EXPECT_TRUE(terms.has_value()) << json;
        return matching(*terms);
    }
    std::string matching_where(std::string_view expression) const {
        const auto terms = parse_where(expression);
        EXPECT_TRUE(terms.has_value()) << expression;
        return matching(*terms);
    }
    std::string ids(const Query& query) const {
        return read([&](const Repositories& rows) {
            const auto page = rows.devices().page(query);
            std::string joined;
            for (const DeviceRow& row : page.rows) {
                joined += row.device.id.value;
            }
            if (query.paging && page.total <= page.page_size) {
                EXPECT_EQ(rows.devices().count(query), static_cast<std::int64_t>(joined.size()));
            }
            return joined;
        });
    }
};
UPDRAFT_ON_EVERY_ENGINE(QueryContract);

TEST_P(QueryContract, Equality) {
    EXPECT_EQ(matching(term("id", "a")), "a");
    EXPECT_EQ(matching(term("id", "a", "is")), "a");
    EXPECT_EQ(matching(term("id", "a", "not")), "bcde");
    EXPECT_EQ(matching(term("id", "a", "neq")), "bcde");
    EXPECT_EQ(matching(term("parentId", "x", "not")), "b");  // rows without one do not match
    EXPECT_EQ(matching(term("product_id", "p2")), "de");
    EXPECT_EQ(matching(term("productName", "Gate")), "de");
}

TEST_P(QueryContract, Like) {
    EXPECT_EQ(matching(term("name", "%lpha%", "like")), "ad");
    EXPECT_EQ(matching(term("name", "alpha%", "like")), "d");  // case counts
    EXPECT_EQ(matching(term("name", "%lpha%", "nlike")), "bce");
    EXPECT_EQ(matching(term("name", "%0\\%", "like")), "a");  // an escaped per cent sign
    EXPECT_EQ(matching(term("name", "beta\\_1", "like")), "b");
    EXPECT_EQ(matching(term("name", "%\\\\%", "like")), "e");
    EXPECT_EQ(matching(term("name", std::string(60'000, 'x').c_str(), "like")), "");
    EXPECT_EQ(matching(term("name", "Gamma", "like")), "c");  // verbatim: no per cent is added
}

TEST_P(QueryContract, LikeWithSidesSwapped) {
    Term reversal = term("name", "Gamma ray", "like");
    reversal.options = {"reversal"};
    EXPECT_EQ(matching(reversal), "");
    reversal.options = {"reversal", "startWith"};
    EXPECT_EQ(matching(reversal), "c");
    reversal.value = "a Gamma";
    reversal.options = {"reversal", "endWith"};
    EXPECT_EQ(matching(reversal), "c");
    reversal.value = "a Gamma ray";
    reversal.options = {"reversal", "startWith", "endWith"};
    EXPECT_EQ(matching(reversal), "c");
}

TEST_P(QueryContract, Ordering) {
    const std::int64_t c = to_millis(at('c'));
    EXPECT_EQ(matching(term("createTime", c, "gt")), "de");
    EXPECT_EQ(matching(term("createTime", c, "gte")), "cde");
    EXPECT_EQ(matching(term("createTime", c, "lt")), "ab");
    EXPECT_EQ(matching(term("createTime", c, "lte")), "abc");
    EXPECT_EQ(matching(term("createTime", std::to_string(c).c_str(), "lte")), "abc");
    EXPECT_EQ(matching(term("createTime", static_cast<double>(c) + 0.5, "gt")), "de");
}

TEST_P(QueryContract, Lists) {
    EXPECT_EQ(matching(term("id", {"a", "c", "x"}, "in")), "ac");
    EXPECT_EQ(matching(term("id", "a,c", "in")), "ac");
    EXPECT_EQ(matching(term("id", {"a", "c"}, "nin")), "bde");
    EXPECT_EQ(matching(term("id", {"a", "c"}, "eq")), "ac");
    EXPECT_EQ(matching(term("id", boost::json::array(), "in")), "");  // the hardening
    EXPECT_EQ(matching(term("id", boost::json::array(), "nin")), "abcde");
    EXPECT_EQ(matching(term("id", "", "in")), "abcde");  // "" is no value
}

// Longer than engines allow parameters for.
TEST_P(QueryContract, VeryLongLists) {
    boost::json::array ids = {"a", "c"};
    boost::json::array times = {to_millis(at('b'))};
    for (int i = 0; i < 40'000; ++i) {
        ids.emplace_back("other-" + std::to_string(i));
        times.emplace_back(i);
    }
    EXPECT_EQ(matching(term("id", ids, "in")), "ac");
    EXPECT_EQ(matching(term("id", ids, "nin")), "bde");
    EXPECT_EQ(matching(term("createTime", times, "in")), "b");
}

TEST_P(QueryContract, Between) {
    const std::int64_t b = to_millis(at('b'));
    const std::int64_t d = to_millis(at('d'));
    EXPECT_EQ(matching(term("createTime", {b, d}, "btw")), "bcd");
    EXPECT_EQ(matching(term("createTime", {b, d}, "nbtw")), "ae");
    EXPECT_EQ(matching(term("createTime", {b, d, 7}, "btw")), "bcd");
    EXPECT_EQ(matching(term("createTime", {b}, "btw")), "b");
    EXPECT_EQ(matching(term("createTime", b, "btw")), "b");
    EXPECT_EQ(matching(term("id", "b,d", "btw")), "bcd");
    EXPECT_EQ(matching(term("id", boost::json::array(), "btw")), "abcde");
}

TEST_P(QueryContract, Emptiness) {
    EXPECT_EQ(matching(term("describe", 1, "empty")), "c");
    EXPECT_EQ(matching(term("describe", 1, "nempty")), "abde");
    EXPECT_EQ(matching(term("describe", 1, "notempty")), "abde");
    EXPECT_EQ(matching(term("registryTime", 1, "isnull")), "d");
    EXPECT_EQ(matching(term("registerTime", 1, "notnull")), "abce");
    EXPECT_EQ(matching(term("createTime", 1, "empty")), "");  // a number is never ''
}

TEST_P(QueryContract, Enums) {
    EXPECT_EQ(matching(term("state", "online")), "a");
    EXPECT_EQ(matching(term("state", "Online")), "a");
    EXPECT_EQ(matching(term("state", "在线")), "a");
    EXPECT_EQ(matching(term("state", boost::json::object{{"value", "online"}, {"text", "x"}})),
              "a");
    EXPECT_EQ(matching(term("state", "online,notActive", "in")), "ad");
    EXPECT_EQ(matching(term("state", "nonsense")), "");
    EXPECT_EQ(matching(term("state", "o%", "like")), "abce");
}

TEST_P(QueryContract, FlagsAcceptNumbersAndWords) {
    const auto enabled = [&](boost::json::value value) {
        return read([&](const Repositories& rows) {
            Query query;
            query.terms = {term("state", std::move(value))};
            return rows.products().count(query);
        });
    };
    EXPECT_EQ(enabled(1), 2);
    EXPECT_EQ(enabled("1"), 2);
    EXPECT_EQ(enabled(true), 2);
    EXPECT_EQ(enabled("true"), 2);
    EXPECT_EQ(enabled(0), 0);
    EXPECT_EQ(enabled("false"), 0);
}

TEST_P(QueryContract, ImpossibleValuesMatchNothing) {
    EXPECT_EQ(matching(term("createTime", "soon")), "");
    EXPECT_EQ(matching(term("createTime", "soon", "gt")), "");
    EXPECT_EQ(matching(term("createTime", "soon", "not")), "abcde");
    EXPECT_EQ(matching(term("createTime", {"soon"}, "in")), "");
}

TEST_P(QueryContract, WhatIsUnknownOrNullContributesNothing) {
    EXPECT_EQ(matching(term("nonsense", "x")), "abcde");
    EXPECT_EQ(matching(term("id", "x", "nonsense")), "abcde");
    EXPECT_EQ(matching(term("id$dim-assets", R"({"assetType":"device"})")), "abcde");
    EXPECT_EQ(matching(term("id", R"({"assetType":"device"})", "dim-assets")), "abcde");
    EXPECT_EQ(matching_json(R"([{"column":"deviceId"},{"column":"productId","value":"p2"}])"),
              "de");
    EXPECT_EQ(
        matching_json(R"([{"column":"id","value":null,"terms":[{"column":"id","value":"b"}]}])"),
        "b");
}

// Spec 7: `[{a=1},{or b=2},{and c=3}]` is a=1 or (b=2 and c=3).
TEST_P(QueryContract, FlatTermsHaveThePrecedenceOfSql) {
    EXPECT_EQ(matching_json(R"([{"column":"id","value":"a"},
        {"column":"productId","value":"p2","type":"or"},{"column":"id","value":"d"}])"),
              "ad");
    EXPECT_EQ(matching_json(R"([{"column":"id","value":"x","type":"or"},
        {"column":"id","value":"b","type":"or"}])"),
              "b");
}

TEST_P(QueryContract, GroupsNestAsDeepAsTheConsolesDo) {
    EXPECT_EQ(matching_json(R"([{"terms":[{"terms":[{"terms":[
        {"column":"name","termType":"like","value":"%lpha%","type":"or"},
        {"column":"id","value":"c","type":"or"}]}]},
        {"terms":[{"column":"productId","value":"p1"}]}]}])"),
              "ac");
    // A term with a condition and a group: both, joined by its own type.
    EXPECT_EQ(matching_json(R"([{"column":"id","value":"a"},{"type":"or","column":"id","value":"c",
        "terms":[{"column":"id","value":"d"}]}])"),
              "acd");
    EXPECT_EQ(matching_json(R"([{"terms":[]},{"type":"or","column":"id","value":"c"}])"), "c");
}

// Engines limit the depth of an expression; a thousand terms in one list must still work.
TEST_P(QueryContract, AThousandTerms) {
    std::vector<Term> terms;
    for (int i = 0; i < 998; ++i) {
        terms.push_back(term("id", std::to_string(i).c_str()));
        terms.back().connector = Term::Connector::disjunction;
    }
    terms.push_back(term("id", "c"));
    terms.back().connector = Term::Connector::disjunction;
    EXPECT_EQ(matching(terms), "c");
    for (Term& each : terms) {
        each.connector = Term::Connector::conjunction;
        each.term_type = "not";
    }
    EXPECT_EQ(matching(terms), "abde");
}

TEST_P(QueryContract, Expressions) {
    EXPECT_EQ(matching_where("name = Gamma or (productId = p2 and state = notActive)"), "cd");
    EXPECT_EQ(matching_where("name = 'Alpha 50%' or name like \"alpha %\""), "ad");
    EXPECT_EQ(matching_where("state in online,notActive"), "ad");
}

TEST_P(QueryContract, DevicesByFirmware) {
    EXPECT_EQ(matching_json(R"([{"column":"id$dev-firmware","value":[
        {"column":"version","termType":"like","value":"1.%","type":"or"}]}])"),
              "ab");
    EXPECT_EQ(matching_json(R"([{"column":"id$dev-firmware","value":[
        {"column":"versionOrder","termType":"lt","value":2}]}])"),
              "a");
    EXPECT_EQ(matching_json(R"([{"column":"id$dev-firmware$not","value":"version = 1.0"}])"),
              "bcde");
    EXPECT_EQ(matching_json(R"([{"column":"id$dev-firmware","value":[{"column":"version"}]}])"),
              "abcde");
}

TEST_P(QueryContract, DevicesByTag) {
    EXPECT_EQ(matching(term("id", "site = north", "dev-tag")), "abd");
    EXPECT_EQ(matching(term("id", "site = north and floor = 2", "dev-tag")), "b");
    EXPECT_EQ(matching(term("id", "site = south or floor = 1", "dev-tag")), "ae");
    EXPECT_EQ(
        matching_json(R"([{"column":"id$dev-tag","value":[{"key":"site","value":"south"}]}])"),
        "e");
    EXPECT_EQ(matching_json(R"([{"column":"id$dev-tag","value":
        "[{\"key\":\"site\",\"value\":\"north\"},{\"key\":\"floor\",\"value\":\"1\"}]"}])"),
              "a");
    EXPECT_EQ(matching(term("id", "site like no%", "dev-tag")), "abd");
}

TEST_P(QueryContract, DevicesByOtherDevicesAndProducts) {
    EXPECT_EQ(matching_json(R"([{"column":"parentId$dev-instance","value":[
        {"column":"state","value":"notActive"}]}])"),
              "b");
    EXPECT_EQ(matching(term("productId", "name = Gate", "product-info")), "de");
    EXPECT_EQ(matching_json(R"([{"column":"productId$product-info$not","value":[
        {"column":"name","value":"Gate"}]}])"),
              "abc");
    EXPECT_EQ(matching(term("productId", "other,x", "dev-protocol")), "de");
    EXPECT_EQ(matching(term("productId", {"device"}, "dev-device-type")), "abc");
}

TEST_P(QueryContract, StrictTermsAreRefusedByName) {
    const auto refused = [&](const Term& one) {
        return read([&](const Repositories& rows) {
            const auto checked = rows.devices().check_terms({one});
            return checked ? std::string() : checked.error().message.en;
        });
    };
    EXPECT_EQ(refused(term("name", "a", "like")), "");
    EXPECT_EQ(refused(term("id", "site = north", "dev-tag")), "");
    // Without a value a term restricts nothing: here that would choose every device (gap 29).
    EXPECT_NE(refused(term("name", nullptr)).find("name"), std::string::npos);
    EXPECT_NE(refused(term("id", boost::json::array(), "nin")), "");
    EXPECT_NE(refused(term("name", std::string(60'000, 'x').c_str(), "like")), "");
    EXPECT_NE(refused(term("nonsense", "a")).find("nonsense"), std::string::npos);
    EXPECT_NE(refused(term("name", "a", "weird")).find("weird"), std::string::npos);
    EXPECT_NE(refused(term("id", "{}", "dim-assets")).find("dim-assets"), std::string::npos);
    EXPECT_NE(refused(term("createTime", "soon")).find("soon"), std::string::npos);
    EXPECT_NE(refused(term("id", "(", "dev-tag")), "");
    Term group;
    group.terms = {term("productId", "x = y", "product-info")};
    EXPECT_NE(refused(group).find("x"), std::string::npos);
}

TEST_P(QueryContract, Sorting) {
    Query query;
    EXPECT_EQ(ids(query), "edcba");  // newest first
    query.sorts = {{"createTime", false, nullptr}};
    EXPECT_EQ(ids(query), "abcde");
    query.sorts = {{"nonsense", false, nullptr}};
    EXPECT_EQ(ids(query), "edcba");
    query.sorts = {{"productId", true, nullptr}, {"name", false, nullptr}};
    EXPECT_EQ(ids(query), "deacb");
    query.sorts = {{"state", false, "offline"}, {"id", true, nullptr}};
    EXPECT_EQ(ids(query), "ecbda");
    query.sorts = {{"productName", false, nullptr}, {"id", false, nullptr}};
    EXPECT_EQ(ids(query), "deabc");
    query.page_size = 2;
    query.page_index = 2;
    EXPECT_EQ(ids(query), "c");
}

// Spec 7: total 5, pageSize 2, pageIndex 9 gives page 2 with one row.
TEST_P(QueryContract, Paging) {
    Query query;
    query.sorts = {{"id", false, nullptr}};
    query.page_size = 2;
    std::string pages;
    for (query.page_index = 0; query.page_index < 3; ++query.page_index) {
        pages += ids(query) + "|";
    }
    EXPECT_EQ(pages, "ab|cd|e|");
    query.page_index = 9;
    const auto past = read([&](const Repositories& rows) { return rows.devices().page(query); });
    EXPECT_EQ(past.page_index, 2);
    EXPECT_EQ(past.total, 5);
    ASSERT_EQ(past.rows.size(), 1U);
    EXPECT_EQ(past.rows[0].device.id, DeviceId{"e"});
    EXPECT_EQ(past.rows[0].product_name, "Gate");
    query.known_total = 100;
    query.page_index = 1;
    const auto told = read([&](const Repositories& rows) { return rows.devices().page(query); });
    EXPECT_EQ(told.total, 100);
    EXPECT_EQ(told.rows.size(), 2U);
    query.terms = {term("id", "nobody")};
    query.known_total.reset();
    const auto none = read([&](const Repositories& rows) { return rows.devices().page(query); });
    EXPECT_EQ(none.total, 0);
    EXPECT_EQ(none.page_index, 0);
    EXPECT_TRUE(none.rows.empty());
}

TEST_P(QueryContract, WithoutPagingAllRowsComeAtOnce) {
    Query query;
    query.page_size = 2;
    query.paging = false;
    EXPECT_EQ(ids(query), "edcba");
    const auto each = [&](bool paging) {
        query.paging = paging;
        return read([&](const Repositories& rows) {
            std::string joined;
            rows.devices().each(query, [&](const DeviceRow& row) {
                joined += row.device.id.value;
                return joined.size() < 4;
            });
            return joined;
        });
    };
    EXPECT_EQ(each(true), "ed");
    EXPECT_EQ(each(false), "edcb");
    query.page_index = 7;
    EXPECT_EQ(each(true), "");
}

// The same statement runs inside its own rows: a query for each row of a query.
TEST_P(QueryContract, QueriesNest) {
    read([&](const Repositories& rows) {
        std::size_t pairs = 0;
        rows.devices().each({}, [&](const DeviceRow&) {
            rows.devices().each({}, [&](const DeviceRow&) {
                ++pairs;
                return true;
            });
            return true;
        });
        EXPECT_EQ(pairs, 25U);
    });
}

}  // namespace
}  // namespace updraft::contract
