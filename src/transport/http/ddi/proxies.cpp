#include "transport/http/ddi/proxies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <cctype>
#include <stdexcept>
#include <vector>

#include "transport/http/syntax.hpp"

namespace updraft::http::ddi {
namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t address_bytes_max = 64;

/// Without port and brackets; an IPv4 address that came over an IPv6 socket is an IPv4 address.
ip::address address_of(std::string_view peer) {
    std::string_view host = peer.substr(0, peer.rfind(':'));
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    boost::system::error_code failed;
    ip::address address = ip::make_address(std::string(host), failed);
    if (!failed && address.is_v6() && address.to_v6().is_v4_mapped()) {
        address = ip::make_address_v4(ip::v4_mapped, address.to_v6());
    }
    return failed ? ip::address() : address;
}

}  // namespace

struct TrustedProxies::Networks {
    std::vector<ip::network_v4> v4;
    std::vector<ip::network_v6> v6;
};

TrustedProxies::TrustedProxies(std::string_view list) : networks_(std::make_unique<Networks>()) {
    for (const std::string_view element : list_elements(list)) {
        const std::string network(element);
        const bool is_network = network.find('/') != std::string::npos;
        const bool is_v6 = network.find(':') != std::string::npos;
        boost::system::error_code failed;
        if (is_v6) {
            const auto parsed =
                ip::make_network_v6(is_network ? network : network + "/128", failed);
            networks_->v6.push_back(parsed);
        } else {
            const auto parsed = ip::make_network_v4(is_network ? network : network + "/32", failed);
            networks_->v4.push_back(parsed);
        }
        if (failed) {
            throw std::runtime_error(fmt::format(
                "ddi.trusted_proxies: {} 不是IP地址或网段 / {} is neither an address nor a network",
                network, network));
        }
    }
}

TrustedProxies::~TrustedProxies() = default;

bool TrustedProxies::include(std::string_view peer) const {
    if (networks_->v4.empty() && networks_->v6.empty()) {
        return false;
    }
    const ip::address address = address_of(peer);
    if (address.is_v4()) {
        for (const ip::network_v4& network : networks_->v4) {
            const auto bits = network.netmask().to_uint();
            if ((address.to_v4().to_uint() & bits) == (network.address().to_uint() & bits)) {
                return !address.is_unspecified();
            }
        }
        return false;
    }
    for (const ip::network_v6& network : networks_->v6) {
        const ip::network_v6 same(address.to_v6(), network.prefix_length());
        if (same.network() == network.network()) {
            return true;
        }
    }
    return false;
}

std::optional<std::string> forwarded_for(const Request& request) {
    const std::string all = request.header("X-Forwarded-For").value_or("");
    const auto elements = list_elements(all);
    const std::string_view last = elements.empty() ? std::string_view() : elements.back();
    const bool is_address =
        !last.empty() && last.size() <= address_bytes_max && std::ranges::all_of(last, [](char c) {
            return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                   std::string_view(".:[]_-%").find(c) != std::string_view::npos;
        });
    return is_address ? std::optional<std::string>(last) : std::nullopt;
}

}  // namespace updraft::http::ddi
