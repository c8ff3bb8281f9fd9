#include "storage/artifacts/artifact_scrub.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "base/bytes.hpp"
#include "base/log.hpp"

namespace updraft {
namespace {

constexpr std::string_view title = "updraft-scrub 1\n";
constexpr std::size_t state_bytes_max = 4096;
constexpr std::chrono::seconds pause_after_failure{60};
constexpr std::chrono::hours look_at_clock_every{1};  ///< it may be set, either way
constexpr int prefixes = 256;

/// The value behind `name` in "name value\n" at the begin of `text`, which moves behind it.
std::optional<std::string_view> next_value(std::string_view& text, std::string_view name) {
    const std::size_t end = text.find('\n');
    if (!text.starts_with(name) || end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view value = text.substr(name.size(), end - name.size());
    text.remove_prefix(end + 1);
    return value;
}

std::optional<std::int64_t> number_in(std::optional<std::string_view> text) {
    std::int64_t number = 0;
    if (!text) {
        return std::nullopt;
    }
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, number);
    return error == std::errc{} && stop == end ? std::optional(number) : std::nullopt;
}

/// The processor and the disk belong to devices and operators first.
void take_lowest_priority() {
    const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
    (void)::setpriority(PRIO_PROCESS, thread, 19);
    constexpr int of_process = 1;
    constexpr int idle_class = 3 << 13;
    (void)::syscall(SYS_ioprio_set, of_process, static_cast<int>(thread), idle_class);
}

}  // namespace

ArtifactScrub::ArtifactScrub(const std::string& data_folder, const Clock& clock,
                             ScrubOptions options)
    : folder_(data_folder),
      state_path_(data_folder + "/scrub"),
      clock_(clock),
      options_(options),
      state_(read_state()) {
    counters_.pass_ended_at_ms = state_.ended_at_ms;
    if (const std::size_t count = damaged(); count > 0) {
        log::error("artifacts",
                   "damaged artifacts are not served: upload the same files again; `updraft "
                   "doctor` names them artifacts={}",
                   count);
    }
}

ArtifactScrub::~ArtifactScrub() {
    stop();
}

void ArtifactScrub::start() {
    if (options_.every.count() > 0) {
        thread_ = std::thread([this] { loop(); });
    }
}

void ArtifactScrub::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void ArtifactScrub::loop() {
    take_lowest_priority();
    while (true) {
        std::chrono::milliseconds pause = std::clamp<milliseconds>(
            next_pass_at() - clock_.now(), milliseconds{0}, look_at_clock_every);
        if (pause.count() == 0) {
            try {
                run_pass([this](std::size_t bytes) { wait_bytes(bytes); });
            } catch (const Stopped&) {
                return;
            } catch (const std::exception& error) {
                log::error("artifacts", "scrub interrupted reason=\"{}\" again_in_s={}",
                           error.what(), pause_after_failure.count());
                pause = pause_after_failure;
            }
        }
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, pause, [this] { return stopping_; })) {
            return;
        }
    }
}

/// As long as the bytes may take; by that the pass is never faster than it may.
void ArtifactScrub::wait_bytes(std::size_t bytes) {
    const auto rate = static_cast<double>(std::max<std::int64_t>(options_.bytes_per_second, 1));
    const std::chrono::duration<double> time(static_cast<double>(bytes) / rate);
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, time, [this] { return stopping_; })) {
        throw Stopped{};
    }
}

/// A pass takes the same way each time, so that an artifact waits from one to the next for the
/// period less the time that a pass takes, and then for at most that time.
Instant ArtifactScrub::next_pass_at() const {
    const Instant started = from_millis(state_.started_at_ms);
    if (state_.running || started > clock_.now()) {
        return clock_.now();
    }
    const milliseconds took(std::max<std::int64_t>(state_.ended_at_ms - state_.started_at_ms, 0));
    return started + std::max(milliseconds(options_.every) - took, milliseconds{0});
}

