#include "app/audit_chain.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {
namespace {

#define UPDRAFT_AUDIT_COLUMNS                                                                     \
    "t.seq, t.at, t.user_id, t.username, t.via, t.token_name, t.address, t.proxy, t.user_agent, " \
    "t.action, t.object_type, t.object_id, t.object_name, t.outcome, t.error_code, "              \
    "t.before_json, "                                                                             \
    "t.after_json, t.hash"

AuditEntry read_entry(Rows& rows) {
    AuditEntry entry;
    entry.seq = rows.integer();
    entry.at = rows.time();
    entry.user = rows.id<UserId>();
    entry.username = rows.text();
    entry.via = audit_via_named(rows.text());
    entry.token_name = rows.text();
    entry.address = rows.text();
    entry.proxy = rows.text();
    entry.user_agent = rows.text();
    entry.action = rows.text();
    entry.object_type = rows.text();
    entry.object_id = rows.text();
    entry.object_name = rows.text();
    entry.outcome = audit_outcome_named(rows.text());
    entry.error_code = rows.text();
    entry.before = rows.text();
    entry.after = rows.text();
    entry.hash = rows.text();
    return entry;
}

class SqlAuditLog final : public TableRepository<AuditLog, AuditEntry> {
public:
    explicit SqlAuditLog(Connection& db)
        : TableRepository(db, Selection{audit_table(), UPDRAFT_AUDIT_COLUMNS}, read_entry) {}

    [[nodiscard]] std::optional<AuditEntry> find(std::int64_t seq) const override {
        Rows rows =
            db_.query("SELECT " UPDRAFT_AUDIT_COLUMNS " FROM audit_entry t WHERE t.seq = ?", seq);
        return rows.next() ? std::optional(read_entry(rows)) : std::nullopt;
    }

    [[nodiscard]] AuditHead head() const override {
        Rows rows =
            db_.query("SELECT seq, hash, anchor_seq, anchor_hash FROM audit_head WHERE id = 1");
        AuditHead head;
        if (rows.next()) {
            head.last = {rows.integer(), rows.text()};
            head.anchor = {rows.integer(), rows.text()};
        }
        return head;
    }

    void each_after(std::int64_t seq,
                    const std::function<bool(const AuditEntry&)>& use) const override {
        Rows rows = db_.query("SELECT " UPDRAFT_AUDIT_COLUMNS
                              " FROM audit_entry t WHERE t.seq > ? ORDER BY t.seq",
                              seq);
        while (rows.next()) {
            if (!use(read_entry(rows))) {
                return;
            }
        }
    }

    AuditEntry append(AuditEntry e) override {
        const std::string previous = lock_head(e);
        e.hash = chained_hash(previous, e);
        db_.execute(
            "INSERT INTO audit_entry (seq, at, user_id, username, via, token_name, address, proxy, "
            "user_agent, action, object_type, object_id, object_name, outcome, error_code, "
            "before_json, after_json, hash) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            e.seq, e.at, e.user, e.username, name_of(e.via), e.token_name, e.address, e.proxy,
            e.user_agent, e.action, e.object_type, e.object_id, e.object_name, name_of(e.outcome),
            e.error_code, e.before, e.after, e.hash);
        db_.execute("UPDATE audit_head SET hash = ? WHERE id = 1", e.hash);
        return e;
    }

    std::int64_t prune(Instant before, std::int64_t limit) override {
        const AuditHead ends = head();
        AuditLink last = ends.anchor;
        {
            // In the order of the chain, so that a clock that jumped never makes a gap. The last
            // entry of all stays: what follows is chained to it.
            Rows rows = db_.query(
                "SELECT seq, hash, at FROM audit_entry WHERE seq > ? AND seq < ? ORDER BY seq "
                "LIMIT ?",
                ends.anchor.seq, ends.last.seq, limit);
            while (rows.next()) {
                AuditLink link{rows.integer(), rows.text()};
                if (rows.time() >= before) {
                    break;
                }
                last = std::move(link);
            }
        }
        if (last.seq == ends.anchor.seq) {
            return 0;
        }
        db_.execute("UPDATE audit_head SET anchor_seq = ?, anchor_hash = ? WHERE id = 1", last.seq,
                    last.hash);
        return db_.execute("DELETE FROM audit_entry WHERE seq <= ?", last.seq);
    }

private:
    /// Gives the entry the next number and returns the hash before it. An update, because that
    /// locks the row until the transaction ends: with several nodes on one database entries still
    /// follow each other.
    std::string lock_head(AuditEntry& entry) {
        Rows rows =
            db_.query("UPDATE audit_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash");
        if (!rows.next()) {
            throw StorageError(StorageError::Cause::broken, "the audit log has lost its head");
        }
        entry.seq = rows.integer();
        std::string previous = rows.text();
        while (rows.next()) {
        }
        return previous;
    }
};

}  // namespace

std::unique_ptr<AuditLog> make_audit_log(Connection& db) {
    return std::make_unique<SqlAuditLog>(db);
}

}  // namespace updraft::sql
