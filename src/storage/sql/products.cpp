#include "domain/names.hpp"
#include "storage/sql/json_columns.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sql/secrets.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {
namespace {

constexpr std::string_view columns =
    "t.id, t.name, t.description, t.device_type, t.protocol_id, t.transport_protocol, t.access_id, "
    "t.access_provider, t.access_name, t.store_policy, t.configuration, t.metadata, t.enabled, "
    "t.creator_id, t.created_at, "
    "(SELECT count(*) FROM device d WHERE d.product_id = t.id) AS device_count";

Product read_product(Rows& rows) {
    Product product;
    product.id = rows.id<ProductId>();
    product.name = rows.text();
    product.description = rows.text();
    product.device_type = device_type_named(rows.text()).value_or(DeviceType::device);
    product.protocol = rows.id<ProtocolId>();
    product.transport_protocol = rows.text();
    product.access_id = rows.text();
    product.access_provider = rows.text();
    product.access_name = rows.text();
    product.store_policy = rows.text();
    product.configuration = read_configuration(rows, "product", product.id.value);
    product.metadata = rows.text();
    product.enabled = rows.flag();
    product.creator = rows.id<UserId>();
    product.created_at = rows.time();
    return product;
}

ProductRow read_row(Rows& rows) {
    ProductRow row{read_product(rows), 0};
    row.device_count = rows.integer();
    return row;
}

class SqlProducts final : public TableRepository<Products, ProductRow> {
public:
    explicit SqlProducts(Connection& db)
        : TableRepository(db, Selection{product_table(), columns}, read_row) {}

    [[nodiscard]] std::optional<Product> find(const ProductId& id) const override {
        Rows rows = db_.query(
            "SELECT id, name, description, device_type, protocol_id, transport_protocol, "
            "access_id, access_provider, access_name, store_policy, configuration, metadata, "
            "enabled, creator_id, created_at FROM product WHERE id = ?",
            id);
        if (!rows.next()) {
            return std::nullopt;
        }
        return read_product(rows);
    }

    void add(const Product& p) override {
        db_.written().note_everything();
        db_.execute(
            "INSERT INTO product (id, name, description, device_type, protocol_id, "
            "transport_protocol, access_id, access_provider, access_name, store_policy, "
            "configuration, metadata, enabled, creator_id, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            p.id, p.name, p.description, name_of(p.device_type), p.protocol, p.transport_protocol,
            p.access_id, p.access_provider, p.access_name, p.store_policy,
            sealed_configuration(db_, "product", p.id.value, p.configuration), p.metadata,
            p.enabled, p.creator, p.created_at);
    }

    void update(const Product& p) override {
        db_.written().note_everything();
        db_.execute(
            "UPDATE product SET name = ?, description = ?, device_type = ?, protocol_id = ?, "
            "transport_protocol = ?, access_id = ?, access_provider = ?, access_name = ?, "
            "store_policy = ?, configuration = ?, metadata = ?, enabled = ?, creator_id = ?, "
            "created_at = ? WHERE id = ?",
            p.name, p.description, name_of(p.device_type), p.protocol, p.transport_protocol,
            p.access_id, p.access_provider, p.access_name, p.store_policy,
            sealed_configuration(db_, "product", p.id.value, p.configuration), p.metadata,
            p.enabled, p.creator, p.created_at, p.id);
    }

    void remove(const ProductId& id) override {
        db_.written().note_everything();
        db_.execute("DELETE FROM product WHERE id = ?", id);
    }
};

}  // namespace

std::unique_ptr<Products> make_products(Connection& db) {
    return std::make_unique<SqlProducts>(db);
}

}  // namespace updraft::sql
