#include "storage/sql/repositories.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {
namespace {

DeviceLogEntry read_entry(Rows& rows) {
    DeviceLogEntry entry;
    entry.id = std::to_string(rows.integer());
    entry.device = rows.id<DeviceId>();
    entry.type = rows.text();
    entry.at = rows.time();
    entry.content = rows.text();
    if (const auto record = rows.optional_integer()) {
        entry.record = RecordId{std::to_string(*record)};
    }
    return entry;
}

class SqlDeviceLogs final : public TableRepository<DeviceLogs, DeviceLogEntry> {
public:
    explicit SqlDeviceLogs(Connection& db)
        : TableRepository(db,
                          Selection{device_log_table(),
                                    "t.id, t.device_id, t.type, t.at, t.content, t.record_id"},
                          read_entry) {}

    void add(const DeviceLogEntry& entry) override {
        std::optional<std::int64_t> record;
        if (entry.record) {
            record = number_of_id(entry.record->value);
        }
        db_.execute(
            "INSERT INTO device_log (id, device_id, type, at, content, record_id) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            number_of_id(entry.id), entry.device, entry.type, entry.at, entry.content, record);
    }

    std::int64_t prune(Instant before, std::int64_t limit) override {
        // Ids increase with time, so only the first `limit` rows need a look.
        return db_.execute(
            "DELETE FROM device_log WHERE id IN (SELECT o.id FROM "
            "(SELECT id, at FROM device_log ORDER BY id LIMIT ?) o WHERE o.at < ?)",
            limit, before);
    }
};

}  // namespace

std::unique_ptr<DeviceLogs> make_device_logs(Connection& db) {
    return std::make_unique<SqlDeviceLogs>(db);
}

}  // namespace updraft::sql
