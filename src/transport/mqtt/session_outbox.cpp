#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "transport/mqtt/session.hpp"

namespace updraft::mqtt {

/// Queues a packet that the device is owed; bounded by what it sends (see may_take_more()).
void Session::push(const Packet& packet) {
    if (!stream_->is_open()) {
        return;
    }
    const std::size_t before = outbox_.size();
    append_packet(packet, reader_.version(), outbox_);
    unwritten_bytes_ += outbox_.size() - before;
    start_writer();
}

void Session::start_writer() {
    if (!writing_ && !outbox_.empty()) {
        writing_ = true;
        net::spawn(loop(), "mqtt writer", write_until_empty(shared_from_this()));
    }
}

void Session::drop(std::string_view why, const Done& done) {
    ++core_->counters.dropped_downlinks;
    log::info("mqtt", "downlink dropped device={} why={}", device_.id, why);
    if (done) {
        done(false);
    }
}

/// Has the message encoded, at once or by a script that works elsewhere, and written.
void Session::send(const DownlinkMessage& message, Done done) {
    if (end_ || !entered_) {
        if (done) {
            done(false);
        }
        return;
    }
    if (const auto encoded = core_->dialects.encode_at_once(device_.protocol, message)) {
        return send_encoded(*encoded, std::move(done));
    }
    if (encoding_ >= options().downlinks_unacked_max) {
        return drop("too many are being encoded", done);
    }
    ++encoding_;
    auto encoded = [self = shared_from_this(),
                    done = std::move(done)](Result<TopicMessage> result) mutable {
        boost::asio::io_context& loop = self->loop();
        boost::asio::post(loop, [self = std::move(self), done = std::move(done),
                                 result = std::move(result)]() mutable {
            --self->encoding_;
            if (result) {
                self->send_encoded(*result, std::move(done));
            } else {
                self->drop(loggable(result.error().message.en), done);
            }
        });
    };
    core_->dialects.encode(device_.protocol, message, std::move(encoded));
}

void Session::send_encoded(const TopicMessage& encoded, Done done) {
    if (end_ || !entered_) {
        if (done) {
            done(false);
        }
        return;
    }
    if (encoded.topic.empty() || !is_topic_name(encoded.topic)) {
        return drop("it has no topic", done);
    }
    const std::uint8_t qos = downlinks_.qos_for(encoded.topic);
    std::uint16_t packet_id = 0;
    if (qos == 1) {
        const std::optional<std::uint16_t> reserved =
            downlinks_.reserve(options().downlinks_unacked_max);
        if (!reserved) {
            return drop("too many are not acknowledged", done);
        }
        packet_id = *reserved;
    }
    const Version version = reader_.version();
    std::string bytes;
    append_publish(encoded.topic, encoded.payload, qos, false, packet_id, version, bytes);
    if (bytes.size() > downlinks_.packet_bytes_max()) {
        return drop("it is larger than the device takes", done);
    }
    if (unwritten_bytes_ + bytes.size() > options().outbox_bytes_max) {
        return drop("the outbox is full", done);
    }
    if (!fits(bytes.size())) {
        return drop("all connections together hold too much", done);
    }
    ++core_->counters.messages_out;
    outbox_ += bytes;
    unwritten_bytes_ += bytes.size();
    if (done) {
        outbox_dones_.push_back(std::move(done));
    }
    start_writer();
    if (qos == 1) {
        if (version == Version::v5) {
            bytes.clear();  // it must not be sent again on the same connection (MQTT 5.0 4.4)
        } else {
            bytes.front() = static_cast<char>(bytes.front() | 8);  // DUP
        }
        downlinks_.sent(packet_id, std::move(bytes), Clock::now() + options().redelivery_after);
        if (version != Version::v5 && downlinks_.unacknowledged() == 1) {
            redeliver();
        }
    }
}

/// Writes again what is due, and starts the timer for what will be.
void Session::redeliver() {
    const Clock::time_point now = Clock::now();
    if (!end_ && unwritten_bytes_ == 0) {
        const Clock::time_point again = now + options().redelivery_after;
        for (const std::string& bytes : downlinks_.due(now, again, options().redeliveries_max)) {
            ++core_->counters.messages_out;
            ++core_->counters.redelivered;
            outbox_ += bytes;
            unwritten_bytes_ += bytes.size();
        }
        start_writer();
    }
    const std::optional<Clock::time_point> due = downlinks_.next_due();
    if (end_ || !due) {
        return;
    }
    if (!redelivery_) {
        redelivery_ = std::make_unique<net::Deadline>(loop(), [this] { redeliver(); });
    }
    const milliseconds left = std::chrono::ceil<milliseconds>(*due - now);
    redelivery_->start(std::max(left, options().redelivery_after / 8 + milliseconds{1}));
}

/// Ends the session for what the device sent; nobody else's connection is touched.
void Session::violate(ReasonCode code, std::string_view what) {
    ++core_->counters.malformed_packets;
    log::info("mqtt", "connection closed device={} address={} code=0x{:02x} why={}",
              loggable(name()), stream_->remote_address(), static_cast<unsigned>(code), what);
    end({code, std::string(what), true});
}

/// The first call decides how the session ends; run() sees it through.
void Session::end(SessionEnd end) {
    if (end_) {
        return;
    }
    const bool tells =
        entered_ && reader_.version() == Version::v5 && static_cast<unsigned>(end.code) >= 0x80;
    if (tells) {
        push(Disconnect{end.code, {}});
    }
    end_ = std::make_unique<SessionEnd>(std::move(end));
    close_when_written();
    notify();
}

/// Closes the socket now, or when the writer is through, or when that takes too long. Closing wakes
/// whoever reads.
void Session::close_when_written() {
    if (!stream_->is_open()) {
        return;
    }
    if (!writing_) {
        stream_->close();
        return;
    }
    if (!closing_) {
        closing_ = std::make_unique<net::Deadline>(loop(), [this] {
            stream_->close();
            notify();
        });
        closing_->start(options().close_deadline);
    }
}

/// Has the will decoded, if it is to be published; decoding_ says when it is.
void Session::decode_will() {
    if (!will_ || !entered_ || !end_->publishes_will) {
        return;
    }
    const auto keep = [](Session& self, Result<DecodedUplinks> decoded) {
        if (decoded && *decoded) {
            self.will_messages_ = std::make_unique<DecodedUplinks>(std::move(*decoded));
        }
    };
    if (auto decoded = core_->dialects.decode_at_once(device_, will_->topic, will_->payload)) {
        return keep(*this, std::move(*decoded));
    }
    ++decoding_;
    auto done = [self = shared_from_this(), keep](Result<DecodedUplinks> decoded) mutable {
        boost::asio::io_context& loop = self->loop();
        boost::asio::post(loop,
                          [self = std::move(self), keep, decoded = std::move(decoded)]() mutable {
                              --self->decoding_;
                              keep(*self, std::move(decoded));
                              self->notify();
                          });
    };
    core_->dialects.decode(device_, will_->topic, will_->payload, std::move(done));
}

/// Leaves the registry. The will comes before the announcement that the device is gone: what a
/// device says makes it online.
void Session::leave() {
    core_->remove_stranger(shared_from_this());
    if (!entered_) {
        return;
    }
    --core_->counters.devices;
    try {
        core_->registry.leave(device_.id, this, [this] {
            if (will_messages_ && *will_messages_) {
                const auto done = [](const DeviceInbox::Handled& /*handled*/) {};
                core_->inbox.handle(device_.id, std::move(**will_messages_), done);
                for (UplinkMessage& message : will_messages_->more) {
                    core_->inbox.handle(device_.id, std::move(message), done);
                }
            }
            core_->inbox.disconnected(device_.id, end_->why);
        });
    } catch (const std::exception& failure) {
        log::error("mqtt", "a disconnection was not noted device={} what={}", device_.id,
                   failure.what());
    }
    log::debug("mqtt", "device left device={} why={}", device_.id, end_->why);
}

}  // namespace updraft::mqtt
