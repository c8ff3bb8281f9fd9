#pragma once

#include <memory>
#include <string>

#include "transport/net/byte_stream.hpp"

namespace updraft::client {

/// The client's side of TLS on a connected socket, with `host` as server name. `context` must
/// outlive the stream. It cannot send files.
[[nodiscard]] std::unique_ptr<net::ByteStream> tls_client_stream(boost::asio::io_context& loop,
                                                                 net::Socket socket,
                                                                 SSL_CTX& context,
                                                                 const std::string& host);

}  // namespace updraft::client
