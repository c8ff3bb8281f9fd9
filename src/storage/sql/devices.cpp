#include <boost/json/value.hpp>

#include "domain/names.hpp"
#include "storage/sql/counts.hpp"
#include "storage/sql/json_columns.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sql/secrets.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {
namespace {

#define UPDRAFT_DEVICE_COLUMNS                                                                 \
    "t.id, t.name, t.product_id, t.device_type, t.parent_id, t.description, t.configuration, " \
    "t.tags, t.state, t.address, t.online_at, t.offline_at, t.registered_at, "                 \
    "t.firmware_version, t.firmware_version_order, t.firmware_properties, "                    \
    "t.firmware_updated_at, t.creator_id, t.created_at, t.attributes"

constexpr std::string_view columns = UPDRAFT_DEVICE_COLUMNS ", coalesce(p.name, '')";

std::optional<FirmwareInfo> read_firmware(Rows& rows) {
    const auto version = rows.optional_text();
    FirmwareInfo info;
    info.version_order = rows.optional_number();
    const auto properties = rows.optional_text();
    const auto updated_at = rows.optional_time();
    if (!version) {
        return std::nullopt;
    }
    info.version = *version;
    info.properties = map_from(properties.value_or("{}"));
    info.updated_at = updated_at.value_or(Instant{});
    return info;
}

Device read_device(Rows& rows) {
    Device device;
    device.id = rows.id<DeviceId>();
    device.name = rows.text();
    device.product = rows.id<ProductId>();
    device.device_type = device_type_named(rows.text()).value_or(DeviceType::device);
    if (auto parent = rows.optional_text()) {
        device.parent = DeviceId{std::move(*parent)};
    }
    device.description = rows.text();
    device.configuration = read_configuration(rows, "device", device.id.value);
    device.tags = map_from(rows.text());
    device.state = device_state_named(rows.text()).value_or(DeviceState::not_active);
    device.address = rows.text();
    device.online_at = rows.optional_time();
    device.offline_at = rows.optional_time();
    device.registered_at = rows.optional_time();
    device.firmware = read_firmware(rows);
    device.creator = rows.id<UserId>();
    device.created_at = rows.time();
    device.attributes = map_from(rows.text());
    return device;
}

DeviceRow read_row(Rows& rows) {
    DeviceRow row{read_device(rows), {}};
    row.product_name = rows.text();
    return row;
}

/// The four columns behind what a device said about its software.
struct FirmwareColumns {
    std::optional<std::string> version;
    std::optional<int> order;
    std::optional<std::string> properties;
    std::optional<Instant> updated_at;

    explicit FirmwareColumns(const std::optional<FirmwareInfo>& info) {
        if (info) {
            version = info->version;
            order = info->version_order;
            properties = to_json(info->properties);
            updated_at = info->updated_at;
        }
    }
};

class SqlDevices final : public TableRepository<Devices, DeviceRow> {
public:
    explicit SqlDevices(Connection& db)
        : TableRepository(db, Selection{device_table(), columns, 1U}, read_row) {}

    [[nodiscard]] std::optional<Device> find(const DeviceId& id) const override {
        Rows rows = db_.query("SELECT " UPDRAFT_DEVICE_COLUMNS " FROM device t WHERE t.id = ?", id);
        if (!rows.next()) {
            return std::nullopt;
        }
        return read_device(rows);
    }

    [[nodiscard]] std::vector<Device> children_of(const DeviceId& gateway) const override {
        Rows rows = db_.query("SELECT " UPDRAFT_DEVICE_COLUMNS
                              " FROM device t WHERE t.parent_id = ? ORDER BY t.seq",
                              gateway);
        std::vector<Device> children;
        while (rows.next()) {
            children.push_back(read_device(rows));
        }
        return children;
    }

    [[nodiscard]] std::int64_t count_of(const ProductId& product) const override {
        return device_count_of(db_, product);
    }

    [[nodiscard]] DeviceTotals totals() const override { return device_totals(db_); }

    [[nodiscard]] std::vector<ProductVersions> largest_products(
        std::size_t products_max, std::size_t versions_max) const override {
        return sql::largest_products(db_, products_max, versions_max);
    }

    void add(const Device& d) override {
        db_.written().note(d.id);
        const FirmwareColumns firmware(d.firmware);
        db_.execute(
            "INSERT INTO device (seq, id, name, product_id, device_type, parent_id, description, "
            "configuration, tags, state, address, online_at, offline_at, registered_at, "
            "firmware_version, firmware_version_order, firmware_properties, firmware_updated_at, "
            "creator_id, created_at, attributes) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            next_sequence(), d.id, d.name, d.product, name_of(d.device_type), d.parent,
            d.description, sealed_configuration(db_, "device", d.id.value, d.configuration),
            to_json(d.tags), name_of(d.state), d.address, d.online_at, d.offline_at,
            d.registered_at, firmware.version, firmware.order, firmware.properties,
            firmware.updated_at, d.creator, d.created_at, to_json(d.attributes));
        add_tags(d);
        DeviceCountChanges counts;
        counts.add({d.product.value, firmware.version.value_or(""), std::string(name_of(d.state))});
        counts.store(db_);
    }

