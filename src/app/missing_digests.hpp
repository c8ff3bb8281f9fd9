#pragma once

#include <cstddef>
#include <memory>
#include <set>

#include "app/ports.hpp"

namespace updraft {

/// Fills in the SHA-1 of files that were stored before it was kept, a piece at a time, so that
/// whoever runs it is never held up for long. For one thread.
class MissingDigests {
public:
    /// Keys of the configuration under [files].
    struct Options {
        std::size_t step_bytes = std::size_t{1} << 20;  ///< read by one step
        std::size_t unreadable_max = 1'000;  ///< files whose bytes are missing, until it gives up
    };

    MissingDigests(Store& store, const ArtifactStore& artifacts, Options options);
    ~MissingDigests();
    MissingDigests(const MissingDigests&) = delete;
    MissingDigests& operator=(const MissingDigests&) = delete;

    /// The next piece; true while there is more to do. A file whose bytes are missing or damaged is
    /// passed over until the next start.
    bool step();

private:
    struct Reading;
    [[nodiscard]] bool begin();
    void finish();
    void give_up(const char* reason);

    Store& store_;
    const ArtifactStore& artifacts_;
    const Options options_;
    std::unique_ptr<Reading> reading_;  ///< the file that it is at
    std::set<FileId> unreadable_;
};

}  // namespace updraft
