#include <stdexcept>

#include "transport/mqtt/packet.hpp"
#include "transport/mqtt/packet_properties.hpp"

namespace updraft::mqtt {
namespace {

void put_byte(std::string& out, unsigned value) {
    out.push_back(static_cast<char>(value & 0xFFU));
}

void put_two_bytes(std::string& out, unsigned value) {
    put_byte(out, value >> 8U);
    put_byte(out, value);
}

void put_varint(std::string& out, std::size_t value) {
    if (value >= std::size_t{1} << 28U) {
        throw std::length_error("an MQTT packet of more than 268,435,455 bytes");
    }
    while (value >= 0x80) {
        put_byte(out, static_cast<unsigned>(value & 0x7FU) | 0x80U);
        value >>= 7U;
    }
    put_byte(out, static_cast<unsigned>(value));
}

void put_text(std::string& out, std::string_view text) {
    if (text.size() > 0xFFFF) {
        throw std::length_error("an MQTT field of more than 65,535 bytes");
    }
    put_two_bytes(out, static_cast<unsigned>(text.size()));
    out.append(text);
}

void put_property(std::string& out, const Property& property) {
    const auto id = static_cast<std::uint8_t>(property.id);
    put_byte(out, id);
    const PropertyRule* rule = property_rule(id);
    switch (rule == nullptr ? PropertyForm::byte : rule->form) {
        case PropertyForm::byte:
            put_byte(out, property.number);
            break;
        case PropertyForm::two_bytes:
            put_two_bytes(out, property.number);
            break;
        case PropertyForm::four_bytes:
            put_two_bytes(out, property.number >> 16U);
            put_two_bytes(out, property.number);
            break;
        case PropertyForm::varint:
            put_varint(out, property.number);
            break;
        case PropertyForm::text:
        case PropertyForm::binary:
            put_text(out, property.text);
            break;
        case PropertyForm::pair:
            put_text(out, property.name);
            put_text(out, property.text);
            break;
    }
}

/// Nothing in 3.x.
void put_properties(std::string& out, const Properties& properties, Version version) {
    if (version != Version::v5) {
        return;
    }
    std::string encoded;
    for (const Property& property : properties) {
        put_property(encoded, property);
    }
    put_varint(out, encoded.size());
    out.append(encoded);
}

unsigned first_byte(PacketType type, unsigned flags = 0) {
    return static_cast<unsigned>(type) << 4U | flags;
}

void put_packet(std::string& out, unsigned first, std::string_view body) {
    put_byte(out, first);
    put_varint(out, body.size());
    out.append(body);
}

unsigned return_code(ReasonCode reason) {
    switch (reason) {
        case ReasonCode::success:
            return 0;
        case ReasonCode::unsupported_protocol_version:
            return 1;
        case ReasonCode::client_identifier_not_valid:
            return 2;
        case ReasonCode::bad_user_name_or_password:
        case ReasonCode::bad_authentication_method:
            return 4;
        case ReasonCode::not_authorized:
        case ReasonCode::banned:
            return 5;
        default:
            return 3;
    }
}

unsigned publish_flags(std::uint8_t qos, bool retain, bool dup) {
    return (dup ? 8U : 0U) | static_cast<unsigned>(qos) << 1U | (retain ? 1U : 0U);
}

/// Writes each kind of packet. The body comes first, since the header says its length.
struct Encoder {
    Version version;
    std::string& out;

    [[nodiscard]] bool is_v5() const { return version == Version::v5; }

    void operator()(const Connect& packet) const {
        std::string body;
        put_text(body, packet.version == Version::v3_1 ? "MQIsdp" : "MQTT");
        put_byte(body, static_cast<unsigned>(packet.version));
        unsigned flags = packet.clean_start ? 2U : 0U;
        if (packet.will) {
            flags |= 4U | static_cast<unsigned>(packet.will->qos) << 3U;
            flags |= packet.will->retain ? 0x20U : 0U;
        }
        flags |= packet.password ? 0x40U : 0U;
        flags |= packet.username ? 0x80U : 0U;
        put_byte(body, flags);
        put_two_bytes(body, packet.keep_alive_s);
        put_properties(body, packet.properties, packet.version);
        put_text(body, packet.client_id);
        if (packet.will) {
            put_properties(body, packet.will->properties, packet.version);
            put_text(body, packet.will->topic);
            put_text(body, packet.will->payload);
        }
        if (packet.username) {
            put_text(body, *packet.username);
        }
        if (packet.password) {
            put_text(body, *packet.password);
        }
        put_packet(out, first_byte(PacketType::connect), body);
    }

    void operator()(const Connack& packet) const {
        std::string body;
        put_byte(body, packet.session_present ? 1 : 0);
        put_byte(body, is_v5() ? static_cast<unsigned>(packet.reason) : return_code(packet.reason));
        put_properties(body, packet.properties, version);
        put_packet(out, first_byte(PacketType::connack), body);
    }

