#include "app/product_service.hpp"

#include "app/audit.hpp"
#include "domain/form_rules.hpp"

namespace updraft {
namespace {

constexpr std::int64_t references_shown_max = 10;
constexpr std::size_t metadata_bytes_max = std::size_t{1} << 20;

Query of_product(const ProductId& id, std::int64_t page_size) {
    Query query;
    query.page_size = page_size;
    query.terms = {term("productId", boost::json::value(id.value))};
    return query;
}

void overwrite(Product& product, const ProductForm& form) {
    product.name = form.name.value_or(product.name);
    product.description = form.description.value_or(product.description);
    product.device_type = form.device_type.value_or(product.device_type);
    product.protocol = form.protocol.value_or(product.protocol);
    product.transport_protocol = form.transport_protocol.value_or(product.transport_protocol);
    product.access_id = form.access_id.value_or(product.access_id);
    product.access_provider = form.access_provider.value_or(product.access_provider);
    product.access_name = form.access_name.value_or(product.access_name);
    product.store_policy = form.store_policy.value_or(product.store_policy);
    product.configuration = form.configuration.value_or(product.configuration);
    product.metadata = form.metadata.value_or(product.metadata);
    product.enabled = form.enabled.value_or(product.enabled);
}

Result<void> checked(const Repositories& rows, const Product& product) {
    FormRules rules;
    rules.require_text(product.name, "name", text("请输入产品名称", "enter the product's name"),
                       64);
    rules.limit_text(product.description, "describe", 200);
    rules.require(
        product.metadata.size() <= metadata_bytes_max, "metadata",
        text("物模型不能超过{}字节", "the thing model has at most {} bytes", metadata_bytes_max));
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    if (!product.protocol.empty() && !rows.protocols().find(product.protocol)) {
        return Error::invalid("messageProtocol",
                              text("协议 {} 不存在", "there is no protocol {}", product.protocol));
    }
    return {};
}

/// Firmwares carry their product's name (spec 2.9).
void rename_firmwares(UnitOfWork& work, const Product& product) {
    Query query = of_product(product.id, 25);
    query.paging = false;
    std::vector<FirmwareId> firmwares;
    work.firmwares().each(query, [&](const Firmware& firmware) {
        firmwares.push_back(firmware.id);
        return true;
    });
    for (const FirmwareId& id : firmwares) {
        // A list's rows come without their further artifacts; update() would drop them.
        if (std::optional<Firmware> firmware = work.firmwares().find(id)) {
            firmware->product_name = product.name;
            work.firmwares().update(*firmware);
        }
    }
}

}  // namespace

const std::optional<ProtocolPackage>& ProductCatalog::package(const ProtocolId& id) {
    const auto found = packages_.find(id);
    if (found != packages_.end()) {
        return found->second;
    }
    return packages_[id] = id.empty() ? std::nullopt : rows_.protocols().find(id);
}

ProductCatalog::Entry ProductCatalog::describe(const Product& product) {
    const std::optional<ProtocolPackage>& spoken = package(product.protocol);
    const bool served = spoken && spoken->enabled;
    return {product, spoken,
            served ? features_of(*spoken, product.transport_protocol) : std::vector<Feature>{}};
}

const ProductCatalog::Entry* ProductCatalog::find(const ProductId& id) {
    auto found = products_.find(id);
    if (found == products_.end()) {
        const std::optional<Product> product = rows_.products().find(id);
        found =
            products_.emplace(id, product ? std::optional(describe(*product)) : std::nullopt).first;
    }
    return found->second ? &*found->second : nullptr;
}

Result<Product> ProductService::add_one(UnitOfWork& work, const ProductForm& form,
                                        const Actor& by) const {
    Product product;
    product.id = form.id.empty() ? ProductId(ids_.next()) : form.id;
    product.creator = by.who.user;
    product.created_at = clock_.now();
    overwrite(product, form);
    UPDRAFT_CHECK(checked_id(product.id.value));
    UPDRAFT_CHECK(checked(work, product));
    if (work.products().find(product.id)) {
        Error taken =
            Error::invalid("id", text("产品ID {} 已存在", "product id {} is taken", product.id));
        taken.code = ErrorCode::duplicate_key;
        return taken;
    }
    work.products().add(product);
    return product;
}

Result<void> ProductService::update_one(UnitOfWork& work, const Product& known,
                                        const ProductForm& form, AuditNote& note) {
    Product product = known;
    overwrite(product, form);
    UPDRAFT_CHECK(checked(work, product));
    work.products().update(product);
    note.changed(known, product);
    if (product.name != known.name) {
        rename_firmwares(work, product);
    }
    return {};
}

Result<std::vector<Product>> ProductService::add(const std::vector<ProductForm>& forms,
                                                 const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<std::vector<Product>> {
        std::vector<Product> added;
        AuditNote note(by);
        UPDRAFT_CHECK(each_row(forms, [&](const ProductForm& form) -> Result<void> {
            UPDRAFT_TRY(Product product, add_one(work, form, by));
            note.added(product);
            added.push_back(std::move(product));
            return {};
        }));
        note.write(work);
        return added;
    });
}

