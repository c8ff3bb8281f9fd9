#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "transport/http/router.hpp"

namespace updraft::server {

/// A file that is part of the program.
struct EmbeddedPage {
    std::string_view name;
    std::string_view text;
};
[[nodiscard]] std::span<const EmbeddedPage> embedded_pages();

/// What the pages and probes are answered from.
struct PageSources {
    std::function<bool()> ready;                     ///< the server answers all its routes
    std::function<std::string()> metrics;            ///< Prometheus' text format
    std::function<std::size_t()> damaged_artifacts;  ///< how many are not served for that
    std::function<bool()> disk_full;                 ///< the last write found no room
};

/// `/` (a browser is sent to `/console/`), `/console/...`, `/openapi.yaml`, `/healthz`, `/readyz`,
/// `/metrics`.
void page_routes(http::Router& router, PageSources sources);

}  // namespace updraft::server
