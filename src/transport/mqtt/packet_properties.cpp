#include "transport/mqtt/packet_properties.hpp"

#include <algorithm>
#include <array>

namespace updraft::mqtt {
namespace {

using enum PacketType;
using Id = PropertyId;
using Form = PropertyForm;

constexpr std::uint32_t in_acks = in(puback) | in(pubrec) | in(pubrel) | in(pubcomp);
constexpr std::uint32_t in_message = in(publish) | in_will;
constexpr std::uint32_t everywhere = 0x1FFFEU & ~(in(pingreq) | in(pingresp));

constexpr std::array rules{
    PropertyRule{Id::payload_format_indicator, Form::byte, in_message, 0, 1},
    PropertyRule{Id::message_expiry_interval, Form::four_bytes, in_message},
    PropertyRule{Id::content_type, Form::text, in_message},
    PropertyRule{Id::response_topic, Form::text, in_message},
    PropertyRule{Id::correlation_data, Form::binary, in_message},
    PropertyRule{Id::subscription_identifier, Form::varint, in(publish) | in(subscribe), 1},
    PropertyRule{Id::session_expiry_interval, Form::four_bytes,
                 in(connect) | in(connack) | in(disconnect)},
    PropertyRule{Id::assigned_client_identifier, Form::text, in(connack)},
    PropertyRule{Id::server_keep_alive, Form::two_bytes, in(connack)},
    PropertyRule{Id::authentication_method, Form::text, in(connect) | in(connack) | in(auth)},
    PropertyRule{Id::authentication_data, Form::binary, in(connect) | in(connack) | in(auth)},
    PropertyRule{Id::request_problem_information, Form::byte, in(connect), 0, 1},
    PropertyRule{Id::will_delay_interval, Form::four_bytes, in_will},
    PropertyRule{Id::request_response_information, Form::byte, in(connect), 0, 1},
    PropertyRule{Id::response_information, Form::text, in(connack)},
    PropertyRule{Id::server_reference, Form::text, in(connack) | in(disconnect)},
    PropertyRule{Id::reason_string, Form::text,
                 in(connack) | in_acks | in(suback) | in(unsuback) | in(disconnect) | in(auth)},
    PropertyRule{Id::receive_maximum, Form::two_bytes, in(connect) | in(connack), 1},
    PropertyRule{Id::topic_alias_maximum, Form::two_bytes, in(connect) | in(connack)},
    PropertyRule{Id::topic_alias, Form::two_bytes, in(publish)},
    PropertyRule{Id::maximum_qos, Form::byte, in(connack), 0, 1},
    PropertyRule{Id::retain_available, Form::byte, in(connack), 0, 1},
    PropertyRule{Id::user_property, Form::pair, everywhere},
    PropertyRule{Id::maximum_packet_size, Form::four_bytes, in(connect) | in(connack), 1},
    PropertyRule{Id::wildcard_subscription_available, Form::byte, in(connack), 0, 1},
    PropertyRule{Id::subscription_identifier_available, Form::byte, in(connack), 0, 1},
    PropertyRule{Id::shared_subscription_available, Form::byte, in(connack), 0, 1},
};

}  // namespace

const PropertyRule* property_rule(std::uint8_t id) {
    const auto* const rule =
        std::ranges::find(rules, static_cast<PropertyId>(id), &PropertyRule::id);
    return rule == rules.end() ? nullptr : rule;
}

Property number_property(PropertyId id, std::uint32_t number) {
    return {id, number, {}, {}};
}

Property text_property(PropertyId id, std::string text) {
    return {id, 0, std::move(text), {}};
}

const Property* find(const Properties& properties, PropertyId id) {
    const auto found = std::ranges::find(properties, id, &Property::id);
    return found == properties.end() ? nullptr : &*found;
}

std::optional<std::uint32_t> find_number(const Properties& properties, PropertyId id) {
    const Property* property = find(properties, id);
    return property == nullptr ? std::nullopt : std::optional(property->number);
}

}  // namespace updraft::mqtt
