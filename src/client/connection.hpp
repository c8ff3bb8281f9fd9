#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "client/task_group.hpp"
#include "transport/net/byte_stream.hpp"

namespace updraft::client {

/// Where to connect to.
struct Endpoint {
    std::string host;  ///< a name or an address; IPv6 without brackets
    std::uint16_t port = 0;
    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// A client-side TLS context. `ca_file`: PEM with what to trust; empty: the system's. `verify` off
/// accepts any certificate (devices in a laboratory). Throws std::runtime_error with OpenSSL's
/// reason.
enum class Verify : std::uint8_t { peer, nothing };
[[nodiscard]] std::shared_ptr<SSL_CTX> make_client_tls_context(const std::string& ca_file,
                                                               Verify verify);

/// Connects, and shakes hands if `tls` is given. Nothing when that fails, when it takes longer than
/// `deadline`, or when the group stops.
awaitable<std::unique_ptr<net::ByteStream>> connect_to(TaskGroup& group, Endpoint endpoint,
                                                       SSL_CTX* tls, milliseconds deadline);

}  // namespace updraft::client
