#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// The packets of MQTT 3.1, 3.1.1 and 5.0 (OASIS) as values, their bytes, and back; for servers and
// for clients. Pure: no sockets, no clock. Validation is strict, as the specifications ask: what is
// not allowed there never becomes a packet here.

namespace updraft::mqtt {

enum class Version : std::uint8_t { v3_1 = 3, v3_1_1 = 4, v5 = 5 };

/// Reason codes of MQTT 5.0 (2.4). The 3.x return codes of CONNACK are mapped to them and back.
enum class ReasonCode : std::uint8_t {
    success = 0x00,  ///< also: normal disconnection, granted QoS 0
    granted_qos_1 = 0x01,
    granted_qos_2 = 0x02,
    disconnect_with_will = 0x04,
    no_matching_subscribers = 0x10,
    no_subscription_existed = 0x11,
    continue_authentication = 0x18,
    reauthenticate = 0x19,
    unspecified_error = 0x80,
    malformed_packet = 0x81,
    protocol_error = 0x82,
    implementation_specific_error = 0x83,
    unsupported_protocol_version = 0x84,
    client_identifier_not_valid = 0x85,
    bad_user_name_or_password = 0x86,
    not_authorized = 0x87,
    server_unavailable = 0x88,
    server_busy = 0x89,
    banned = 0x8A,
    server_shutting_down = 0x8B,
    bad_authentication_method = 0x8C,
    keep_alive_timeout = 0x8D,
    session_taken_over = 0x8E,
    topic_filter_invalid = 0x8F,
    topic_name_invalid = 0x90,
    packet_identifier_in_use = 0x91,
    packet_identifier_not_found = 0x92,
    receive_maximum_exceeded = 0x93,
    topic_alias_invalid = 0x94,
    packet_too_large = 0x95,
    message_rate_too_high = 0x96,
    quota_exceeded = 0x97,
    administrative_action = 0x98,
    payload_format_invalid = 0x99,
    retain_not_supported = 0x9A,
    qos_not_supported = 0x9B,
    use_another_server = 0x9C,
    server_moved = 0x9D,
    shared_subscriptions_not_supported = 0x9E,
    connection_rate_exceeded = 0x9F,
    maximum_connect_time = 0xA0,
    subscription_identifiers_not_supported = 0xA1,
    wildcard_subscriptions_not_supported = 0xA2,
};

enum class PacketType : std::uint8_t {
    connect = 1,
    connack = 2,
    publish = 3,
    puback = 4,
    pubrec = 5,
    pubrel = 6,
    pubcomp = 7,
    subscribe = 8,
    suback = 9,
    unsubscribe = 10,
    unsuback = 11,
    pingreq = 12,
    pingresp = 13,
    disconnect = 14,
    auth = 15,
};

/// Identifiers of the properties of MQTT 5.0 (2.2.2.2).
enum class PropertyId : std::uint8_t {
    payload_format_indicator = 1,
    message_expiry_interval = 2,
    content_type = 3,
    response_topic = 8,
    correlation_data = 9,
    subscription_identifier = 11,
    session_expiry_interval = 17,
    assigned_client_identifier = 18,
    server_keep_alive = 19,
    authentication_method = 21,
    authentication_data = 22,
    request_problem_information = 23,
    will_delay_interval = 24,
    request_response_information = 25,
    response_information = 26,
    server_reference = 28,
    reason_string = 31,
    receive_maximum = 33,
    topic_alias_maximum = 34,
    topic_alias = 35,
    maximum_qos = 36,
    retain_available = 37,
    user_property = 38,
    maximum_packet_size = 39,
    wildcard_subscription_available = 40,
    subscription_identifier_available = 41,
    shared_subscription_available = 42,
};

/// One property: a number, a text (or binary data), or for a user property a name and a text.
struct Property {
    PropertyId id = PropertyId::user_property;
    std::uint32_t number = 0;
    std::string text{};
    std::string name{};
    friend bool operator==(const Property&, const Property&) = default;
};

/// The properties of a packet in the order they came; always empty in MQTT 3.x.
using Properties = std::vector<Property>;

[[nodiscard]] Property number_property(PropertyId id, std::uint32_t number);
[[nodiscard]] Property text_property(PropertyId id, std::string text);
/// The number of the first property `id`; nothing if there is none.
[[nodiscard]] std::optional<std::uint32_t> find_number(const Properties& properties, PropertyId id);
[[nodiscard]] const Property* find(const Properties& properties, PropertyId id);

/// A will: what the server handles as published by the client when its connection ends abnormally.
struct Will {
    std::string topic{};
    std::string payload{};
    std::uint8_t qos = 0;
    bool retain = false;
    Properties properties{};
    friend bool operator==(const Will&, const Will&) = default;
};

struct Connect {
    Version version = Version::v3_1_1;
    std::string client_id{};
    bool clean_start = true;  ///< "clean session" in 3.x
    std::uint16_t keep_alive_s = 0;
    std::optional<std::string> username{};
    std::optional<std::string> password{};
    std::optional<Will> will{};
    Properties properties{};
    friend bool operator==(const Connect&, const Connect&) = default;
};

struct Connack {
    bool session_present = false;
    ReasonCode reason = ReasonCode::success;  ///< in 3.x mapped to and from return codes 0 to 5
    Properties properties{};
    friend bool operator==(const Connack&, const Connack&) = default;
};

struct Publish {
    std::string topic{};
    std::string payload{};
    std::uint8_t qos = 0;
    bool retain = false;
    bool dup = false;
    std::uint16_t packet_id = 0;  ///< 0 exactly when qos is 0
    Properties properties{};
    friend bool operator==(const Publish&, const Publish&) = default;
};

/// PUBACK, PUBREC, PUBREL and PUBCOMP: `type` says which.
struct Ack {
    PacketType type = PacketType::puback;
    std::uint16_t packet_id = 0;
    ReasonCode reason = ReasonCode::success;  ///< always success in 3.x
    Properties properties{};
    friend bool operator==(const Ack&, const Ack&) = default;
};

struct Subscription {
    std::string filter{};
    std::uint8_t qos = 0;
    bool no_local = false;             ///< 5.0
    bool retain_as_published = false;  ///< 5.0
    std::uint8_t retain_handling = 0;  ///< 5.0, 0 to 2
    friend bool operator==(const Subscription&, const Subscription&) = default;
};

struct Subscribe {
    std::uint16_t packet_id = 0;
    std::vector<Subscription> subscriptions;
    Properties properties{};
    friend bool operator==(const Subscribe&, const Subscribe&) = default;
};

struct Suback {
    std::uint16_t packet_id = 0;
    std::vector<ReasonCode> reasons;  ///< one a filter; every refusal is 0x80 in 3.x
    Properties properties{};
    friend bool operator==(const Suback&, const Suback&) = default;
};

struct Unsubscribe {
    std::uint16_t packet_id = 0;
    std::vector<std::string> filters;
    Properties properties{};
    friend bool operator==(const Unsubscribe&, const Unsubscribe&) = default;
};

struct Unsuback {
    std::uint16_t packet_id = 0;
    std::vector<ReasonCode> reasons;  ///< one a filter; not sent in 3.x
    Properties properties{};
    friend bool operator==(const Unsuback&, const Unsuback&) = default;
};

struct Pingreq {
    friend bool operator==(const Pingreq&, const Pingreq&) = default;
};
struct Pingresp {
    friend bool operator==(const Pingresp&, const Pingresp&) = default;
};

struct Disconnect {
    ReasonCode reason = ReasonCode::success;  ///< not sent in 3.x
    Properties properties{};
    friend bool operator==(const Disconnect&, const Disconnect&) = default;
};

/// Extended authentication, 5.0 only.
struct Auth {
    ReasonCode reason = ReasonCode::success;
    Properties properties{};
    friend bool operator==(const Auth&, const Auth&) = default;
};

using Packet = std::variant<Connect, Connack, Publish, Ack, Subscribe, Suback, Unsubscribe,
                            Unsuback, Pingreq, Pingresp, Disconnect, Auth>;

/// Why bytes are no packet: the connection they came over has to be closed.
struct PacketError {
    ReasonCode reason = ReasonCode::malformed_packet;
    std::string_view what;  ///< for the log; a literal
    friend bool operator==(const PacketError&, const PacketError&) = default;
};

/// The packet at the start of some bytes.
struct Parsed {
    Packet packet;
    std::size_t bytes = 0;  ///< how many it took
};
/// More bytes are needed; at least this many in all, as far as they are known yet.
struct NeedMore {
    std::size_t total_bytes = 0;
};
using ParseResult = std::variant<Parsed, NeedMore, PacketError>;

/// Parses the packet that `bytes` starts with. `version` is that of the connection and does not
/// matter for CONNECT, which says its own. A packet of more than `packet_bytes_max` bytes, header
/// included, is refused as soon as its length is known.
[[nodiscard]] ParseResult parse_packet(std::string_view bytes, Version version,
                                       std::size_t packet_bytes_max);

/// Appends the packet's bytes to `out`. What `version` does not know (properties, reasons) is left
/// out. The values must be valid: a topic over 65,535 bytes throws std::length_error.
void append_packet(const Packet& packet, Version version, std::string& out);
[[nodiscard]] std::string encode_packet(const Packet& packet, Version version);

/// Appends a PUBLISH without properties, without making a Publish first.
void append_publish(std::string_view topic, std::string_view payload, std::uint8_t qos, bool dup,
                    std::uint16_t packet_id, Version version, std::string& out);

/// True for a topic name that may be published to: not empty, no wildcard, no NUL, UTF-8.
[[nodiscard]] bool is_topic_name(std::string_view topic);
/// True for a topic filter whose wildcards stand where they may (MQTT 5.0 4.7.1).
[[nodiscard]] bool is_topic_filter(std::string_view filter);
/// True if the filter matches the topic name (MQTT 5.0 4.7).
[[nodiscard]] bool matches(std::string_view filter, std::string_view topic);

/// Collects bytes of one connection and hands out its packets. Its buffer grows with the bytes that
/// have come (never with the length that a header only claims) and is given back when it is empty.
class PacketReader {
public:
    explicit PacketReader(std::size_t packet_bytes_max) : packet_bytes_max_(packet_bytes_max) {}