Result<SaveCounts> ProductService::save(const std::vector<ProductForm>& forms, const Actor& by) {
    UPDRAFT_TRY(const SaveCounts saved, store_.write([&](UnitOfWork& work) -> Result<SaveCounts> {
        SaveCounts counts;
        AuditNote note(by);
        UPDRAFT_CHECK(each_row(forms, [&](const ProductForm& form) -> Result<void> {
            const std::optional<Product> known =
                form.id.empty() ? std::nullopt : work.products().find(form.id);
            if (known) {
                ++counts.updated;
                return update_one(work, *known, form, note);
            }
            ++counts.added;
            UPDRAFT_TRY(const Product product, add_one(work, form, by));
            note.added(product);
            return {};
        }));
        note.write(work);
        return counts;
    }));
    close_disabled(forms);
    return saved;
}

Result<void> ProductService::replace(const ProductForm& form, const Actor& by) {
    UPDRAFT_CHECK(store_.write([&](UnitOfWork& work) -> Result<void> {
        const std::optional<Product> known = work.products().find(form.id);
        if (!known) {
            return Error::not_found("产品", "product", form.id.value);
        }
        AuditNote note(by);
        UPDRAFT_CHECK(update_one(work, *known, form, note));
        note.write(work);
        return {};
    }));
    close_disabled({form});
    return {};
}

Result<void> ProductService::set_enabled(const ProductId& id, bool enabled, const Actor& by) {
    ProductForm form;
    form.id = id;
    form.enabled = enabled;
    return replace(form, by);
}

void ProductService::close_disabled(const std::vector<ProductForm>& forms) {
    for (const ProductForm& form : forms) {
        if (form.enabled.value_or(true)) {
            continue;
        }
        Query query = of_product(form.id, 25);
        query.paging = false;
        store_.read([&](const Repositories& rows) {
            rows.devices().each(query, [&](const DeviceRow& row) {
                if (links_.is_connected(row.device.id)) {
                    links_.close(row.device.id, "product disabled");
                }
                return true;
            });
        });
    }
}

Result<Product> ProductService::remove(const ProductId& id, const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<Product> {
        std::optional<Product> product = work.products().find(id);
        if (!product) {
            return Error::not_found("产品", "product", id.value);
        }
        if (work.devices().count_of(id) > 0) {
            Error error = Error::of(ErrorCode::referenced,
                                    text("存在关联设备,无法删除!",
                                         "devices of this product exist, so it cannot be deleted"));
            for (const DeviceRow& row :
                 work.devices().page(of_product(id, references_shown_max)).rows) {
                error.references.push_back(
                    {id.value, "device-instance", row.device.id.value, row.device.name});
            }
            return error;
        }
        const Page<Firmware> firmwares =
            work.firmwares().page(of_product(id, references_shown_max));
        if (!firmwares.rows.empty()) {
            Error error =
                Error::of(ErrorCode::referenced,
                          text("存在关联固件,无法删除!",
                               "firmwares of this product exist, so it cannot be deleted"));
            for (const Firmware& firmware : firmwares.rows) {
                error.references.push_back(
                    {id.value, "firmware", firmware.id.value, firmware.name});
            }
            return error;
        }
        work.products().remove(id);
        AuditNote note(by);
        note.removed(*product);
        note.write(work);
        return *std::move(product);
    });
}

}  // namespace updraft
