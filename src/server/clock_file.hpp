#pragma once

#include <algorithm>
#include <filesystem>
#include <string>

#include "base/ids.hpp"
#include "base/watched_clock.hpp"

namespace updraft::server {

/// A clock that shows no earlier moment than one: ids increase though the clock was set back.
class NotBefore final : public Clock {
public:
    NotBefore(const Clock& clock, Instant floor) : clock_(clock), floor_(floor) {}
    [[nodiscard]] Instant now() const override { return std::max(clock_.now(), floor_); }

private:
    const Clock& clock_;
    const Instant floor_;
};

/// How the wall clock stood when the server was seen last, in the data folder: with it a start
/// notices that the clock was set in between.
///
///     file = "updraft-clock 1" LF "boot " id LF "offset " ms LF "now " ms LF "ids " ms LF
class ClockFile {
public:
    explicit ClockFile(const std::filesystem::path& data_folder) : path_(data_folder / "clock") {}

    struct Seen {
        milliseconds away{0};  ///< since the server was seen last, by the wall clock
        Instant ids;           ///< no id that was given is of a later moment
    };
    /// Makes the clock expect what the file says: during one run of the machine by the time that
    /// has passed since it began, else only that time does not go back. All zero if it says
    /// nothing.
    Seen apply_to(WatchedClock& clock) const;
    /// Not synced: it is rewritten every `kept_every`. Uses up an id.
    void keep(const WatchedClock& clock, SnowflakeIds& ids) const;

    static constexpr seconds kept_every{10};

private:
    std::filesystem::path path_;
};

}  // namespace updraft::server
