#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "app/identity.hpp"
#include "base/result.hpp"

namespace updraft {

/// How many rows a save added and changed.
struct SaveCounts {
    std::int64_t added = 0;
    std::int64_t updated = 0;
};

/// The error of row `index` (from 0) of a batch of `rows`: says which one it was, in the message
/// and before the members' names ("[3].name"). The error of a single row stays as it is.
[[nodiscard]] Error at_row(Error error, std::size_t index, std::size_t rows);

/// Whether a person may choose this id: [0-9a-zA-Z_-], 1 to 64 characters (spec 2.7, 2.8). Errors:
/// invalid_argument.
[[nodiscard]] Result<void> checked_id(std::string_view id);

/// Calls `one(row)` for each row of a batch inside its unit of work; the first error ends it.
template <class Rows, class One>
[[nodiscard]] Result<void> each_row(const Rows& rows, One&& one) {
    for (std::size_t index = 0; index < rows.size(); ++index) {
        const Result<void> done = one(rows[index]);
        if (!done) {
            return at_row(done.error(), index, rows.size());
        }
    }
    return {};
}

}  // namespace updraft
