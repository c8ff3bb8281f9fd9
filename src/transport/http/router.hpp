#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/http/message.hpp"

namespace updraft::http {

/// Handles one request, synchronously, on a worker thread. Throwing is a 500 and is logged.
using Handler = std::function<Response(const Request&)>;

/// Handles one request on its connection's event loop, from memory alone: it must not wait for
/// anything, neither the store nor a disk. Nothing: the route's handler is asked.
using HandlerAtOnce = std::function<std::optional<Response>(const Request&)>;

/// Accepts a WebSocket: returns its handler, or a Response that refuses the upgrade. Worker thread.
using WebSocketOpener = std::function<std::variant<std::shared_ptr<WebSocketHandler>, Response>(
    const Request&, std::shared_ptr<WebSocketSender>)>;

struct RouteOptions {
    bool streaming_body = false;      ///< the handler reads Request::stream itself
    std::int64_t body_bytes_max = 0;  ///< 0: the server's default for small bodies
    /// An address of devices, whose first segment is theirs to choose: it never hides a mistake in
    /// an address of ours. It does not serve paths that begin with a literal segment of another
    /// pattern, and has no say in which methods a path has.
    bool yields = false;
    HandlerAtOnce at_once = {};  ///< asked first, if there is one
};

/// One line of the API: what the OpenAPI document is checked against.
struct Route {
    Method method;
    std::string pattern;  ///< "/firmware/{id}"; a last segment "{name...}" takes the rest
    RouteOptions options;
    std::size_t group = 0;  ///< index into Router::groups()
    Handler handler;
    WebSocketOpener websocket;  ///< set for a WebSocket route (method get)
};

/// Finds the route of a path: literal segments win over parameters, and a pattern that has the
/// method over one that has not. Built once, then only read. Two routes of one method and path are
/// our mistake.
class Router {
public:
    void add(Method method, std::string pattern, Handler handler, RouteOptions options = {});
    void add_websocket(std::string pattern, WebSocketOpener opener, RouteOptions options = {});

    struct Match {
        const Route* route = nullptr;  ///< null: none for this method
        Fields parameters;
        std::vector<Method> allowed;  ///< methods that this path has; empty: unknown path
    };
    /// `path` is decoded, without `/api` and trailing slash. HEAD finds GET.
    [[nodiscard]] Match find(Method method, std::string_view path) const;
    [[nodiscard]] const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }
    /// What requests are measured under: the patterns' literal beginnings, "firmware/upgrade/task"
    /// or "file"; "device" for those that begin with a parameter. The first is "none": no route.
    [[nodiscard]] const std::vector<std::string>& groups() const { return groups_; }

private:
    void insert(std::unique_ptr<Route> route);

    [[nodiscard]] std::size_t group_of(std::string_view pattern);

    std::vector<std::unique_ptr<Route>> routes_;
    std::vector<std::string> groups_{"none"};
    struct Node;
    std::shared_ptr<Node> root_;
};

}  // namespace updraft::http
