#include "storage/sql/json_columns.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {
namespace {

constexpr std::string_view columns =
    "t.id, t.name, t.description, t.type, t.enabled, t.configuration, t.transports, "
    "t.creator_id, t.created_at, t.script, t.config_keys";

ProtocolPackage read_package(Rows& rows) {
    ProtocolPackage package;
    package.id = rows.id<ProtocolId>();
    package.name = rows.text();
    package.description = rows.text();
    package.type = rows.text();
    package.enabled = rows.flag();
    package.configuration = map_from(rows.text());
    package.transports = transports_from(rows.text());
    package.creator = rows.id<UserId>();
    package.created_at = rows.time();
    package.script = rows.text();
    package.config_keys = config_keys_from(rows.text());
    return package;
}

class SqlProtocols final : public TableRepository<ProtocolPackages, ProtocolPackage> {
public:
    explicit SqlProtocols(Connection& db)
        : TableRepository(db, Selection{protocol_table(), columns}, read_package) {}

    [[nodiscard]] std::optional<ProtocolPackage> find(const ProtocolId& id) const override {
        Rows rows = db_.query(
            "SELECT id, name, description, type, enabled, configuration, transports, creator_id, "
            "created_at, script, config_keys FROM protocol_package WHERE id = ?",
            id);
        if (!rows.next()) {
            return std::nullopt;
        }
        return read_package(rows);
    }

    void add(const ProtocolPackage& p) override {
        db_.execute(
            "INSERT INTO protocol_package (id, name, description, type, enabled, configuration, "
            "transports, creator_id, created_at, script, config_keys) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            p.id, p.name, p.description, p.type, p.enabled, to_json(p.configuration),
            to_json(p.transports), p.creator, p.created_at, p.script, to_json(p.config_keys));
    }

    void update(const ProtocolPackage& p) override {
        db_.execute(
            "UPDATE protocol_package SET name = ?, description = ?, type = ?, enabled = ?, "
            "configuration = ?, transports = ?, creator_id = ?, created_at = ?, script = ?, "
            "config_keys = ? WHERE id = ?",
            p.name, p.description, p.type, p.enabled, to_json(p.configuration),
            to_json(p.transports), p.creator, p.created_at, p.script, to_json(p.config_keys), p.id);
    }

    void remove(const ProtocolId& id) override {
        db_.execute("DELETE FROM protocol_package WHERE id = ?", id);
    }
};

}  // namespace

std::unique_ptr<ProtocolPackages> make_protocols(Connection& db) {
    return std::make_unique<SqlProtocols>(db);
}

}  // namespace updraft::sql
