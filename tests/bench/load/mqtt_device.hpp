#pragma once

#include <string>
#include <string_view>

#include "process.hpp"
#include "stream.hpp"
#include "transport/mqtt/packet.hpp"

namespace updraft::bench {

/// Where the devices connect and who they are.
struct MqttFleet {
    int port = 1883;
    std::string product, prefix, secure_id, secure_key;
    const TlsClient* tls = nullptr;  ///< null: plain
};

/// A device on its connection: the project's own packet codec on an edge-triggered socket.
class MqttDevice {
public:
    MqttDevice(const MqttFleet& fleet, int number)
        : fleet_(fleet), id_(fleet.prefix + std::to_string(number)), reader_(packet_bytes_max) {}

    void open(int epoll) {
        stream_.open(fleet_.port, epoll, this, fleet_.tls);
        stream_.send(connect_packet());
    }
    void close() { stream_.close(); }
    [[nodiscard]] const std::string& id() const { return id_; }

    /// `tail`: of the topic behind the device, "/firmware/pull".
    void publish(std::string_view tail, std::string_view payload, std::uint8_t qos);

    /// Writes what waits and reads what came; calls `use` for each packet. A message of QoS 1 is
    /// acknowledged behind `use`.
    template <class Use>
    void ready(Use&& use) {
        stream_.flush();
        while (stream_.is_open()) {
            const std::size_t got = stream_.receive(reader_.room());
            if (got == 0) {
                break;
            }
            reader_.filled(got);
            for (auto next = reader_.next(); next.index() == 1; next = reader_.next()) {
                const auto& packet = std::get<mqtt::Packet>(next);
                use(packet);
                acknowledge(packet);
            }
        }
        stream_.flush();  // what a TLS handshake held up
    }

    int outstanding = 0;  ///< messages whose answer is awaited
    long sent = 0;
    bool signed_in = false;
    bool started = false;  ///< has had its first answer

private:
    static constexpr std::size_t packet_bytes_max = 1U << 20;

    [[nodiscard]] std::string connect_packet() const;
    void acknowledge(const mqtt::Packet& packet);

    const MqttFleet& fleet_;
    std::string id_;
    mqtt::PacketReader reader_;
    Stream stream_;
    std::uint16_t packet_id_ = 0;
};

}  // namespace updraft::bench
