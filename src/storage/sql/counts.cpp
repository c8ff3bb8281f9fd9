#include "storage/sql/counts.hpp"

#include "domain/names.hpp"

namespace updraft::sql {
namespace {

constexpr std::int64_t quarter_ms = 15 * 60 * 1'000;

/// The most frequent versions of a product; what is not among them goes into `other`.
void read_versions(Connection& db, ProductVersions& product, std::size_t versions_max) {
    Rows rows = db.query(
        "SELECT firmware_version, sum(devices) FROM device_count WHERE product_id = ? "
        "GROUP BY firmware_version ORDER BY 2 DESC, 1",
        product.product);
    while (rows.next()) {
        std::string version = rows.text();
        const std::int64_t devices = rows.integer();
        if (version.empty()) {
            product.unknown = devices;
        } else if (product.versions.size() < versions_max) {
            product.versions.push_back({std::move(version), devices});
        } else {
            product.other += devices;
        }
    }
}

}  // namespace

std::optional<DeviceKind> kind_of(Connection& db, const DeviceId& device) {
    Rows rows = db.query(
        "SELECT product_id, coalesce(firmware_version, ''), state FROM device WHERE id = ?",
        device);
    if (!rows.next()) {
        return std::nullopt;
    }
    DeviceKind kind;
    kind.product = rows.text();
    kind.version = rows.text();
    kind.state = rows.text();
    return kind;
}

void DeviceCountChanges::store(Connection& db) const {
    for (const auto& [kind, change] : changes_) {
        if (change == 0) {
            continue;
        }
        db.execute(
            "INSERT INTO device_count (product_id, firmware_version, state, devices) "
            "VALUES (?, ?, ?, ?) ON CONFLICT (product_id, firmware_version, state) "
            "DO UPDATE SET devices = device_count.devices + excluded.devices",
            kind.product, kind.version, kind.state, change);
        if (change < 0) {
            db.execute(
                "DELETE FROM device_count WHERE product_id = ? AND firmware_version = ? "
                "AND state = ? AND devices = 0",
                kind.product, kind.version, kind.state);
        }
    }
}

void count_all_offline(Connection& db) {
    db.execute(
        "INSERT INTO device_count (product_id, firmware_version, state, devices) "
        "SELECT product_id, firmware_version, 'offline', devices FROM device_count "
        "WHERE state = 'online' ON CONFLICT (product_id, firmware_version, state) "
        "DO UPDATE SET devices = device_count.devices + excluded.devices");
    db.execute("DELETE FROM device_count WHERE state = 'online'");
}

DeviceTotals device_totals(Connection& db) {
    Rows rows = db.query("SELECT state, sum(devices) FROM device_count GROUP BY state");
    DeviceTotals totals;
    while (rows.next()) {
        const auto state = device_state_named(rows.text());
        const std::int64_t devices = rows.integer();
        totals.online += state == DeviceState::online ? devices : 0;
        totals.offline += state == DeviceState::offline ? devices : 0;
        totals.not_active += state == DeviceState::not_active ? devices : 0;
    }
    return totals;
}

std::int64_t device_count_of(Connection& db, const ProductId& product) {
    Rows rows = db.query("SELECT coalesce(sum(devices), 0) FROM device_count WHERE product_id = ?",
                         product);
    return rows.next() ? rows.integer() : 0;
}

std::vector<ProductVersions> largest_products(Connection& db, std::size_t products_max,
                                              std::size_t versions_max) {
    std::vector<ProductVersions> products;
    {
        Rows rows = db.query(
            "SELECT p.id, p.name, coalesce(c.devices, 0) FROM product p LEFT JOIN "
            "(SELECT product_id, sum(devices) AS devices FROM device_count GROUP BY product_id) c "
            "ON c.product_id = p.id ORDER BY 3 DESC, p.id LIMIT ?",
            products_max);
        while (rows.next()) {
            ProductVersions& product = products.emplace_back();
            product.product = rows.id<ProductId>();
            product.name = rows.text();
            product.total = rows.integer();
        }
    }
    for (ProductVersions& product : products) {
        read_versions(db, product, versions_max);
    }
    return products;
}

void count_end(Connection& db, const UpgradeRecord& record) {
    const bool well = record.state == RecordState::success;
    if ((!well && record.state != RecordState::failed) || !record.completed_at) {
        return;
    }
    const std::int64_t at = to_millis(*record.completed_at);
    db.execute(
        "INSERT INTO ended_count (quarter_at, success, failed) VALUES (?, ?, ?) "
        "ON CONFLICT (quarter_at) DO UPDATE SET success = ended_count.success + excluded.success, "
        "failed = ended_count.failed + excluded.failed",
        at / quarter_ms * quarter_ms, well ? 1 : 0, well ? 0 : 1);
}

std::vector<EndedRecords> ended_since(Connection& db, Instant from) {
    Rows rows = db.query(
        "SELECT quarter_at, success, failed FROM ended_count WHERE quarter_at >= ? "
        "ORDER BY quarter_at",
        from);
    std::vector<EndedRecords> ended;
    while (rows.next()) {
        EndedRecords& quarter = ended.emplace_back();
        quarter.quarter_at = rows.time();
        quarter.success = rows.integer();
        quarter.failed = rows.integer();
    }
    return ended;
}

}  // namespace updraft::sql
