#include "server/clock_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cstdint>
#include <fstream>

#include "base/log.hpp"
#include "storage/artifacts/open_file.hpp"

namespace updraft::server {
namespace {

constexpr const char* title = "updraft-clock 1";
/// Where an id has its moment (base/ids.hpp).
constexpr int id_bits_below_ms = 22;
constexpr std::int64_t id_epoch_ms = 1'609'459'200'000;

/// Another one each time the machine starts.
std::string id_of_boot() {
    std::string id;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
    return id;
}

}  // namespace

ClockFile::Seen ClockFile::apply_to(WatchedClock& clock) const {
    std::ifstream file(path_);
    std::string first_line;
    std::string word;
    std::string boot;
    std::int64_t offset = 0;
    std::int64_t seen = 0;
    std::int64_t ids = 0;
    std::getline(file, first_line);
    if (!(file >> word >> boot >> word >> offset >> word >> seen >> word >> ids) ||
        first_line != title) {
        return {};
    }
    const std::int64_t now = to_millis(clock.now());
    if (boot == id_of_boot()) {
        clock.expect_offset(milliseconds(offset));
    } else if (now < seen) {
        clock.expect_offset(clock.offset() + milliseconds(seen - now));
    }
    // Ids may have been given until `kept_every` later; only a clock that was set back matters.
    return {milliseconds(now - seen), now < ids ? from_millis(ids) + kept_every : Instant{}};
}

void ClockFile::keep(const WatchedClock& clock, SnowflakeIds& ids) const {
    const std::string text = fmt::format(
        "{}\nboot {}\noffset {}\nnow {}\nids {}\n", title, id_of_boot(), clock.offset().count(),
        to_millis(clock.now()), (ids.next_number() >> id_bits_below_ms) + id_epoch_ms);
    try {
        OpenFile file(path_.string() + ".new", O_RDWR | O_CREAT | O_TRUNC);
        file.write_at(0, text);
        file.move_to(path_.string());
    } catch (const std::exception& error) {
        log::debug("server", "clock not noted reason=\"{}\"", error.what());
    }
}

}  // namespace updraft::server
