#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "transport/mqtt/packet.hpp"
#include "transport/mqtt/packet_properties.hpp"

namespace updraft::mqtt {
namespace {

/// Reads values from the body of one packet. The first failure stays and every later read gives
/// zeros, so that the readers of packets need not look after each step.
class Cursor {
public:
    Cursor(std::string_view bytes, Version version) : left_(bytes), version_(version) {}

    [[nodiscard]] bool empty() const { return left_.empty(); }
    [[nodiscard]] bool is_v5() const { return version_ == Version::v5; }
    [[nodiscard]] Version version() const { return version_; }
    void set_version(Version version) { version_ = version; }
    [[nodiscard]] const std::optional<PacketError>& failure() const { return failure_; }

    void fail(std::string_view what, ReasonCode reason = ReasonCode::malformed_packet) {
        if (!failure_) {
            failure_ = PacketError{reason, what};
        }
        left_ = {};
    }
    void require(bool holds, std::string_view what,
                 ReasonCode reason = ReasonCode::malformed_packet) {
        if (!holds) {
            fail(what, reason);
        }
    }

    std::string_view take(std::size_t count) {
        if (count > left_.size()) {
            fail("the packet ends inside a field");
            return {};
        }
        const std::string_view taken = left_.substr(0, count);
        left_.remove_prefix(count);
        return taken;
    }
    std::uint32_t number(std::size_t bytes) {
        std::uint32_t value = 0;
        for (const char byte : take(bytes)) {
            value = value << 8U | static_cast<std::uint8_t>(byte);
        }
        return value;
    }
    std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t two_bytes() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t varint() {
        std::uint32_t value = 0;
        for (unsigned shift = 0; shift < 28; shift += 7) {
            const std::uint8_t next = byte();
            value |= (next & 0x7FU) << shift;
            if ((next & 0x80U) == 0) {
                require(next != 0 || shift == 0, "a variable byte integer is not minimal");
                return failure_ ? 0 : value;
            }
        }
        fail("a variable byte integer is longer than 4 bytes");
        return 0;
    }
    std::string binary() { return std::string(take(two_bytes())); }
    std::string text() {
        const std::string_view text = take(two_bytes());
        if (!is_utf8(text) || text.find('\0') != std::string_view::npos) {
            fail("a string is not UTF-8 or holds U+0000");
            return {};
        }
        return std::string(text);
    }
    std::string rest() { return std::string(take(left_.size())); }

    std::uint16_t packet_id() {
        const std::uint16_t id = two_bytes();
        require(id != 0, "packet identifier 0");
        return id;
    }
    std::string topic_name() {
        std::string topic = text();
        require(failure_ || topic.empty() || is_topic_name(topic), "a topic name holds a wildcard",
                ReasonCode::topic_name_invalid);
        return topic;
    }
    std::string filter() {
        std::string filter = text();
        require(failure_ || is_topic_filter(filter), "an invalid topic filter",
                ReasonCode::topic_filter_invalid);
        return filter;
    }
    /// The properties of a packet or will; none in 3.x.
    Properties properties(std::uint32_t where);

private:
    Property property(std::uint32_t where);

