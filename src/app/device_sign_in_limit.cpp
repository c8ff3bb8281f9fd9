#include "app/device_sign_in_limit.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <functional>

#include "base/ids.hpp"

namespace updraft {
namespace {

/// Neither part holds a line break: ids that do are no devices'.
std::string pair_of(const std::string& device, const std::string& address) {
    return address + "\n" + device;
}

/// Strings would be too much; nobody outside knows the salt, so nobody can make pairs that
/// collide.
std::size_t fingerprint(const std::string& pair) {
    static const std::string salt = random_hex(16);
    return std::hash<std::string>{}(salt + pair);
}

bool reached(int failures, int failures_max) {
    return failures_max > 0 && failures >= failures_max;
}

}  // namespace

std::string DeviceSignInLimit::network_of(const std::string& with_port) {
    std::string address = with_port;
    if (address.starts_with('[')) {
        address = address.substr(1, address.find(']') - 1);
    } else if (std::ranges::count(address, ':') == 1) {
        address.resize(address.find(':'));
    }
    std::array<unsigned char, 16> bytes{};
    if (!address.contains(':') || ::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) {
        return address;
    }
    const bool is_mapped = std::ranges::all_of(bytes.begin(), bytes.begin() + 10,
                                               [](unsigned char byte) { return byte == 0; });
    if (is_mapped) {
        return address;  // ::ffff:192.0.2.1, ::1
    }
    std::ranges::fill(bytes.begin() + 8, bytes.end(), 0);
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
    return text.data();
}

std::optional<milliseconds> DeviceSignInLimit::wait(const std::string& device,
                                                    const std::string& address, Instant now) {
    const milliseconds window = limits_.failures_window;
    const std::lock_guard lock(mutex_);
    if (pairs_.empty() && addresses_.empty() && devices_.empty()) {
        return std::nullopt;
    }
    const std::string network = network_of(address);
    const std::string pair = pair_of(device, network);
    const int own = pairs_.of(pair, now, window);
    if (reached(own, limits_.failures_max)) {
        return pairs_.left(pair, now, window);
    }
    const bool address_reached =
        reached(addresses_.of(network, now, window), limits_.address_failures_max);
    const bool device_reached =
        own > 0 && reached(devices_.of(device, now, window), limits_.device_failures_max);
    if ((!address_reached && !device_reached) || known_.contains(fingerprint(pair))) {
        return std::nullopt;
    }
    return address_reached ? addresses_.left(network, now, window) : pairs_.left(pair, now, window);
}

void DeviceSignInLimit::failed(const std::string& device, const std::string& address, Instant now) {
    const std::string network = network_of(address);
    const auto add = [&](Failures& failures, const std::string& key) {
        failures.add(key, now, limits_.failures_window, limits_.failures_tracked_max);
    };
    const std::lock_guard lock(mutex_);
    add(pairs_, pair_of(device, network));
    add(addresses_, network);
    add(devices_, device);
}

void DeviceSignInLimit::succeeded(const std::string& device, const std::string& address) {
    const std::string pair = pair_of(device, network_of(address));
    const std::size_t print = fingerprint(pair);
    const std::lock_guard lock(mutex_);
    pairs_.forget(pair);
    if (limits_.known_addresses_max == 0 || !known_.insert(print).second) {
        return;
    }
    known_by_age_.push_back(print);
    if (known_by_age_.size() > limits_.known_addresses_max) {
        known_.erase(known_by_age_.front());
        known_by_age_.pop_front();
    }
}

void DeviceSignInLimit::Failures::add(const std::string& key, Instant now, milliseconds window,
                                      std::size_t keys_max) {
    const auto found = windows_.find(key);
    if (found != windows_.end() && now - found->second.since < window) {
        ++found->second.failures;
        return;
    }
    // From the oldest on: what was forgotten or begun anew since, what has ended, what is too much.
    while (!by_age_.empty()) {
        const auto oldest = windows_.find(by_age_.front().first);
        const bool gone =
            oldest == windows_.end() || oldest->second.number != by_age_.front().second;
        if (!gone && now - oldest->second.since < window && windows_.size() < keys_max) {
            break;
        }
        if (!gone) {
            windows_.erase(oldest);
        }
        by_age_.pop_front();
    }
    windows_[key] = {now, 1, ++made_};
    by_age_.emplace_back(key, made_);
}

int DeviceSignInLimit::Failures::of(const std::string& key, Instant now,
                                    milliseconds window) const {
    const auto found = windows_.find(key);
    return found != windows_.end() && now - found->second.since < window ? found->second.failures
                                                                         : 0;
}

milliseconds DeviceSignInLimit::Failures::left(const std::string& key, Instant now,
                                               milliseconds window) const {
    const auto found = windows_.find(key);
    return found == windows_.end()
               ? milliseconds{0}
               : std::chrono::ceil<milliseconds>(window - (now - found->second.since));
}

void DeviceSignInLimit::Failures::forget(const std::string& key) {
    windows_.erase(key);
}

}  // namespace updraft