    void update(const Device& d) override {
        db_.written().note(d.id);
        const auto before = kind_of(db_, d.id);
        const FirmwareColumns firmware(d.firmware);
        const std::int64_t changed = db_.execute(
            "UPDATE device SET name = ?, product_id = ?, device_type = ?, parent_id = ?, "
            "description = ?, configuration = ?, tags = ?, registered_at = ?, "
            "firmware_version = ?, firmware_version_order = ?, firmware_properties = ?, "
            "firmware_updated_at = ?, creator_id = ?, created_at = ? WHERE id = ?",
            d.name, d.product, name_of(d.device_type), d.parent, d.description,
            sealed_configuration(db_, "device", d.id.value, d.configuration), to_json(d.tags),
            d.registered_at, firmware.version, firmware.order, firmware.properties,
            firmware.updated_at, d.creator, d.created_at, d.id);
        if (changed > 0) {
            db_.execute("DELETE FROM device_tag WHERE device_id = ?", d.id);
            add_tags(d);
        }
        if (before && before->product != d.product.value) {
            // Its own credentials move with it: the old product's deletion must not take them.
            db_.execute("UPDATE device_credential SET product_id = ? WHERE device_id = ?",
                        d.product, d.id);
        }
        move_count(before, d.id);
    }

    void remove(const DeviceId& id) override {
        db_.written().note(id);
        const auto before = kind_of(db_, id);
        db_.execute("DELETE FROM device WHERE id = ?", id);
        move_count(before, id);
    }

    void set_state(const DeviceId& id, DeviceState state) override {
        db_.written().note(id);
        const auto before = kind_of(db_, id);
        db_.execute("UPDATE device SET state = ? WHERE id = ?", name_of(state), id);
        move_count(before, id);
    }

    void set_attributes(const DeviceId& id,
                        const std::map<std::string, std::string>& attributes) override {
        db_.written().note(id);
        db_.execute("UPDATE device SET attributes = ? WHERE id = ?", to_json(attributes), id);
    }

    void set_firmware(const DeviceId& id, const FirmwareInfo& info) override {
        db_.written().note(id);
        const auto before = kind_of(db_, id);
        db_.execute(
            "UPDATE device SET firmware_version = ?, firmware_version_order = ?, "
            "firmware_properties = ?, firmware_updated_at = ? WHERE id = ?",
            info.version, info.version_order, to_json(info.properties), info.updated_at, id);
        move_count(before, id);
    }

    void apply_presence(const std::vector<PresenceChange>& changes) override {
        DeviceCountChanges counts;
        for (const PresenceChange& change : changes) {
            db_.written().note(change.device);
            const auto before = kind_of(db_, change.device);
            if (!before || before->state == name_of(DeviceState::not_active)) {
                continue;
            }
            DeviceKind after = *before;
            after.state = name_of(change.online ? DeviceState::online : DeviceState::offline);
            counts.move(*before, after);
            if (change.online) {
                db_.execute(
                    "UPDATE device SET state = 'online', online_at = ?, address = ? WHERE id = ?",
                    change.at, change.address, change.device);
            } else {
                db_.execute("UPDATE device SET state = 'offline', offline_at = ? WHERE id = ?",
                            change.at, change.device);
            }
        }
        counts.store(db_);
    }

    void all_offline(Instant at) override {
        db_.written().note_everything();
        db_.execute("UPDATE device SET state = 'offline', offline_at = ? WHERE state = 'online'",
                    at);
        count_all_offline(db_);
    }

    [[nodiscard]] Result<void> check_terms(const std::vector<Term>& terms) const override {
        UPDRAFT_CHECK(render_terms(device_table(), terms, UnknownTerms::refuse, db_));
        return {};
    }

private:
    /// Counts the device as what it has become since it was `before`.
    void move_count(const std::optional<DeviceKind>& before, const DeviceId& id) {
        const auto after = kind_of(db_, id);
        DeviceCountChanges counts;
        if (before) {
            counts.remove(*before);
        }
        if (after) {
            counts.add(*after);
        }
        counts.store(db_);
    }

    /// Creation order; a number is never used twice, even after the newest device was removed.
    std::int64_t next_sequence() {
        Rows rows = db_.query(
            "UPDATE sequence SET value = value + 1 WHERE name = 'device' RETURNING value");
        if (!rows.next()) {
            throw StorageError(StorageError::Cause::broken, "the device sequence is missing");
        }
        const std::int64_t sequence = rows.integer();
        while (rows.next()) {
        }
        return sequence;
    }

    void add_tags(const Device& device) {
        for (const auto& [tag, value] : device.tags) {
            db_.execute("INSERT INTO device_tag (device_id, tag, value) VALUES (?, ?, ?)",
                        device.id, tag, value);
        }
    }
};

}  // namespace

std::unique_ptr<Devices> make_devices(Connection& db) {
    return std::make_unique<SqlDevices>(db);
}

}  // namespace updraft::sql
