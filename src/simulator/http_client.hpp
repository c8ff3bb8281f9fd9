#pragma once

#include <boost/json/value.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "simulator/connection.hpp"

namespace updraft::simulator {

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

    /// Errors: unavailable (no connection, or cut, or cancelled), malformed (the answer is not
    /// HTTP). An answer with any status is an answer.
    [[nodiscard]] Result<HttpAnswer> send(const HttpCall& call);
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
    /// Uploads a file (POST /file/upload); returns what the server says about it (spec 2.5).
    [[nodiscard]] Result<boost::json::value> upload(std::string_view file_name,
                                                    std::string_view bytes);

private:
    [[nodiscard]] Result<boost::json::value> send(HttpCall call);

    HttpClient& http_;
    std::string token_;
};

}  // namespace updraft::simulator
