#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "transport/mqtt/core.hpp"
#include "transport/mqtt/downlinks.hpp"
#include "transport/mqtt/packet.hpp"
#include "transport/mqtt/uplinks.hpp"
#include "transport/net/deadline.hpp"

namespace updraft::mqtt {

/// Why a session ends, and what that means for the peer and the will.
struct SessionEnd {
    ReasonCode code = ReasonCode::success;  ///< told to MQTT 5 devices if it is an error (>= 0x80)
    std::string why;                        ///< for the log and the device's timeline
    bool publishes_will = false;
};

/// One connection of a device, from accept to its end. Lives on one event loop; all of it runs
/// there except post_send() and post_end().
///
/// An idle session is one coroutine that waits to read. The writer is started when there is
/// something to write and ends when everything is written, so that all packets of one turn leave in
/// one write.
class Session : public std::enable_shared_from_this<Session> {
public:
    Session(std::shared_ptr<Core> core, std::unique_ptr<net::ByteStream> stream, std::string host,
            Core::Place place);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// The whole life of the connection.
    static net::awaitable<void> run(std::shared_ptr<Session> self);

    /// Encodes and writes a downlink; `done` as DeviceLinks::send promises. Safe from every thread.
    static void post_send(std::shared_ptr<Session> self, DownlinkMessage message,
                          std::function<void(bool)> done);
    /// Ends the session. Safe from every thread.
    static void post_end(std::shared_ptr<Session> self, SessionEnd end);

    /// Of a session that is in the registry, from any thread.
    [[nodiscard]] const std::optional<CredentialId>& signed_in_with() const {
        return device_.credential;
    }

private:
    using Clock = std::chrono::steady_clock;
    using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>,
                                                    boost::asio::io_context::executor_type>;
    using Done = std::function<void(bool)>;

    // session.cpp: the coroutines
    net::awaitable<void> serve();
    net::awaitable<void> finish();
    net::awaitable<void> wait_for_change();
    static net::awaitable<void> write_until_empty(std::shared_ptr<Session> self);
    void notify();
    void after_read(const net::IoResult& read);
    [[nodiscard]] milliseconds patience() const;
    [[nodiscard]] bool fits(std::size_t more = 0);
    void note_packet_under_way();

    // session_connect.cpp: from accept to the first packet after CONNECT
    net::awaitable<bool> admit();
    net::awaitable<std::optional<Connect>> read_connect();
    net::awaitable<Result<SignedInDevice>> check_credentials(Connect connect);
    [[nodiscard]] std::optional<ReasonCode> refusal_of(const Connect& connect) const;
    void refuse(ReasonCode reason, std::string_view client_id, std::string_view why);
    void establish(Connect connect, SignedInDevice device);
    [[nodiscard]] Connack accepting(const Connect& connect);

    // session_packets.cpp: what the device sends
    void process_input();
    [[nodiscard]] bool may_take_more() const;
    void take(Packet packet);
    void on(Connect packet);
    void on(Publish packet);
    void on(const Ack& packet);
    void on(const Subscribe& packet);
    void on(const Unsubscribe& packet);
    void on(const Pingreq& packet);
    void on(const Disconnect& packet);
    void on(const Auth& packet);
    template <class ServerPacket>
    void on(const ServerPacket& packet);
    void hand_in(Publish packet);
    void on_decoded(std::uint64_t sequence, std::string_view topic, Result<DecodedUplinks> decoded);
    void on_handled(std::uint64_t sequence, DeviceInbox::Handled handled);
    void acknowledge_ready();
    [[nodiscard]] ReasonCode add_subscription(const Subscription& subscription);

    // session_outbox.cpp: what the device gets, and the end
    void push(const Packet& packet);
    void send(const DownlinkMessage& message, Done done);
    void send_encoded(const TopicMessage& encoded, Done done);
    void drop(std::string_view why, const Done& done);
    void decode_will();
    void redeliver();
    void start_writer();
    void end(SessionEnd end);
    void violate(ReasonCode code, std::string_view what);
    void close_when_written();
    void leave();

    [[nodiscard]] boost::asio::io_context& loop() const { return stream_->loop(); }
    [[nodiscard]] const MqttOptions& options() const { return core_->options; }
    [[nodiscard]] std::string_view name() const;

    const std::shared_ptr<Core> core_;
    const std::unique_ptr<net::ByteStream> stream_;
    const std::string host_;
    const Core::Place place_;
    net::MemoryShare held_;  ///< what it holds beyond an idle connection
    PacketReader reader_;
    SignedInDevice device_;  ///< empty id until signed in
    std::unique_ptr<Will> will_;
    std::unique_ptr<SessionEnd> end_;  ///< set once, when the session is to end
    milliseconds silence_max_{0};      ///< 0: no keep alive
    Clock::time_point last_traffic_;
    std::optional<Clock::time_point> packet_since_;  ///< when a packet began that is not complete

    Uplinks uplinks_;
    Downlinks downlinks_;
    std::size_t decoding_ = 0;  ///< payloads that a script works on
    std::size_t encoding_ = 0;  ///< the same of downlinks
    std::unique_ptr<DecodedUplinks> will_messages_;
    /// Payloads that held several messages, and how many of those are not handled yet, but one.
    std::vector<std::pair<std::uint64_t, std::size_t>> parts_;

    std::string outbox_;               ///< bytes that no write has taken yet
    std::vector<Done> outbox_dones_;   ///< to be called when they are written
    std::size_t unwritten_bytes_ = 0;  ///< outbox_ and what the writer is writing
    bool writing_ = false;
    bool entered_ = false;  ///< in the registry

    std::unique_ptr<Timer> change_;              ///< wakes wait_for_change()
    std::unique_ptr<net::Deadline> closing_;     ///< bounds the last writes
    std::unique_ptr<net::Deadline> redelivery_;  ///< the oldest unacknowledged downlink is due
};

/// Text from a peer for a log line: at most 128 bytes, control characters replaced.
[[nodiscard]] std::string loggable(std::string_view text);

}  // namespace updraft::mqtt
