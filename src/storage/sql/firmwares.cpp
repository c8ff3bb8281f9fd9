#include "domain/names.hpp"
#include "storage/sql/json_columns.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {
namespace {

#define UPDRAFT_FIRMWARE_COLUMNS                                                              \
    "t.id, t.name, t.product_id, t.product_name, t.version, t.version_order, t.sign_method, " \
    "t.sign, t.url, t.file_id, t.size_bytes, t.properties, t.description, t.creator_id, "     \
    "t.creator_name, t.created_at, t.part"

Firmware read_firmware(Rows& rows) {
    Firmware firmware;
    firmware.id = rows.id<FirmwareId>();
    firmware.name = rows.text();
    firmware.product = rows.id<ProductId>();
    firmware.product_name = rows.text();
    firmware.version = rows.text();
    firmware.version_order = rows.number();
    firmware.sign_method = sign_method_named(rows.text()).value_or(SignMethod::sha256);
    firmware.sign = rows.text();
    firmware.url = rows.text();
    if (auto file = rows.optional_text()) {
        firmware.file = FileId{std::move(*file)};
    }
    firmware.size_bytes = rows.integer();
    firmware.properties = properties_from(rows.text());
    firmware.description = rows.text();
    firmware.creator = rows.id<UserId>();
    firmware.creator_name = rows.text();
    firmware.created_at = rows.time();
    firmware.part = rows.text();
    return firmware;
}

class SqlFirmwares final : public TableRepository<Firmwares, Firmware> {
public:
    explicit SqlFirmwares(Connection& db)
        : TableRepository(db, Selection{firmware_table(), UPDRAFT_FIRMWARE_COLUMNS},
                          read_firmware) {}

    [[nodiscard]] std::optional<Firmware> find(const FirmwareId& id) const override {
        return first(
            db_.query("SELECT " UPDRAFT_FIRMWARE_COLUMNS " FROM firmware t WHERE t.id = ?", id));
    }

    [[nodiscard]] std::optional<Firmware> find_by_order(const ProductId& product,
                                                        int version_order) const override {
        return first(db_.query("SELECT " UPDRAFT_FIRMWARE_COLUMNS
                               " FROM firmware t WHERE t.product_id = ? AND t.version_order = ?",
                               product, version_order));
    }

    [[nodiscard]] std::optional<Firmware> find_by_version(
        const ProductId& product, const std::string& version) const override {
        return first(db_.query("SELECT " UPDRAFT_FIRMWARE_COLUMNS
                               " FROM firmware t WHERE t.product_id = ? AND t.version = ?",
                               product, version));
    }

    [[nodiscard]] bool any_uses_file(const FileId& file) const override {
        Rows rows = db_.query(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM firmware WHERE file_id = ?) "
            "OR EXISTS (SELECT 1 FROM firmware_artifact WHERE file_id = ?)",
            file, file);
        return rows.next();
    }

    [[nodiscard]] std::optional<int> last_order_with_room(const ProductId& product,
                                                          int limit) const override {
        Rows rows = db_.query(
            "SELECT max(f.version_order) FROM firmware f "
            "WHERE f.product_id = ? AND f.version_order < ? AND NOT EXISTS (SELECT 1 "
            "FROM firmware n WHERE n.product_id = f.product_id "
            "AND n.version_order = f.version_order + 1)",
            product, limit);
        return rows.next() ? rows.optional_number() : std::nullopt;
    }

    void add(const Firmware& f) override {
        db_.written().note_everything();
        db_.execute(
            "INSERT INTO firmware (id, name, product_id, product_name, version, version_order, "
            "sign_method, sign, url, file_id, size_bytes, properties, description, creator_id, "
            "creator_name, created_at, part) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            f.id, f.name, f.product, f.product_name, f.version, f.version_order,
            name_of(*f.sign_method), f.sign, f.url, f.file, f.size_bytes, to_json(f.properties),
            f.description, f.creator, f.creator_name, f.created_at, f.part);
        put_artifacts(f);
    }

    void update(const Firmware& f) override {
        db_.written().note_everything();
        db_.execute(
            "UPDATE firmware SET name = ?, product_id = ?, product_name = ?, version = ?, "
            "version_order = ?, sign_method = ?, sign = ?, url = ?, file_id = ?, size_bytes = ?, "
            "properties = ?, description = ?, creator_id = ?, creator_name = ?, created_at = ?, "
            "part = ? WHERE id = ?",
            f.name, f.product, f.product_name, f.version, f.version_order, name_of(*f.sign_method),
            f.sign, f.url, f.file, f.size_bytes, to_json(f.properties), f.description, f.creator,
            f.creator_name, f.created_at, f.part, f.id);
        put_artifacts(f);
    }

    void remove(const FirmwareId& id) override {
        db_.written().note_everything();
        db_.execute("DELETE FROM firmware WHERE id = ?", id);
    }

private:
    /// One firmware with its further artifacts; those of a list come without them.
    [[nodiscard]] std::optional<Firmware> first(Rows rows) const {
        if (!rows.next()) {
            return std::nullopt;
        }
        Firmware firmware = read_firmware(rows);
        Rows artifacts = db_.query(
            "SELECT file_id, part, name, version FROM firmware_artifact "
            "WHERE firmware_id = ? ORDER BY position",
            firmware.id);
        while (artifacts.next()) {
            FirmwareArtifact artifact;
            artifact.file = artifacts.id<FileId>();
            artifact.part = artifacts.text();
            artifact.name = artifacts.text();
            artifact.version = artifacts.text();
            firmware.more_artifacts.push_back(std::move(artifact));
        }
        return firmware;
    }

    void put_artifacts(const Firmware& f) {
        db_.execute("DELETE FROM firmware_artifact WHERE firmware_id = ?", f.id);
        for (std::size_t i = 0; i < f.more_artifacts.size(); ++i) {
            const FirmwareArtifact& artifact = f.more_artifacts[i];
            db_.execute(
                "INSERT INTO firmware_artifact (firmware_id, position, file_id, part, name, "
                "version) VALUES (?, ?, ?, ?, ?, ?)",
                f.id, static_cast<std::int64_t>(i), artifact.file, artifact.part, artifact.name,
                artifact.version);
        }
    }
};

}  // namespace

std::unique_ptr<Firmwares> make_firmwares(Connection& db) {
    return std::make_unique<SqlFirmwares>(db);
}

}  // namespace updraft::sql
