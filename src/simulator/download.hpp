#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "client/digest.hpp"
#include "client/url.hpp"
#include "simulator/shard.hpp"

namespace updraft::simulator {

using client::Digest;
using client::DigestKind;
using client::Url;

/// One file on its way. It outlives its connections: what came in stays counted and digested, and
/// the next connection asks for the rest.
class Download {
public:
    Download(Url url, DigestKind kind) : url_(std::move(url)), digest_(kind) {}

    /// Where the file is; a redirect does not change it.
    [[nodiscard]] const Url& url() const { return url_; }
    [[nodiscard]] std::uint64_t received() const { return received_; }
    /// The size the server named, once it has answered.
    [[nodiscard]] std::optional<std::uint64_t> total() const { return total_; }
    /// Once complete: the digest of what came in. Call it once.
    [[nodiscard]] std::string digest_hex() { return digest_.hex(); }
    /// Digests bytes that the server never sent: the flash chip that forgot a bit.
    void spoil() { digest_.update("spoiled"); }

private:
    friend class DownloadConnection;
    Url url_;
    Digest digest_;
    std::uint64_t received_ = 0;
    std::optional<std::uint64_t> total_;
    std::string etag_;
};

enum class FetchEnd : std::uint8_t {
    complete,
    cut,      ///< no connection, or it ended early: fetch() again to go on
    refused,  ///< the server will not give the file; `status` says how
    dropped,  ///< `go_on` said so
};

struct FetchResult {
    FetchEnd end = FetchEnd::cut;
    int status = 0;  ///< of the last HTTP answer
};

struct FetchLimits {
    std::uint64_t bytes_per_second = 0;  ///< 0: as fast as it goes
    milliseconds deadline{30'000};       ///< for every wait on the server
    SSL_CTX* tls = nullptr;              ///< for https; must outlive the call
};

/// Gets the rest of the file over one connection (HTTP/1.1 GET, with Range and If-Range if part of
/// it is here already). A server that ignores the range makes it start over; up to five redirects
/// are followed. `go_on` is called after each piece, whose bytes it is told; false ends the
/// connection.
awaitable<FetchResult> fetch(Shard& shard, Download& download, FetchLimits limits,
                             const std::function<bool(std::size_t bytes)>& go_on);

}  // namespace updraft::simulator
