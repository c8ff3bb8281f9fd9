// Load for the MQTT gateway, and for a broker as its yardstick: one thread, one epoll, the
// project's own packet codec. Prints one line of JSON.
//
//   mqtt_load connect|hold|publish|pull|progress --port P --devices N --product P --prefix X
//             --secure-id I --secure-key K [--seconds S] [--pid SERVER]

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "transport/mqtt/packet.hpp"

namespace {

using namespace updraft;
using SteadyClock = std::chrono::steady_clock;

struct Options {
    std::string mode;
    int port = 1883;
    int devices = 1000;
    int seconds = 5;
    int active = 200;      // publishing at once
    int window = 8;        // unacknowledged messages of one device
    int connecting = 256;  // sign-ins under way at once
    long pid = 0;
    std::string product, prefix, secure_id, secure_key;
};

std::string md5_hex(const std::string& text) {
    std::uint8_t digest[16];
    EVP_Q_digest(nullptr, "MD5", nullptr, text.data(), text.size(), digest, nullptr);
    return to_hex(digest);
}

class Client {
public:
    Client(const Options& options, int number)
        : options_(options), id_(options.prefix + std::to_string(number)), reader_(1 << 20) {}
    ~Client() { close(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void open(int epoll) {
        socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (socket_ < 0) {
            throw std::runtime_error(std::strerror(errno));
        }
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
        epoll_event event{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = this}};
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket_, &event);
        send(connect_packet());
    }
    void close() {
        if (socket_ >= 0) {
            ::close(socket_);
            socket_ = -1;
        }
    }

    void publish(std::string_view tail, std::string_view payload, std::uint8_t qos) {
        std::string packet;
        packet_id_ = static_cast<std::uint16_t>(packet_id_ == 65535 ? 1 : packet_id_ + 1);
        mqtt::append_publish("/" + options_.product + "/" + id_ + std::string(tail), payload, qos,
                             false, qos == 0 ? std::uint16_t{0} : packet_id_, mqtt::Version::v3_1_1,
                             packet);
        send(packet);
    }

    /// Writes what waits and reads what came; calls `use` for each packet.
    template <class Use>
    void ready(Use&& use) {
        flush();
        while (socket_ >= 0) {
            const auto room = reader_.room();
            const ssize_t got = ::recv(socket_, room.data(), room.size(), 0);
            if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINPROGRESS)) {
                throw std::runtime_error(id_ + ": the server closed the connection");
            }
            if (got < 0) {
                return;
            }
            reader_.filled(static_cast<std::size_t>(got));
            for (auto next = reader_.next(); next.index() == 1; next = reader_.next()) {
                use(std::get<mqtt::Packet>(next));
            }
        }
    }

    int outstanding = 0;
    long sent = 0;
    bool signed_in = false;
    bool started = false;

private:
    std::string connect_packet() const {
        const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
        mqtt::Connect connect;
        connect.client_id = id_;
        connect.keep_alive_s = 300;
        connect.username = options_.secure_id + "|" + std::to_string(now);
        connect.password = md5_hex(*connect.username + "|" + options_.secure_key);
        return mqtt::encode_packet(connect, mqtt::Version::v3_1_1);
    }
    void send(std::string_view bytes) {
        pending_ += bytes;
        flush();
    }
    void flush() {
        while (!pending_.empty() && socket_ >= 0) {
            const ssize_t sent_bytes =
                ::send(socket_, pending_.data(), pending_.size(), MSG_NOSIGNAL);
            if (sent_bytes <= 0) {
                return;
            }
            pending_.erase(0, static_cast<std::size_t>(sent_bytes));
        }
    }

    const Options& options_;
    std::string id_;
    mqtt::PacketReader reader_;
    std::string pending_;
    std::uint16_t packet_id_ = 0;
    int socket_ = -1;
};

class Load {
public:
    explicit Load(Options options) : options_(std::move(options)), epoll_(::epoll_create1(0)) {}

    int run() {
        if (options_.mode == "connect" || options_.mode == "hold") {
            return connections();
        }
        return messages();
    }

private:
    void make(int count) {
        for (int number = 1; number <= count; ++number) {
            clients_.push_back(std::make_unique<Client>(options_, number));
        }
    }

    /// One round of epoll; `use` gets each client with each of its packets.
    template <class Use>
    void turn(Use&& use) {
        epoll_event events[512];
        const int count = ::epoll_wait(epoll_, events, 512, 100);
        for (int i = 0; i < count; ++i) {
            Client& client = *static_cast<Client*>(events[i].data.ptr);
            client.ready([&](const mqtt::Packet& packet) { use(client, packet); });
        }
    }

