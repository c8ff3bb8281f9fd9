#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulator/fleet_options.hpp"
#include "simulator/shard.hpp"
#include "simulator/virtual_device.hpp"
#include "transport/net/event_loops.hpp"

namespace updraft::simulator {

/// Many virtual devices in one process, spread over a few event loops.
///
///     Fleet fleet(options);
///     fleet.start();       // returns at once
///     ... fleet.statistics() ...
///     fleet.stop();        // says goodbye, keeps the versions
///
/// Safe to use from several threads, but not from an event loop of its own.
class Fleet {
public:
    /// Reads the state file, if there is one. Throws std::runtime_error if a certificate cannot be
    /// read.
    explicit Fleet(FleetOptions options);
    ~Fleet();
    Fleet(const Fleet&) = delete;
    Fleet& operator=(const Fleet&) = delete;

    /// Begins to connect. Once.
    void start();
    /// Ends every connection and keeps the versions. Idempotent.
    void stop();

    [[nodiscard]] FleetStatistics statistics() const { return context_.counters.snapshot(); }
    /// How many devices run each version.
    [[nodiscard]] std::map<std::string, std::size_t> versions() const;
    /// Writes the state file, if one is set: `device-id version`, one line a device; atomically.
    /// Throws std::runtime_error if it cannot be written.
    void save_versions() const;
    /// What the dice began with: the same seed and the same server give the same fleet again.
    [[nodiscard]] std::uint64_t seed() const { return context_.options.seed; }
    [[nodiscard]] const FleetOptions& options() const { return context_.options; }

private:
    void make_devices();
    /// Calls `visit` for each device on its own loop, or here once the fleet has stopped.
    void for_each_device(const std::function<void(const VirtualDevice&)>& visit) const;

    FleetContext context_;
    std::map<std::string, std::string>
        known_versions_;  ///< of the state file; empty after the start
    std::vector<std::unique_ptr<Shard>> shards_;
    std::vector<std::vector<std::unique_ptr<VirtualDevice>>> devices_;  ///< by shard
    std::unique_ptr<net::EventLoops> loops_;  ///< last: its coroutines use all of the above
    bool started_ = false;
    bool stopped_ = false;
};

/// The id of device number `index` (from 0).
[[nodiscard]] std::string device_id(const FleetOptions& options, std::size_t index);

}  // namespace updraft::simulator
