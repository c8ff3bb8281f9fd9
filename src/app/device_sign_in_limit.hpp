#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/clock.hpp"

namespace updraft {

/// How many wrong credentials a device may show. Keys of the configuration under [devices]. 0: no
/// limit.
struct DeviceSignInLimits {
    int failures_max = 20;             ///< of one device id from one address
    int address_failures_max = 2'000;  ///< of one address, whatever the device id
    int device_failures_max = 100;     ///< of one device id from all addresses
    milliseconds failures_window{60'000};
    std::size_t failures_tracked_max = 100'000;  ///< of each of the three, the oldest forgotten
    std::size_t known_addresses_max = 200'000;   ///< ids and addresses that have signed in
};

/// Limits guesses at devices' credentials, in memory alone. The rule (docs/operating/security.md):
/// the first credential that a device shows from an address is always looked at, unless that very
/// address guesses too much; so nobody elsewhere can lock a device out. A device that has signed in
/// from its address is bound by its own failures only. Safe from every thread.
class DeviceSignInLimit {
public:
    explicit DeviceSignInLimit(const DeviceSignInLimits& limits) : limits_(limits) {}

    /// Whether the credential may be looked at now; nothing: yes, else how long to wait.
    [[nodiscard]] std::optional<milliseconds> wait(const std::string& device,
                                                   const std::string& address, Instant now);
    void failed(const std::string& device, const std::string& address, Instant now);
    void succeeded(const std::string& device, const std::string& address);

    /// The host of an address with or without its port. An IPv6 address stands for its network of
    /// 64 bits: whoever has one has them all.
    [[nodiscard]] static std::string network_of(const std::string& with_port);

private:
    /// Failures by key within a window that begins with the first; the oldest key goes when full.
    class Failures {
    public:
        void add(const std::string& key, Instant now, milliseconds window, std::size_t keys_max);
        [[nodiscard]] int of(const std::string& key, Instant now, milliseconds window) const;
        [[nodiscard]] milliseconds left(const std::string& key, Instant now,
                                        milliseconds window) const;
        void forget(const std::string& key);
        [[nodiscard]] bool empty() const { return windows_.empty(); }

    private:
        struct Window {
            Instant since;
            int failures = 0;
            std::uint64_t number = 0;  ///< of its entry in by_age_
        };
        std::unordered_map<std::string, Window> windows_;
        std::deque<std::pair<std::string, std::uint64_t>> by_age_;  ///< some are gone already
        std::uint64_t made_ = 0;
    };

    const DeviceSignInLimits limits_;
    std::mutex mutex_;  ///< guards what follows
    Failures pairs_;
    Failures addresses_;
    Failures devices_;
    std::unordered_set<std::size_t> known_;  ///< hashes of pairs
    std::deque<std::size_t> known_by_age_;
};

}  // namespace updraft
