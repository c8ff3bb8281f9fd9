#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/bytes.hpp"
#include "transport/http/server.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::http {

/// A folder of its own that goes away with the test.
class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "http-test-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
    std::string write(const std::string& name, std::string_view content) const {
        std::ofstream(file(name), std::ios::binary) << content;
        return file(name);
    }

private:
    std::string path_;
};

/// A server context with a fresh P-256 certificate of its own making.
inline std::shared_ptr<SSL_CTX> self_signed_context(const TemporaryFolder& folder) {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_sign(certificate, key, EVP_sha256());
    FILE* file = std::fopen(folder.file("key.pem").c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    file = std::fopen(folder.file("cert.pem").c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return net::make_tls_context({folder.file("cert.pem"), folder.file("key.pem")});
}

enum class Secure : std::uint8_t { no, yes };

/// A blocking client that sees every byte. Gives up after 20 seconds.
class Client {
public:
    explicit Client(std::uint16_t port, Secure secure = Secure::no)
        : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(port);
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval patience{20, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
        if (secure == Secure::yes) {
            context_ = SSL_CTX_new(TLS_client_method());
            ssl_ = SSL_new(context_);
            SSL_set_fd(ssl_, socket_);
            EXPECT_EQ(SSL_connect(ssl_), 1);
        }
    }
    ~Client() { close(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void close() {
        if (ssl_ != nullptr) {
            SSL_free(ssl_);
            SSL_CTX_free(context_);
            ssl_ = nullptr;
        }
        if (socket_ >= 0) {
            ::close(socket_);
            socket_ = -1;
        }
    }

    /// False once the server does not take any more.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ssl_ != nullptr
                                     ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                     : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    void end_sending() { ::shutdown(socket_, SHUT_WR); }

    /// Reads until `received` holds what is wanted; false at the end of the connection.
    bool receive() {
        char room[65536];
        const ssize_t got = ssl_ != nullptr ? SSL_read(ssl_, room, sizeof room)
                                            : ::recv(socket_, room, sizeof room, 0);
        if (got <= 0) {
            return false;
        }
        received.append(room, static_cast<std::size_t>(got));
        return true;
    }

    /// Takes exactly so many bytes; fewer at the end.
    std::string take(std::size_t bytes) {
        while (received.size() < bytes && receive()) {
        }
        const std::string taken = received.substr(0, bytes);
        received.erase(0, taken.size());
        return taken;
    }

    /// Takes up to and with `end`; what there is at the end of the connection.
    std::string take_until(std::string_view end) {
        std::size_t at = received.find(end);
        while (at == std::string::npos && receive()) {
            at = received.find(end);
        }
        return take(at == std::string::npos ? received.size() : at + end.size());
    }

    /// True if the server closes without sending anything more.
    bool ends() { return received.empty() && !receive(); }

    std::string received;

private:
    int socket_;
    SSL_CTX* context_ = nullptr;
    SSL* ssl_ = nullptr;
};

/// An answer as it came over the wire.
struct Received {
    int status = 0;
    Fields headers;
    std::string body;
    bool complete = false;  ///< false when the connection ended too early

    [[nodiscard]] std::string header(std::string_view name) const {
        return find_field(headers, name).value_or("");
    }
};

enum class Expect : std::uint8_t { body, no_body };

inline Received read_answer(Client& client, Expect expect = Expect::body) {
    Received answer;
    std::string head = client.take_until("\r\n\r\n");
    if (!head.ends_with("\r\n\r\n")) {
        return answer;
    }
    answer.status = std::stoi(head.substr(9, 3));
    std::size_t at = head.find("\r\n") + 2;
    while (at < head.size() - 2) {
        const std::size_t end = head.find("\r\n", at);
        const std::size_t colon = head.find(": ", at);
        answer.headers.emplace_back(head.substr(at, colon - at),
                                    head.substr(colon + 2, end - colon - 2));
        at = end + 2;
    }
    answer.complete = true;
    if (expect == Expect::no_body || answer.status == 204 || answer.status == 304 ||
        answer.status < 200) {
        return answer;
    }
    if (answer.header("Transfer-Encoding") == "chunked") {
        for (;;) {
            const std::string line = client.take_until("\r\n");
            const std::size_t size = line.empty() ? 0 : std::stoul(line, nullptr, 16);
            answer.complete = !line.empty();
            answer.body += client.take(size);
            client.take(2);
            if (size == 0) {
                return answer;
            }
        }
    }
    if (const std::string length = answer.header("Content-Length"); !length.empty()) {
        answer.body = client.take(std::stoul(length));
        answer.complete = answer.body.size() == std::stoul(length);
        return answer;
    }
    while (client.receive()) {
    }
    answer.body = client.take(client.received.size());
    return answer;
}

/// A server on a free port of the loopback. Add routes, then start().
class TestServer {
public:
    TestServer() = default;
    explicit TestServer(ServerOptions wanted) : options(std::move(wanted)) {}

    static Response refuse(const Error& error, Language language, const Request* /*request*/) {
        int status = 400;
        if (error.code == ErrorCode::not_found) {
            status = 404;
        } else if (error.code == ErrorCode::method_not_allowed) {
            status = 406;
        } else if (error.code == ErrorCode::internal) {
            status = 500;
        }
        return {status, {{"Content-Type", "application/json"}}, error.message.in(language)};
    }

    void start() {
        options.port = 0;
        server = std::make_unique<Server>(loops, workers, uploads, router, refuse, options);
        const std::string address = server->address();
        port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
    }

    Received get(std::string_view target, std::string_view more_headers = "") const {
        return ask("GET", target, more_headers);
    }
    Received ask(std::string_view method, std::string_view target,
                 std::string_view more_headers = "", std::string_view body = "") const {
        Client client(port, options.tls ? Secure::yes : Secure::no);
        client.send(fmt::format("{} {} HTTP/1.1\r\nHost: x\r\n{}\r\n{}", method, target,
                                more_headers, body));
        return read_answer(client, method == "HEAD" ? Expect::no_body : Expect::body);
    }

    net::EventLoops loops{2};
    net::WorkerPool workers{"test-work", 2, 64};
    net::WorkerPool uploads{"test-upload", 4, 4};
    Router router;
    ServerOptions options;
    std::unique_ptr<Server> server;
    std::uint16_t port = 0;
};

inline Response text_response(std::string body) {
    return {200, {{"Content-Type", "text/plain"}}, std::move(body)};
}

}  // namespace updraft::http
