#pragma once

#include <memory>

#include "base/clock.hpp"
#include "transport/net/byte_stream.hpp"

namespace updraft::net {

/// Reads certificate and key of a context of make_tls_context() again, from its files. Connections
/// from now on get them; those that are open keep theirs, and session tickets stay good. Throws
/// std::runtime_error, naming the file: then everything stays as it was. Safe from every thread.
void reload_certificate(SSL_CTX& context);

/// When the certificate that new connections get expires.
[[nodiscard]] Instant certificate_expires_at(SSL_CTX& context);

}  // namespace updraft::net
