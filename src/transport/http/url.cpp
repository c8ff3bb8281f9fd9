#include "transport/http/url.hpp"

#include "base/bytes.hpp"

namespace updraft::http {

namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Removes one leading "/api" segment and a trailing slash from a decoded path.
std::string normalised(std::string path) {
    if (path == "/api" || path.starts_with("/api/")) {
        path.erase(0, 4);
    }
    if (path.size() > 1 && path.ends_with('/')) {
        path.pop_back();
    }
    if (path.empty()) {
        path = "/";
    }
    return path;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, PlusSign plus) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            if (i + 2 >= text.size()) {
                return std::nullopt;
            }
            const int high = hex_value(text[i + 1]);
            const int low = hex_value(text[i + 2]);
            if (high < 0 || low < 0 || high + low == 0) {
                return std::nullopt;
            }
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            decoded += text[i] == '+' && plus == PlusSign::space ? ' ' : text[i];
        }
    }
    if (!is_utf8(decoded)) {
        return std::nullopt;  // it would come back inside JSON
    }
    return decoded;
}

std::string_view without_query(std::string_view target) {
    return target.substr(0, target.find('?'));
}

std::optional<Target> parse_target(std::string_view target) {
    if (target == "*") {
        return Target{"*", {}};
    }
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (equals_ignoring_case(target.substr(0, scheme.size()), scheme)) {
            const std::size_t slash = target.find_first_of("/?", scheme.size());
            target = slash == std::string_view::npos ? "/" : target.substr(slash);
            break;
        }
    }
    target = target.substr(0, target.find('#'));
    const std::string_view raw_path = without_query(target);
    if (!raw_path.starts_with('/')) {
        return std::nullopt;
    }
    std::optional<std::string> path = percent_decode(raw_path, PlusSign::literal);
    if (!path) {
        return std::nullopt;
    }
    Target parsed{normalised(std::move(*path)), {}};
    std::string_view rest = target.substr(std::min(raw_path.size() + 1, target.size()));
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        if (pair.empty()) {
            continue;
        }
        const std::size_t equals = pair.find('=');
        const std::string_view raw_value =
            equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
        std::optional<std::string> name = percent_decode(pair.substr(0, equals), PlusSign::space);
        std::optional<std::string> value = percent_decode(raw_value, PlusSign::space);
        if (!name || !value) {
            return std::nullopt;
        }
        parsed.query.emplace_back(std::move(*name), std::move(*value));
    }
    return parsed;
}

}  // namespace updraft::http
