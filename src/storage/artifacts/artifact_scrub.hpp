#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.hpp"
#include "storage/artifacts/artifact_folder.hpp"
#include "storage/artifacts/reread.hpp"

namespace updraft {

/// Keys of the configuration under [scrub].
struct ScrubOptions {
    seconds every{7 * 24 * 3600};  ///< each artifact is read again within that time; 0: never
    std::int64_t bytes_per_second = std::int64_t{16} << 20;
};

/// Re-reads all artifacts again and again, one pass every `every`, on a thread of lowest priority.
/// An artifact that does not match its name, read twice, is set aside: from then on it is never
/// served, also after a restart, until the same bytes are uploaded. One that was set aside and
/// matches again (a cable, a controller) is put back.
///
/// How far the pass has come is kept in the file `scrub` of the data folder, so that restarts do
/// not make it begin anew:
///
///     scrub = "updraft-scrub 1" LF "started " ms LF "ended " ms LF "after " [sha256] LF
class ArtifactScrub {
public:
    ArtifactScrub(const std::string& data_folder, const Clock& clock, ScrubOptions options);
    ~ArtifactScrub();
    ArtifactScrub(const ArtifactScrub&) = delete;
    ArtifactScrub& operator=(const ArtifactScrub&) = delete;

    void start();
    /// Ends the pass where it is and joins; it goes on there after the next start.
    void stop();

    /// What happened since the start; for /metrics. Read from any thread.
    struct Counters {
        std::atomic<std::int64_t> artifacts{0};  ///< read whole
        std::atomic<std::int64_t> bytes{0};
        std::atomic<std::int64_t> found_damaged{0};
        std::atomic<std::int64_t> pass_ended_at_ms{0};  ///< of the last whole pass; 0: none yet
    };
    [[nodiscard]] const Counters& counters() const { return counters_; }
    /// How many artifacts are set aside now. Lists one folder, which is all but always empty.
    [[nodiscard]] std::size_t damaged() const { return folder_.damaged().size(); }

    /// Runs the pass that is due to its end on this thread, with `pace` in place of the option; for
    /// tests.
    void run_pass(const Pace& pace);
    /// When the next pass begins: at once if one was cut short or the clock makes no sense.
    [[nodiscard]] Instant next_pass_at() const;

private:
    struct State {
        std::int64_t started_at_ms = 0;
        std::int64_t ended_at_ms = 0;  ///< of the pass before, or of this one if it is over
        std::string after;             ///< the last artifact that was read; empty: none, or all
        bool running = false;
    };
    struct Stopped {};

    void loop();
    void wait_bytes(std::size_t bytes);
    [[nodiscard]] std::optional<OpenFile> open_artifact(const std::string& sha256) const;
    void check(const std::string& sha256, const Pace& pace);
    void check_again(const std::string& sha256, const Pace& pace);
    [[nodiscard]] State read_state() const;
    void write_state();

    const ArtifactFolder folder_;
    const std::string state_path_;
    const Clock& clock_;
    const ScrubOptions options_;
    Counters counters_;
    State state_;  ///< of the scrub's thread, or before it starts

    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace updraft
