#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/device_access.hpp"
#include "app/device_dialects.hpp"
#include "app/device_inbox.hpp"
#include "app/device_links.hpp"
#include "transport/net/byte_stream.hpp"
#include "transport/net/event_loops.hpp"
#include "transport/net/memory_budget.hpp"
#include "transport/net/worker_pool.hpp"

namespace updraft::mqtt {

/// One address to listen on.
struct MqttListen {
    std::string host = "127.0.0.1";
    std::uint16_t port = 1883;     ///< 0 picks a free one
    std::shared_ptr<SSL_CTX> tls;  ///< null: plain TCP
};

/// Every limit of the gateway. The defaults suit devices on mobile links and one small server.
struct MqttOptions {
    std::vector<MqttListen> listen;

    /// From accept to the end of a complete CONNECT, the TLS handshake not counted.
    milliseconds connect_deadline{10'000};
    /// For the TLS handshake.
    milliseconds handshake_deadline{10'000};
    /// A write that moves no byte for so long ends the connection.
    milliseconds write_deadline{30'000};
    /// How long a connection that is being closed may take to send what is left.
    milliseconds close_deadline{1'000};

    /// A silent device is dead after keep alive + this, or 1.5 times its keep alive if that is
    /// later.
    milliseconds keep_alive_grace{10'000};
    /// Longest keep alive that is granted, in seconds; longer ones and 0 are replaced by it (MQTT 5
    /// tells the device so; with 3.x a device's own value stays). 0: no cap.
    std::uint16_t keep_alive_max_s = 0;
    /// What keep alive counts: seconds, as MQTT says. Shorter in tests only.
    milliseconds keep_alive_unit{1'000};

    /// From a packet's first byte to its last. A device that is slower has taken a place for long.
    milliseconds packet_deadline{120'000};
    /// A peer that acknowledges nothing for so long has gone, also one without keep alive.
    milliseconds loss_after{600'000};

    /// Connections at once; more get CONNACK 0x97 (MQTT 3: 0x03). 0: no limit but the system's.
    std::size_t connections_max = 0;
    /// Connections at once from one remote address. 0: no limit (many devices share one behind
    /// NAT).
    std::size_t connections_per_address_max = 0;

    /// Largest CONNECT, in bytes: what a stranger can make the server hold.
    std::size_t connect_bytes_max = 16U * 1024;
    /// Largest packet of a signed-in device, in bytes. MQTT 5 announces it.
    std::size_t packet_bytes_max = 256U * 1024;
    /// Messages of one connection that wait to be stored; then its socket is not read. MQTT 5
    /// announces it as receive maximum.
    std::uint16_t uplinks_in_flight_max = 64;
    /// The same in bytes of payload.
    std::size_t uplinks_in_flight_bytes_max = 1024U * 1024;
    /// QoS 2 messages of one connection whose PUBREL has not come; one more ends the connection.
    std::size_t qos2_unreleased_max = 1'000;

    /// Bytes that wait to be written to one connection; a downlink beyond is refused, and the
    /// socket is not read before there is room again.
    std::size_t outbox_bytes_max = 256U * 1024;
    /// QoS 1 downlinks of one connection without PUBACK; one more is refused.
    std::uint16_t downlinks_unacked_max = 32;
    /// An unacknowledged QoS 1 downlink is written again after this (3.x only: MQTT 5 forbids it).
    milliseconds redelivery_after{20'000};
    /// How often it is written again before it is given up.
    int redeliveries_max = 3;

    /// Topic filters of one connection; more are refused.
    std::size_t subscriptions_max = 32;
    /// Bytes of all filters of one connection.
    std::size_t subscriptions_bytes_max = 8U * 1024;

    /// What connections may hold together beyond an idle one's; null: any amount. Outlives them.
    std::shared_ptr<net::MemoryBudget> buffers;
};

/// What happened since the start; for /metrics. Read from any thread.
struct MqttCounters {
    using Count = std::atomic<std::uint64_t>;
    std::atomic<std::int64_t> connections{0};  ///< open now, signed in or not
    std::atomic<std::int64_t> devices{0};      ///< signed in now
    Count accepted{0};                         ///< connections
    Count signed_in{0};
    Count taken_over{0};    ///< sessions that a newer connection of the same device replaced
    Count messages_in{0};   ///< PUBLISH from devices
    Count messages_out{0};  ///< PUBLISH to devices, redeliveries included
    Count redelivered{0};
    Count refused_credentials{0};  ///< CONNACK 0x04
    Count refused_client_id{0};    ///< CONNACK 0x02
    Count refused_version{0};      ///< CONNACK 0x01
    Count refused_unavailable{0};  ///< CONNACK 0x03: stopping, overloaded, sign-in failed
    Count refused_limit{0};        ///< CONNACK 0x97 or closed at accept, by a limit
    Count connect_timeouts{0};     ///< no CONNECT in time, or no TLS handshake
    Count keep_alive_timeouts{0};
    Count packet_timeouts{0};       ///< a packet that did not become complete in time
    Count memory_full{0};           ///< connections ended, all together held too much
    Count malformed_packets{0};     ///< connections ended by what they sent
    Count undecodable_messages{0};  ///< acknowledged and dropped: not a message of the dialect,
                                    ///< or the package's script failed
    Count unknown_topics{0};        ///< acknowledged and ignored
    Count not_stored{0};            ///< uplinks that could not be stored: connection closed unacked
    Count dropped_downlinks{0};     ///< full outbox, too many unacknowledged, larger than allowed
};

/// Checks a device's credentials; runs on a worker thread. `address` is the peer's.
using SignIn =
    std::function<Result<SignedInDevice>(const std::string& client_id, const std::string& username,
                                         const std::string& password, const std::string& address)>;

struct Core;

/// Serves devices that speak MQTT 3.1, 3.1.1 and 5.0 (spec 4.2): a device gateway, not a broker.
/// Nothing is routed between devices; a device's connection is its presence.
///
/// Uplinks go to the inbox and are acknowledged after it has stored them. Downlinks are written
/// whether or not the device subscribed: at QoS 0, or at QoS 1 if a filter with QoS 1 or 2 matches.
///
/// The loops, workers, inbox and dialects outlive the gateway, and inbox and dialects call every
/// `done` while the loops still run.
class MqttGateway final : public DeviceLinks {
public:
    MqttGateway(net::EventLoops& loops, net::WorkerPool& workers, DeviceInbox& inbox,
                DeviceDialects& dialects, SignIn sign_in, MqttOptions options);
    /// stop().
    ~MqttGateway() override;

    /// Starts listening on every address. Throws std::system_error when one cannot be bound.
    void start();
    /// Stops accepting, tells every device, closes all connections and waits for their ends
    /// (bounded by the close deadline). Wills are not handled. Not from an event loop. Idempotent.
    void stop();
    /// The addresses it listens on, with real ports, in the order of the options.
    [[nodiscard]] std::vector<std::string> addresses() const;
    [[nodiscard]] std::vector<std::uint16_t> ports() const;
    [[nodiscard]] const MqttCounters& counters() const;

    [[nodiscard]] bool is_connected(const DeviceId& carrier) const override;
    void send(DownlinkMessage message, std::function<void(bool written)> done) override;
    void close(const DeviceId& carrier, const std::string& reason) override;
    void close_all_of(const CredentialId& credential, const std::string& reason) override;
    void each_connected(const std::function<void(const DeviceId&)>& use) const override;

private:
    std::shared_ptr<Core> core_;
    std::vector<std::unique_ptr<net::Listener>> listeners_;
};

}  // namespace updraft::mqtt
