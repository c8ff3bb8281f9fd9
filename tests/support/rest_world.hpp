#pragma once

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "tests/support/app_world.hpp"
#include "transport/http/rest/access.hpp"
#include "transport/http/rest/api.hpp"
#include "transport/http/rest/devices.hpp"
#include "transport/http/rest/products.hpp"
#include "transport/http/rest/protocols.hpp"
#include "transport/http/rest/system.hpp"
#include "transport/http/rest/users.hpp"

namespace updraft::rest {

/// A response with its body read, as a client sees it.
struct RestAnswer {
    int status = 0;
    http::Fields headers;
    std::string text;
    json::object json;  ///< empty if the body is not a JSON object

    explicit RestAnswer(const http::Response& response, std::string body)
        : status(response.status), headers(response.headers), text(std::move(body)) {
        boost::system::error_code failed;
        const json::value value = json::parse(text, failed);
        if (!failed && value.is_object()) {
            json = value.as_object();
        }
    }
    explicit RestAnswer(const http::Response& response)
        : RestAnswer(response, std::get<std::string>(response.body)) {}

    [[nodiscard]] const json::value& result() const {
        static const json::value none;
        const json::value* found = json.if_contains("result");
        return found == nullptr ? none : *found;
    }
    [[nodiscard]] std::string message() const {
        const json::value* found = json.if_contains("message");
        return found == nullptr ? text : std::string(found->as_string());
    }
    [[nodiscard]] std::string header(std::string_view name) const {
        for (const auto& [key, value] : headers) {
            if (equals_ignoring_case(key, name)) {
                return value;
            }
        }
        return {};
    }
};

/// The REST routes of users, products and devices without sockets: requests go through the router.
struct RestWorld : AppWorld {
    http::Router router;
    Api api{router, access, clock, ApiOptions{.streamed_rows_max = 100, .batch_rows_max = 5000}};
    bool client_leaves = false;  ///< a streamed answer's client goes away after its first bytes

    RestWorld() {
        access_routes(api, *store, access);
        user_routes(api, *store, users);
        system_routes(api, system, "9.9.9");
        protocol_routes(api, *store, protocols);
        product_routes(api, *store, products);
        device_routes(api, *store, devices);
        if (!access.start("correct horse")) {
            throw std::runtime_error("the administrator could not be made");
        }
    }

    /// One request; `target` may have a query string, which is taken as it is.
    RestAnswer call(http::Method method, const std::string& target, const std::string& body = "",
                    http::Fields headers = {}) {
        http::Request request;
        request.method = method;
        request.target = target;
        request.path = target.substr(0, target.find('?'));
        request.query = query_of(target);
        request.headers = std::move(headers);
        request.body = body;
        request.remote_address = "192.0.2.7:4711";
        const http::Router::Match match = router.find(method, request.path);
        if (match.route == nullptr) {
            throw std::runtime_error("no route for " + target);
        }
        request.parameters = match.parameters;
        return answer(match.route->handler(request));
    }

    /// A token of the administrator.
    std::string sign_in(const std::string& username = "admin") {
        const RestAnswer signed_in =
            call(http::Method::post, "/authorize/login",
                 R"({"username":")" + username + R"(","password":"correct horse"})");
        return std::string(signed_in.result().at("token").as_string());
    }
    /// A token of a new user whose one role has the grants.
    std::string sign_in_as(const std::string& username, std::vector<MenuGrant> grants) {
        RoleForm role;
        role.name = username;
        role.grants = std::move(grants);
        UserForm user;
        user.username = username;
        user.password = "correct horse";
        user.roles = {users.add_roles({role}, admin()).value().front().id};
        users.add({user}, admin()).value();
        return sign_in(username);
    }

    /// As the administrator.
    RestAnswer get(const std::string& target) { return as_admin(http::Method::get, target, ""); }
    RestAnswer post(const std::string& target, const std::string& body = "") {
        return as_admin(http::Method::post, target, body);
    }
    RestAnswer as_admin(http::Method method, const std::string& target, const std::string& body) {
        if (token_.empty()) {
            token_ = sign_in();
        }
        return call(method, target, body, {{"X-Access-Token", token_}});
    }

private:
    /// Collects a streamed answer.
    struct Collector final : http::BodyWriter {
        std::string text;
        bool leaves = false;
        [[nodiscard]] bool write(std::string_view bytes) override {
            text += bytes;
            return !leaves;
        }
    };

    [[nodiscard]] RestAnswer answer(const http::Response& response) const {
        if (const auto* produce =
                std::get_if<std::function<void(http::BodyWriter&)>>(&response.body)) {
            Collector collector;
            collector.leaves = client_leaves;
            (*produce)(collector);
            return RestAnswer(response, collector.text);
        }
        return RestAnswer(response);
    }

    static http::Fields query_of(const std::string& target) {
        http::Fields fields;
        std::size_t start = target.find('?');
        while (start != std::string::npos) {
            const std::size_t end = target.find('&', start + 1);
            const std::string pair = target.substr(start + 1, end - start - 1);
            const std::size_t equals = pair.find('=');
            fields.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
            start = end;
        }
        return fields;
    }

    std::string token_;
};

}  // namespace updraft::rest
