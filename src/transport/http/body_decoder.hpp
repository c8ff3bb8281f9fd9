#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "transport/http/request_head.hpp"

namespace updraft::http {

/// Takes a request's body out of the bytes of a connection: by Content-Length or chunked (RFC 9112
/// 7). Knows nothing of sockets.
class BodyDecoder {
public:
    explicit BodyDecoder(const RequestHead& head);

    /// Consumes the front of `received`, appends at most `bytes_max` body bytes to `body`, and
    /// returns how much was consumed. Call again with more until done() or failed().
    std::size_t decode(std::string_view received, std::string& body, std::size_t bytes_max);

    [[nodiscard]] bool done() const { return state_ == State::done; }
    [[nodiscard]] bool failed() const { return state_ == State::failed; }
    /// Bytes that may be taken from the connection unread: what is left of a body with a length.
    /// 0 for a chunked one.
    [[nodiscard]] std::int64_t raw_bytes_left() const { return state_ == State::raw ? left_ : 0; }
    /// Says that so many of raw_bytes_left() were taken.
    void took_raw(std::int64_t bytes);

private:
    enum class State : std::uint8_t { raw, size_line, chunk, chunk_end, trailer, done, failed };

    std::size_t decode_line(std::string_view received);
    void end_line();
    void end_size_line();

    State state_ = State::done;
    std::int64_t left_ = 0;  ///< of the body or of the chunk
    std::string line_;       ///< the size line or trailer line so far
    std::size_t trailer_bytes_ = 0;
};

}  // namespace updraft::http
