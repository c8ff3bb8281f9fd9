#pragma once

#include <vector>

#include "app/device_links.hpp"

namespace updraft::server {

/// The links of all gateways as one. Gateways are joined before anything runs; until then nobody is
/// connected. A carrier is connected to at most one of them.
class JoinedLinks final : public DeviceLinks {
public:
    /// `gateway` must outlive this.
    void join(DeviceLinks& gateway) { gateways_.push_back(&gateway); }

    [[nodiscard]] bool is_connected(const DeviceId& carrier) const override {
        return holder_of(carrier) != nullptr;
    }
    void send(DownlinkMessage message, std::function<void(bool written)> done) override {
        DeviceLinks* holder = holder_of(message.route.carrier());
        if (holder == nullptr) {
            done(false);
            return;
        }
        holder->send(std::move(message), std::move(done));
    }
    void close(const DeviceId& carrier, const std::string& reason) override {
        for (DeviceLinks* gateway : gateways_) {
            gateway->close(carrier, reason);
        }
    }
    void each_connected(const std::function<void(const DeviceId&)>& use) const override {
        for (const DeviceLinks* gateway : gateways_) {
            gateway->each_connected(use);
        }
    }

private:
    [[nodiscard]] DeviceLinks* holder_of(const DeviceId& carrier) const {
        for (DeviceLinks* gateway : gateways_) {
            if (gateway->is_connected(carrier)) {
                return gateway;
            }
        }
        return nullptr;
    }

    std::vector<DeviceLinks*> gateways_;
};

}  // namespace updraft::server
