#pragma once

#include <span>
#include <string_view>

#include "base/clock.hpp"
#include "storage/sql/connection.hpp"

namespace updraft::sql {

/// One numbered step of the schema, embedded from src/storage/migrations/.
struct Migration {
    int version = 0;
    std::string_view name;
    std::string_view script;
};

/// All steps that this program knows, in order.
[[nodiscard]] std::span<const Migration> migrations();

/// Brings the database to the newest of `steps`, each step in the caller's transaction. Returns how
/// many were applied. A database that is newer than the program is refused with a StorageError.
int migrate(Connection& db, std::span<const Migration> steps, Instant now);

}  // namespace updraft::sql
