#pragma once

#include <algorithm>
#include <vector>

#include "app/device_inbox.hpp"
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
    void close_all_of(const CredentialId& credential, const std::string& reason) override {
        for (DeviceLinks* gateway : gateways_) {
            gateway->close_all_of(credential, reason);
        }
    }
    void each_connected(const std::function<void(const DeviceId&)>& use) const override {
        for (const DeviceLinks* gateway : gateways_) {
            gateway->each_connected(use);
        }
    }

    /// True while a gateway other than `own` holds a connection of the carrier.
    [[nodiscard]] bool is_connected_elsewhere(const DeviceId& carrier,
                                              const DeviceLinks* own) const {
        return std::ranges::any_of(gateways_, [&](const DeviceLinks* gateway) {
            return gateway != own && gateway->is_connected(carrier);
        });
    }
    void close_elsewhere(const DeviceId& carrier, const DeviceLinks* own,
                         const std::string& reason) {
        for (DeviceLinks* gateway : gateways_) {
            if (gateway != own && gateway->is_connected(carrier)) {
                gateway->close(carrier, reason);
            }
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

/// The inbox as one gateway sees it. A carrier that connects over this gateway leaves every other
/// one; the end of an older connection over another gateway is not the end of its presence.
class GatewayInbox final : public DeviceInbox {
public:
    GatewayInbox(DeviceInbox& inbox, JoinedLinks& links) : inbox_(inbox), links_(links) {}

    /// Which gateway hands in here; before it accepts anybody.
    void serve(const DeviceLinks& own) { own_ = &own; }

    void handle(const DeviceId& carrier, UplinkMessage message,
                std::function<void(Handled)> done) override {
        inbox_.handle(carrier, std::move(message), std::move(done));
    }
    void connected(const DeviceId& carrier, const ProductId& product,
                   const std::string& address) override {
        links_.close_elsewhere(carrier, own_, "the device connected again");
        inbox_.connected(carrier, product, address);
    }
    void disconnected(const DeviceId& carrier, const std::string& reason) override {
        if (!links_.is_connected_elsewhere(carrier, own_)) {
            inbox_.disconnected(carrier, reason);
        }
    }

private:
    DeviceInbox& inbox_;
    JoinedLinks& links_;
    const DeviceLinks* own_ = nullptr;
};

}  // namespace updraft::server