    /// Signs in all clients; returns the seconds it took.
    double sign_in() {
        const auto began = SteadyClock::now();
        std::size_t opened = 0;
        std::size_t signed_in = 0;
        while (signed_in < clients_.size()) {
            while (opened < clients_.size() &&
                   opened - signed_in < static_cast<std::size_t>(options_.connecting)) {
                clients_[opened++]->open(epoll_);
            }
            turn([&](Client& client, const mqtt::Packet& packet) {
                const auto* answer = std::get_if<mqtt::Connack>(&packet);
                if (answer != nullptr && answer->reason != mqtt::ReasonCode::success) {
                    throw std::runtime_error("sign-in refused");
                }
                if (answer != nullptr && !client.signed_in) {
                    client.signed_in = true;
                    ++signed_in;
                }
            });
        }
        return std::chrono::duration<double>(SteadyClock::now() - began).count();
    }

    long resident_bytes() const {
        std::ifstream file("/proc/" + std::to_string(options_.pid) + "/statm");
        long size = 0;
        long resident = 0;
        file >> size >> resident;
        return resident * ::sysconf(_SC_PAGESIZE);
    }

    int connections() {
        make(options_.devices);
        const long before = resident_bytes();
        const double seconds = sign_in();
        if (options_.mode == "hold") {
            const auto until = SteadyClock::now() + std::chrono::seconds(2);  // presence settles
            while (SteadyClock::now() < until) {
                turn([](Client&, const mqtt::Packet&) {});
            }
            std::cout << "{\"rss_growth_bytes\":" << resident_bytes() - before << "}\n";
            return 0;
        }
        std::cout << "{\"per_second\":" << static_cast<double>(clients_.size()) / seconds << "}\n";
        return 0;
    }

    void send_next(Client& client) const {
        ++client.outstanding;
        const long number = client.sent++;
        if (options_.mode == "publish") {
            client.publish("/properties/report", R"({"properties":{"temperature":21}})", 1);
        } else if (options_.mode == "pull") {
            client.publish("/firmware/pull",
                           R"({"messageId":"1","currentVersion":"2.0","requestVersion":""})", 0);
        } else if (!client.started) {
            client.publish("/firmware/pull",
                           R"({"messageId":"1","currentVersion":"","requestVersion":""})", 0);
        } else {
            client.publish("/firmware/upgrade/progress",
                           R"({"progress":)" + std::to_string(number % 99) +
                               R"(,"complete":false,"version":"2.0"})",
                           1);
        }
    }

    int messages() {
        make(std::min(options_.active, options_.devices));
        sign_in();
        long answered = 0;
        const auto answer = [&](Client& client, const mqtt::Packet& packet) {
            const bool acknowledged = std::holds_alternative<mqtt::Ack>(packet);
            const bool replied = std::holds_alternative<mqtt::Publish>(packet);
            const bool wanted = options_.mode == "pull" || !client.started ? replied : acknowledged;
            if (!wanted) {
                return;
            }
            --client.outstanding;
            ++answered;
            if (!client.started) {
                client.started = true;
            }
            while (client.outstanding < options_.window) {
                send_next(client);
            }
        };
        for (auto& client : clients_) {
            client->started = options_.mode != "progress";
            send_next(*client);
        }
        const auto warm = SteadyClock::now() + std::chrono::seconds(1);
        while (SteadyClock::now() < warm) {
            turn(answer);
        }
        const long before = answered;
        const auto began = SteadyClock::now();
        const auto until = began + std::chrono::seconds(options_.seconds);
        while (SteadyClock::now() < until) {
            turn(answer);
        }
        const double seconds = std::chrono::duration<double>(SteadyClock::now() - began).count();
        std::cout << "{\"per_second\":" << static_cast<double>(answered - before) / seconds
                  << "}\n";
        return 0;
    }

    Options options_;
    int epoll_;
    std::vector<std::unique_ptr<Client>> clients_;
};

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Load for the MQTT gateway"};
    app.add_option("mode", options.mode)->required();
    app.add_option("--port", options.port);
    app.add_option("--devices", options.devices);
    app.add_option("--active", options.active);
    app.add_option("--window", options.window);
    app.add_option("--seconds", options.seconds);
    app.add_option("--pid", options.pid);
    app.add_option("--product", options.product);
    app.add_option("--prefix", options.prefix);
    app.add_option("--secure-id", options.secure_id);
    app.add_option("--secure-key", options.secure_key);
    CLI11_PARSE(app, argc, argv);
    try {
        return Load(std::move(options)).run();
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
