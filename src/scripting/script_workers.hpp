#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "app/script_host.hpp"
#include "base/clock.hpp"
#include "scripting/limits.hpp"

namespace updraft::scripting {

/// Every limit of the scripts. Keys of the configuration under [scripts].
struct ScriptOptions {
    Limits limits;
    /// A call, or a batch, that takes longer ends its worker.
    milliseconds call_timeout{1'000};
    /// For a worker to start and to load its script.
    milliseconds start_timeout{5'000};
    /// Calls that travel together.
    std::size_t batch_calls_max = 64;
    std::size_t batch_bytes_max = std::size_t{1024} * 1024;
    /// Largest payload that a script is given.
    std::size_t input_bytes_max = std::size_t{1024} * 1024;
    /// Calls of one package that may wait; more are refused.
    std::size_t queue_calls_max = 4'096;
    std::size_t queue_bytes_max = std::size_t{16} * 1024 * 1024;
    /// Packages with a worker at a time.
    std::size_t workers_max = 32;
    /// A worker without calls ends after that.
    milliseconds idle_after{60'000};
    /// A package whose worker had to be ended so often within the window is paused ...
    int stops_max = 3;
    milliseconds stops_window{60'000};
    /// ... for so long, twice as long each time, at most pause_max.
    milliseconds pause_min{1'000};
    milliseconds pause_max{60'000};
    /// Checks and trials at a time; more are refused.
    std::size_t trials_max = 2;
    /// The program that becomes a worker.
    std::string program = "/proc/self/exe";
};

/// What happened since the start; for /metrics. Read from any thread.
struct ScriptCounters {
    using Count = std::atomic<std::uint64_t>;
    std::atomic<std::int64_t> workers{0};  ///< running now, those of trials not counted
    std::atomic<std::int64_t> queued{0};   ///< calls that wait
    std::atomic<std::int64_t> paused{0};   ///< packages
    Count started{0};                      ///< workers
    Count stopped{0};                      ///< workers that were ended, or ended themselves
    Count batches{0};
    Count answered{0};       ///< calls
    Count failed{0};         ///< calls: an error of the script's own, or an answer that is none
    Count calls_stopped{0};  ///< calls: over a limit of time or memory
    Count refused_paused{0};
    Count refused_later{0};  ///< calls that found the queue full
};

/// Runs every package in a worker process of its own, with a queue and a thread beside it.
///
/// A worker that does not answer in time is ended. The calls of its batch are then sent one by one,
/// so that only the guilty one fails: one that is alone when the time is over, or that is alone
/// three times when its worker ends for another reason (it may have been ended by somebody else).
class ScriptWorkers final : public ScriptHost {
public:
    explicit ScriptWorkers(ScriptOptions options);
    /// stop().
    ~ScriptWorkers() override;

    void call(std::shared_ptr<const Script> script, ScriptCall call, Answered done) override;
    [[nodiscard]] std::expected<ScriptDeclaration, ScriptFailure> check(
        const std::string& text) override;
    [[nodiscard]] ScriptAnswer attempt(const std::string& text, const ScriptCall& call) override;

    /// Refuses what waits and what comes from now on, and waits for the calls under way (bounded by
    /// their timeouts). Idempotent.
    void stop();

    [[nodiscard]] const ScriptCounters& counters() const { return counters_; }
    /// The process that runs a package now; nothing if none does. For tests.
    [[nodiscard]] std::optional<int> worker_of(const ProtocolId& package) const;

private:
    class Lane;
    class Trial;
    [[nodiscard]] bool has_room() const;

    const ScriptOptions options_;
    ScriptCounters counters_;
    std::atomic<std::size_t> trials_{0};
    mutable std::mutex mutex_;
    std::map<ProtocolId, std::unique_ptr<Lane>> lanes_;
    bool stopping_ = false;
};

}  // namespace updraft::scripting
