#pragma once

#include <span>
#include <string>
#include <string_view>

#include "transport/http/router.hpp"

namespace updraft::server {

/// One file of the built web console; the views live as long as the program.
struct ConsoleFile {
    std::string_view path;    ///< below /console/: "index.html", "assets/index-D3xk.js"
    std::string_view etag;    ///< of the content, without quotes
    std::string_view bytes;   ///< as built
    std::string_view brotli;  ///< compressed; empty: none
    std::string_view gzip;    ///< compressed; empty: none
};

/// The console that was built into the program; empty if it was built without.
[[nodiscard]] std::span<const ConsoleFile> embedded_console();

/// Answers `GET /console/...` with a single-page console:
/// - a file by its path, in the smallest form that the client takes; what lies in `assets/` has its
///   content's hash in its name and may be kept for ever, the rest is asked for again;
/// - index.html for every other path, because the console has pages of its own there; but 404 for
///   what looks like a file, or a tab from before an update would run HTML as a script.
///
/// Every answer forbids foreign, inline and evaluated scripts (Content-Security-Policy). The
/// console's kit makes style elements while it runs: they carry the nonce that takes the place of
/// `%CSP_NONCE%` in index.html, another one in each answer.
///
/// Without index.html among `files`, `page_without_console` is its substitute.
void console_routes(http::Router& router, std::span<const ConsoleFile> files,
                    std::string_view page_without_console);

}  // namespace updraft::server
