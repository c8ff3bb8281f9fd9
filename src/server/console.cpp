#include "server/console.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::server {
namespace {

using http::Fields;
using http::Method;
using http::Request;
using http::Response;

constexpr std::string_view nonce_placeholder = "%CSP_NONCE%";
constexpr std::size_t nonce_bytes = 16;
constexpr std::string_view index_page = "index.html";
constexpr std::string_view assets_folder = "assets/";

/// What a file's ending says; also the list of what looks like a file rather than a page: ids of
/// devices may hold dots.
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> types{{
    {"css", "text/css;charset=UTF-8"},
    {"html", "text/html;charset=UTF-8"},
    {"ico", "image/x-icon"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript;charset=UTF-8"},
    {"json", "application/json;charset=UTF-8"},
    {"map", "application/json;charset=UTF-8"},
    {"mjs", "text/javascript;charset=UTF-8"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"txt", "text/plain;charset=UTF-8"},
    {"wasm", "application/wasm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff2", "font/woff2"},
}};

/// Nothing if the ending is none that we know.
std::optional<std::string_view> type_of(std::string_view path) {
    const std::string_view name = path.substr(path.rfind('/') + 1);
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) {
        return std::nullopt;
    }
    const auto found =
        std::ranges::find(types, name.substr(dot + 1), &decltype(types)::value_type::first);
    return found == types.end() ? std::nullopt : std::optional(found->second);
}

/// `style_nonce` is that of a page; empty for files.
std::string content_security_policy(std::string_view style_nonce) {
    const std::string nonce =
        style_nonce.empty() ? std::string() : fmt::format(" 'nonce-{}'", style_nonce);
    return fmt::format(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'{}; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; "
        "manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        nonce);
}

Fields safe_headers() {
    return {{"X-Content-Type-Options", "nosniff"},
            {"X-Frame-Options", "DENY"},
            {"Referrer-Policy", "no-referrer"}};
}

/// True if the client has this content already (RFC 9110 13.1.2).
bool is_unchanged(const Request& request, std::string_view etag) {
    const std::string known = request.header("If-None-Match").value_or("");
    return std::ranges::any_of(http::list_elements(known), [&](std::string_view element) {
        if (element.starts_with("W/")) {
            element.remove_prefix(2);
        }
        return element == "*" || element == fmt::format("\"{}\"", etag);
    });
}

/// The wish of a client for one coding, in thousandths (RFC 9110 12.5.3).
int weight_of(const std::vector<http::WeightedItem>& wishes, std::string_view coding) {
    int any = 0;
    for (const http::WeightedItem& wish : wishes) {
        if (wish.name == coding) {
            return wish.weight;
        }
        if (wish.name == "*") {
            any = wish.weight;
        }
    }
    return any;
}

/// Puts the smallest form that the client takes into the response.
void put_content(const Request& request, const ConsoleFile& file, Response& response) {
    response.headers.emplace_back("Vary", "Accept-Encoding");
    const std::string accepted = request.header("Accept-Encoding").value_or("");
    const std::vector<http::WeightedItem> wishes = http::weighted_list(accepted);
    const int brotli = file.brotli.empty() ? 0 : weight_of(wishes, "br");
    const int gzip = file.gzip.empty() ? 0 : weight_of(wishes, "gzip");
    if (brotli > 0 && brotli >= gzip) {
        response.headers.emplace_back("Content-Encoding", "br");
        response.body = std::string(file.brotli);
    } else if (gzip > 0) {
        response.headers.emplace_back("Content-Encoding", "gzip");
        response.body = std::string(file.gzip);
    } else {
        response.body = std::string(file.bytes);
    }
}

std::string with_nonce(std::string_view page, std::string_view nonce) {
    std::string made;
    made.reserve(page.size() + 64);
    for (;;) {
        const std::size_t at = page.find(nonce_placeholder);
        made.append(page.substr(0, at));
        if (at == std::string_view::npos) {
            return made;
        }
        made.append(nonce);
        page.remove_prefix(at + nonce_placeholder.size());
    }
}

class Console {
public:
    Console(std::span<const ConsoleFile> files, std::string_view page_without_console) {
        for (const ConsoleFile& file : files) {
            files_.emplace(file.path, file);
        }
        const auto index = files_.find(index_page);
        if (index == files_.end()) {
            page_ = page_without_console;
            return;
        }
        page_ = index->second.bytes;
        // A kept page keeps its policy: another policy is another page.
        const std::size_t policy = std::hash<std::string>{}(content_security_policy(""));
        page_etag_ = fmt::format("{}-{:x}", index->second.etag, policy);
    }

    [[nodiscard]] Response answer(const Request& request, std::string_view path) const {
        if (path.empty() || path == index_page) {
            return answer_page(request);
        }
        if (const auto file = files_.find(path); file != files_.end()) {
            return answer_file(request, file->second);
        }
        return path.starts_with(assets_folder) || type_of(path) ? not_found()
                                                                : answer_page(request);
    }

private:
    /// A 304 carries no policy: the nonce it would name is not that of the page the client keeps.
    [[nodiscard]] Response answer_page(const Request& request) const {
        Response response{200, safe_headers(), std::string()};
        response.headers.emplace_back("Cache-Control", "no-cache");
        if (!page_etag_.empty()) {
            response.headers.emplace_back("ETag", fmt::format("W/\"{}\"", page_etag_));
            if (is_unchanged(request, page_etag_)) {
                response.status = 304;
                return response;
            }
        }
        const std::string nonce = random_hex(nonce_bytes);
        response.headers.emplace_back("Content-Type", "text/html;charset=UTF-8");
        response.headers.emplace_back("Content-Security-Policy", content_security_policy(nonce));
        response.body = with_nonce(page_, nonce);
        return response;
    }

    [[nodiscard]] static Response answer_file(const Request& request, const ConsoleFile& file) {
        const bool hashed = file.path.starts_with(assets_folder);
        Response response{200, safe_headers(), std::string()};
        response.headers.emplace_back("Content-Security-Policy", content_security_policy(""));
        response.headers.emplace_back("Cache-Control",
                                      hashed ? "public, max-age=31536000, immutable" : "no-cache");
        response.headers.emplace_back("ETag", fmt::format("W/\"{}\"", file.etag));
        if (is_unchanged(request, file.etag)) {
            response.status = 304;
            return response;
        }
        response.headers.emplace_back("Content-Type",
                                      type_of(file.path).value_or("application/octet-stream"));
        put_content(request, file, response);
        return response;
    }

    [[nodiscard]] static Response not_found() {
        Response response{404, safe_headers(), std::string("没有此文件 / no such file\n")};
        response.headers.emplace_back("Content-Security-Policy", content_security_policy(""));
        response.headers.emplace_back("Content-Type", "text/plain;charset=UTF-8");
        response.headers.emplace_back("Cache-Control", "no-cache");
        return response;
    }

    std::unordered_map<std::string_view, ConsoleFile> files_;
    std::string_view page_;
    std::string page_etag_;  ///< empty: the page is always sent
};

}  // namespace

void console_routes(http::Router& router, std::span<const ConsoleFile> files,
                    std::string_view page_without_console) {
    const auto console = std::make_shared<const Console>(files, page_without_console);
    router.add(Method::get, "/console",
               [console](const Request& request) { return console->answer(request, ""); });
    router.add(Method::get, "/console/{path...}", [console](const Request& request) {
        return console->answer(request, request.parameter("path"));
    });
}

}  // namespace updraft::server
