#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "tests/support/patience.hpp"
#include "transport/mqtt/packet.hpp"

namespace updraft::mqtt {

/// The other end of a connection: says what the test tells it to, and waits for answers with a
/// deadline that is far beyond anything a healthy server needs.
class ScriptedPeer {
public:
    explicit ScriptedPeer(std::uint16_t port, Version version = Version::v3_1_1,
                          int receive_buffer_bytes = 0)
        : version_(version), reader_(1U << 20U), socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        if (receive_buffer_bytes > 0) {
            ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                         sizeof receive_buffer_bytes);
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            ADD_FAILURE() << "cannot connect to port " << port;
        }
        reader_.set_version(version);
    }
    ~ScriptedPeer() { hang_up(); }
    ScriptedPeer(const ScriptedPeer&) = delete;
    ScriptedPeer& operator=(const ScriptedPeer&) = delete;

    void send_bytes(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return;  // the server has closed: the test sees it by is_closed()
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    void send(const Packet& packet) { send_bytes(encode_packet(packet, version_)); }

    /// Sends a CONNECT for `id` with the right password and expects to be let in.
    void sign_in(const std::string& id, std::uint16_t keep_alive_s = 0,
                 std::optional<Will> will = {}) {
        send(connect_packet(id, "ok", keep_alive_s, std::move(will)));
        const std::optional<Connack> connack = receive_as<Connack>();
        ASSERT_TRUE(connack);
        ASSERT_EQ(connack->reason, ReasonCode::success);
    }
    [[nodiscard]] Connect connect_packet(const std::string& id, const std::string& password,
                                         std::uint16_t keep_alive_s = 0,
                                         std::optional<Will> will = {}) const {
        return {.version = version_,
                .client_id = id,
                .keep_alive_s = keep_alive_s,
                .username = "user",
                .password = password,
                .will = std::move(will)};
    }

    /// The next packet; nothing if the connection ends or nothing comes.
    std::optional<Packet> receive(std::chrono::milliseconds deadline = patience) {
        const auto latest = std::chrono::steady_clock::now() + deadline;
        for (;;) {
            auto next = reader_.next();
            if (auto* packet = std::get_if<Packet>(&next)) {
                return std::move(*packet);
            }
            if (std::holds_alternative<PacketError>(next)) {
                ADD_FAILURE() << "the server sent no valid packet: "
                              << std::get<PacketError>(next).what;
                return std::nullopt;
            }
            if (!read_more(latest)) {
                return std::nullopt;
            }
        }
    }
    template <class Wanted>
    std::optional<Wanted> receive_as() {
        const std::optional<Packet> packet = receive();
        if (!packet || !std::holds_alternative<Wanted>(*packet)) {
            ADD_FAILURE() << "another packet came, or none: index "
                          << (packet ? static_cast<int>(packet->index()) : -1);
            return std::nullopt;
        }
        return std::get<Wanted>(*packet);
    }
    /// True if nothing but a PINGRESP is on its way: everything sent before has been answered.
    [[nodiscard]] bool is_quiet() {
        send(Pingreq{});
        const std::optional<Packet> packet = receive();
        return packet && std::holds_alternative<Pingresp>(*packet);
    }
    /// True once the server has closed; packets before that are dropped.
    [[nodiscard]] bool is_closed() {
        const auto latest = std::chrono::steady_clock::now() + patience;
        while (read_more(latest)) {
            while (std::holds_alternative<Packet>(reader_.next())) {
            }
        }
        return closed_;
    }
    /// Closes without a word.
    void hang_up() {
        if (socket_ >= 0) {
            ::close(socket_);
            socket_ = -1;
        }
    }
    [[nodiscard]] int socket() const { return socket_; }

private:
    static inline const std::chrono::milliseconds patience = patient(std::chrono::seconds{10});

    bool read_more(std::chrono::steady_clock::time_point latest) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(latest - std::chrono::steady_clock::now());
        pollfd waiting{socket_, POLLIN, 0};
        if (closed_ || ::poll(&waiting, 1, std::max(0, static_cast<int>(left.count()))) <= 0) {
            return false;
        }
        std::array<char, 4096> bytes{};
        const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
        if (count <= 0) {
            closed_ = true;
            return false;
        }
        reader_.feed({bytes.data(), static_cast<std::size_t>(count)});
        return true;
    }

    Version version_;
    PacketReader reader_;
    int socket_;
    bool closed_ = false;
};

}  // namespace updraft::mqtt
