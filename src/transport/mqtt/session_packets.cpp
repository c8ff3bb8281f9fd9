#include <algorithm>
#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "transport/mqtt/session.hpp"

namespace updraft::mqtt {

bool Session::may_take_more() const {
    return uplinks_.count() < options().uplinks_in_flight_max &&
           uplinks_.bytes() < options().uplinks_in_flight_bytes_max &&
           unwritten_bytes_ < options().outbox_bytes_max;
}

/// Takes packets that have come, until there are none or too much is under way.
void Session::process_input() {
    while (!end_ && may_take_more()) {
        auto next = reader_.next();
        if (const auto* error = std::get_if<PacketError>(&next)) {
            violate(error->reason, error->what);
        } else if (auto* packet = std::get_if<Packet>(&next)) {
            packet_since_.reset();
            take(std::move(*packet));
        } else {
            return;
        }
    }
}

void Session::take(Packet packet) {
    std::visit([this](auto& one) { on(std::move(one)); }, packet);
}

void Session::on(Connect /*packet*/) {
    violate(ReasonCode::protocol_error, "a second CONNECT");
}

void Session::on(const Auth& /*packet*/) {
    violate(ReasonCode::protocol_error, "AUTH without extended authentication");
}

template <class ServerPacket>
void Session::on(const ServerPacket& /*packet*/) {
    violate(ReasonCode::protocol_error, "a packet that only servers send");
}

void Session::on(Publish packet) {
    ++core_->counters.messages_in;
    if (find(packet.properties, PropertyId::topic_alias) != nullptr) {
        violate(ReasonCode::topic_alias_invalid, "a topic alias, though the maximum is 0");
        return;
    }
    if (find(packet.properties, PropertyId::subscription_identifier) != nullptr) {
        violate(ReasonCode::protocol_error, "a subscription identifier in an uplink");
        return;
    }
    if (packet.qos == 2) {
        switch (uplinks_.qos2_state(packet.packet_id)) {
            case Uplinks::Qos2::storing:
                return;  // the PUBREC comes when it is stored
            case Uplinks::Qos2::received:
                push(Ack{PacketType::pubrec, packet.packet_id, ReasonCode::success, {}});
                return;
            case Uplinks::Qos2::unknown:
                break;
        }
        if (uplinks_.unreleased() >= options().qos2_unreleased_max) {
            violate(ReasonCode::receive_maximum_exceeded, "too many QoS 2 messages unreleased");
            return;
        }
    }
    hand_in(std::move(packet));
}

/// Has the payload decoded: at once, or by a script that works elsewhere. Those of one connection
/// come back in their order, and count as under way from now on.
void Session::hand_in(Publish packet) {
    DeviceDialects& dialects = core_->dialects;
    const std::uint64_t sequence =
        uplinks_.add(packet.packet_id, packet.qos, packet.topic.size() + packet.payload.size());
    if (auto decoded = dialects.decode_at_once(device_, packet.topic, packet.payload)) {
        on_decoded(sequence, packet.topic, std::move(*decoded));
        return;
    }
    ++decoding_;
    auto done = [self = shared_from_this(), sequence,
                 topic = packet.topic](Result<DecodedUplinks> decoded) mutable {
        boost::asio::io_context& loop = self->loop();
        boost::asio::post(loop, [self = std::move(self), sequence, topic = std::move(topic),
                                 decoded = std::move(decoded)]() mutable {
            --self->decoding_;
            self->on_decoded(sequence, topic, std::move(decoded));
            self->notify();
        });
    };
    dialects.decode(device_, std::move(packet.topic), std::move(packet.payload), std::move(done));
}

/// Gives what was decoded to the inbox. What is no message of the dialect is acknowledged all the
/// same, else the device would send it for ever (spec 4.2).
void Session::on_decoded(std::uint64_t sequence, std::string_view topic,
                         Result<DecodedUplinks> decoded) {
    if (!decoded && decoded.error().code == ErrorCode::unavailable) {
        on_handled(sequence, {false, {}});
        return;
    }
    if (!decoded) {
        ++core_->counters.undecodable_messages;
        log::info("mqtt", "message dropped device={} topic={} why={}", device_.id, loggable(topic),
                  loggable(decoded.error().message.en));
    } else if (!*decoded) {
        ++core_->counters.unknown_topics;
        log::debug("mqtt", "unknown topic device={} topic={}", device_.id, loggable(topic));
    }
    if (!decoded || !*decoded) {
        uplinks_.stored(sequence);
        acknowledge_ready();
        return;
    }
    const auto done = [self = shared_from_this(), sequence](DeviceInbox::Handled handled) {
        boost::asio::io_context& loop = self->loop();
        boost::asio::post(loop, [self, sequence, handled = std::move(handled)]() mutable {
            self->on_handled(sequence, std::move(handled));
        });
    };
    if (!decoded->more.empty()) {
        parts_.emplace_back(sequence, decoded->more.size());
    }
    core_->inbox.handle(device_.id, std::move(**decoded), done);
    for (UplinkMessage& message : decoded->more) {
        core_->inbox.handle(device_.id, std::move(message), done);
    }
}

/// A payload is acknowledged when all its messages are stored.
void Session::on_handled(std::uint64_t sequence, DeviceInbox::Handled handled) {
    if (end_) {
        return;
    }
    if (!handled.stored) {
        ++core_->counters.not_stored;
        end({ReasonCode::server_busy, "a message could not be stored", false});
        return;
    }
    const auto part = std::ranges::find(parts_, sequence, &decltype(parts_)::value_type::first);
    const bool last = part == parts_.end() || part->second == 0;
    if (!last) {
        --part->second;
    } else {
        if (part != parts_.end()) {
            parts_.erase(part);
        }
        uplinks_.stored(sequence);
        acknowledge_ready();
    }
    if (handled.reply) {
        send(*handled.reply, {});
    }
    notify();
}

void Session::acknowledge_ready() {
    while (const std::optional<Uplink> uplink = uplinks_.take_ready()) {
        if (uplink->qos == 1) {
            push(Ack{PacketType::puback, uplink->packet_id, ReasonCode::success, {}});
        } else if (uplink->qos == 2) {
            push(Ack{PacketType::pubrec, uplink->packet_id, ReasonCode::success, {}});
        }
    }
}

void Session::on(const Ack& packet) {
    switch (packet.type) {
        case PacketType::puback:
            downlinks_.acknowledged(packet.packet_id);
            return;
        case PacketType::pubrel: {
            if (uplinks_.qos2_state(packet.packet_id) == Uplinks::Qos2::storing) {
                violate(ReasonCode::protocol_error, "PUBREL before PUBREC");
                return;
            }
            const bool known = uplinks_.release(packet.packet_id);
            push(Ack{PacketType::pubcomp,
                     packet.packet_id,
                     known ? ReasonCode::success : ReasonCode::packet_identifier_not_found,
                     {}});
            return;
        }
        default:
            violate(ReasonCode::protocol_error, "PUBREC or PUBCOMP, though nothing has QoS 2");
            return;
    }
}

ReasonCode Session::add_subscription(const Subscription& subscription) {
    if (reader_.version() == Version::v5 && subscription.filter.starts_with("$share/")) {
        return ReasonCode::shared_subscriptions_not_supported;
    }
    const bool added =
        downlinks_.subscribe(subscription.filter, subscription.qos, options().subscriptions_max,
                             options().subscriptions_bytes_max);
    return added ? static_cast<ReasonCode>(subscription.qos) : ReasonCode::quota_exceeded;
}

void Session::on(const Subscribe& packet) {
    if (find(packet.properties, PropertyId::subscription_identifier) != nullptr) {
        violate(ReasonCode::subscription_identifiers_not_supported, "a subscription identifier");
        return;
    }
    Suback suback{packet.packet_id, {}, {}};
    for (const Subscription& subscription : packet.subscriptions) {
        suback.reasons.push_back(add_subscription(subscription));
    }
    push(suback);
}

void Session::on(const Unsubscribe& packet) {
    Unsuback unsuback{packet.packet_id, {}, {}};
    for (const std::string& filter : packet.filters) {
        const bool was_there = downlinks_.unsubscribe(filter);
        unsuback.reasons.push_back(was_there ? ReasonCode::success
                                             : ReasonCode::no_subscription_existed);
    }
    push(unsuback);
}

void Session::on(const Pingreq& /*packet*/) {
    push(Pingresp{});
}

void Session::on(const Disconnect& packet) {
    const bool with_will = packet.reason == ReasonCode::disconnect_with_will;
    end({ReasonCode::success, "the device signed off", with_will});
}

}  // namespace updraft::mqtt
