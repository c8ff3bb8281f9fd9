#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "app/device_inbox.hpp"
#include "app/device_links.hpp"
#include "transport/http/devices/jetlinks_http.hpp"
#include "transport/http/router.hpp"

namespace updraft::device_http {

/// What happened since the start; for /metrics. Read from any thread.
struct WebSocketCounters {
    using Count = std::atomic<std::uint64_t>;
    std::atomic<std::int64_t> devices{0};  ///< connected now
    Count taken_over{0};                   ///< connections that a newer one of the device replaced
    Count messages_in{0};
    Count messages_out{0};
    Count undecodable{0};  ///< dropped: not a message of the dialect
    Count unknown{0};      ///< ignored: means nothing to us
    Count not_stored{0};   ///< connections ended because a message could not be stored
};

/// Devices that hold a WebSocket: `GET /{productId}/{deviceId}/socket?token=` (spec 4.6). Frames
/// with one message each go both ways; the connection is the device's presence. A message is done
/// when the inbox has stored it, and so many of one connection may be under way; then its socket is
/// not read. A device that connects again takes over from its older connection.
///
/// The server closes a connection that is silent for too long or reads too slowly
/// (http::ServerOptions). Outlives the servers whose router it is on.
class WebSocketDevices final : public DeviceLinks {
public:
    /// Everything outlives this.
    WebSocketDevices(const DeviceSignIn& sign_in, DeviceDialects& dialects, DeviceInbox& inbox,
                     DeviceHttpOptions options);
    ~WebSocketDevices() override;

    /// Puts the address on a router.
    void routes(http::Router& router);

    [[nodiscard]] bool is_connected(const DeviceId& carrier) const override;
    /// `done(true)` once the frame is in the connection's bounded queue.
    void send(DownlinkMessage message, std::function<void(bool written)> done) override;
    void close(const DeviceId& carrier, const std::string& reason) override;
    void close_all_of(const CredentialId& credential, const std::string& reason) override;
    void each_connected(const std::function<void(const DeviceId&)>& use) const override;

    [[nodiscard]] const WebSocketCounters& counters() const { return counters_; }

private:
    class Link;
    class Handler;
    /// A device's connected and disconnected announcements are made in the order of the changes: a
    /// lock a stripe is held around both. The lookup has a lock of its own, so that an announcement
    /// may lead to lookups.
    struct Stripe {
        std::mutex announcing;
        mutable std::mutex lookup;
        std::unordered_map<DeviceId, std::shared_ptr<Link>> links;
    };

    std::variant<std::shared_ptr<http::WebSocketHandler>, http::Response> open(
        const http::Request& request, std::shared_ptr<http::WebSocketSender> sender);
    void enter(const std::shared_ptr<Link>& link, const std::string& address);
    void leave(const Link& link, const std::string& reason);
    [[nodiscard]] std::shared_ptr<Link> find(const DeviceId& device) const;
    [[nodiscard]] Stripe& stripe(const DeviceId& device) const;

    const DeviceSignIn& sign_in_;
    DeviceDialects& dialects_;
    DeviceInbox& inbox_;
    const DeviceHttpOptions options_;
    WebSocketCounters counters_;
    mutable std::array<Stripe, 16> stripes_;
};

}  // namespace updraft::device_http
