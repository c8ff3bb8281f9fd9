#include <fmt/format.h>

#include "storage/sql/repositories.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {
namespace {

constexpr std::string_view columns =
    "t.id, t.name, t.extension, t.size_bytes, t.md5, t.sha256, t.access_key, t.public_access, "
    "t.temporary, t.creator_id, t.created_at, t.sha1";

StoredFile read_file(Rows& rows) {
    StoredFile file;
    file.id = rows.id<FileId>();
    file.name = rows.text();
    file.extension = rows.text();
    file.size_bytes = rows.integer();
    file.md5 = rows.text();
    file.sha256 = rows.text();
    file.access_key = rows.text();
    file.public_access = rows.flag();
    file.temporary = rows.flag();
    file.creator = rows.id<UserId>();
    file.created_at = rows.time();
    file.sha1 = rows.text();
    return file;
}

class SqlFiles final : public TableRepository<StoredFiles, StoredFile> {
public:
    explicit SqlFiles(Connection& db)
        : TableRepository(db, Selection{file_table(), columns}, read_file) {}

    [[nodiscard]] std::optional<StoredFile> find(const FileId& id) const override {
        Rows rows = db_.query(
            "SELECT id, name, extension, size_bytes, md5, sha256, access_key, public_access, "
            "temporary, creator_id, created_at, sha1 FROM stored_file WHERE id = ?",
            id);
        if (!rows.next()) {
            return std::nullopt;
        }
        return read_file(rows);
    }

    [[nodiscard]] std::int64_t count_of_artifact(const std::string& sha256) const override {
        Rows rows = db_.query("SELECT count(*) FROM stored_file WHERE sha256 = ?", sha256);
        return rows.next() ? rows.integer() : 0;
    }

    void add(const StoredFile& f) override {
        db_.written().note(f.id);
        db_.execute(
            "INSERT INTO stored_file (id, name, extension, size_bytes, md5, sha256, access_key, "
            "public_access, temporary, creator_id, created_at, sha1) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            f.id, f.name, f.extension, f.size_bytes, f.md5, f.sha256, f.access_key, f.public_access,
            f.temporary, f.creator, f.created_at, f.sha1);
    }

    void update(const StoredFile& f) override {
        db_.written().note(f.id);
        db_.execute(
            "UPDATE stored_file SET name = ?, extension = ?, size_bytes = ?, md5 = ?, sha256 = ?, "
            "access_key = ?, public_access = ?, temporary = ?, creator_id = ?, created_at = ?, "
            "sha1 = ? WHERE id = ?",
            f.name, f.extension, f.size_bytes, f.md5, f.sha256, f.access_key, f.public_access,
            f.temporary, f.creator, f.created_at, f.sha1, f.id);
    }

    void remove(const FileId& id) override {
        db_.written().note(id);
        db_.execute("DELETE FROM stored_file WHERE id = ?", id);
    }

    [[nodiscard]] std::vector<StoredFile> without_sha1(std::size_t limit) const override {
        return read_all(db_.query(fmt::format("SELECT {} FROM stored_file t WHERE t.sha1 = '' "
                                              "ORDER BY t.id LIMIT ?",
                                              columns),
                                  limit));
    }

    [[nodiscard]] std::vector<StoredFile> unreferenced(Instant before,
                                                       std::size_t limit) const override {
        return read_all(db_.query(
            "SELECT t.id, t.name, t.extension, t.size_bytes, t.md5, t.sha256, t.access_key, "
            "t.public_access, t.temporary, t.creator_id, t.created_at, t.sha1 FROM stored_file t "
            "WHERE t.created_at < ? "
            "AND NOT EXISTS (SELECT 1 FROM firmware f WHERE f.file_id = t.id) "
            "AND NOT EXISTS (SELECT 1 FROM firmware_artifact a WHERE a.file_id = t.id) "
            "ORDER BY t.created_at, t.id LIMIT ?",
            before, limit));
    }
};

}  // namespace

std::unique_ptr<StoredFiles> make_files(Connection& db) {
    return std::make_unique<SqlFiles>(db);
}

}  // namespace updraft::sql