void ArtifactScrub::run_pass(const Pace& pace) {
    if (!state_.running) {
        state_.started_at_ms = to_millis(clock_.now());
        state_.after.clear();
        state_.running = true;
        write_state();
    }
    for (const std::string& sha256 : folder_.damaged()) {
        check_again(sha256, pace);
    }
    for (int number = 0; number < prefixes; ++number) {
        const std::string prefix = fmt::format("{:02x}", number);
        if (prefix < state_.after.substr(0, 2)) {
            continue;
        }
        for (const std::string& sha256 : folder_.list(prefix)) {
            if (sha256 > state_.after) {
                check(sha256, pace);
                state_.after = sha256;
                write_state();
            }
        }
    }
    state_.running = false;
    state_.after.clear();
    state_.ended_at_ms = to_millis(clock_.now());
    counters_.pass_ended_at_ms = state_.ended_at_ms;
    write_state();
    const std::int64_t took_ms = state_.ended_at_ms - state_.started_at_ms;
    if (options_.every.count() > 0 && took_ms > milliseconds(options_.every).count()) {
        log::warn("artifacts",
                  "a scrub took longer than scrub.every: raise scrub.bytes_per_second took_s={}",
                  took_ms / 1000);
    }
}

/// Nothing also for one that cannot be opened, which says nothing about its bytes.
std::optional<OpenFile> ArtifactScrub::open_artifact(const std::string& sha256) const {
    try {
        return folder_.open_on_disk(sha256);
    } catch (const StorageError& error) {
        log::error("artifacts", "artifact cannot be opened sha256={} reason=\"{}\"", sha256,
                   error.what());
        return std::nullopt;
    }
}

/// A second reading decides: what differs once may be the way from the disk, not the disk.
void ArtifactScrub::check(const std::string& sha256, const Pace& pace) {
    std::string found = "unreadable";
    for (int attempt = 0; attempt < 2; ++attempt) {
        std::optional<OpenFile> file = open_artifact(sha256);
        if (!file) {
            return;
        }
        std::int64_t size = 0;
        try {
            const RereadFile read = reread(folder_.algorithms(), *file, [&](std::size_t bytes) {
                counters_.bytes += static_cast<std::int64_t>(bytes);
                pace(bytes);
            });
            found = read.sha256;
            size = read.size_bytes;
        } catch (const StorageError& error) {
            log::error("artifacts", "artifact cannot be read sha256={} reason=\"{}\"", sha256,
                       error.what());
        }
        if (found == sha256) {
            ++counters_.artifacts;
            return;
        }
        if (attempt > 0 && folder_.set_aside(*file, sha256)) {
            ++counters_.artifacts;
            ++counters_.found_damaged;
            log::error("artifacts",
                       "artifact damaged, not served any more: upload the same file again "
                       "sha256={} found={} size={}",
                       sha256, found, size);
        }
    }
}

void ArtifactScrub::check_again(const std::string& sha256, const Pace& pace) {
    const std::optional<OpenFile> file = open_past_cache(folder_.damaged_path_of(sha256));
    if (!file) {
        return;
    }
    try {
        if (reread(folder_.algorithms(), *file, pace).sha256 == sha256) {
            folder_.put_back(sha256);
            log::warn("artifacts", "damaged artifact reads well again, served again sha256={}",
                      sha256);
        }
    } catch (const StorageError&) {
        return;  // as damaged as before
    }
}

ArtifactScrub::State ArtifactScrub::read_state() const {
    const std::optional<OpenFile> file = OpenFile::try_open(state_path_, O_RDONLY);
    std::string bytes(state_bytes_max, '\0');
    bytes.resize(file ? file->read_at(0, bytes) : 0);
    std::string_view text = bytes;
    if (!text.starts_with(title)) {
        return {};
    }
    text.remove_prefix(title.size());
    const auto started = number_in(next_value(text, "started "));
    const auto ended = number_in(next_value(text, "ended "));
    const auto after = next_value(text, "after ");
    if (!started || !ended || !after || (!after->empty() && !is_hex(*after, 64))) {
        return {};
    }
    return {*started, *ended, std::string(*after), *ended < *started || !after->empty()};
}

/// Not synced: a crash of the machine costs a part of the pass.
void ArtifactScrub::write_state() {
    OpenFile file(state_path_ + ".new", O_RDWR | O_CREAT | O_TRUNC);
    file.write_at(0, fmt::format("{}started {}\nended {}\nafter {}\n", title, state_.started_at_ms,
                                 state_.ended_at_ms, state_.after));
    file.move_to(state_path_);
}

}  // namespace updraft
