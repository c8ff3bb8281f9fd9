#include "server/pages.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "server/console.hpp"

namespace updraft::server {
namespace {

using http::Method;
using http::Request;
using http::Response;

std::string_view page_named(std::string_view name) {
    const auto pages = embedded_pages();
    const auto found = std::find_if(pages.begin(), pages.end(),
                                    [&](const EmbeddedPage& page) { return page.name == name; });
    UPDRAFT_ASSERT(found != pages.end());
    return found->text;
}

Response answer(int status, std::string type, std::string_view text) {
    return Response{status,
                    {{"Content-Type", std::move(type)}, {"Cache-Control", "no-cache"}},
                    std::string(text)};
}

http::Handler page(std::string_view name, std::string type) {
    return [name, type = std::move(type)](const Request&) {
        return answer(200, type, page_named(name));
    };
}

/// A damaged artifact or a full disk is an alarm, but no reason to send devices elsewhere, which
/// may still download: the first line says whether requests are taken, those behind it what an
/// operator has to look at.
Response readiness(const PageSources& sources) {
    if (!sources.ready()) {
        return answer(503, "text/plain;charset=UTF-8", "not ready\n");
    }
    std::string lines = "ready\n";
    if (const std::size_t damaged = sources.damaged_artifacts(); damaged > 0) {
        lines += fmt::format("artifacts damaged: {}; `updraft doctor` says which\n", damaged);
    }
    if (sources.disk_full()) {
        lines += "disk full: uploads, tasks and reports are refused until there is room\n";
    }
    return answer(200, "text/plain;charset=UTF-8", lines);
}

Response redirect(const Request&) {
    return Response{302, {{"Location", "/console/"}}, std::string()};
}

}  // namespace

void page_routes(http::Router& router, PageSources sources) {
    router.add(Method::get, "/", redirect);
    console_routes(router, embedded_console(), page_named("no_console.html"));
    for (const char* path : {"/console/logo.svg", "/favicon.ico"}) {
        router.add(Method::get, path, page("logo.svg", "image/svg+xml"));
    }
    router.add(Method::get, "/openapi.yaml",
               page("openapi.yaml", "application/yaml;charset=UTF-8"));
    const auto alive = [](const Request&) {
        return answer(200, "text/plain;charset=UTF-8", "ok\n");
    };
    router.add(Method::get, "/healthz", alive, {.at_once = alive});
    router.add(Method::get, "/readyz", [sources](const Request&) { return readiness(sources); });
    router.add(Method::get, "/metrics", [metrics = std::move(sources.metrics)](const Request&) {
        return answer(200, "text/plain;version=0.0.4;charset=UTF-8", metrics());
    });
}

}  // namespace updraft::server
