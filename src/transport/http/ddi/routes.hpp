#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/ddi_service.hpp"
#include "app/device_access.hpp"
#include "transport/http/router.hpp"
#include "transport/http/server.hpp"

/// Eclipse hawkBit's Direct Device Integration API, version 1 (hawkbit-ddi): the addresses below
/// `/{tenant}/controller/v1`.
namespace updraft::http::ddi {

/// Keys of the configuration under [ddi].
struct Options {
    std::string tenant = "DEFAULT";  ///< the one there is; compared ignoring case
    /// Address under which devices reach this server, e.g. https://ota.example.com; empty: links
    /// are made from each request's own scheme and Host.
    std::string public_url;
    /// Addresses under which artifacts are offered beside or instead of that, one for each scheme.
    std::string download_https_url;
    std::string download_http_url;
    bool target_token = true;   ///< `Authorization: TargetToken` is accepted
    bool gateway_token = true;  ///< `Authorization: GatewayToken` is accepted
    /// Addresses or networks (CIDR), separated by commas, whose X-Controller-Id, X-Authority and
    /// X-Forwarded-* headers are believed; empty: none.
    std::string trusted_proxies;
    std::int64_t body_bytes_max = 256 * 1024;
};

/// What the routes need.
struct Parts {
    DdiService& service;
    const DeviceSignIn& sign_in;
    /// A device made a request, from this address.
    std::function<void(const DeviceId&, const std::string& address)> seen;
};

/// Adds every address. Throws std::runtime_error for a network
/// that is none.
void add_routes(Router& router, Parts parts, const Options& options);

/// Refusals that the HTTP server itself makes: in hawkBit's shape for addresses of this API, by
/// `otherwise` for all others.
[[nodiscard]] Refuse refusals(Refuse otherwise);

}  // namespace updraft::http::ddi
