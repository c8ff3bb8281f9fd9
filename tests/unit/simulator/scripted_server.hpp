#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "transport/mqtt/packet.hpp"
#include "transport/net/byte_stream.hpp"
#include "transport/net/event_loops.hpp"

namespace updraft::simulator {

/// The platform's MQTT side as a test plays it: accepts sign-ins (or not), acknowledges, and keeps
/// what came until the test asks for it.
class ScriptedMqtt {
public:
    struct Message {
        std::string client_id;
        std::string topic;
        std::string payload;
        int qos = 0;
    };

    explicit ScriptedMqtt(net::EventLoops& loops, const std::shared_ptr<SSL_CTX>& tls = nullptr);
    ~ScriptedMqtt();

    [[nodiscard]] std::uint16_t port() const { return listener_->port(); }
    /// What the next CONNACKs say.
    void answer_with(mqtt::ReasonCode reason);
    /// Writes a PUBLISH to the newest connection.
    void publish(const std::string& topic, const std::string& payload, int qos);
    /// From now on uplinks get no PUBACK, or get one again.
    void withhold_acks(bool withheld);
    /// Closes the newest connection.
    void kick();

    /// The next uplink whose topic ends so, and whose payload holds `part`; earlier ones that do
    /// not fit are dropped. Fails the test after ten seconds.
    Message expect(const std::string& topic_end, const std::string& part = {});
    /// Waits until so many sign-ins have come; returns the newest.
    mqtt::Connect expect_connects(std::size_t count);
    /// Waits until the client has acknowledged so many QoS 1 messages.
    void expect_pubacks(std::size_t count);
    void expect_pings(std::size_t count);
    [[nodiscard]] std::vector<std::string> subscriptions() const;

private:
    struct State;
    std::shared_ptr<State> state_;
    std::unique_ptr<net::Listener> listener_;
};

/// A file server as a test plays it.
class ScriptedFiles {
public:
    struct Script {
        std::string content = {};
        std::vector<std::size_t> cuts = {};  ///< the n-th answer ends after so many body bytes
        std::size_t mute_answers = 0;        ///< so many requests get no byte
        bool ignores_ranges = false;
        bool chunked = false;
        int status = 200;              ///< other than 200: an empty answer with it
        std::string redirect_to = {};  ///< target of a 302 for every other target
    };

    ScriptedFiles(net::EventLoops& loops, Script script, std::shared_ptr<SSL_CTX> tls = nullptr);
    ~ScriptedFiles();

    [[nodiscard]] std::string url() const;
    /// The heads of the requests so far.
    [[nodiscard]] std::vector<std::string> requests() const;

private:
    struct State;
    std::shared_ptr<State> state_;
    std::unique_ptr<net::Listener> listener_;
};

}  // namespace updraft::simulator
