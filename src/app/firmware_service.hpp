#pragma once

#include <functional>

#include "app/identity.hpp"
#include "app/ports.hpp"
#include "app/urls.hpp"
#include "base/ids.hpp"

namespace updraft {

/// Firmwares as the form of rows 7-25 makes, changes and deletes them. For worker threads.
class FirmwareService {
public:
    FirmwareService(Store& store, const PublicUrls& urls, const Clock& clock, SnowflakeIds& ids)
        : store_(store), urls_(urls), clock_(clock), ids_(ids) {}

    /// Errors: invalid_argument with the rule's text (rows 7-16, 20, 22), duplicate_key (row 19).
    [[nodiscard]] Result<Firmware> create(Firmware form, const Identity& by);
    /// The same in a unit of work of the caller: batches are all or nothing.
    [[nodiscard]] Result<Firmware> create(UnitOfWork& work, Firmware form,
                                          const Identity& by) const;

    /// Changes the members that `edit` sets. Errors: as create(); not_found; conflict when a frozen
    /// member differs while records are waiting or processing (row 23).
    using Edit = std::function<Result<void>(Firmware&)>;
    [[nodiscard]] Result<Firmware> change(const FirmwareId& id, const Edit& edit);
    [[nodiscard]] Result<Firmware> change(UnitOfWork& work, const FirmwareId& id,
                                          const Edit& edit) const;

    /// Errors: not_found; referenced while any task exists under it (row 24).
    [[nodiscard]] Result<Firmware> remove(const FirmwareId& id);

    [[nodiscard]] bool order_is_taken(const ProductId& product, int version_order) const;
    /// The next free version order of a product: above all others (gap 24).
    [[nodiscard]] int next_order(const ProductId& product) const;

private:
    [[nodiscard]] Result<Firmware> settled(const Repositories& rows, Firmware firmware) const;
    [[nodiscard]] Result<void> check_unique(const Repositories& rows,
                                            const Firmware& firmware) const;
    [[nodiscard]] Result<void> check_artifact(const Repositories& rows, Firmware& firmware) const;

    Store& store_;
    const PublicUrls& urls_;
    const Clock& clock_;
    SnowflakeIds& ids_;
};

}  // namespace updraft
