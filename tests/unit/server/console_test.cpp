#include "server/console.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transport/http/syntax.hpp"

namespace updraft::server {
namespace {

using http::Method;
using http::Request;
using http::Response;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view page =
    R"(<meta name="csp-nonce" content="%CSP_NONCE%"><style nonce="%CSP_NONCE%"></style>)";
constexpr ConsoleFile files[] = {
    {"index.html", "e1", page, {}, {}},
    {"assets/index-D3xk.js", "e2", "let a = 1;", "brotli", "gzip"},
    {"assets/digest-9aBc.wasm", "e3", "wasm", {}, "gzip"},
    {"logo.svg", "e4", "<svg/>", {}, {}},
};

/// A console and a browser that asks it.
struct World {
    explicit World(std::span<const ConsoleFile> with = files) {
        console_routes(router, with, "no console %CSP_NONCE%");
    }

    Response get(std::string path, http::Fields headers = {}) const {
        Request request;
        request.path = std::move(path);
        request.headers = std::move(headers);
        http::Router::Match match = router.find(Method::get, request.path);
        request.parameters = std::move(match.parameters);
        return match.route->handler(request);
    }

    http::Router router;
};

std::string field(const Response& response, std::string_view name) {
    return http::find_field(response.headers, name).value_or("");
}

std::string body(const Response& response) {
    return std::get<std::string>(response.body);
}

std::string nonce_in(const Response& response) {
    const std::string policy = field(response, "Content-Security-Policy");
    const std::size_t at = policy.find("'nonce-") + 7;
    return policy.substr(at, policy.find('\'', at) - at);
}

// A link to a page inside the console is answered with the console, which then shows the page.
TEST(Console, APageOfItsOwnIsAnsweredWithIndexHtml) {
    const World world;
    for (const char* path : {"/console", "/console/firmware", "/console/devices/dev.001/timeline",
                             "/console/index.html"}) {
        const Response response = world.get(path);
        EXPECT_EQ(response.status, 200) << path;
        EXPECT_EQ(field(response, "Content-Type"), "text/html;charset=UTF-8") << path;
        EXPECT_EQ(field(response, "Cache-Control"), "no-cache") << path;
    }
}

// A tab from before an update asks for chunks that are gone: HTML would be run as a script.
TEST(Console, AMissingFileIsNotFound) {
    const World world;
    for (const char* path : {"/console/assets/old-1234.js", "/console/assets/what",
                             "/console/nothing.css", "/console/a/b.svg"}) {
        EXPECT_EQ(world.get(path).status, 404) << path;
    }
}

TEST(Console, EveryPageHasANonceOfItsOwn) {
    const World world;
    const Response first = world.get("/console");
    const Response second = world.get("/console");

    EXPECT_EQ(nonce_in(first).size(), 32U);
    EXPECT_NE(nonce_in(first), nonce_in(second));
    EXPECT_EQ(body(first),
              fmt::format(R"(<meta name="csp-nonce" content="{0}"><style nonce="{0}"></style>)",
                          nonce_in(first)));
}

TEST(Console, NoScriptButItsOwnRuns) {
    const World world;
    for (const char* path : {"/console", "/console/assets/index-D3xk.js", "/console/no.js"}) {
        const Response response = world.get(path);
        const std::string policy = field(response, "Content-Security-Policy");
        EXPECT_THAT(policy, HasSubstr("default-src 'none';")) << path;
        EXPECT_THAT(policy, HasSubstr("script-src 'self' 'wasm-unsafe-eval';")) << path;
        EXPECT_THAT(policy, HasSubstr("frame-ancestors 'none'")) << path;
        EXPECT_THAT(policy, Not(HasSubstr("unsafe-inline"))) << path;
        EXPECT_THAT(policy, Not(HasSubstr("'unsafe-eval'"))) << path;
        EXPECT_EQ(field(response, "X-Content-Type-Options"), "nosniff") << path;
        EXPECT_EQ(field(response, "Referrer-Policy"), "no-referrer") << path;
        EXPECT_EQ(field(response, "X-Frame-Options"), "DENY") << path;
    }
}

TEST(Console, HashedNamesAreKeptForEverAndOthersAskedForAgain) {
    const World world;
    EXPECT_EQ(field(world.get("/console/assets/index-D3xk.js"), "Cache-Control"),
              "public, max-age=31536000, immutable");
    EXPECT_EQ(field(world.get("/console/logo.svg"), "Cache-Control"), "no-cache");
}

TEST(Console, TheClientGetsTheSmallestFormItTakes) {
    const World world;
    struct Case {
        const char* accepted;
        const char* encoding;
        const char* sent;
    };
    for (const Case& wish : {Case{"gzip, deflate, br, zstd", "br", "brotli"},
                             Case{"gzip", "gzip", "gzip"}, Case{"br;q=0, gzip", "gzip", "gzip"},
                             Case{"br;q=0.1, gzip", "gzip", "gzip"}, Case{"*", "br", "brotli"},
                             Case{"", "", "let a = 1;"}, Case{"identity", "", "let a = 1;"}}) {
        const Response response =
            world.get("/console/assets/index-D3xk.js", {{"Accept-Encoding", wish.accepted}});
        EXPECT_EQ(field(response, "Content-Encoding"), wish.encoding) << wish.accepted;
        EXPECT_EQ(body(response), wish.sent) << wish.accepted;
        EXPECT_EQ(field(response, "Vary"), "Accept-Encoding") << wish.accepted;
    }
}

TEST(Console, TypesFollowTheEnding) {
    const World world;
    EXPECT_EQ(field(world.get("/console/assets/index-D3xk.js"), "Content-Type"),
              "text/javascript;charset=UTF-8");
    EXPECT_EQ(field(world.get("/console/assets/digest-9aBc.wasm"), "Content-Type"),
              "application/wasm");
    EXPECT_EQ(field(world.get("/console/logo.svg"), "Content-Type"), "image/svg+xml");
}

// The page that the client keeps holds the nonce of its first answer: a policy with another one
// would take its place and forbid the styles.
TEST(Console, AnUnchangedPageIsNotSentAgainAndItsPolicyStays) {
    const World world;
    const std::string etag = field(world.get("/console"), "ETag");
    const Response again = world.get("/console/firmware", {{"If-None-Match", "\"x\", " + etag}});

    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(field(again, "ETag"), etag);
    EXPECT_EQ(field(again, "Content-Security-Policy"), "");
    EXPECT_EQ(world.get("/console", {{"If-None-Match", "W/\"other\""}}).status, 200);
}

TEST(Console, AServerWithoutItSaysSo) {
    const World world{std::span<const ConsoleFile>{}};
    const Response response = world.get("/console/firmware");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(body(response), "no console " + nonce_in(response));
    EXPECT_EQ(field(response, "ETag"), "");
}

}  // namespace
}  // namespace updraft::server
