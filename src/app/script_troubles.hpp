#pragma once

#include <mutex>
#include <unordered_map>

#include "app/package_dialects.hpp"
#include "app/ports.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace updraft {

/// Keeps what scripts failed at in the logs of the devices whose messages it was. Safe from every
/// thread; never blocks.
class ScriptTroubles {
public:
    /// Keys of the configuration under [scripts].
    struct Options {
        milliseconds log_every{5'000};      ///< of one device; in between nothing is stored
        std::size_t devices_max = 10'000;   ///< remembered for that
        std::size_t topic_bytes_max = 256;  ///< of a topic in a line
    };

    ScriptTroubles(Store& store, const Clock& clock, SnowflakeIds& ids, Options options)
        : store_(store), clock_(clock), ids_(ids), options_(options) {}

    void note(const ScriptTrouble& trouble);

private:
    [[nodiscard]] bool is_due(const DeviceId& device, Instant now);

    Store& store_;
    const Clock& clock_;
    SnowflakeIds& ids_;
    const Options options_;
    std::mutex mutex_;
    std::unordered_map<DeviceId, Instant> last_;
};

}  // namespace updraft
