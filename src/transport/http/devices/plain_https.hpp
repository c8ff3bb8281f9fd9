#pragma once

#include "app/file_service.hpp"
#include "app/urls.hpp"
#include "base/clock.hpp"
#include "transport/http/devices/jetlinks_http.hpp"

namespace updraft::device_http {

/// What the plain dialect needs besides the others; all of it outlives the router.
struct PlainHttpsServices {
    DeviceHttpServices devices;
    const Store& store;
    const FileService& files;
    const PublicUrls& urls;
    const Clock& clock;
};

/// One stable URL per product, for ESP-IDF's `esp_https_ota`, Arduino's `HTTPUpdate` and shell
/// scripts (docs/protocols/http.md):
///
///     GET, HEAD /ota/{productId}         the next image for the version that the device reports
///     POST      /ota/{productId}/report  how the upgrade goes
///
/// The bytes are 200 or 206 with ETag = SHA-256; nothing to install is 204, or 304 for a client
/// that says it understands it. HEAD changes nothing, and neither does a GET that asks for what the
/// device has been given already.
void plain_https_routes(http::Router& router, const PlainHttpsServices& services,
                        const DeviceHttpOptions& options);

}  // namespace updraft::device_http
