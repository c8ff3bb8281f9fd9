#include "simulator/mqtt_session.hpp"

#include <utility>
#include <variant>

namespace updraft::simulator {

namespace {

constexpr std::size_t packet_bytes_max = 256 * 1024;
constexpr std::size_t outbox_bytes_max = 256 * 1024;
constexpr milliseconds goodbye_deadline{1'000};

}  // namespace

MqttSession::MqttSession(Shard& shard, std::unique_ptr<net::ByteStream> stream,
                         mqtt::Version version, milliseconds deadline)
    : shard_(shard),
      stream_(std::move(stream)),
      reader_(packet_bytes_max),
      deadline_(deadline),
      hook_(shard, [this] { leave(); }),
      pulse_(shard),
      last_sent_(SteadyClock::now()),
      last_received_(last_sent_) {
    reader_.set_version(version);
}

MqttSession::~MqttSession() {
    stream_->close();
}

awaitable<Opened> MqttSession::open(Shard& shard, Endpoint endpoint, SSL_CTX* tls,
                                    mqtt::Connect connect, milliseconds deadline) {
    std::unique_ptr<net::ByteStream> stream =
        co_await connect_to(shard, std::move(endpoint), tls, deadline);
    if (!stream) {
        co_return Opened{nullptr, OpenFailure::no_connection};
    }
    const auto session =
        std::make_shared<MqttSession>(shard, std::move(stream), connect.version, deadline);
    // The keep-alive begins after this: a server that takes the connection and says nothing is
    // given up.
    const auto silence = std::make_shared<Pause>(shard);
    const auto give_up = [](std::shared_ptr<MqttSession> waiting, std::shared_ptr<Pause> limit,
                            milliseconds longest) -> awaitable<void> {
        const auto due = SteadyClock::now() + longest;
        co_await limit->wait(longest);
        if (SteadyClock::now() >= due) {
            waiting->drop();
        }
    };
    shard.start("mqtt sign-in limit", give_up(session, silence, deadline));
    session->send(mqtt::Packet(std::move(connect)));
    const std::optional<mqtt::Packet> answer = co_await session->next();
    silence->wake();

    const mqtt::Connack* const connack = answer ? std::get_if<mqtt::Connack>(&*answer) : nullptr;
    if (connack == nullptr) {
        session->drop();
        co_return Opened{nullptr, OpenFailure::no_connection};
    }
    if (connack->reason != mqtt::ReasonCode::success) {
        session->drop();
        co_return Opened{nullptr, OpenFailure::refused};
    }
    co_return Opened{session, OpenFailure::none};
}

awaitable<std::optional<mqtt::Packet>> MqttSession::next() {
    const auto self = shared_from_this();
    while (open_) {
        auto parsed = reader_.next();
        if (std::holds_alternative<mqtt::PacketError>(parsed)) {
            break;
        }
        if (mqtt::Packet* const packet = std::get_if<mqtt::Packet>(&parsed)) {
            const bool repeat = is_repeat(*packet);
            acknowledge(*packet);
            if (std::holds_alternative<mqtt::Disconnect>(*packet)) {
                break;
            }
            if (!repeat) {
                co_return std::move(*packet);
            }
            continue;
        }
        const net::IoResult got = co_await stream_->read_some(reader_.room(), milliseconds(0));
        if (got.status != net::IoStatus::ok) {
            break;
        }
        reader_.filled(got.bytes);
        last_received_ = SteadyClock::now();
    }
    drop();
    co_return std::nullopt;
}

bool MqttSession::is_repeat(const mqtt::Packet& packet) {
    const auto* const publish = std::get_if<mqtt::Publish>(&packet);
    return publish != nullptr && publish->qos == 2 && unreleased_.contains(publish->packet_id);
}

void MqttSession::acknowledge(const mqtt::Packet& packet) {
    if (const auto* const publish = std::get_if<mqtt::Publish>(&packet)) {
        if (publish->qos == 1) {
            send(mqtt::Ack{mqtt::PacketType::puback, publish->packet_id, {}, {}});
        } else if (publish->qos == 2) {
            unreleased_.insert(publish->packet_id);
            send(mqtt::Ack{mqtt::PacketType::pubrec, publish->packet_id, {}, {}});
        }
    } else if (const auto* const ack = std::get_if<mqtt::Ack>(&packet)) {
        if (ack->type == mqtt::PacketType::pubrel) {
            unreleased_.erase(ack->packet_id);
            send(mqtt::Ack{mqtt::PacketType::pubcomp, ack->packet_id, {}, {}});
        }
    }
}

std::uint16_t MqttSession::next_packet_id() {
    ++last_packet_id_;
    if (last_packet_id_ == 0) {
        last_packet_id_ = 1;
    }
    return last_packet_id_;
}

std::uint16_t MqttSession::publish(std::string_view topic, std::string_view payload, int qos) {
    const std::uint16_t id = qos > 0 ? next_packet_id() : std::uint16_t{0};
    const auto level = static_cast<std::uint8_t>(qos > 0 ? 1 : 0);
    mqtt::append_publish(topic, payload, level, false, id, reader_.version(), outbox_);
    write();
    return id;
}

void MqttSession::subscribe(std::string filter, int qos) {
    mqtt::Subscription subscription;
    subscription.filter = std::move(filter);
    subscription.qos = static_cast<std::uint8_t>(qos);
    mqtt::Subscribe packet;
    packet.packet_id = next_packet_id();
    packet.subscriptions.push_back(std::move(subscription));
    send(mqtt::Packet(std::move(packet)));
}

void MqttSession::ping() {
    send(mqtt::Pingreq{});
}

void MqttSession::disconnect() {
    if (!open_ || closing_) {
        return;
    }
    mqtt::append_packet(mqtt::Disconnect{}, reader_.version(), outbox_);
    closing_ = true;
    write();
}

void MqttSession::leave() {
    if (writing_) {
        drop();  // a server that does not read must not hold up the end
    } else {
        disconnect();
    }
}

void MqttSession::drop() {
    if (open_) {
        open_ = false;
        stream_->close();
        pulse_.wake();
    }
}

void MqttSession::send(const mqtt::Packet& packet) {
    if (!open_ || closing_) {
        return;
    }
    mqtt::append_packet(packet, reader_.version(), outbox_);
    write();
}

void MqttSession::write() {
    if (outbox_.size() > outbox_bytes_max) {
        drop();
        return;
    }
    if (open_ && !writing_) {
        writing_ = true;
        shard_.start("mqtt write", write_out(shared_from_this()));
    }
}

awaitable<void> MqttSession::write_out(std::shared_ptr<MqttSession> self) {
    while (self->open_ && !self->outbox_.empty()) {
        const std::string bytes = std::exchange(self->outbox_, std::string());
        self->last_sent_ = SteadyClock::now();
        const milliseconds deadline =
            self->closing_ ? std::min(self->deadline_, goodbye_deadline) : self->deadline_;
        const net::IoResult sent = co_await self->stream_->write_all(bytes, deadline);
        if (sent.status != net::IoStatus::ok) {
            self->drop();
        }
    }
    self->writing_ = false;
    if (self->closing_) {
        self->drop();
    }
}

}  // namespace updraft::simulator
