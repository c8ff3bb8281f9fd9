#pragma once

#include <chrono>
#include <functional>

namespace updraft::server {

/// Waits for SIGINT or SIGTERM. Made before any thread starts: it blocks both signals in the
/// calling thread, and threads inherit that.
class StopSignal {
public:
    StopSignal();
    /// Blocks until a signal has come, calling `tick` every `interval` (if it is set); returns at
    /// once when a signal came before.
    void wait(std::chrono::milliseconds interval = std::chrono::hours(1),
              const std::function<void()>& tick = {});
    /// True if a signal has come; does not block.
    [[nodiscard]] bool came();

private:
    bool came_ = false;
};

/// SIGHUP, which tells a server to read its certificate again. Made before any thread starts, as
/// StopSignal.
class ReloadSignal {
public:
    ReloadSignal();
    /// True if one has come since the last call; does not block.
    [[nodiscard]] bool came();
};

}  // namespace updraft::server
