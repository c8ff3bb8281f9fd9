#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "server/config.hpp"

namespace updraft::server {

/// How much a finding matters: an error loses data or stops upgrades, a warning will.
enum class Severity : std::uint8_t { warning, error };

/// Something that is wrong with an installation, and what to do about it.
struct Finding {
    Severity severity = Severity::error;
    std::string code;   ///< for programs: "task-counter", "artifact-damaged" ...
    std::string where;  ///< "task 17", a path, a digest
    Text what;
    Text todo;
    bool fixable = false;  ///< `--fix` does it
    bool fixed = false;
};

struct DoctorOptions {
    /// Leaves out what reads everything: the artifacts' bytes, and whether indexes match tables.
    bool quick = false;
    /// Repairs what is safe to repair: counts are counted again, what nothing points at goes, and
    /// damaged artifacts are set aside. Needs the data folder for itself.
    bool fix = false;
    std::size_t findings_max = 100;  ///< of each kind
    std::function<void(std::int64_t done, std::int64_t total)> progress = [](std::int64_t,
                                                                             std::int64_t) {};
};

struct Diagnosis {
    std::vector<Finding> findings;
    /// What could not be looked at at all, so that "no findings" means nothing; empty: all was.
    std::vector<Text> not_checked;
    [[nodiscard]] bool healthy() const;  ///< nothing found that is not fixed
};

/// Looks a data folder through, with a server on it or without; changes nothing unless told to fix.
/// Throws std::runtime_error when `fix` meets a running server.
[[nodiscard]] Diagnosis examine(const Config& config, const DoctorOptions& options);

}  // namespace updraft::server
