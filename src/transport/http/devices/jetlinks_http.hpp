#pragma once

#include <cstdint>
#include <string_view>

#include "app/device_access.hpp"
#include "app/device_dialects.hpp"
#include "app/device_messages.hpp"
#include "app/presence.hpp"
#include "transport/http/router.hpp"

namespace updraft::device_http {

/// Limits of devices over HTTP. Keys of the configuration under [devices].
struct DeviceHttpOptions {
    std::int64_t body_bytes_max = 256 * 1024;  ///< of one message
    std::size_t uplinks_in_flight_max = 64;    ///< of one WebSocket; then it is not read
};

/// What the dialects of this folder call; all of it outlives the router.
struct DeviceHttpServices {
    const DeviceSignIn& sign_in;
    DeviceDialects& dialects;
    DeviceMessages& messages;
    Presence& presence;
};

/// JetLinks' official protocol over HTTP, or what the product's package makes of it (spec 4.6):
/// `POST /{productId}/{deviceId}/{topic...}`. The product that the path names is not looked at.
void jetlinks_http_routes(http::Router& router, const DeviceHttpServices& services,
                          const DeviceHttpOptions& options);

/// A refusal in JetLinks' form: `{"success":false,"code":..,"message":..}`; an empty message is
/// left out.
[[nodiscard]] http::Response jetlinks_refusal(int status, std::string_view code,
                                              std::string_view message);

/// How a sign-in is refused over HTTP and WebSocket: 401, or 429 after too many failures.
[[nodiscard]] http::Response sign_in_refusal(const Error& error, const DeviceSignIn& sign_in);

}  // namespace updraft::device_http
