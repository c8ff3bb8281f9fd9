#pragma once

#include "app/identity.hpp"
#include "app/ports.hpp"
#include "app/record_changes.hpp"

namespace updraft {

/// What may be done to single upgrade records besides stopping and starting. For worker threads.
class RecordService {
public:
    RecordService(Store& store, LiveEvents& live, const Clock& clock)
        : store_(store), live_(live), clock_(clock) {}

    /// Errors: not_found; conflict while the record is waiting or processing (spec 2.11).
    [[nodiscard]] Result<RecordRow> remove(const RecordId& id, const Actor& by = Actor::server());

private:
    Store& store_;
    LiveEvents& live_;
    const Clock& clock_;
};

}  // namespace updraft
