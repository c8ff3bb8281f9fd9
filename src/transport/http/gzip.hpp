#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "transport/http/message.hpp"

namespace updraft::http {

/// A gzip stream (RFC 1952), compressed quickly rather than tightly: answers are made per request.
class GzipEncoder {
public:
    GzipEncoder();
    ~GzipEncoder();
    GzipEncoder(const GzipEncoder&) = delete;
    GzipEncoder& operator=(const GzipEncoder&) = delete;

    /// Compresses `bytes`; what has been produced so far is returned and may be empty.
    [[nodiscard]] std::string encode(std::string_view bytes);
    /// The end of the stream.
    [[nodiscard]] std::string finish();

private:
    struct Stream;
    std::string run(std::string_view bytes, int flush);
    std::unique_ptr<Stream> stream_;
};

/// True if the client takes gzip (RFC 9110 12.5.3).
[[nodiscard]] bool accepts_gzip(const Request& request);

/// True if an answer with these headers gains from gzip: text or JSON that is not encoded yet and
/// not an event stream.
[[nodiscard]] bool is_compressible(const Fields& headers);

}  // namespace updraft::http
