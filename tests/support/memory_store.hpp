#pragma once

#include <memory>

#include "storage/sqlite/sqlite_store.hpp"

namespace updraft {

/// An empty database in memory: the real store, without a disk.
[[nodiscard]] inline std::unique_ptr<Store> open_memory_store(
    std::shared_ptr<Freshness> freshness = nullptr) {
    SqliteOptions options;
    options.freshness = std::move(freshness);
    return open_sqlite_store(options);
}

}  // namespace updraft
