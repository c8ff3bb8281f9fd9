#include "transport/http/router.hpp"

#include <gtest/gtest.h>

#include "transport/http/url.hpp"

namespace updraft::http {

namespace {

Handler nothing() {
    return [](const Request&) { return Response{}; };
}

std::string pattern_of(const Router& router, Method method, std::string_view path) {
    const Router::Match match = router.find(method, path);
    return match.route == nullptr ? "" : match.route->pattern;
}

Router a_router() {
    Router router;
    router.add(Method::get, "/", nothing());
    router.add(Method::get, "/firmware/{id}", nothing());
    router.add(Method::del, "/firmware/{id}", nothing());
    router.add(Method::post, "/firmware/_query", nothing());
    router.add(Method::get, "/firmware/{product}/{order}/exists", nothing());
    router.add(Method::get, "/console/{path...}", nothing());
    router.add(Method::post, "/{product}/{device}/properties/report", nothing());
    return router;
}

}  // namespace

TEST(Router, LiteralsWinOverParameters) {
    const Router router = a_router();
    EXPECT_EQ(pattern_of(router, Method::post, "/firmware/_query"), "/firmware/_query");
    EXPECT_EQ(pattern_of(router, Method::get, "/firmware/7"), "/firmware/{id}");
    EXPECT_EQ(pattern_of(router, Method::get, "/"), "/");
}

// GET /firmware/_query has no literal route of that method: it is the firmware with that id.
TEST(Router, ALiteralWithoutTheMethodGivesWay) {
    EXPECT_EQ(pattern_of(a_router(), Method::get, "/firmware/_query"), "/firmware/{id}");
}

TEST(Router, ALiteralThatLeadsNowhereGivesWay) {
    EXPECT_EQ(pattern_of(a_router(), Method::post, "/firmware/d1/properties/report"),
              "/{product}/{device}/properties/report");
}

// A mistake in an address of the API is told as one, whatever devices may call their product.
TEST(Router, AnAddressOfDevicesYields) {
    Router router = a_router();
    router.add(Method::post, "/{product}/{device}/{topic...}", nothing(), {.yields = true});
    EXPECT_EQ(pattern_of(router, Method::post, "/p1/d1/firmware/pull"),
              "/{product}/{device}/{topic...}");
    EXPECT_EQ(pattern_of(router, Method::post, "/firmware/nonsense/x"), "");
    EXPECT_TRUE(router.find(Method::post, "/firmware/nonsense/x").allowed.empty());
    EXPECT_EQ(router.find(Method::post, "/firmware/7").allowed,
              (std::vector<Method>{Method::get, Method::del}));
    EXPECT_TRUE(router.find(Method::get, "/no/such/path").allowed.empty());
}

TEST(Router, NamesParameters) {
    const Router router = a_router();
    const Router::Match match = router.find(Method::get, "/firmware/p 1/2/exists");
    ASSERT_NE(match.route, nullptr);
    EXPECT_EQ(match.parameters, (Fields{{"product", "p 1"}, {"order", "2"}}));
}

TEST(Router, ARestTakesEverythingAndNothing) {
    const Router router = a_router();
    EXPECT_EQ(router.find(Method::get, "/console/a/b.js").parameters, (Fields{{"path", "a/b.js"}}));
    EXPECT_EQ(router.find(Method::get, "/console").parameters, (Fields{{"path", ""}}));
}

TEST(Router, HeadFindsGet) {
    EXPECT_EQ(pattern_of(a_router(), Method::head, "/firmware/7"), "/firmware/{id}");
}

TEST(Router, TellsTheMethodsOfAPath) {
    const Router router = a_router();
    const Router::Match match = router.find(Method::put, "/firmware/7");
    EXPECT_EQ(match.route, nullptr);
    EXPECT_EQ(match.allowed, (std::vector<Method>{Method::get, Method::del}));
    EXPECT_TRUE(router.find(Method::get, "/nowhere").allowed.empty());
}

TEST(Router, AnEmptySegmentIsNoParameter) {
    EXPECT_EQ(pattern_of(a_router(), Method::get, "/firmware/"), "");
}

TEST(Target, LosesPrefixAndTrailingSlash) {
    EXPECT_EQ(parse_target("/api/firmware/_query/")->path, "/firmware/_query");
    EXPECT_EQ(parse_target("/api")->path, "/");
    EXPECT_EQ(parse_target("/api/")->path, "/");
    EXPECT_EQ(parse_target("/api/api/x")->path, "/api/x");
    EXPECT_EQ(parse_target("/apix")->path, "/apix");
    EXPECT_EQ(parse_target("http://h:1/x?y=1")->path, "/x");
}

TEST(Target, DecodesPathAndQuery) {
    const std::optional<Target> target = parse_target("/a%20b+c?x=1%262&:X_Access_Token=t&e&s=a+b");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->path, "/a b+c");
    EXPECT_EQ(target->query,
              (Fields{{"x", "1&2"}, {":X_Access_Token", "t"}, {"e", ""}, {"s", "a b"}}));
}

TEST(Target, RefusesBrokenEscapes) {
    for (const std::string_view target : {"/%", "/%1", "/%zz", "/%00", "/x?a=%", "x", ""}) {
        EXPECT_FALSE(parse_target(target)) << target;
    }
}

TEST(Language, ChineseUnlessEnglishIsPreferred) {
    const auto language = [](std::string header) {
        Request request;
        request.headers.emplace_back("accept-language", std::move(header));
        return request.language();
    };
    EXPECT_EQ(Request{}.language(), Language::zh);
    EXPECT_EQ(language("en-US,en;q=0.9"), Language::en);
    EXPECT_EQ(language("zh-CN,zh;q=0.9,en;q=0.8"), Language::zh);
    EXPECT_EQ(language("en;q=0.8,zh;q=0.9"), Language::zh);
    EXPECT_EQ(language("de,en;q=0.5"), Language::en);
    EXPECT_EQ(language("en,zh"), Language::en);
    EXPECT_EQ(language("fr"), Language::zh);
    EXPECT_EQ(language("en;q=0"), Language::zh);
}

}  // namespace updraft::http
