#include <limits>

#include "app/log_types.hpp"
#include "domain/names.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {
namespace {

#define UPDRAFT_LOG_COLUMNS                                                                     \
    "t.id, t.device_id, t.type, t.at, t.content, t.record_id, t.state, t.attempt, t.progress, " \
    "t.reason"

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
    const std::optional<std::string> state = rows.optional_text();
    const std::optional<int> attempt = rows.optional_number();
    const std::optional<int> progress = rows.optional_number();
    const std::optional<std::string> reason = rows.optional_text();
    if (attempt) {
        entry.step = RecordStep{state ? record_state_named(*state) : std::nullopt, *attempt,
                                progress.value_or(0), reason.value_or("")};
    }
    return entry;
}

std::int64_t millis_or_for_ever(const std::optional<Instant>& time) {
    return time ? to_millis(*time) : std::numeric_limits<std::int64_t>::max();
}

class SqlDeviceLogs final : public TableRepository<DeviceLogs, DeviceLogEntry> {
public:
    explicit SqlDeviceLogs(Connection& db)
        : TableRepository(db, Selection{device_log_table(), UPDRAFT_LOG_COLUMNS}, read_entry) {}

    [[nodiscard]] std::vector<DeviceLogEntry> of_record(const RecordId& record,
                                                        std::size_t limit) const override {
        return read_all(db_.query("SELECT " UPDRAFT_LOG_COLUMNS " FROM device_log t "
                                  "WHERE t.record_id = ? ORDER BY t.id DESC LIMIT ?",
                                  number_or_none(record.value), limit));
    }

    [[nodiscard]] std::vector<DeviceLogEntry> connections_of(const DeviceId& device, Instant from,
                                                             const std::optional<Instant>& to,
                                                             std::size_t limit) const override {
        return read_all(db_.query(
            "SELECT " UPDRAFT_LOG_COLUMNS
            " FROM device_log t WHERE t.device_id = ? AND t.at BETWEEN ? "
            "AND ? AND t.type IN (?, ?) ORDER BY t.at DESC, t.id DESC LIMIT ?",
            device, from, millis_or_for_ever(to), log_type::online, log_type::offline, limit));
    }

    [[nodiscard]] std::vector<DeviceLogEntry> of_device(const DeviceId& device,
                                                        const std::optional<Instant>& before,
                                                        std::size_t limit) const override {
        std::vector<DeviceLogEntry> lines = read_all(
            db_.query("SELECT " UPDRAFT_LOG_COLUMNS " FROM device_log t WHERE t.device_id = ? "
                      "AND t.at < ? ORDER BY t.at DESC, t.id DESC LIMIT ?",
                      device, millis_or_for_ever(before), limit));
        if (!lines.empty() && lines.size() == limit) {
            const DeviceLogEntry& last = lines.back();
            auto same_time = read_all(db_.query("SELECT " UPDRAFT_LOG_COLUMNS
                                                " FROM device_log t WHERE t.device_id = ? "
                                                "AND t.at = ? AND t.id < ? ORDER BY t.id DESC",
                                                device, last.at, number_of_id(last.id)));
            std::ranges::move(same_time, std::back_inserter(lines));
        }
        return lines;
    }

    void add(const DeviceLogEntry& entry) override {
        std::optional<std::int64_t> record;
        if (entry.record) {
            record = number_of_id(entry.record->value);
        }
        if (!entry.step) {
            db_.execute(
                "INSERT INTO device_log (id, device_id, type, at, content, record_id) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                number_of_id(entry.id), entry.device, entry.type, entry.at, entry.content, record);
            return;
        }
        const RecordStep& step = *entry.step;
        std::optional<std::string_view> state;
        if (step.state) {
            state = name_of(*step.state);
        }
        std::optional<std::string_view> reason;
        if (!step.error_reason.empty()) {
            reason = step.error_reason;
        }
        db_.execute(
            "INSERT INTO device_log (id, device_id, type, at, content, record_id, state, attempt, "
            "progress, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            number_of_id(entry.id), entry.device, entry.type, entry.at, entry.content, record,
            state, step.attempt, step.progress_percent, reason);
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
