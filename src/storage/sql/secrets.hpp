#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/secret_box.hpp"
#include "domain/product.hpp"
#include "storage/sql/connection.hpp"

namespace updraft::sql {

/// A column that holds secrets, sealed unless it is empty.
struct SecretColumn {
    std::string_view table;
    std::string_view column;
    std::string_view empty;  ///< what the column holds when there is nothing to seal
};

/// The column `configuration` of a product or a device: a script may keep any secret there.
[[nodiscard]] Configuration read_configuration(Rows& rows, std::string_view table,
                                               const std::string& row);
[[nodiscard]] std::string sealed_configuration(const Connection& db, std::string_view table,
                                               const std::string& row,
                                               const Configuration& configuration);

/// All of them. Repositories seal and open; the key of each table is its column `id`.
[[nodiscard]] std::span<const SecretColumn> secret_columns();

/// The ids of the keys that values of the database were sealed with; none before the first one.
[[nodiscard]] std::vector<std::string> key_ids(Connection& db);

/// Notes that the connection's newest key seals from now on. Everything that another one sealed is
/// to be sealed again.
void use_newest_key(Connection& db, Instant now);

/// Seals the next rows that are in clear text or were sealed with another key, at most `rows_max`;
/// false when none are left. A crash in between repeats nothing. Throws StorageError: a value does
/// not open.
[[nodiscard]] bool seal_step(Connection& db, std::int64_t rows_max);

/// Whether what was replaced is still to be wiped from free pages; nothing when sealing has ended.
/// To be asked when no step is left.
[[nodiscard]] std::optional<bool> wiping(Connection& db);
/// Ends sealing: the newest key is the only one from now on.
void wiped(Connection& db);

/// Opens every sealed value and calls `use` with the place of each that does not open, or is in
/// clear text.
void each_unopenable(Connection& db,
                     const std::function<void(const SecretColumn&, const std::string& row)>& use);

}  // namespace updraft::sql
