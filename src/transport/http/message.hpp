#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/text.hpp"

namespace updraft::http {

enum class Method : std::uint8_t { get, head, post, put, patch, del, options, other };
[[nodiscard]] std::string_view name_of(Method method);

using Fields = std::vector<std::pair<std::string, std::string>>;

/// The body of a request whose route asked for streaming, read by a handler on a worker thread.
/// Bounded: the socket is not read while the handler is behind.
class BodyReader {
public:
    virtual ~BodyReader() = default;
    /// The next bytes, at most 256 KiB, blocking; empty at the end of the body. Throws BodyCut when
    /// the client went away or sent nothing for the configured time: the handler must leave nothing
    /// behind.
    [[nodiscard]] virtual std::string read() = 0;
    /// Content-Length, if the client said it.
    [[nodiscard]] virtual std::optional<std::int64_t> length() const = 0;
};

class BodyCut : public std::exception {
public:
    [[nodiscard]] const char* what() const noexcept override {
        return "the request's body was cut off";
    }
};

/// One request, complete but for a streamed body. Owned by the session, valid during the handler.
struct Request {
    Method method = Method::get;
    std::string target;  ///< as sent
    std::string path;    ///< decoded, without query, `/api` prefix and trailing slash removed
    Fields parameters;   ///< of the pattern: {id}
    Fields query;        ///< decoded, in order
    Fields headers;      ///< as sent
    std::string body;    ///< empty for a streaming route
    BodyReader* stream = nullptr;  ///< for a streaming route
    std::string remote_address;
    bool tls = false;

    /// Value of a path parameter; the router guarantees those of its pattern.
    [[nodiscard]] const std::string& parameter(std::string_view name) const;
    [[nodiscard]] std::optional<std::string> query_value(std::string_view name) const;
    /// Header by name, any case; nothing if absent.
    [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
    /// From Accept-Language: zh unless English is preferred (spec 2.1).
    [[nodiscard]] Language language() const;
};

/// Where a streamed answer is written from a worker thread. Bounded: write() blocks while the
/// client is slow.
class BodyWriter {
public:
    virtual ~BodyWriter() = default;
    /// False when the client has gone or is too slow: stop producing.
    [[nodiscard]] virtual bool write(std::string_view bytes) = 0;
};

class OpenFile;

/// A file's bytes; ranges, conditions and HEAD are the server's business (RFC 9110 13, 14).
struct FileBody {
    std::string path;
    std::int64_t size_bytes = 0;
    std::string etag;  ///< strong, without quotes
    std::int64_t modified_ms = 0;
    std::shared_ptr<const OpenFile> opened = nullptr;  ///< null: opened when it is sent
};

/// An endless stream of server-sent events. `attach` is called once on the session's loop with the
/// function that sends one event (thread-safe, bounded; false once the client is gone or too slow);
/// what it returns is kept until the client leaves: put the subscription in it.
struct EventStream {
    /// Sends one event. Copies send to the same client.
    class Send {
    public:
        using Push = std::function<bool(std::string event, std::string data)>;
        Send() = default;
        template <class Pusher>
            requires(!std::same_as<Pusher, Send> && std::convertible_to<Pusher, Push>)
        Send(Pusher push, std::function<void()> end = {})  // NOLINT(google-explicit-constructor)
            : push_(std::move(push)), end_(std::move(end)) {}
        bool operator()(std::string event, std::string data) const {
            return push_(std::move(event), std::move(data));
        }
        /// Ends the stream after what is queued; thread-safe.
        void end() const {
            if (end_) {
                end_();
            }
        }

    private:
        Push push_;
        std::function<void()> end_;
    };
    std::function<std::shared_ptr<void>(Send send)> attach;
};

using Body = std::variant<std::string, FileBody, std::function<void(BodyWriter&)>, EventStream>;

struct Response {
    int status = 200;
    Fields headers;  ///< Content-Type among them; length, date, connection are the server's
    Body body;
};

/// One WebSocket connection's handler. All calls come on its event loop.
class WebSocketHandler {
public:
    virtual ~WebSocketHandler() = default;
    virtual void on_text(std::string text) = 0;
    virtual void on_close() = 0;
    /// True while too much of what came is still under way: then nothing more is read.
    [[nodiscard]] virtual bool is_full() const { return false; }
    /// Asked of a full handler: calls `resume` once, on any thread, as soon as there is room; at
    /// once if there is already.
    virtual void when_room(std::function<void()> resume) { resume(); }
};

/// Sends a text frame; thread-safe, bounded: false once the peer is gone or its queue is full.
class WebSocketSender {
public:
    virtual ~WebSocketSender() = default;
    virtual bool send(std::string text) = 0;
    virtual void close() = 0;  ///< after what is queued
};

}  // namespace updraft::http
