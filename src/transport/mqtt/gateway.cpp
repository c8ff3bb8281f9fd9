#include "transport/mqtt/gateway.hpp"

#include <boost/asio/post.hpp>

#include "base/log.hpp"
#include "transport/mqtt/core.hpp"
#include "transport/mqtt/session.hpp"

namespace updraft::mqtt {
namespace {

/// "192.0.2.7" of "192.0.2.7:4711".
std::string host_of(const std::string& address) {
    return address.substr(0, address.rfind(':'));
}

void accept(const std::shared_ptr<Core>& core, std::unique_ptr<net::ByteStream> stream) {
    std::string host = host_of(stream->remote_address());
    const Core::Place place = core->stopping ? Core::Place::none : core->admit(host);
    if (place != Core::Place::inside) {
        ++core->counters.refused_limit;
    }
    if (place == Core::Place::none) {
        stream->close();
        return;
    }
    stream->detect_loss(core->options.loss_after);
    boost::asio::io_context& loop = stream->loop();
    const auto session = std::make_shared<Session>(core, std::move(stream), std::move(host), place);
    core->add_stranger(session);
    net::spawn(loop, "mqtt session", Session::run(session));
}

}  // namespace

MqttGateway::MqttGateway(net::EventLoops& loops, net::WorkerPool& workers, DeviceInbox& inbox,
                         DeviceDialects& dialects, SignIn sign_in, MqttOptions options)
    : core_(std::make_shared<Core>(loops, workers, inbox, dialects, std::move(sign_in),
                                   std::move(options))) {}

MqttGateway::~MqttGateway() {
    stop();
}

void MqttGateway::start() {
    for (const MqttListen& listen : core_->options.listen) {
        const auto accepted = [core = core_](std::unique_ptr<net::ByteStream> stream) {
            accept(core, std::move(stream));
        };
        listeners_.push_back(std::make_unique<net::Listener>(core_->loops, listen.host, listen.port,
                                                             listen.tls, accepted));
    }
}

void MqttGateway::stop() {
    if (core_->stopping.exchange(true)) {
        return;
    }
    for (const auto& listener : listeners_) {
        listener->stop();
    }
    const SessionEnd end{ReasonCode::server_shutting_down, "the server stops", false};
    for (const auto& session : core_->strangers()) {
        Session::post_end(session, end);
    }
    for (const auto& session : core_->registry.sessions()) {
        Session::post_end(session, end);
    }
    const milliseconds patience = core_->options.close_deadline + milliseconds{3'000};
    if (!core_->wait_until_empty(patience)) {
        log::warn("mqtt", "connections still open after stopping count={}",
                  core_->counters.connections.load());
    }
}

std::vector<std::string> MqttGateway::addresses() const {
    std::vector<std::string> all;
    for (const auto& listener : listeners_) {
        all.push_back(listener->address());
    }
    return all;
}

std::vector<std::uint16_t> MqttGateway::ports() const {
    std::vector<std::uint16_t> all;
    for (const auto& listener : listeners_) {
        all.push_back(listener->port());
    }
    return all;
}

const MqttCounters& MqttGateway::counters() const {
    return core_->counters;
}

bool MqttGateway::is_connected(const DeviceId& carrier) const {
    return core_->registry.contains(carrier);
}

void MqttGateway::send(DownlinkMessage message, std::function<void(bool written)> done) {
    std::shared_ptr<Session> session = core_->registry.find(message.route.carrier());
    if (session) {
        Session::post_send(std::move(session), std::move(message), std::move(done));
    } else if (done) {
        boost::asio::post(core_->loops.next(), [done = std::move(done)] { done(false); });
    }
}

void MqttGateway::close(const DeviceId& carrier, const std::string& reason) {
    std::shared_ptr<Session> session = core_->registry.find(carrier);
    if (session) {
        Session::post_end(std::move(session), {ReasonCode::administrative_action, reason, false});
    }
}

void MqttGateway::close_all_of(const CredentialId& credential, const std::string& reason) {
    for (const std::shared_ptr<Session>& session : core_->registry.sessions()) {
        if (session->signed_in_with() == credential) {
            Session::post_end(session, {ReasonCode::administrative_action, reason, false});
        }
    }
}

void MqttGateway::each_connected(const std::function<void(const DeviceId&)>& use) const {
    for (const DeviceId& device : core_->registry.devices()) {
        use(device);
    }
}

}  // namespace updraft::mqtt