    void operator()(const Publish& packet) const {
        std::string body;
        put_text(body, packet.topic);
        if (packet.qos != 0) {
            put_two_bytes(body, packet.packet_id);
        }
        put_properties(body, packet.properties, version);
        body.append(packet.payload);
        const unsigned flags = publish_flags(packet.qos, packet.retain, packet.dup);
        put_packet(out, first_byte(PacketType::publish, flags), body);
    }

    void operator()(const Ack& packet) const {
        std::string body;
        put_two_bytes(body, packet.packet_id);
        const bool says_more = packet.reason != ReasonCode::success || !packet.properties.empty();
        if (is_v5() && says_more) {
            put_byte(body, static_cast<unsigned>(packet.reason));
            put_properties(body, packet.properties, version);
        }
        const unsigned flags = packet.type == PacketType::pubrel ? 2 : 0;
        put_packet(out, first_byte(packet.type, flags), body);
    }

    void operator()(const Subscribe& packet) const {
        std::string body;
        put_two_bytes(body, packet.packet_id);
        put_properties(body, packet.properties, version);
        for (const Subscription& subscription : packet.subscriptions) {
            put_text(body, subscription.filter);
            unsigned options = subscription.qos;
            if (is_v5()) {
                options |= subscription.no_local ? 4U : 0U;
                options |= subscription.retain_as_published ? 8U : 0U;
                options |= static_cast<unsigned>(subscription.retain_handling) << 4U;
            }
            put_byte(body, options);
        }
        put_packet(out, first_byte(PacketType::subscribe, 2), body);
    }

    void operator()(const Suback& packet) const {
        std::string body;
        put_two_bytes(body, packet.packet_id);
        put_properties(body, packet.properties, version);
        for (const ReasonCode reason : packet.reasons) {
            const auto code = static_cast<unsigned>(reason);
            put_byte(body, is_v5() ? code : std::min(code, 0x80U));
        }
        put_packet(out, first_byte(PacketType::suback), body);
    }

    void operator()(const Unsubscribe& packet) const {
        std::string body;
        put_two_bytes(body, packet.packet_id);
        put_properties(body, packet.properties, version);
        for (const std::string& filter : packet.filters) {
            put_text(body, filter);
        }
        put_packet(out, first_byte(PacketType::unsubscribe, 2), body);
    }

    void operator()(const Unsuback& packet) const {
        std::string body;
        put_two_bytes(body, packet.packet_id);
        if (is_v5()) {
            put_properties(body, packet.properties, version);
            for (const ReasonCode reason : packet.reasons) {
                put_byte(body, static_cast<unsigned>(reason));
            }
        }
        put_packet(out, first_byte(PacketType::unsuback), body);
    }

    void operator()(const Pingreq& /*packet*/) const {
        put_packet(out, first_byte(PacketType::pingreq), {});
    }
    void operator()(const Pingresp& /*packet*/) const {
        put_packet(out, first_byte(PacketType::pingresp), {});
    }

    void operator()(const Disconnect& packet) const {
        put_packet(out, first_byte(PacketType::disconnect), reason_and_properties(packet));
    }
    void operator()(const Auth& packet) const {
        put_packet(out, first_byte(PacketType::auth), reason_and_properties(packet));
    }

private:
    template <class P>
    [[nodiscard]] std::string reason_and_properties(const P& packet) const {
        std::string body;
        const bool says_more = packet.reason != ReasonCode::success || !packet.properties.empty();
        if (is_v5() && says_more) {
            put_byte(body, static_cast<unsigned>(packet.reason));
            put_properties(body, packet.properties, version);
        }
        return body;
    }
};

}  // namespace

void append_packet(const Packet& packet, Version version, std::string& out) {
    std::visit(Encoder{version, out}, packet);
}

std::string encode_packet(const Packet& packet, Version version) {
    std::string out;
    append_packet(packet, version, out);
    return out;
}

void append_publish(std::string_view topic, std::string_view payload, std::uint8_t qos, bool dup,
                    std::uint16_t packet_id, Version version, std::string& out) {
    const std::size_t id_bytes = qos == 0 ? 0 : 2;
    const std::size_t property_bytes = version == Version::v5 ? 1 : 0;
    put_byte(out, first_byte(PacketType::publish, publish_flags(qos, false, dup)));
    put_varint(out, 2 + topic.size() + id_bytes + property_bytes + payload.size());
    put_text(out, topic);
    if (qos != 0) {
        put_two_bytes(out, packet_id);
    }
    if (version == Version::v5) {
        put_byte(out, 0);
    }
    out.append(payload);
}

}  // namespace updraft::mqtt
