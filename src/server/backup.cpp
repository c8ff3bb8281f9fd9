#include "server/backup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/ids.hpp"
#include "client/progress_bar.hpp"
#include "server/data_folder.hpp"
#include "server/folder_work.hpp"
#include "server/secret_keys.hpp"
#include "server/version.hpp"
#include "storage/artifacts/reread.hpp"
#include "storage/sql/migrations.hpp"
#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/sealing.hpp"
#include "storage/sqlite/snapshot.hpp"

namespace updraft::server {
namespace {

namespace fs = std::filesystem;
using File = BackupManifest::File;

/// A file may be deleted between the snapshot and the copy of its bytes; then a newer snapshot does
/// not name it any more.
constexpr int snapshots_max = 5;
constexpr std::int64_t spare_bytes = std::int64_t{16} << 20;  ///< for folders and small files

std::string readable(std::int64_t bytes) {
    return client::readable_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)));
}

/// True for a folder in which nothing but what a folder comes with lies.
bool is_empty_folder(const fs::path& path, const std::set<std::string>& allowed = {}) {
    if (!fs::is_directory(path)) {
        return false;
    }
    return std::ranges::none_of(fs::directory_iterator(path),
                                [&](const fs::directory_entry& entry) {
                                    const std::string name = entry.path().filename().string();
                                    return name != "lost+found" && !allowed.contains(name);
                                });
}

Result<BackupManifest> manifest_in(const fs::path& folder) {
    const std::optional<std::string> json = text_of(folder / BackupManifest::file);
    if (!json) {
        return Error::invalid(
            "from", text("{} 不是完整的备份: 缺少 {}", "{} is no whole backup: it has no {}",
                         folder.string(), BackupManifest::file));
    }
    return BackupManifest::parse(*json);
}

int newest_schema() {
    return sql::migrations().back().version;
}

int schema_version_of(sql::Connection& db) {
    sql::Rows rows = db.query("SELECT coalesce(max(version), 0) FROM schema_version");
    return rows.next() ? rows.number() : 0;
}

/// When the database was made, to the millisecond: kept by every backup and every restore.
std::string installation_of(sql::Connection& db) {
    sql::Rows rows = db.query("SELECT applied_at FROM schema_version ORDER BY version LIMIT 1");
    const DigestAlgorithms algorithms;
    return sha256_of(algorithms, "updraft " + std::to_string(rows.next() ? rows.integer() : 0))
        .substr(0, 32);
}

std::vector<File> artifacts_named_by(sql::Connection& db) {
    std::vector<File> files;
    sql::Rows rows =
        db.query("SELECT sha256, max(size_bytes) FROM stored_file GROUP BY sha256 ORDER BY sha256");
    while (rows.next()) {
        std::string sha256 = rows.text();
        files.push_back({std::move(sha256), rows.integer()});
    }
    return files;
}

