#include "transport/http/ddi/links.hpp"

#include <algorithm>
#include <cctype>

#include "base/bytes.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::http::ddi {
namespace {

std::string encoded(std::string_view segment) {
    std::string text;
    for (const char c : segment) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = byte < 0x80 && (std::isalnum(byte) != 0 || c == '-' || c == '.' ||
                                           c == '_' || c == '~');
        text += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return text;
}

std::string without_slash(std::string url) {
    while (url.ends_with('/')) {
        url.pop_back();
    }
    return url;
}

/// A host and port as RFC 3986 writes them: what comes back inside a link must not be more.
bool is_host(std::string_view text) {
    return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view(".-_:[]").find(c) != std::string_view::npos;
    });
}

/// The first element of a list that proxies append to.
std::string first_of(const std::string& list) {
    const auto elements = list_elements(list);
    return elements.empty() ? std::string() : std::string(elements.front());
}

bool is_https(std::string_view url) {
    return equals_ignoring_case(url.substr(0, 8), "https://");
}

}  // namespace

Result<Links> Links::of(const Request& request, const Options& options, bool trusted_proxy) {
    std::string root = without_slash(options.public_url);
    if (root.empty()) {
        std::string scheme = request.tls ? "https" : "http";
        std::string host = request.header("Host").value_or("");
        if (trusted_proxy) {
            const std::string proto = first_of(request.header("X-Forwarded-Proto").value_or(""));
            if (equals_ignoring_case(proto, "https") || equals_ignoring_case(proto, "http")) {
                scheme = to_lower(proto);
            }
            const std::string forwarded = first_of(request.header("X-Forwarded-Host").value_or(""));
            host = forwarded.empty() ? host : forwarded;
        }
        if (!is_host(host)) {
            return Error::of(ErrorCode::malformed,
                             text("缺少Host请求头", "the header Host is missing or no host"));
        }
        const std::string_view prefix = request.target.starts_with("/api/") ? "/api" : "";
        root = fmt::format("{}://{}{}", scheme, host, prefix);
    }
    const std::string path =
        fmt::format("/{}/controller/v1/{}", encoded(request.parameter("tenant")),
                    encoded(request.parameter("controllerId")));
    Links links;
    links.base_ = root + path;
    const auto below = [&](const std::string& configured) {
        return configured.empty() ? std::string() : without_slash(configured) + path;
    };
    links.https_ = below(options.download_https_url);
    links.http_ = below(options.download_http_url);
    std::string& own = is_https(root) ? links.https_ : links.http_;
    if (own.empty()) {
        own = links.base_;
    }
    return links;
}

std::string Links::resource(std::string_view name) const {
    return fmt::format("{}/{}", base_, name);
}

std::string Links::action(std::string_view name, std::int64_t number) const {
    return fmt::format("{}/{}/{}", base_, name, number);
}

Links::File Links::file(std::int64_t module, std::string_view filename) const {
    const std::string path =
        fmt::format("/softwaremodules/{}/artifacts/{}", module, encoded(filename));
    return {https_.empty() ? std::string() : https_ + path,
            http_.empty() ? std::string() : http_ + path};
}

}  // namespace updraft::http::ddi