    std::string_view left_;
    Version version_;
    std::optional<PacketError> failure_;
};

Property Cursor::property(std::uint32_t where) {
    const PropertyRule* rule = property_rule(byte());
    if (rule == nullptr || (rule->where & where) == 0) {
        fail("a property that this packet cannot have");
        return {};
    }
    Property property{rule->id, 0, {}, {}};
    switch (rule->form) {
        case PropertyForm::byte:
            property.number = byte();
            break;
        case PropertyForm::two_bytes:
            property.number = two_bytes();
            break;
        case PropertyForm::four_bytes:
            property.number = number(4);
            break;
        case PropertyForm::varint:
            property.number = varint();
            break;
        case PropertyForm::text:
            property.text = rule->id == PropertyId::response_topic ? topic_name() : text();
            break;
        case PropertyForm::binary:
            property.text = binary();
            break;
        case PropertyForm::pair:
            property.name = text();
            property.text = text();
            break;
    }
    require(failure_ || (property.number >= rule->least && property.number <= rule->most) ||
                rule->form == PropertyForm::text || rule->form == PropertyForm::binary ||
                rule->form == PropertyForm::pair,
            "a property outside its range", ReasonCode::protocol_error);
    return property;
}

Properties Cursor::properties(std::uint32_t where) {
    if (!is_v5()) {
        return {};
    }
    const std::uint32_t length = varint();
    Cursor inner(take(length), version_);
    Properties properties;
    while (!failure_ && !inner.empty()) {
        Property next = inner.property(where);
        if (inner.failure()) {
            fail(inner.failure()->what, inner.failure()->reason);
            break;
        }
        const bool may_repeat =
            next.id == PropertyId::user_property ||
            (next.id == PropertyId::subscription_identifier && where == in(PacketType::publish));
        require(may_repeat || find(properties, next.id) == nullptr, "a property appears twice",
                ReasonCode::protocol_error);
        properties.push_back(std::move(next));
    }
    require(failure_ || find(properties, PropertyId::authentication_data) == nullptr ||
                find(properties, PropertyId::authentication_method) != nullptr,
            "authentication data without a method", ReasonCode::protocol_error);
    return failure_ ? Properties{} : properties;
}

/// True if `reason` may stand in packets of `type` (MQTT 5.0 table 2-6).
bool allows(PacketType type, ReasonCode reason) {
    using enum ReasonCode;
    constexpr std::array publish_reasons{success,
                                         no_matching_subscribers,
                                         unspecified_error,
                                         implementation_specific_error,
                                         not_authorized,
                                         topic_name_invalid,
                                         packet_identifier_in_use,
                                         quota_exceeded,
                                         payload_format_invalid};
    constexpr std::array filter_reasons{unspecified_error, implementation_specific_error,
                                        not_authorized, topic_filter_invalid,
                                        packet_identifier_in_use};
    const auto code = static_cast<std::uint8_t>(reason);
    switch (type) {
        case PacketType::puback:
        case PacketType::pubrec:
            return std::ranges::find(publish_reasons, reason) != publish_reasons.end();
        case PacketType::pubrel:
        case PacketType::pubcomp:
            return reason == success || reason == packet_identifier_not_found;
        case PacketType::suback:
            return code <= 2 || std::ranges::find(filter_reasons, reason) != filter_reasons.end() ||
                   reason == quota_exceeded || reason == shared_subscriptions_not_supported ||
                   reason == subscription_identifiers_not_supported ||
                   reason == wildcard_subscriptions_not_supported;
        case PacketType::unsuback:
            return reason == success || reason == no_subscription_existed ||
                   std::ranges::find(filter_reasons, reason) != filter_reasons.end();
        case PacketType::connack:
            return reason == success || (code >= 0x80 && code <= 0x9F);
        case PacketType::disconnect:
            return reason == success || reason == disconnect_with_will ||
                   (code >= 0x80 && code <= 0xA2);
        case PacketType::auth:
            return reason == success || reason == continue_authentication ||
                   reason == reauthenticate;
        default:
            return false;
    }
}

ReasonCode read_reason(Cursor& cursor, PacketType type) {
    const auto reason = static_cast<ReasonCode>(cursor.byte());
    cursor.require(cursor.failure() || allows(type, reason),
                   "a reason code that this packet cannot have", ReasonCode::protocol_error);
    return reason;
}

/// Name and level of the protocol; what we do not speak fails as unsupported_protocol_version.
void read_protocol(Cursor& cursor, Connect& packet) {
    const std::string name = cursor.text();
    const std::uint8_t level = cursor.byte();
    cursor.require(cursor.failure() || name == "MQTT" || name == "MQIsdp",
                   "the protocol name is neither MQTT nor MQIsdp");
    const bool known = name == "MQIsdp" ? level == 3 : level == 4 || level == 5;
    cursor.require(cursor.failure() || known, "a protocol level that is not 3, 4 or 5",
                   ReasonCode::unsupported_protocol_version);
    if (!cursor.failure()) {
        packet.version = static_cast<Version>(level);
        cursor.set_version(packet.version);
    }
}

Will read_will(Cursor& cursor, std::uint8_t flags) {
    Will will;
    will.qos = flags >> 3U & 3U;
    will.retain = (flags & 0x20U) != 0;
    will.properties = cursor.properties(in_will);
    will.topic = cursor.topic_name();
    cursor.require(cursor.failure() || !will.topic.empty(), "a will without a topic",
                   ReasonCode::topic_name_invalid);
    will.payload = cursor.binary();
    return will;
}

Connect read_connect(Cursor& cursor, bool minimal_length) {
    Connect packet;
    read_protocol(cursor, packet);
    cursor.require(minimal_length || !cursor.is_v5(), "the remaining length is not minimal");
    const std::uint8_t flags = cursor.byte();
    const bool has_will = (flags & 0x04U) != 0;
    const bool has_username = (flags & 0x80U) != 0;
    const bool has_password = (flags & 0x40U) != 0;
    cursor.require((flags & 0x01U) == 0, "the reserved flag of CONNECT is set");
    cursor.require(has_will || (flags & 0x38U) == 0, "will flags without a will");
    cursor.require((flags & 0x18U) != 0x18U, "a will with QoS 3");
    cursor.require(cursor.is_v5() || has_username || !has_password,
                   "a password without a user name");
    packet.clean_start = (flags & 0x02U) != 0;
    packet.keep_alive_s = cursor.two_bytes();
    packet.properties = cursor.properties(in(PacketType::connect));
    packet.client_id = cursor.text();
    if (has_will) {
        packet.will = read_will(cursor, flags);
    }
    // In 3.1 the remaining length takes precedence over these two flags.
    const bool may_lack = packet.version == Version::v3_1;
    if (has_username && !(may_lack && cursor.empty())) {
        packet.username = cursor.text();
    }
    if (has_password && !(may_lack && cursor.empty())) {
        packet.password = cursor.binary();
    }
    return packet;
}

ReasonCode reason_of_return_code(std::uint8_t code) {
    constexpr std::array reasons{ReasonCode::success,
                                 ReasonCode::unsupported_protocol_version,
                                 ReasonCode::client_identifier_not_valid,
                                 ReasonCode::server_unavailable,
                                 ReasonCode::bad_user_name_or_password,
                                 ReasonCode::not_authorized};
    return code < reasons.size() ? reasons[code] : ReasonCode::unspecified_error;
}

Connack read_connack(Cursor& cursor) {
    Connack packet;
    const std::uint8_t flags = cursor.byte();
    cursor.require(flags <= 1, "a reserved flag of CONNACK is set");
    packet.session_present = flags == 1;
    if (cursor.is_v5()) {
        packet.reason = read_reason(cursor, PacketType::connack);
        packet.properties = cursor.properties(in(PacketType::connack));
    } else {
        const std::uint8_t code = cursor.byte();
        cursor.require(code <= 5, "a return code of CONNACK that 3.x does not have");
        packet.reason = reason_of_return_code(code);
    }
    cursor.require(!packet.session_present || packet.reason == ReasonCode::success,
                   "a refused connection with a session", ReasonCode::protocol_error);
    return packet;
}

Publish read_publish(Cursor& cursor, std::uint8_t flags) {
    Publish packet;
    packet.qos = flags >> 1U & 3U;
    packet.retain = (flags & 1U) != 0;
    packet.dup = (flags & 8U) != 0;
    cursor.require(packet.qos != 3, "QoS 3");
    cursor.require(packet.qos != 0 || !packet.dup || cursor.version() == Version::v3_1,
                   "DUP with QoS 0");
    packet.topic = cursor.topic_name();
    if (packet.qos != 0) {
        packet.packet_id = cursor.packet_id();
    }
    packet.properties = cursor.properties(in(PacketType::publish));
    const bool has_alias = find(packet.properties, PropertyId::topic_alias) != nullptr;
    cursor.require(cursor.failure() || !packet.topic.empty() || has_alias,
                   "a PUBLISH without a topic",
                   cursor.is_v5() ? ReasonCode::protocol_error : ReasonCode::malformed_packet);
    cursor.require(find_number(packet.properties, PropertyId::topic_alias).value_or(1) != 0,
                   "topic alias 0", ReasonCode::topic_alias_invalid);
    packet.payload = cursor.rest();
    return packet;
}

Ack read_ack(Cursor& cursor, PacketType type) {
    Ack packet;
    packet.type = type;
    packet.packet_id = cursor.packet_id();
    if (cursor.is_v5() && !cursor.empty()) {
        packet.reason = read_reason(cursor, type);
        if (!cursor.empty()) {
            packet.properties = cursor.properties(in(type));
        }
    }
    return packet;
}

Subscription read_subscription(Cursor& cursor) {
    Subscription subscription;
    subscription.filter = cursor.filter();
    const std::uint8_t options = cursor.byte();
    subscription.qos = options & 3U;
    cursor.require(subscription.qos != 3, "a subscription with QoS 3");
    cursor.require((options & (cursor.is_v5() ? 0xC0U : 0xFCU)) == 0,
                   "a reserved bit of a subscription is set");
    subscription.no_local = (options & 4U) != 0;
    subscription.retain_as_published = (options & 8U) != 0;
    subscription.retain_handling = options >> 4U & 3U;
    cursor.require(subscription.retain_handling != 3, "retain handling 3",
                   ReasonCode::protocol_error);
    cursor.require(!subscription.no_local || !subscription.filter.starts_with("$share/"),
                   "no local on a shared subscription", ReasonCode::protocol_error);
    return subscription;
}

Subscribe read_subscribe(Cursor& cursor) {
    Subscribe packet;
    packet.packet_id = cursor.packet_id();
    packet.properties = cursor.properties(in(PacketType::subscribe));
    cursor.require(cursor.failure() || !cursor.empty(), "a SUBSCRIBE without a filter",
                   ReasonCode::protocol_error);
    while (!cursor.empty()) {
        packet.subscriptions.push_back(read_subscription(cursor));
    }
    return packet;
}

Suback read_suback(Cursor& cursor) {
    Suback packet;
    packet.packet_id = cursor.packet_id();
    packet.properties = cursor.properties(in(PacketType::suback));
    cursor.require(cursor.failure() || !cursor.empty(), "a SUBACK without a reason");
    while (!cursor.empty()) {
        const ReasonCode reason = read_reason(cursor, PacketType::suback);
        cursor.require(cursor.is_v5() || static_cast<std::uint8_t>(reason) <= 0x80,
                       "a return code of SUBACK that 3.x does not have");
        packet.reasons.push_back(reason);
    }
    return packet;
}

Unsubscribe read_unsubscribe(Cursor& cursor) {
    Unsubscribe packet;
    packet.packet_id = cursor.packet_id();
    packet.properties = cursor.properties(in(PacketType::unsubscribe));
    cursor.require(cursor.failure() || !cursor.empty(), "an UNSUBSCRIBE without a filter",
                   ReasonCode::protocol_error);
    while (!cursor.empty()) {
        packet.filters.push_back(cursor.filter());
    }
    return packet;
}

Unsuback read_unsuback(Cursor& cursor) {
    Unsuback packet;
    packet.packet_id = cursor.packet_id();
    if (cursor.is_v5()) {
        packet.properties = cursor.properties(in(PacketType::unsuback));
        cursor.require(cursor.failure() || !cursor.empty(), "an UNSUBACK without a reason");
        while (!cursor.empty()) {
            packet.reasons.push_back(read_reason(cursor, PacketType::unsuback));
        }
    }
    return packet;
}

Disconnect read_disconnect(Cursor& cursor) {
    Disconnect packet;
    if (cursor.is_v5() && !cursor.empty()) {
        packet.reason = read_reason(cursor, PacketType::disconnect);
        if (!cursor.empty()) {
            packet.properties = cursor.properties(in(PacketType::disconnect));
        }
    }
    return packet;
}

Auth read_auth(Cursor& cursor) {
    Auth packet;
    cursor.require(cursor.is_v5(), "AUTH outside MQTT 5", ReasonCode::protocol_error);
    if (!cursor.empty()) {
        packet.reason = read_reason(cursor, PacketType::auth);
        packet.properties = cursor.properties(in(PacketType::auth));
    }
    return packet;
}

Packet read_body(PacketType type, std::uint8_t flags, Cursor& cursor, bool minimal_length) {
    switch (type) {
        case PacketType::connect:
            return read_connect(cursor, minimal_length);
        case PacketType::connack:
            return read_connack(cursor);
        case PacketType::publish:
            return read_publish(cursor, flags);
        case PacketType::puback:
        case PacketType::pubrec:
        case PacketType::pubrel:
        case PacketType::pubcomp:
            return read_ack(cursor, type);
        case PacketType::subscribe:
            return read_subscribe(cursor);
        case PacketType::suback:
            return read_suback(cursor);
        case PacketType::unsubscribe:
            return read_unsubscribe(cursor);
        case PacketType::unsuback:
            return read_unsuback(cursor);
        case PacketType::pingreq:
            return Pingreq{};
        case PacketType::pingresp:
            return Pingresp{};
        case PacketType::disconnect:
            return read_disconnect(cursor);
        case PacketType::auth:
            return read_auth(cursor);
    }
    cursor.fail("packet type 0");
    return Pingreq{};
}

/// The flags that the first byte must carry (MQTT 5.0 table 2-2).
bool flags_allowed(PacketType type, std::uint8_t flags, Version version) {
    switch (type) {
        case PacketType::publish:
            return true;  // looked at with the body
        case PacketType::pubrel:
        case PacketType::subscribe:
        case PacketType::unsubscribe:
            // 3.1 marks a repeated one with DUP.
            return flags == 2 || (version == Version::v3_1 && flags == 10);
        default:
            return flags == 0;
    }
}

/// What the fixed header says.
struct Header {
    std::size_t header_bytes = 0;
    std::size_t body_bytes = 0;
    bool minimal = true;  ///< the length is written in as few bytes as it takes
};

/// Reads the remaining length; nothing while it is incomplete. Header 0: it is too long.
std::optional<Header> read_header(std::string_view bytes) {
    Header header;
    for (std::size_t i = 1; i <= 4; ++i) {
        if (i >= bytes.size()) {
            return std::nullopt;
        }
        const auto byte = static_cast<std::uint8_t>(bytes[i]);
        header.body_bytes |= static_cast<std::size_t>(byte & 0x7FU) << (7 * (i - 1));
        if ((byte & 0x80U) == 0) {
            header.header_bytes = i + 1;
            header.minimal = byte != 0 || i == 1;
            return header;
        }
    }
    return Header{};
}

}  // namespace

ParseResult parse_packet(std::string_view bytes, Version version, std::size_t packet_bytes_max) {
    if (bytes.empty()) {
        return NeedMore{2};
    }
    const auto first = static_cast<std::uint8_t>(bytes[0]);
    const auto type = static_cast<PacketType>(first >> 4U);
    const std::uint8_t flags = first & 0x0FU;
    if (first >> 4U == 0) {
        return PacketError{ReasonCode::malformed_packet, "packet type 0"};
    }
    if (!flags_allowed(type, flags, version)) {
        return PacketError{ReasonCode::malformed_packet, "reserved flags of a fixed header"};
    }
    const std::optional<Header> header = read_header(bytes);
    if (!header) {
        return NeedMore{bytes.size() + 1};
    }
    if (header->header_bytes == 0) {
        return PacketError{ReasonCode::malformed_packet, "a remaining length of over 4 bytes"};
    }
    const std::size_t total = header->header_bytes + header->body_bytes;
    if (total > packet_bytes_max) {
        return PacketError{ReasonCode::packet_too_large, "a packet over the maximum size"};
    }
    // Fixed-size fields in 3.x headers are in use, and 3.x does not forbid them.
    if (!header->minimal && version == Version::v5 && type != PacketType::connect) {
        return PacketError{ReasonCode::malformed_packet, "the remaining length is not minimal"};
    }
    if (bytes.size() < total) {
        return NeedMore{total};
    }
    Cursor cursor(bytes.substr(header->header_bytes, header->body_bytes), version);
    Parsed parsed{read_body(type, flags, cursor, header->minimal), total};
    if (!cursor.failure() && !cursor.empty()) {
        cursor.fail("bytes after the end of a packet's content");
    }
    if (cursor.failure()) {
        return *cursor.failure();
    }
    return parsed;
}

bool is_topic_name(std::string_view topic) {
    return !topic.empty() && topic.size() <= 0xFFFF &&
           topic.find_first_of(std::string_view("+#\0", 3)) == std::string_view::npos &&
           is_utf8(topic);
}

bool is_topic_filter(std::string_view filter) {
    if (filter.empty() || filter.size() > 0xFFFF || !is_utf8(filter) ||
        filter.find('\0') != std::string_view::npos) {
        return false;
    }
    for (std::size_t i = 0; i < filter.size(); ++i) {
        const bool opens = i == 0 || filter[i - 1] == '/';
        const bool last = i + 1 == filter.size();
        if (filter[i] == '#' && !(opens && last)) {
            return false;
        }
        if (filter[i] == '+' && !(opens && (last || filter[i + 1] == '/'))) {
            return false;
        }
    }
    return true;
}

bool matches(std::string_view filter, std::string_view topic) {
    if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) {
        return false;
    }
    for (;;) {
        const std::size_t filter_slash = filter.find('/');
        const std::string_view level = filter.substr(0, filter_slash);
        if (level == "#") {
            return true;
        }
        const std::size_t topic_slash = topic.find('/');
        if (level != "+" && level != topic.substr(0, topic_slash)) {
            return false;
        }
        if (topic_slash == std::string_view::npos) {
            // "a/#" matches "a" too.
            return filter_slash == std::string_view::npos || filter.substr(filter_slash) == "/#";
        }
        if (filter_slash == std::string_view::npos) {
            return false;
        }
        filter.remove_prefix(filter_slash + 1);
        topic.remove_prefix(topic_slash + 1);
    }
}

}  // namespace updraft::mqtt