    /// Room for the next read, at least one byte; follow with filled(). Spans of earlier calls end.
    [[nodiscard]] std::span<char> room();
    /// `bytes` of the room have been filled.
    void filled(std::size_t bytes);
    /// Copies bytes in; for callers that have their own buffer.
    void feed(std::string_view bytes);

    /// The next packet, or nothing until more bytes come. A CONNECT sets the version for what
    /// follows. After an error nothing else comes out.
    [[nodiscard]] std::variant<std::monostate, Packet, PacketError> next();

    void set_version(Version version) { version_ = version; }
    void set_packet_bytes_max(std::size_t bytes) { packet_bytes_max_ = bytes; }
    [[nodiscard]] Version version() const { return version_; }
    /// Bytes that wait for the rest of their packet, or for next().
    [[nodiscard]] std::size_t pending_bytes() const { return end_ - begin_; }
    [[nodiscard]] std::size_t buffer_bytes() const { return capacity_; }

private:
    void resize(std::size_t capacity);

    std::size_t packet_bytes_max_;
    Version version_ = Version::v3_1_1;
    bool busy_ = false;  ///< the last read filled its room: more is likely waiting
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t wanted_ = 2;  ///< bytes without which parsing again is useless
    std::optional<PacketError> failed_;
};

}  // namespace updraft::mqtt
