#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/crud_rows.hpp"
#include "app/device_links.hpp"
#include "app/ports.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"

namespace updraft {

class AuditNote;

/// What a request says about a product; absent members stay as they are.
struct ProductForm {
    ProductId id;  ///< empty: a new one with an id of ours
    std::optional<std::string> name;
    std::optional<std::string> description;
    std::optional<DeviceType> device_type;
    std::optional<ProtocolId> protocol;
    std::optional<std::string> transport_protocol;
    std::optional<std::string> access_id;
    std::optional<std::string> access_provider;
    std::optional<std::string> access_name;
    std::optional<std::string> store_policy;
    std::optional<Configuration> configuration;
    std::optional<std::string> metadata;
    std::optional<bool> enabled;
};

/// Products with what their protocol packages say, looked up once each: for lists of products and
/// of devices. Lives as long as the snapshot it reads.
class ProductCatalog {
public:
    explicit ProductCatalog(const Repositories& rows) : rows_(rows) {}

    struct Entry {
        Product product;
        std::optional<ProtocolPackage> package;
        std::vector<Feature> features;  ///< of the package over the product's transport
    };
    /// Null if there is no such product.
    [[nodiscard]] const Entry* find(const ProductId& id);
    /// What the package adds to a product that is at hand.
    [[nodiscard]] Entry describe(const Product& product);

private:
    const std::optional<ProtocolPackage>& package(const ProtocolId& id);

    const Repositories& rows_;
    std::map<ProductId, std::optional<Entry>> products_;
    std::map<ProtocolId, std::optional<ProtocolPackage>> packages_;
};

/// Products (spec 2.7). Every list is one unit of work. Safe from every thread; blocks on the
/// store.
class ProductService {
public:
    ProductService(Store& store, DeviceLinks& links, const Clock& clock, SnowflakeIds& ids)
        : store_(store), links_(links), clock_(clock), ids_(ids) {}

    /// Errors: invalid_argument, duplicate_key.
    [[nodiscard]] Result<std::vector<Product>> add(const std::vector<ProductForm>& forms,
                                                   const Actor& by);
    [[nodiscard]] Result<SaveCounts> save(const std::vector<ProductForm>& forms, const Actor& by);
    /// Errors: also not_found.
    [[nodiscard]] Result<void> replace(const ProductForm& form, const Actor& by = Actor::server());
    /// Errors: not_found, referenced (devices or firmwares exist).
    [[nodiscard]] Result<Product> remove(const ProductId& id, const Actor& by = Actor::server());
    /// Publishes a product or takes it back; its devices may sign in only while it is enabled, so
    /// disabling closes their connections. Errors: not_found.
    [[nodiscard]] Result<void> set_enabled(const ProductId& id, bool enabled,
                                           const Actor& by = Actor::server());

private:
    [[nodiscard]] Result<Product> add_one(UnitOfWork& work, const ProductForm& form,
                                          const Actor& by) const;
    [[nodiscard]] static Result<void> update_one(UnitOfWork& work, const Product& known,
                                                 const ProductForm& form, AuditNote& note);
    /// After a commit: nobody of a product that is not enabled may stay connected.
    void close_disabled(const std::vector<ProductForm>& forms);

    Store& store_;
    DeviceLinks& links_;
    const Clock& clock_;
    SnowflakeIds& ids_;
};

}  // namespace updraft
