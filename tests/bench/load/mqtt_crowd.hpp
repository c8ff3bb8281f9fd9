#pragma once

#include <sys/epoll.h>

#include <memory>
#include <stdexcept>
#include <vector>

#include "mqtt_device.hpp"

namespace updraft::bench {

/// Many devices on one epoll and one thread.
class MqttCrowd {
public:
    explicit MqttCrowd(MqttFleet fleet) : fleet_(std::move(fleet)), epoll_(::epoll_create1(0)) {}

    void make(int count, int first = 1) {
        for (int number = first; number < first + count; ++number) {
            devices_.push_back(std::make_unique<MqttDevice>(fleet_, number));
        }
    }
    [[nodiscard]] std::vector<std::unique_ptr<MqttDevice>>& devices() { return devices_; }

    /// One round of epoll; `use` gets each device with each of its packets.
    template <class Use>
    void turn(Use&& use, int wait_ms = 100) {
        constexpr int events_max = 512;
        epoll_event events[events_max];
        const int count = ::epoll_wait(epoll_, events, events_max, wait_ms);
        for (int i = 0; i < count; ++i) {
            MqttDevice& device = *static_cast<MqttDevice*>(events[i].data.ptr);
            device.ready([&](const mqtt::Packet& packet) { use(device, packet); });
        }
    }

    /// Signs in all devices, at most `at_once` under way; returns the seconds it took. `other` gets
    /// packets that are no answer to a sign-in.
    template <class Use>
    double sign_in(int at_once, Use&& other) {
        const auto began = SteadyClock::now();
        std::size_t opened = 0;
        std::size_t signed_in = 0;
        while (signed_in < devices_.size()) {
            while (opened < devices_.size() &&
                   opened - signed_in < static_cast<std::size_t>(at_once)) {
                devices_[opened++]->open(epoll_);
            }
            turn([&](MqttDevice& device, const mqtt::Packet& packet) {
                const auto* answer = std::get_if<mqtt::Connack>(&packet);
                if (answer == nullptr) {
                    other(device, packet);
                    return;
                }
                if (answer->reason != mqtt::ReasonCode::success) {
                    throw std::runtime_error("sign-in refused");
                }
                signed_in += device.signed_in ? 0 : 1;
                device.signed_in = true;
            });
        }
        return seconds_since(began);
    }

private:
    MqttFleet fleet_;
    int epoll_;
    std::vector<std::unique_ptr<MqttDevice>> devices_;
};

}  // namespace updraft::bench
