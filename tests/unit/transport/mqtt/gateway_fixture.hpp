#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <stdexcept>

#include "tests/support/patience.hpp"
#include "tests/unit/transport/mqtt/fake_inbox.hpp"
#include "tests/unit/transport/mqtt/scripted_peer.hpp"
#include "tests/unit/transport/mqtt/slow_dialects.hpp"
#include "transport/mqtt/gateway.hpp"

namespace updraft::mqtt {

/// A gateway on a free port of the loopback, with a fake inbox and a sign-in that wants the
/// password "ok"; the client id "broken" makes it throw.
class MqttGatewayTest : public testing::Test {
protected:
    MqttGatewayTest() { options_.listen = {MqttListen{"127.0.0.1", 0, nullptr}}; }
    ~MqttGatewayTest() override { stop(); }

    /// Starts the gateway with `options_`.
    std::uint16_t start() {
        gateway_ =
            std::make_unique<MqttGateway>(loops_, workers_, inbox_, dialects_, sign_in, options_);
        gateway_->start();
        return gateway_->ports().front();
    }
    void stop() {
        inbox_.complete_all();
        if (gateway_) {
            gateway_->stop();
        }
    }

    static Result<SignedInDevice> sign_in(const std::string& id, const std::string& username,
                                          const std::string& password, const std::string&) {
        if (id == "broken") {
            throw std::runtime_error("the store is gone");
        }
        if (username.empty() || password != "ok") {
            return Error::of(ErrorCode::unauthorized, text("密钥错误", "wrong key"));
        }
        return SignedInDevice{DeviceId{id}, ProductId{"p1"}, ProtocolId{"jetlinks.v3.0"}};
    }

    static DownlinkMessage read_command(const std::string& device, const std::string& id = "m1") {
        return {{DeviceId{device}, ProductId{"p1"}, std::nullopt, {}},
                from_millis(1735689601000),
                downlink::ReadFirmware{id}};
    }
    /// Sends and waits for the outcome.
    bool send(DownlinkMessage message) {
        const auto written = std::make_shared<std::promise<bool>>();
        gateway_->send(std::move(message), [written](bool ok) { written->set_value(ok); });
        std::future<bool> outcome = written->get_future();
        if (outcome.wait_for(patient(std::chrono::seconds(10))) != std::future_status::ready) {
            ADD_FAILURE() << "send() was never answered";
            return false;
        }
        return outcome.get();
    }
    static Publish report(const std::string& device, std::string payload, std::uint8_t qos = 0,
                          std::uint16_t packet_id = 0) {
        return {.topic = "/p1/" + device + "/firmware/report",
                .payload = std::move(payload),
                .qos = qos,
                .packet_id = packet_id};
    }
    /// Waits until it is so; false if that takes too long.
    template <class Fact>
    [[nodiscard]] static bool waited_until(const Fact& fact) {
        const auto latest = std::chrono::steady_clock::now() + patient(std::chrono::seconds(10));
        while (!fact()) {
            if (std::chrono::steady_clock::now() > latest) {
                return false;
            }
            std::this_thread::yield();
        }
        return true;
    }
    /// Waits until the counter has reached `value`.
    template <class Counter>
    [[nodiscard]] static bool reaches(const Counter& counter, std::int64_t value) {
        return waited_until([&] { return static_cast<std::int64_t>(counter.load()) == value; });
    }

    net::EventLoops loops_{2};
    net::WorkerPool workers_{"test", 1, 100};
    FakeInbox inbox_;
    SlowDialects dialects_;
    MqttOptions options_;
    std::unique_ptr<MqttGateway> gateway_;
};

}  // namespace updraft::mqtt
