#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace updraft::sqlite {

/// Told how much of a snapshot is copied; may wait, and may throw to end the work.
using SnapshotProgress = std::function<void(std::int64_t bytes_done, std::int64_t bytes_total)>;

/// Copies the database `from`, as it was at one moment during the call, to the new file `to`, while
/// a server goes on writing it: readers and the writer wait for nothing, but the write-ahead log is
/// not cut until the copy is done. The copy needs no other file beside it and is synced. Throws
/// StorageError, also when there is no database at `from` or a file at `to`.
void copy_snapshot(const std::string& from, const std::string& to,
                   const SnapshotProgress& progress);

}  // namespace updraft::sqlite
