#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "app/device_links.hpp"

namespace updraft {

/// Connections that a test opens by name. Messages to them are kept; `on_send` may answer.
class FakeDeviceLinks final : public DeviceLinks {
public:
    void connect(const std::string& device) {
        const std::scoped_lock lock(mutex_);
        connected_.insert(DeviceId{device});
    }
    [[nodiscard]] bool is_connected(const DeviceId& carrier) const override {
        const std::scoped_lock lock(mutex_);
        return connected_.contains(carrier);
    }
    void send(DownlinkMessage message, std::function<void(bool written)> done) override {
        const bool connected = is_connected(message.route.carrier());
        {
            const std::scoped_lock lock(mutex_);
            sent_.push_back(message);
        }
        done(connected);
        if (connected && on_send) {
            on_send(message);
        }
    }
    void close(const DeviceId& carrier, const std::string&) override {
        const std::scoped_lock lock(mutex_);
        connected_.erase(carrier);
    }
    void close_all_of(const CredentialId& credential, const std::string&) override {
        const std::scoped_lock lock(mutex_);
        closed_credentials_.push_back(credential);
    }
    void each_connected(const std::function<void(const DeviceId&)>& use) const override {
        for (const DeviceId& id : copy_of_connected()) {
            use(id);
        }
    }
    [[nodiscard]] std::vector<CredentialId> closed_credentials() const {
        const std::scoped_lock lock(mutex_);
        return closed_credentials_;
    }
    [[nodiscard]] std::vector<DownlinkMessage> sent() const {
        const std::scoped_lock lock(mutex_);
        return sent_;
    }

    std::function<void(const DownlinkMessage&)> on_send;

private:
    [[nodiscard]] std::set<DeviceId> copy_of_connected() const {
        const std::scoped_lock lock(mutex_);
        return connected_;
    }
    mutable std::mutex mutex_;
    std::set<DeviceId> connected_;
    std::vector<DownlinkMessage> sent_;
    std::vector<CredentialId> closed_credentials_;
};

}  // namespace updraft
