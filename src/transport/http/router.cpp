#include "transport/http/router.hpp"

#include <algorithm>
#include <map>

#include "base/assert.hpp"

namespace updraft::http {

/// One segment of the paths: its literal children, at most one parameter child, and at most one
/// route set that takes the rest.
struct Router::Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> parameter;
    std::vector<const Route*> here;  ///< routes that end in this segment
    std::vector<const Route*> rest;  ///< routes whose "{name...}" begins here
};

namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
    std::vector<std::string_view> segments;
    if (path.starts_with('/')) {
        path.remove_prefix(1);
    }
    if (path.empty()) {
        return segments;
    }
    for (;;) {
        const std::size_t slash = path.find('/');
        segments.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) {
            return segments;
        }
        path.remove_prefix(slash + 1);
    }
}

bool is_parameter(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool takes_rest(std::string_view segment) {
    return is_parameter(segment) && segment.ends_with("...}");
}

std::string_view parameter_name(std::string_view segment) {
    segment = segment.substr(1, segment.size() - 2);
    return segment.ends_with("...") ? segment.substr(0, segment.size() - 3) : segment;
}

/// Names the values of a path after the pattern's parameters.
Fields parameters_of(std::string_view pattern, const std::vector<std::string_view>& values) {
    Fields parameters;
    const std::vector<std::string_view> names = segments_of(pattern);
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (takes_rest(names[i])) {
            // The views are neighbours in one path, so that the rest is what lies between their
            // ends.
            const std::string_view rest =
                i < values.size() ? std::string_view(values[i].data(),
                                                     static_cast<std::size_t>(values.back().data() +
                                                                              values.back().size() -
                                                                              values[i].data()))
                                  : std::string_view{};
            parameters.emplace_back(parameter_name(names[i]), rest);
        } else if (is_parameter(names[i])) {
            parameters.emplace_back(parameter_name(names[i]), values[i]);
        }
    }
    return parameters;
}

/// What is looked for in one search.
struct Wanted {
    const std::vector<std::string_view>& segments;
    Method method;
    bool ours = false;             ///< the path begins with a literal segment
    std::vector<Method>& allowed;  ///< the methods that its routes have
};

const Route* for_method(const std::vector<const Route*>& routes, const Wanted& wanted,
                        Method method) {
    for (const Route* route : routes) {
        if (route->method == method && !(wanted.ours && route->options.yields)) {
            return route;
        }
    }
    return method == Method::head ? for_method(routes, wanted, Method::get) : nullptr;
}

const Route* choose(const std::vector<const Route*>& routes, const Wanted& wanted) {
    for (const Route* route : routes) {
        if (!route->options.yields &&
            std::ranges::find(wanted.allowed, route->method) == wanted.allowed.end()) {
            wanted.allowed.push_back(route->method);
        }
    }
    return for_method(routes, wanted, wanted.method);
}

/// Depth-first, literals before parameters before rests; the first route that has the method wins.
/// Patterns are short and come from us, so that the depth is bounded.
template <class Node>
const Route* search(const Node& node, std::size_t depth, const Wanted& wanted) {
    const std::vector<std::string_view>& segments = wanted.segments;
    if (depth == segments.size()) {
        if (const Route* route = choose(node.here, wanted)) {
            return route;
        }
    } else {
        const auto literal = node.literals.find(segments[depth]);
        if (literal != node.literals.end()) {
            if (const Route* route = search(*literal->second, depth + 1, wanted)) {
                return route;
            }
        }
        if (node.parameter && !segments[depth].empty()) {
            if (const Route* route = search(*node.parameter, depth + 1, wanted)) {
                return route;
            }
        }
    }
    return choose(node.rest, wanted);
}

}  // namespace

void Router::add(Method method, std::string pattern, Handler handler, RouteOptions options) {
    auto route = std::make_unique<Route>();
    route->method = method;
    route->pattern = std::move(pattern);
    route->options = options;
    route->handler = std::move(handler);
    insert(std::move(route));
}

void Router::add_websocket(std::string pattern, WebSocketOpener opener, RouteOptions options) {
    auto route = std::make_unique<Route>();
    route->options = options;
    route->method = Method::get;
    route->pattern = std::move(pattern);
    route->websocket = std::move(opener);
    insert(std::move(route));
}

std::size_t Router::group_of(std::string_view pattern) {
    constexpr std::size_t segments_max = 3;
    std::string name;
    for (const std::string_view segment : segments_of(pattern)) {
        const bool literal = !segment.empty() && segment.front() != '{' && segment.front() != '_';
        const auto depth = static_cast<std::size_t>(std::ranges::count(name, '/')) + 1;
        if (!literal || (!name.empty() && depth == segments_max)) {
            break;
        }
        name.append(name.empty() ? "" : "/").append(segment);
    }
    if (name.empty()) {
        name = pattern.starts_with("/{") ? "device" : "index";
    }
    const auto found = std::ranges::find(groups_, name);
    if (found == groups_.end()) {
        groups_.push_back(std::move(name));
        return groups_.size() - 1;
    }
    return static_cast<std::size_t>(found - groups_.begin());
}

void Router::insert(std::unique_ptr<Route> route) {
    route->group = group_of(route->pattern);
    if (!root_) {
        root_ = std::make_shared<Node>();
    }
    Node* node = root_.get();
    std::vector<const Route*>* routes = nullptr;
    for (const std::string_view segment : segments_of(route->pattern)) {
        UPDRAFT_ASSERT(routes == nullptr && "a {rest...} must be the last segment");
        if (takes_rest(segment)) {
            routes = &node->rest;
            continue;
        }
        std::unique_ptr<Node>& next =
            is_parameter(segment) ? node->parameter : node->literals[std::string(segment)];
        if (!next) {
            next = std::make_unique<Node>();
        }
        node = next.get();
    }
    if (routes == nullptr) {
        routes = &node->here;
    }
    const bool taken = std::ranges::any_of(
        *routes, [&](const Route* other) { return other->method == route->method; });
    UPDRAFT_ASSERT(!taken && "two routes for one method and path");
    routes->push_back(route.get());
    routes_.push_back(std::move(route));
}

Router::Match Router::find(Method method, std::string_view path) const {
    Match match;
    if (!root_) {
        return match;
    }
    const std::vector<std::string_view> segments = segments_of(path);
    const bool ours = !segments.empty() && root_->literals.contains(segments.front());
    match.route = search(*root_, 0, {segments, method, ours, match.allowed});
    if (match.route != nullptr) {
        match.parameters = parameters_of(match.route->pattern, segments);
    }
    return match;
}

}  // namespace updraft::http
