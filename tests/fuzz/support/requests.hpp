#pragma once

#include <boost/json/parse.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "transport/http/body_decoder.hpp"
#include "transport/http/router.hpp"
#include "transport/http/url.hpp"

namespace updraft::fuzz {

/// The requests that stand one behind another in `bytes`, as a connection reads them; what follows
/// the first broken one is left out.
inline std::vector<http::Request> requests_in(std::string_view bytes) {
    constexpr std::size_t requests_max = 16;
    std::vector<http::Request> requests;
    while (requests.size() < requests_max) {
        const std::optional<std::size_t> end = http::find_head_end(bytes, 0);
        if (!end) {
            break;
        }
        auto parsed = http::parse_head(bytes.substr(0, *end));
        auto* head = std::get_if<http::RequestHead>(&parsed);
        if (head == nullptr) {
            break;
        }
        bytes.remove_prefix(*end);
        http::BodyDecoder decoder(*head);
        http::Request request;
        bytes.remove_prefix(decoder.decode(bytes, request.body, 1 << 20));
        auto target = http::parse_target(head->target);
        if (decoder.failed() || !target) {
            break;
        }
        request.method = head->method;
        request.target = std::move(head->target);
        request.path = std::move(target->path);
        request.query = std::move(target->query);
        request.headers = std::move(head->headers);
        request.remote_address = "192.0.2.7:4711";
        requests.push_back(std::move(request));
    }
    return requests;
}

/// A body that was read whole, for routes that want it in pieces.
struct BodyInPieces final : http::BodyReader {
    explicit BodyInPieces(std::string_view whole) : whole_(whole), size_(whole.size()) {}
    [[nodiscard]] std::string read() override {
        std::string piece(whole_.substr(0, 61));
        whole_.remove_prefix(piece.size());
        return piece;
    }
    [[nodiscard]] std::optional<std::int64_t> length() const override {
        return static_cast<std::int64_t>(size_);
    }

private:
    std::string_view whole_;
    std::size_t size_;
};

/// A response with its body as a client reads it.
struct Answer {
    int status = 0;
    http::Fields headers;
    std::string body;

    [[nodiscard]] bool is_json() const {
        for (const auto& [name, value] : headers) {
            if (equals_ignoring_case(name, "Content-Type")) {
                return value.starts_with("application/json");
            }
        }
        return false;
    }
};

/// Asks the router; nothing for a path or method that it does not have.
inline std::optional<Answer> asked(const http::Router& router, http::Request request) {
    const http::Router::Match match = router.find(request.method, request.path);
    if (match.route == nullptr || !match.route->handler) {
        return std::nullopt;
    }
    request.parameters = match.parameters;
    const std::string whole = request.body;
    BodyInPieces pieces(whole);
    if (match.route->options.streaming_body) {
        request.body.clear();
        request.stream = &pieces;
    }
    struct Collector final : http::BodyWriter {
        std::string text;
        [[nodiscard]] bool write(std::string_view bytes) override {
            text += bytes;
            return text.size() < (1U << 20);
        }
    };
    http::Response response = match.route->handler(request);
    Answer answer{response.status, std::move(response.headers), {}};
    if (auto* text = std::get_if<std::string>(&response.body)) {
        answer.body = std::move(*text);
    } else if (const auto* produce =
                   std::get_if<std::function<void(http::BodyWriter&)>>(&response.body)) {
        Collector collector;
        (*produce)(collector);
        answer.body = std::move(collector.text);
    }
    return answer;
}

/// What holds of every answer: nothing that a client sends is a mistake of ours (500), no header
/// can be broken in two, and what says that it is JSON is JSON.
inline void require_sound(const Answer& answer) {
    UPDRAFT_ASSERT(answer.status >= 200 && answer.status < 600 && answer.status != 500);
    for (const auto& [name, value] : answer.headers) {
        UPDRAFT_ASSERT(name.find_first_of("\r\n:") == std::string::npos);
        UPDRAFT_ASSERT(value.find_first_of("\r\n\0") == std::string::npos);
    }
    if (answer.is_json() && !answer.body.empty() && answer.body.size() < (1U << 20)) {
        boost::system::error_code failed;
        (void)boost::json::parse(answer.body, failed);
        UPDRAFT_ASSERT(!failed);
        UPDRAFT_ASSERT(is_utf8(answer.body));
    }
}

}  // namespace updraft::fuzz
