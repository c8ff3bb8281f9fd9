#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "app/ports.hpp"
#include "app/record_changes.hpp"

namespace updraft {

/// The clocks of records (T12, T13, T26). Deadlines are rows with an index: nothing is kept in
/// memory, a restart forgets nothing. For the scheduler's thread.
class Deadlines {
public:
    struct Options {
        std::size_t batch = 500;  ///< records ended by one write operation
    };

    Deadlines(Store& store, const RecordChanges& changes, const Clock& clock, std::string server_id,
              Options options)
        : store_(store),
          changes_(changes),
          clock_(clock),
          server_id_(std::move(server_id)),
          options_(options) {}

    /// After a start: gives every processing record time to come back and takes it over (T26).
    /// `seen` is told each of them.
    void take_over(Instant boot, const std::function<void(const UpgradeRecord&)>& seen);

    /// Ends what is overdue, one batch; true if there may be more.
    bool run();
    [[nodiscard]] std::optional<Instant> next_at() const;

private:
    Store& store_;
    const RecordChanges& changes_;
    const Clock& clock_;
    const std::string server_id_;
    const Options options_;
};

}  // namespace updraft
