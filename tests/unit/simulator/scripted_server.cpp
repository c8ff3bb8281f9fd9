#include "tests/unit/simulator/scripted_server.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/post.hpp>

#include "tests/support/patience.hpp"

namespace updraft::simulator {

namespace {

using namespace std::chrono_literals;
const auto patience = patient(10s);

using Stream = std::shared_ptr<net::ByteStream>;

}  // namespace

struct ScriptedMqtt::State {
    mutable std::mutex mutex;
    std::condition_variable changed;
    mqtt::ReasonCode answer = mqtt::ReasonCode::success;
    std::vector<mqtt::Connect> connects;
    std::deque<Message> messages;
    std::vector<std::string> filters;
    std::size_t pubacks = 0;
    bool withholds_acks = false;
    std::size_t pings = 0;
    Stream newest;
    mqtt::Version version = mqtt::Version::v3_1_1;

    void reply(const Stream& stream, const mqtt::Packet& packet) {
        const std::string bytes = mqtt::encode_packet(packet, version);
        net::spawn(stream->loop(), "scripted write", write(stream, bytes));
    }

    static net::awaitable<void> write(Stream stream, std::string bytes) {
        [[maybe_unused]] const net::IoResult sent = co_await stream->write_all(bytes, 5s);
    }

    template <class Fits>
    bool wait(Fits fits) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, patience, fits);
    }

    void take(const Stream& stream, const mqtt::Packet& packet) {
        const std::lock_guard lock(mutex);
        if (const auto* connect = std::get_if<mqtt::Connect>(&packet)) {
            version = connect->version;
            connects.push_back(*connect);
            newest = stream;
            reply(stream, mqtt::Connack{false, answer, {}});
        } else if (const auto* publish = std::get_if<mqtt::Publish>(&packet)) {
            messages.push_back(
                {connects.back().client_id, publish->topic, publish->payload, publish->qos});
            if (publish->qos == 1 && !withholds_acks) {
                reply(stream, mqtt::Ack{mqtt::PacketType::puback, publish->packet_id, {}, {}});
            }
        } else if (const auto* subscribe = std::get_if<mqtt::Subscribe>(&packet)) {
            filters.push_back(subscribe->subscriptions.front().filter);
            reply(stream,
                  mqtt::Suback{subscribe->packet_id, {mqtt::ReasonCode::granted_qos_1}, {}});
        } else if (std::holds_alternative<mqtt::Pingreq>(packet)) {
            ++pings;
            reply(stream, mqtt::Pingresp{});
        } else if (const auto* ack = std::get_if<mqtt::Ack>(&packet)) {
            pubacks += ack->type == mqtt::PacketType::puback ? 1U : 0U;
        } else if (std::holds_alternative<mqtt::Disconnect>(packet)) {
            stream->close();
        }
        changed.notify_all();
    }

    static net::awaitable<void> serve(std::shared_ptr<State> state, Stream stream) {
        const net::IoResult shaken = co_await stream->handshake(5s);
        if (shaken.status != net::IoStatus::ok) {
            co_return;
        }
        mqtt::PacketReader reader(1 << 20);
        for (;;) {
            const net::IoResult got = co_await stream->read_some(reader.room(), 0ms);
            if (got.status != net::IoStatus::ok) {
                break;
            }
            reader.filled(got.bytes);
            for (auto next = reader.next(); next.index() == 1; next = reader.next()) {
                state->take(stream, std::get<1>(next));
            }
        }
        stream->close();
    }
};

ScriptedMqtt::ScriptedMqtt(net::EventLoops& loops, const std::shared_ptr<SSL_CTX>& tls)
    : state_(std::make_shared<State>()) {
    listener_ = std::make_unique<net::Listener>(
        loops, "127.0.0.1", 0, tls, [state = state_](std::unique_ptr<net::ByteStream> stream) {
            Stream shared = std::move(stream);
            net::spawn(shared->loop(), "scripted mqtt", State::serve(state, shared));
        });
}

ScriptedMqtt::~ScriptedMqtt() {
    listener_->stop();
    kick();
    const std::lock_guard lock(state_->mutex);
    state_->newest = nullptr;
}

void ScriptedMqtt::answer_with(mqtt::ReasonCode reason) {
    const std::lock_guard lock(state_->mutex);
    state_->answer = reason;
}

void ScriptedMqtt::publish(const std::string& topic, const std::string& payload, int qos) {
    const std::lock_guard lock(state_->mutex);
    mqtt::Publish packet;
    packet.topic = topic;
    packet.payload = payload;
    packet.qos = static_cast<std::uint8_t>(qos);
    packet.packet_id = qos > 0 ? 7 : 0;
    state_->reply(state_->newest, packet);
}

void ScriptedMqtt::withhold_acks(bool withheld) {
    const std::lock_guard lock(state_->mutex);
    state_->withholds_acks = withheld;
}

void ScriptedMqtt::kick() {
    const std::lock_guard lock(state_->mutex);
    if (state_->newest) {
        boost::asio::post(state_->newest->loop(), [stream = state_->newest] { stream->close(); });
    }
}

