#include "mqtt_device.hpp"

#include <openssl/evp.h>

#include <chrono>

#include "base/bytes.hpp"

namespace updraft::bench {
namespace {

std::string md5_hex(const std::string& text) {
    std::uint8_t digest[16];
    EVP_Q_digest(nullptr, "MD5", nullptr, text.data(), text.size(), digest, nullptr);
    return to_hex(digest);
}

}  // namespace

std::string MqttDevice::connect_packet() const {
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    mqtt::Connect connect;
    connect.client_id = id_;
    connect.keep_alive_s = 300;
    connect.username = fleet_.secure_id + "|" + std::to_string(now);
    connect.password = md5_hex(*connect.username + "|" + fleet_.secure_key);
    return mqtt::encode_packet(connect, mqtt::Version::v3_1_1);
}

void MqttDevice::publish(std::string_view tail, std::string_view payload, std::uint8_t qos) {
    std::string packet;
    packet_id_ = static_cast<std::uint16_t>(packet_id_ == 65535 ? 1 : packet_id_ + 1);
    mqtt::append_publish("/" + fleet_.product + "/" + id_ + std::string(tail), payload, qos, false,
                         qos == 0 ? std::uint16_t{0} : packet_id_, mqtt::Version::v3_1_1, packet);
    stream_.send(packet);
}

void MqttDevice::acknowledge(const mqtt::Packet& packet) {
    const auto* message = std::get_if<mqtt::Publish>(&packet);
    if (message != nullptr && message->qos == 1) {
        mqtt::Ack ack;
        ack.type = mqtt::PacketType::puback;
        ack.packet_id = message->packet_id;
        stream_.send(mqtt::encode_packet(ack, mqtt::Version::v3_1_1));
    }
}

}  // namespace updraft::bench