std::map<std::string, std::int64_t> count_rows(sql::Connection& db) {
    std::vector<std::string> tables;
    {
        sql::Rows rows = db.query(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
        while (rows.next()) {
            tables.push_back(rows.text());
        }
    }
    std::map<std::string, std::int64_t> counts;
    for (const std::string& table : tables) {
        sql::Rows rows = db.query("SELECT count(*) FROM \"" + table + "\"");
        counts[table] = rows.next() ? rows.integer() : 0;
    }
    return counts;
}

sqlite::ConnectionOptions reading(const fs::path& database) {
    sqlite::ConnectionOptions options;
    options.path = database.string();
    options.access = sqlite::Access::read_only;
    return options;
}

class Backup {
public:
    explicit Backup(const BackupOptions& options)
        : options_(options),
          database_(options.data / BackupManifest::database_file),
          pacer_(options.bytes_per_second) {}

    Result<BackupOutcome> run() {
        UPDRAFT_CHECK(check_places());
        live_.emplace(reading(database_));
        UPDRAFT_CHECK(check_live());
        const fs::path target = fs::absolute(options_.to).lexically_normal();
        const fs::path parent = (target / "").parent_path().parent_path();
        fs::create_directories(parent);
        UnfinishedFolder folder(
            parent / fmt::format("{}.partial-{}", (target / "").parent_path().filename().string(),
                                 random_hex(4)));
        folder_ = folder.path();
        // Most artifacts first: they take long, and the less happens between snapshot and end.
        for (const File& artifact : artifacts_named_by(*live_)) {
            (void)take(artifact);
        }
        UPDRAFT_CHECK(take_snapshot());
        UPDRAFT_CHECK(take_key());
        write_rest();
        fs::rename(folder_, (target / "").parent_path());
        folder.keep();
        sync_folder(parent.string());
        return std::move(outcome_);
    }

private:
    Result<void> check_places() {
        if (!fs::is_regular_file(database_)) {
            return Error::invalid("data",
                                  text("{} 中没有数据库 {}", "there is no database in {}: {}",
                                       options_.data.string(), BackupManifest::database_file));
        }
        if (fs::exists(options_.to) && !is_empty_folder(options_.to)) {
            return Error::invalid("to", text("{} 已存在且不是空目录，请另选目标",
                                             "{} is there and no empty folder: choose another "
                                             "target",
                                             options_.to.string()));
        }
        struct stat target{};
        struct stat parent{};
        if (::stat(options_.to.c_str(), &target) == 0 &&
            ::stat((options_.to / "..").c_str(), &parent) == 0 && target.st_dev != parent.st_dev) {
            return Error::invalid(
                "to", text("{} 是挂载点，请指定其中的目录",
                           "{} is a mount point: name a folder in it", options_.to.string()));
        }
        return {};
    }

    Result<void> check_live() {
        if (const int schema = schema_version_of(*live_); schema > newest_schema()) {
            return Error::of(
                ErrorCode::conflict,
                text("数据库结构版本 {} 比本程序支持的 {} 新: 请用服务器所用的 Updraft 备份",
                     "the database has schema version {}, this program knows {}: take "
                     "the Updraft that the server runs",
                     schema, newest_schema()));
        }
        if (options_.base) {
            UPDRAFT_TRY(const BackupManifest base, manifest_in(*options_.base));
            if (base.installation != installation_of(*live_)) {
                return Error::invalid(
                    "base", text("{} 是另一套安装的备份", "{} is a backup of another installation",
                                 options_.base->string()));
            }
            for (const File& artifact : base.artifacts) {
                in_base_.insert(artifact.sha256);
            }
        }
        std::int64_t bytes = static_cast<std::int64_t>(fs::file_size(database_));
        std::error_code none;
        const std::uintmax_t log = fs::file_size(database_.string() + "-wal", none);
        bytes += none ? 0 : static_cast<std::int64_t>(log);
        total_bytes_ = bytes;
        bytes += spare_bytes;
        for (const File& artifact : artifacts_named_by(*live_)) {
            bytes += in_base_.contains(artifact.sha256) ? 0 : artifact.size_bytes;
            total_bytes_ += artifact.size_bytes;
        }
        if (const std::int64_t room = free_bytes(options_.to); room < bytes) {
            return Error::of(ErrorCode::storage_full,
                             text("{} 处需要 {}，只剩 {}", "{} needs {}, only {} are free",
                                  options_.to.string(), readable(bytes), readable(room)));
        }
        return {};
    }

    void advance(std::int64_t bytes) {
        done_bytes_ += bytes;
        options_.progress(std::min(done_bytes_, total_bytes_), total_bytes_);
        pacer_.wait(bytes);
    }

    enum class Taken : std::uint8_t { yes, missing, damaged };

    /// Links the artifact out of the base, or copies it; what is there already stays.
    Taken take(const File& artifact) {
        if (taken_.contains(artifact.sha256)) {
            return Taken::yes;
        }
        const fs::path to = folder_ / artifact_path(artifact.sha256);
        fs::create_directories(to.parent_path());
        const auto pace = [this](std::size_t bytes) { advance(static_cast<std::int64_t>(bytes)); };
        if (link_from_base(artifact, to, pace)) {
            outcome_.linked_bytes += artifact.size_bytes;
            taken_.insert(artifact.sha256);
            return Taken::yes;
        }
        const auto from =
            open_past_cache((options_.data / artifact_path(artifact.sha256)).string());
        if (!from) {
            const bool damaged = fs::exists(options_.data / "damaged" / artifact.sha256);
            return damaged ? Taken::damaged : Taken::missing;
        }
        RereadFile copy;
        try {
            copy = copy_file(algorithms_, *from, to.string(), pace);
        } catch (const StorageError&) {
            if (is_readable(*from)) {
                throw;  // it is the target that fails
            }
        }
        if (copy.sha256 != artifact.sha256) {
            remove_file(to.string());
            return Taken::damaged;
        }
        outcome_.copied_bytes += copy.size_bytes;
        taken_.insert(artifact.sha256);
        return Taken::yes;
    }

    /// One artifact that the disk does not give any more must not be the end of all backups.
    [[nodiscard]] bool is_readable(const OpenFile& file) const {
        try {
            (void)reread(algorithms_, file, [](std::size_t) {});
            return true;
        } catch (const StorageError&) {
            return false;
        }
    }

    /// The base is read again: a backup must not inherit what has rotted in the one before.
    bool link_from_base(const File& artifact, const fs::path& to, const Pace& pace) {
        if (!in_base_.contains(artifact.sha256)) {
            return false;
        }
        const fs::path from = *options_.base / artifact_path(artifact.sha256);
        const auto file = open_past_cache(from.string());
        try {
            if (!file || reread(algorithms_, *file, pace).sha256 != artifact.sha256) {
                return false;
            }
        } catch (const StorageError&) {
            return false;  // the data folder may still have it
        }
        return ::link(from.c_str(), to.c_str()) == 0;
    }

    Result<void> take_snapshot() {
        const fs::path snapshot = folder_ / BackupManifest::database_file;
        for (int attempt = 1;; ++attempt) {
            std::int64_t told = 0;
            sqlite::copy_snapshot(database_.string(), snapshot.string(),
                                  [&](std::int64_t done, std::int64_t) {
                                      advance(done - told);
                                      told = done;
                                  });
            UPDRAFT_CHECK(read_snapshot(snapshot));
            if (take_all_named() || attempt == snapshots_max) {
                break;
            }
            remove_file(snapshot.string());
        }
        const OpenFile file(snapshot.string(), O_RDONLY);
        const RereadFile database = reread(algorithms_, file, [](std::size_t) {});
        outcome_.manifest.database = {database.sha256, database.size_bytes};
        return {};
    }

    Result<void> read_snapshot(const fs::path& snapshot) {
        sqlite::ConnectionOptions options;
        options.path = snapshot.string();
        options.durable = false;
        sqlite::SqliteConnection db(options);
        {
            sql::Rows rows = db.query("PRAGMA quick_check(1)");
            const std::string finding = rows.next() ? rows.text() : "";
            if (finding != "ok") {
                return Error::of(ErrorCode::conflict,
                                 text("数据库已损坏 ({})，未生成备份；请运行 updraft doctor",
                                      "the database is damaged ({}), there is no backup of it: run "
                                      "`updraft doctor`",
                                      finding));
            }
        }
        BackupManifest& manifest = outcome_.manifest;
        manifest.version = version;
        manifest.created_at = SystemClock().now();
        manifest.schema_version = schema_version_of(db);
        manifest.installation = installation_of(db);
        manifest.rows = count_rows(db);
        manifest.artifacts = artifacts_named_by(db);
        manifest.key_ids = sqlite::key_ids_of(db);
        db.run_script("PRAGMA journal_mode=DELETE");
        return {};
    }

    /// False if an artifact is gone because its file was deleted meanwhile.
    bool take_all_named() {
        std::vector<File>& named = outcome_.manifest.artifacts;
        outcome_.manifest.lost.clear();
        bool again = false;
        std::erase_if(named, [&](const File& artifact) {
            const Taken taken = take(artifact);
            if (taken == Taken::yes) {
                return false;
            }
            sql::Rows rows =
                live_->query("SELECT 1 FROM stored_file WHERE sha256 = ?", artifact.sha256);
            again = again || !rows.next();
            outcome_.manifest.lost.push_back(
                {artifact.sha256, taken == Taken::missing ? "missing" : "damaged"});
            return true;
        });
        return !again;
    }

    /// The key of the snapshot's secrets, unless it is to be kept apart. After the snapshot: a key
    /// that was changed in between is found out.
    Result<void> take_key() {
        BackupManifest& manifest = outcome_.manifest;
        if (manifest.key_ids.empty()) {
            return {};
        }
        const SecretKeyPlace place = SecretKeyPlace::of(options_.data, options_.key_file);
        if (place.configured || options_.without_key) {
            manifest.key_place = place.configured ? BackupManifest::KeyPlace::outside
                                                  : BackupManifest::KeyPlace::left_out;
            return {};
        }
        UPDRAFT_TRY(const auto keys, read_secret_keys(place.file));
        UPDRAFT_CHECK(check_keys(place.file, keys, manifest.key_ids));
        const fs::path copy = folder_ / BackupManifest::key_file;
        write_secret_keys(copy, keys);
        const OpenFile file(copy.string(), O_RDONLY);
        const RereadFile written = reread(algorithms_, file, [](std::size_t) {});
        manifest.key = {written.sha256, written.size_bytes};
        manifest.key_place = BackupManifest::KeyPlace::here;
        return {};
    }

    /// What was taken of files that the snapshot does not name goes; then all that describes it.
    void write_rest() {
        BackupManifest& manifest = outcome_.manifest;
        for (const File& artifact : manifest.artifacts) {
            taken_.erase(artifact.sha256);
        }
        for (const std::string& sha256 : taken_) {
            remove_file((folder_ / artifact_path(sha256)).string());
        }
        write_synced(folder_ / BackupManifest::settings_file, options_.settings);
        manifest.settings = {sha256_of(algorithms_, options_.settings),
                             static_cast<std::int64_t>(options_.settings.size())};
        const std::string json = manifest.to_json();
        std::string sums = fmt::format("{}  {}\n{}  {}\n{}  {}\n", sha256_of(algorithms_, json),
                                       BackupManifest::file, manifest.database.sha256,
                                       BackupManifest::database_file, manifest.settings.sha256,
                                       BackupManifest::settings_file);
        if (manifest.key_place == BackupManifest::KeyPlace::here) {
            sums += fmt::format("{}  {}\n", manifest.key.sha256, BackupManifest::key_file);
        }
        for (const File& artifact : manifest.artifacts) {
            sums += fmt::format("{}  {}\n", artifact.sha256, artifact_path(artifact.sha256));
        }
        write_synced(folder_ / BackupManifest::sums_file, sums);
        write_synced(folder_ / BackupManifest::file, json);
        sync_folders(folder_);
        options_.progress(total_bytes_, total_bytes_);
    }

    const BackupOptions& options_;
    const fs::path database_;
    const DigestAlgorithms algorithms_;
    Pacer pacer_;
    std::optional<sqlite::SqliteConnection> live_;
    fs::path folder_;
    std::set<std::string> in_base_;
    std::set<std::string> taken_;
    BackupOutcome outcome_;
    std::int64_t done_bytes_ = 0;
    std::int64_t total_bytes_ = 0;
};

class Restore {
public:
    explicit Restore(const RestoreOptions& options)
        : options_(options), pacer_(options.bytes_per_second) {}

    Result<RestoreOutcome> run() {
        UPDRAFT_TRY(outcome_.manifest, manifest_in(options_.from));
        UPDRAFT_CHECK(check_versions());
        list_files();
        UPDRAFT_CHECK(check_files());
        UPDRAFT_CHECK(check_key());
        if (fs::exists(options_.data) && !options_.force &&
            !is_empty_folder(options_.data, {"lock"})) {
            return Error::invalid(
                "data", text("{} 不是空目录；--force 会先把其中的内容移到一边",
                             "{} is no empty folder; --force moves what is in it aside first",
                             options_.data.string()));
        }
        if (const std::int64_t room = free_bytes(options_.data); room < bytes_ + spare_bytes) {
            return Error::of(
                ErrorCode::storage_full,
                text("{} 处需要 {}，只剩 {}", "{} needs {}, only {} are free",
                     options_.data.string(), readable(bytes_ + spare_bytes), readable(room)));
        }
        const DataFolder data(options_.data.string());  // no server, from here to the end
        UnfinishedFolder folder(options_.data / ("restoring-" + random_hex(4)));
        UPDRAFT_CHECK(copy_into(folder.path()));
        if (!is_empty_folder(options_.data, {"lock", folder.path().filename().string()})) {
            move_aside(folder.path().filename().string());
        }
        give_to_owner(folder.path());
        // Without its database the folder is no server's yet: it comes last.
        if (fs::exists(folder.path() / "artifacts")) {
            fs::rename(folder.path() / "artifacts", options_.data / "artifacts");
        }
        if (fs::exists(folder.path() / BackupManifest::key_file)) {
            fs::rename(folder.path() / BackupManifest::key_file,
                       options_.data / BackupManifest::key_file);
        }
        sync_folder(options_.data.string());
        fs::rename(folder.path() / BackupManifest::database_file,
                   options_.data / BackupManifest::database_file);
        sync_folder(options_.data.string());
        return std::move(outcome_);
    }

private:
    Result<void> check_versions() {
        if (outcome_.manifest.schema_version > newest_schema()) {
            return Error::of(
                ErrorCode::conflict,
                text("备份的数据库结构版本 {} 比本程序支持的 {} 新: 请用 Updraft {} 恢复",
                     "the backup has schema version {}, this program knows {}: take Updraft {}",
                     outcome_.manifest.schema_version, newest_schema(), outcome_.manifest.version));
        }
        return {};
    }

    void list_files() {
        const BackupManifest& manifest = outcome_.manifest;
        files_.emplace_back(std::string(BackupManifest::database_file), manifest.database);
        if (manifest.key_place == BackupManifest::KeyPlace::here) {
            files_.emplace_back(std::string(BackupManifest::key_file), manifest.key);
        }
        for (const File& artifact : manifest.artifacts) {
            files_.emplace_back(artifact_path(artifact.sha256), artifact);
        }
        for (const auto& [name, file] : files_) {
            bytes_ += file.size_bytes;
        }
    }

    void advance(std::int64_t bytes) {
        done_bytes_ += bytes;
        options_.progress(std::min(done_bytes_, 2 * bytes_), 2 * bytes_);
        pacer_.wait(bytes);
    }

    static Error altered(const fs::path& path, bool missing) {
        return missing
                   ? Error::of(ErrorCode::conflict,
                               text("备份不完整: 缺少 {}", "the backup is not whole: {} is missing",
                                    path.string()))
                   : Error::of(ErrorCode::conflict,
                               text("备份已损坏: {} 与清单中的摘要不符",
                                    "the backup is damaged: {} does not match its digest in the "
                                    "manifest",
                                    path.string()));
    }

    Result<void> check_files() {
        for (const auto& [name, expected] : files_) {
            const fs::path path = options_.from / name;
            const auto file = open_past_cache(path.string());
            if (!file) {
                return altered(path, true);
            }
            const RereadFile found = reread(algorithms_, *file, [this](std::size_t bytes) {
                advance(static_cast<std::int64_t>(bytes));
            });
            if (found.sha256 != expected.sha256 || found.size_bytes != expected.size_bytes) {
                return altered(path, false);
            }
        }
        return {};
    }

    /// Without the right key the devices' secrets would be lost: asked before anything is changed.
    Result<void> check_key() {
        const BackupManifest& manifest = outcome_.manifest;
        const bool here = manifest.key_place == BackupManifest::KeyPlace::here;
        if (manifest.key_ids.empty() || (here && !options_.key_file)) {
            return {};
        }
        if (!options_.key_file) {
            return Error::invalid(
                "key-file", text("备份中没有密钥: 用 --key-file 指定密钥 {} 的文件",
                                 "the backup has no key for its secrets: name the file of key {} "
                                 "with --key-file",
                                 manifest.key_ids.front()));
        }
        UPDRAFT_TRY(keys_, read_secret_keys(*options_.key_file));
        return check_keys(*options_.key_file, keys_, manifest.key_ids);
    }

    Result<void> copy_into(const fs::path& folder) {
        for (const auto& [name, expected] : files_) {
            const fs::path path = options_.from / name;
            const auto from = open_past_cache(path.string());
            if (!from) {
                return altered(path, true);
            }
            make_folders_for(folder, name);
            const RereadFile copy =
                copy_file(algorithms_, *from, (folder / name).string(),
                          [this](std::size_t bytes) { advance(static_cast<std::int64_t>(bytes)); });
            if (copy.sha256 != expected.sha256) {
                return altered(path, false);
            }
        }
        // Where an operator keeps the key apart, it stays there.
        if (outcome_.manifest.key_place == BackupManifest::KeyPlace::left_out) {
            write_secret_keys(folder / BackupManifest::key_file, keys_);
        } else if (fs::exists(folder / BackupManifest::key_file)) {
            fs::permissions(folder / BackupManifest::key_file,
                            fs::perms::owner_read | fs::perms::owner_write);
        }
        sync_folders(folder);
        return {};
    }

    /// With the rights that the server gives its own.
    static void make_folders_for(const fs::path& folder, const std::string& name) {
        fs::path made = folder;
        for (const fs::path& part : fs::path(name).parent_path()) {
            made /= part;
            make_folder(made.string());
        }
    }

    void move_aside(const std::string& but) {
        const auto now = std::chrono::floor<seconds>(SystemClock().now());
        const fs::path aside =
            options_.data / fmt::format("before-restore-{}", now.time_since_epoch().count());
        make_folder(aside.string());
        for (const auto& entry : fs::directory_iterator(options_.data)) {
            const std::string name = entry.path().filename().string();
            if (name != "lock" && name != "lost+found" && name != but &&
                !name.starts_with("before-restore-")) {
                fs::rename(entry.path(), aside / name);
            }
        }
        outcome_.moved_to = aside;
    }

    /// An administrator restores for the user that the server runs as.
    void give_to_owner(const fs::path& folder) const {
        struct stat owner{};
        if (::geteuid() != 0 || ::stat(options_.data.c_str(), &owner) != 0) {
            return;
        }
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
            (void)!::lchown(entry.path().c_str(), owner.st_uid, owner.st_gid);
        }
        (void)!::lchown((options_.data / "lock").c_str(), owner.st_uid, owner.st_gid);
    }

    const RestoreOptions& options_;
    const DigestAlgorithms algorithms_;
    Pacer pacer_;
    RestoreOutcome outcome_;
    std::vector<std::pair<std::string, File>> files_;  ///< by path in the backup
    std::vector<SecretBox::Key> keys_;                 ///< of --key-file
    std::int64_t bytes_ = 0;
    std::int64_t done_bytes_ = 0;
};

}  // namespace

Result<BackupOutcome> make_backup(const BackupOptions& options) {
    return Backup(options).run();
}

Result<RestoreOutcome> restore_backup(const RestoreOptions& options) {
    return Restore(options).run();
}

}  // namespace updraft::server
