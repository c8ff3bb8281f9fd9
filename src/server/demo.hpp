#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "base/text.hpp"
#include "simulator/fleet_options.hpp"

namespace updraft::server {

/// What the demo needs to know about the running server, and how big it is to be.
struct DemoOptions {
    std::string base_url = "http://127.0.0.1:8848";  ///< where REST API and console answer
    simulator::Endpoint mqtt{"127.0.0.1", 1883};
    std::string username = "admin";
    std::string password;
    std::filesystem::path
        state_file;  ///< the devices' versions, for the next start; empty: not kept

    std::size_t gateways = 200;  ///< devices of the product that is pushed to
    std::size_t sensors = 100;   ///< devices of the product that pulls
    int pushes_per_second = 8;   ///< so that the rollout can be watched
    double failure_rate = 0.08;
    double refusal_rate = 0.03;
    double offline_rate = 0.05;
    std::uint64_t download_bytes_per_second = 384 * 1024;
    simulator::milliseconds install_time{3'000};
    std::uint64_t seed = 20240601;  ///< of the firmware files and of the fleet's dice
};

/// A live rollout on a running server, set up over its REST API as any client would: two products,
/// their devices, three firmwares each with real files, a push task and a pull task; and the fleet
/// that downloads for real. A device that failed takes the firmware the next time, so that a batch
/// retry brings the task to 100 %.
///
/// On a server that holds the demo already it only adds what is missing and runs the fleet.
class DemoScenario {
public:
    /// Gets one line after the other that a person should see; called by the thread of start().
    using Announce = std::function<void(const Text& line)>;

    DemoScenario(DemoOptions options, Announce announce);
    ~DemoScenario();
    DemoScenario(const DemoScenario&) = delete;
    DemoScenario& operator=(const DemoScenario&) = delete;

    /// Sets everything up, starts the fleet and the tasks; blocks for some seconds. Errors: those
    /// of the REST API; unavailable after stop().
    [[nodiscard]] Result<void> start();
    /// Ends a start() under way and the fleets. Safe from every thread; idempotent.
    void stop();
    /// Both fleets together.
    [[nodiscard]] simulator::FleetStatistics statistics() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace updraft::server
