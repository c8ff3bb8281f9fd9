#pragma once

#include <functional>
#include <vector>

#include "app/crud_rows.hpp"
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

    /// What a request says about one firmware: `edit` sets the members that it gives.
    struct Form {
        FirmwareId id;  ///< empty: a new one with an id of ours
        std::function<Result<void>(Firmware&)> edit;
    };

    /// Adds all or none. Errors: invalid_argument with the rule's text (rows 7-16, 20, 22),
    /// duplicate_key (row 19, or the id).
    [[nodiscard]] Result<std::vector<Firmware>> create(const std::vector<Form>& forms,
                                                       const Actor& by);
    /// Changes those whose id is known and adds the others: all or none. Errors: as create();
    /// conflict when a frozen member differs while records are waiting or processing (row 23).
    [[nodiscard]] Result<SaveCounts> save(const std::vector<Form>& forms, const Actor& by);
    /// Errors: as save(); not_found.
    [[nodiscard]] Result<Firmware> change(const Form& form, const Actor& by = Actor::server());

    /// Errors: not_found; referenced while any task exists under it (row 24).
    [[nodiscard]] Result<Firmware> remove(const FirmwareId& id, const Actor& by = Actor::server());

    /// The free version order that a new firmware of the product most likely wants: the one behind
    /// the greatest, or, once that is 99999, behind the greatest with room behind it. Errors:
    /// not_found.
    [[nodiscard]] Result<int> next_order(const ProductId& product) const;
    [[nodiscard]] bool order_is_taken(const ProductId& product, int version_order) const;

private:
    [[nodiscard]] Result<Firmware> add(UnitOfWork& work, const Form& form, const Actor& by) const;
    [[nodiscard]] Result<Firmware> change(UnitOfWork& work, const Firmware& before,
                                          const Form& form) const;
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
