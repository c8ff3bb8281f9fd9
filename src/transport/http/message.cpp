#include "transport/http/message.hpp"

#include <charconv>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::http {

std::string_view name_of(Method method) {
    switch (method) {
        case Method::get:
            return "GET";
        case Method::head:
            return "HEAD";
        case Method::post:
            return "POST";
        case Method::put:
            return "PUT";
        case Method::patch:
            return "PATCH";
        case Method::del:
            return "DELETE";
        case Method::options:
            return "OPTIONS";
        case Method::other:
            return "OTHER";
    }
    return "OTHER";
}

const std::string& Request::parameter(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
        if (key == name) {
            return value;
        }
    }
    UPDRAFT_ASSERT(false && "the route's pattern has no such parameter");
}

std::optional<std::string> Request::query_value(std::string_view name) const {
    for (const auto& [key, value] : query) {
        if (key == name) {
            return value;
        }
    }
    return std::nullopt;
}

std::optional<std::string> Request::header(std::string_view name) const {
    return find_field(headers, name);
}

Language Request::language() const {
    const std::optional<std::string> accepted = header("Accept-Language");
    if (!accepted) {
        return Language::zh;
    }
    int zh = -1;
    int en = -1;
    for (const WeightedItem& item : weighted_list(*accepted)) {
        const std::string_view primary = item.name.substr(0, item.name.find_first_of("-_"));
        if (primary == "*") {
            zh = std::max(zh, item.weight);
        } else if (equals_ignoring_case(primary, "zh")) {
            zh = std::max(zh, item.weight);
        } else if (equals_ignoring_case(primary, "en")) {
            en = std::max(en, item.weight);
        }
    }
    if (en <= 0 || zh > en) {
        return Language::zh;
    }
    // Of two that weigh the same the one named first is meant.
    if (zh == en) {
        const std::string lower = to_lower(*accepted);
        return lower.find("en") < lower.find("zh") ? Language::en : Language::zh;
    }
    return Language::en;
}

}  // namespace updraft::http
