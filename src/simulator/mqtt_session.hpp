#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "client/connection.hpp"
#include "simulator/shard.hpp"
#include "transport/mqtt/packet.hpp"

namespace updraft::simulator {

using client::Endpoint;

/// Why a device has no session.
enum class OpenFailure : std::uint8_t { none, no_connection, refused };

class MqttSession;
struct Opened {
    std::shared_ptr<MqttSession> session;  ///< null if it failed
    OpenFailure failure = OpenFailure::none;
};

/// A device's signed-in MQTT connection, 3.1.1 or 5.0. Writing never waits: packets gather in a
/// bounded outbox, which one coroutine at a time empties. Lives on its shard's loop.
class MqttSession : public std::enable_shared_from_this<MqttSession> {
public:
    /// Use open().
    MqttSession(Shard& shard, std::unique_ptr<net::ByteStream> stream, mqtt::Version version,
                milliseconds deadline);
    ~MqttSession();

    /// Connects, sends CONNECT and waits for the CONNACK.
    static awaitable<Opened> open(Shard& shard, Endpoint endpoint, SSL_CTX* tls,
                                  mqtt::Connect connect, milliseconds deadline);

    /// The next packet; nothing once the connection is gone. PUBLISH packets are acknowledged
    /// already.
    awaitable<std::optional<mqtt::Packet>> next();

    /// Sends a PUBLISH. With QoS 1 returns its packet id, which a PUBACK will carry; else 0.
    std::uint16_t publish(std::string_view topic, std::string_view payload, int qos);
    void subscribe(std::string filter, int qos);
    void ping();
    /// Says DISCONNECT and closes once that is written.
    void disconnect();
    /// Closes at once, as a device that loses its power.
    void drop();

    [[nodiscard]] bool is_open() const { return open_; }
    [[nodiscard]] SteadyClock::time_point last_sent() const { return last_sent_; }
    [[nodiscard]] SteadyClock::time_point last_received() const { return last_received_; }
    /// A wait that ends when the session does.
    [[nodiscard]] Pause& pulse() { return pulse_; }

private:
    /// The shard stops: says goodbye if that can be done at once.
    void leave();
    void send(const mqtt::Packet& packet);
    void write();
    /// Keeps the session alive until the outbox is empty.
    static awaitable<void> write_out(std::shared_ptr<MqttSession> self);
    void acknowledge(const mqtt::Packet& packet);
    /// True if `packet` is a QoS 2 copy that was handed out before.
    bool is_repeat(const mqtt::Packet& packet);
    std::uint16_t next_packet_id();

    Shard& shard_;
    std::unique_ptr<net::ByteStream> stream_;
    mqtt::PacketReader reader_;
    milliseconds deadline_;
    StopHook hook_;
    Pause pulse_;
    std::string outbox_;
    std::set<std::uint16_t> unreleased_;  ///< QoS 2 ids between PUBREC and PUBREL
    SteadyClock::time_point last_sent_;
    SteadyClock::time_point last_received_;
    std::uint16_t last_packet_id_ = 0;
    bool writing_ = false;
    bool closing_ = false;
    bool open_ = true;
};

}  // namespace updraft::simulator
