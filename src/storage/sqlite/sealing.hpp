#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "storage/sqlite/connection.hpp"

namespace updraft::sqlite {

/// The ids of the keys that the database's values were sealed with; none if its schema knows of
/// none.
[[nodiscard]] std::vector<std::string> key_ids_of(SqliteConnection& db);

/// Seals with the connection's newest key whatever is not, in transactions of at most `rows_max`
/// rows, and then wipes what was replaced from the file as far as SQLite can: overwritten where it
/// lay, free pages gone, the write-ahead log cut. Nothing to do costs a query. Goes on where a
/// crash ended it. Throws StorageError.
void seal_database(SqliteConnection& db, std::int64_t rows_max, Instant now);

}  // namespace updraft::sqlite