ScriptedMqtt::Message ScriptedMqtt::expect(const std::string& topic_end, const std::string& part) {
    Message found;
    const bool came = state_->wait([&] {
        while (!state_->messages.empty()) {
            Message message = std::move(state_->messages.front());
            state_->messages.pop_front();
            if (message.topic.ends_with(topic_end) &&
                message.payload.find(part) != std::string::npos) {
                found = std::move(message);
                return true;
            }
        }
        return false;
    });
    EXPECT_TRUE(came) << "no uplink on ..." << topic_end << " with " << part;
    return found;
}

mqtt::Connect ScriptedMqtt::expect_connects(std::size_t count) {
    const bool came = state_->wait([&] { return state_->connects.size() >= count; });
    EXPECT_TRUE(came) << "fewer than " << count << " sign-ins";
    const std::lock_guard lock(state_->mutex);
    return state_->connects.empty() ? mqtt::Connect{} : state_->connects.back();
}

void ScriptedMqtt::expect_pubacks(std::size_t count) {
    EXPECT_TRUE(state_->wait([&] { return state_->pubacks >= count; })) << "no PUBACK";
}

void ScriptedMqtt::expect_pings(std::size_t count) {
    EXPECT_TRUE(state_->wait([&] { return state_->pings >= count; })) << "no PINGREQ";
}

std::vector<std::string> ScriptedMqtt::subscriptions() const {
    const std::lock_guard lock(state_->mutex);
    return state_->filters;
}

struct ScriptedFiles::State {
    mutable std::mutex mutex;
    Script script;
    std::string scheme;
    std::vector<std::string> heads;

    static std::size_t range_start(const std::string& head) {
        const std::size_t at = head.find("Range: bytes=");
        return at == std::string::npos ? 0 : std::stoul(head.substr(at + 13));
    }

    std::string answer(const std::string& head) {
        const std::lock_guard lock(mutex);
        const std::size_t number = heads.size();
        heads.push_back(head);
        if (number < script.mute_answers) {
            return {};
        }
        if (!script.redirect_to.empty() && head.find(script.redirect_to) == std::string::npos) {
            return fmt::format(
                "HTTP/1.1 302 Found\r\nLocation: http://{}{}\r\nContent-Length: 0\r\n\r\n",
                host_of(head), script.redirect_to);
        }
        if (script.status != 200) {
            return fmt::format("HTTP/1.1 {} No\r\nContent-Length: 0\r\n\r\n", script.status);
        }
        const std::size_t start = script.ignores_ranges ? 0 : range_start(head);
        std::string body = script.content.substr(start);
        std::string out;
        if (start > 0) {
            out = fmt::format("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {}-{}/{}\r\n",
                              start, script.content.size() - 1, script.content.size());
        } else {
            out = "HTTP/1.1 200 OK\r\n";
        }
        if (script.chunked) {
            body = fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", body.size(), body);
            return out + "Transfer-Encoding: chunked\r\n\r\n" + body;
        }
        out += fmt::format("ETag: \"v1\"\r\nContent-Length: {}\r\n\r\n", body.size());
        return out +
               body.substr(0, number < script.cuts.size() ? script.cuts[number] : body.size());
    }

    static std::string host_of(const std::string& head) {
        const std::size_t at = head.find("Host: ") + 6;
        return head.substr(at, head.find("\r\n", at) - at);
    }

    static net::awaitable<void> serve(std::shared_ptr<State> state, Stream stream) {
        const net::IoResult shaken = co_await stream->handshake(5s);
        if (shaken.status != net::IoStatus::ok) {
            co_return;
        }
        std::string head;
        std::array<char, 1024> buffer{};
        while (head.find("\r\n\r\n") == std::string::npos) {
            const net::IoResult got = co_await stream->read_some(buffer, 5s);
            if (got.status != net::IoStatus::ok) {
                co_return;
            }
            head.append(buffer.data(), got.bytes);
        }
        const std::string answer = state->answer(head);
        [[maybe_unused]] const net::IoResult sent = co_await stream->write_all(answer, 5s);
        stream->close();
    }
};

ScriptedFiles::ScriptedFiles(net::EventLoops& loops, Script script, std::shared_ptr<SSL_CTX> tls)
    : state_(std::make_shared<State>()) {
    state_->script = std::move(script);
    state_->scheme = tls ? "https" : "http";
    listener_ = std::make_unique<net::Listener>(
        loops, "127.0.0.1", 0, tls, [state = state_](std::unique_ptr<net::ByteStream> stream) {
            Stream shared = std::move(stream);
            net::spawn(shared->loop(), "scripted files", State::serve(state, shared));
        });
}

ScriptedFiles::~ScriptedFiles() {
    listener_->stop();
}

std::string ScriptedFiles::url() const {
    return fmt::format("{}://127.0.0.1:{}/file/fw.bin?accessKey=k", state_->scheme,
                       listener_->port());
}

std::vector<std::string> ScriptedFiles::requests() const {
    const std::lock_guard lock(state_->mutex);
    return state_->heads;
}

}  // namespace updraft::simulator
