#pragma once

#include <boost/json/value.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "client/connection.hpp"

namespace updraft::client {

/// One HTTP request.
struct HttpCall {
    std::string method = "GET";
    std::string target = "/";  ///< path and query, encoded, below the client's base URL
    std::map<std::string, std::string> headers = {};
    std::string body = {};
};

struct HttpAnswer {
    int status = 0;
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;
};

struct HttpClientOptions {
    std::string ca_file = {};       ///< PEM, for https; empty: the system's
    Verify verify = Verify::peer;   ///< of the server's certificate
    milliseconds deadline{30'000};  ///< for every wait on the server
    std::uint64_t answer_bytes_max = std::uint64_t{256} << 20;
};

/// A blocking HTTP/1.1 client for http and https, one connection a call. Calls may be made from
/// several threads.
class HttpClient {
public:
    /// `base_url`: "http://127.0.0.1:8848" or with a path that goes before every target. Throws
    /// std::invalid_argument if it is no such URL, std::runtime_error if a certificate cannot be
    /// read.
    explicit HttpClient(std::string base_url, HttpClientOptions options = {});
    ~HttpClient();

    /// Takes a piece of a body as it comes; false ends the call, which then counts as answered.
    using TakeBody = std::function<bool(std::string_view piece)>;

    /// Errors: unavailable (no connection, or cut, or cancelled), malformed (the answer is not
    /// HTTP). An answer with any status is an answer. `take` gets the body of a success (2xx)
    /// piece by piece, however long it is; any other body comes with the answer.
    [[nodiscard]] Result<HttpAnswer> send(const HttpCall& call, const TakeBody& take = {});
    /// Ends the calls under way and refuses later ones. Safe from every thread.
    void cancel();
    [[nodiscard]] const std::string& base_url() const { return base_url_; }

private:
    struct State;
    std::string base_url_;
    HttpClientOptions options_;
    std::unique_ptr<State> state_;
};

/// The REST API of a server (spec 2.1) over an HttpClient: adds the token, takes the envelope off.
/// Errors of the server come back with its message and the code that belongs to its status.
class RestClient {
public:
    explicit RestClient(HttpClient& http) : http_(http) {}

    /// Signs in; later calls carry the token.
    [[nodiscard]] Result<void> sign_in(std::string_view username, std::string_view password);
    void use_token(std::string token) { token_ = std::move(token); }
    /// The language of the server's sentences; until then it decides.
    void speak(Language language) { language_ = language; }
    [[nodiscard]] const std::string& token() const { return token_; }

    /// The envelope's `result`; null if it has none. A null `body` sends none.
    [[nodiscard]] Result<boost::json::value> call(std::string_view method, std::string_view target,
                                                  const boost::json::value& body = nullptr);
    [[nodiscard]] Result<boost::json::value> get(std::string_view target) {
        return call("GET", target);
    }
    [[nodiscard]] Result<boost::json::value> post(std::string_view target,
                                                  const boost::json::value& body = nullptr) {
        return call("POST", target, body);
    }
    /// Sends any call with the token; `take` as in HttpClient::send. An answer that is no success
    /// is an error as in call().
    [[nodiscard]] Result<HttpAnswer> exchange(HttpCall call, const HttpClient::TakeBody& take = {});
    /// The same for an answer in the envelope: its `result`.
    [[nodiscard]] Result<boost::json::value> send(HttpCall call);
    /// Uploads a file (POST /file/upload); returns what the server says about it (spec 2.5).
    [[nodiscard]] Result<boost::json::value> upload(std::string_view file_name,
                                                    std::string_view bytes);

private:
    HttpClient& http_;
    std::string token_;
    std::optional<Language> language_;
};

}  // namespace updraft::client
