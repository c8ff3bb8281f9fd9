#include "storage/sql/repositories.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {
namespace {

#define UPDRAFT_DDI_COLUMNS                                                                     \
    "number, record_id, attempt, task_id, device_id, confirmed, retrieved, closed, installed, " \
    "feedbacks, created_at"

DdiAction read_action(Rows& rows) {
    DdiAction action;
    action.number = rows.integer();
    action.record = rows.number_id<RecordId>();
    action.attempt = rows.number();
    action.task = rows.number_id<TaskId>();
    action.device = rows.id<DeviceId>();
    action.confirmed = rows.flag();
    action.retrieved = rows.flag();
    action.closed = rows.flag();
    action.installed = rows.flag();
    action.feedbacks = rows.number();
    action.created_at = rows.time();
    return action;
}

std::optional<DdiAction> first(Rows rows) {
    if (!rows.next()) {
        return std::nullopt;
    }
    return read_action(rows);
}

class SqlDdiActions final : public DdiActions {
public:
    explicit SqlDdiActions(Connection& db) : db_(db) {}

    [[nodiscard]] std::optional<DdiAction> find(std::int64_t number) const override {
        return first(
            db_.query("SELECT " UPDRAFT_DDI_COLUMNS " FROM ddi_action WHERE number = ?", number));
    }

    [[nodiscard]] std::optional<DdiAction> of_attempt(const RecordId& record,
                                                      int attempt) const override {
        return first(db_.query("SELECT " UPDRAFT_DDI_COLUMNS
                               " FROM ddi_action WHERE record_id = ? AND attempt = ?",
                               number_or_none(record.value), attempt));
    }

    [[nodiscard]] std::vector<DdiAction> open_of(const DeviceId& device) const override {
        Rows rows = db_.query("SELECT " UPDRAFT_DDI_COLUMNS
                              " FROM ddi_action WHERE device_id = ? AND closed = 0 "
                              "ORDER BY number",
                              device);
        std::vector<DdiAction> actions;
        while (rows.next()) {
            actions.push_back(read_action(rows));
        }
        return actions;
    }

    [[nodiscard]] std::optional<DdiAction> last_installed(const DeviceId& device) const override {
        return first(db_.query("SELECT " UPDRAFT_DDI_COLUMNS
                               " FROM ddi_action WHERE device_id = ? AND installed = 1 "
                               "ORDER BY number DESC LIMIT 1",
                               device));
    }

    std::int64_t add(const DdiAction& a) override {
        db_.written().note(a.device);
        db_.execute("UPDATE sequence SET value = value + 1 WHERE name = 'ddi_action'");
        Rows rows = db_.query("SELECT value FROM sequence WHERE name = 'ddi_action'");
        const std::int64_t number = rows.next() ? rows.integer() : 1;
        db_.execute("INSERT INTO ddi_action (" UPDRAFT_DDI_COLUMNS
                    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    number, number_or_none(a.record.value), a.attempt, number_or_none(a.task.value),
                    a.device, a.confirmed, a.retrieved, a.closed, a.installed, a.feedbacks,
                    a.created_at);
        return number;
    }

    void update(const DdiAction& a) override {
        db_.written().note(a.device);
        db_.execute(
            "UPDATE ddi_action SET confirmed = ?, retrieved = ?, closed = ?, installed = ?, "
            "feedbacks = ? WHERE number = ?",
            a.confirmed, a.retrieved, a.closed, a.installed, a.feedbacks, a.number);
    }

    [[nodiscard]] std::optional<DdiTarget> target(const DeviceId& device) const override {
        Rows rows = db_.query(
            "SELECT device_id, attributes_wanted, auto_confirm, auto_confirm_initiator, "
            "auto_confirm_remark, auto_confirm_at FROM ddi_target WHERE device_id = ?",
            device);
        if (!rows.next()) {
            return std::nullopt;
        }
        DdiTarget target;
        target.device = rows.id<DeviceId>();
        target.attributes_wanted = rows.flag();
        target.auto_confirm = rows.flag();
        target.auto_confirm_initiator = rows.text();
        target.auto_confirm_remark = rows.text();
        target.auto_confirm_at = rows.optional_time();
        return target;
    }

    void put_target(const DdiTarget& t) override {
        db_.written().note(t.device);
        db_.execute(
            "INSERT INTO ddi_target (device_id, attributes_wanted, auto_confirm, "
            "auto_confirm_initiator, auto_confirm_remark, auto_confirm_at) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (device_id) DO UPDATE SET "
            "attributes_wanted = excluded.attributes_wanted, auto_confirm = excluded.auto_confirm, "
            "auto_confirm_initiator = excluded.auto_confirm_initiator, "
            "auto_confirm_remark = excluded.auto_confirm_remark, "
            "auto_confirm_at = excluded.auto_confirm_at",
            t.device, t.attributes_wanted, t.auto_confirm, t.auto_confirm_initiator,
            t.auto_confirm_remark, t.auto_confirm_at);
    }

private:
    Connection& db_;
};

}  // namespace

std::unique_ptr<DdiActions> make_ddi_actions(Connection& db) {
    return std::make_unique<SqlDdiActions>(db);
}

}  // namespace updraft::sql
