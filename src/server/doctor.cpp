#include "server/doctor.hpp"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "app/audit_chain.hpp"
#include "client/progress_bar.hpp"
#include "server/backup_manifest.hpp"
#include "server/data_folder.hpp"
#include "server/folder_work.hpp"
#include "server/secret_keys.hpp"
#include "storage/artifacts/artifact_files.hpp"
#include "storage/artifacts/artifact_folder.hpp"
#include "storage/artifacts/reread.hpp"
#include "storage/sql/consistency.hpp"
#include "storage/sql/migrations.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sql/secrets.hpp"
#include "storage/sqlite/connection.hpp"

namespace updraft::server {
namespace {

namespace fs = std::filesystem;
using sql::Flaw;

constexpr std::int64_t free_bytes_min = std::int64_t{256} << 20;
constexpr std::chrono::minutes clock_skew_max{10};
constexpr std::chrono::days certificate_warning{30};
constexpr std::int64_t oldest_clock_ms = 1'735'689'600'000;  ///< 2025: before this program was made

/// What a flaw of the rows means, and what to do about it.
struct FlawText {
    std::string code;
    Text what;
    Text todo;
    bool fixable;
};

const Text recount_todo{"停止服务器后运行 updraft doctor --fix 重新计数",
                        "stop the server and run `updraft doctor --fix`, which counts again"};

FlawText text_of_flaw(const sql::Inconsistency& flaw) {
    switch (flaw.flaw) {
        case Flaw::task_counter:
            return {"task-counter",
                    text("任务计数与记录不符: {}, 应为 {}",
                         "counters differ from the records: {} instead of {}", flaw.found,
                         flaw.expected),
                    recount_todo, true};
        case Flaw::task_failure:
            return {"failure-count",
                    text("失败原因计数为 {}, 应为 {}", "failures are counted as {} instead of {}",
                         flaw.found, flaw.expected),
                    recount_todo, true};
        case Flaw::record_texts:
            return {"record-texts",
                    text("可搜索的记录为 {}, 应为 {}",
                         "searches go through {} records instead of {}", flaw.found, flaw.expected),
                    recount_todo, true};
        case Flaw::device_count:
            return {"device-count",
                    text("设备计数为 {}, 应为 {}", "devices are counted as {} instead of {}",
                         flaw.found, flaw.expected),
                    recount_todo, true};
        case Flaw::device_sequence:
            return {"device-sequence",
                    text("设备序号 {} 落后于 {}", "the sequence is at {}, devices at {}",
                         flaw.found, flaw.expected),
                    recount_todo, true};
        case Flaw::record_without_task:
            return {"record-without-task",
                    text("{} 不存在", "its {} does not exist", flaw.found),
                    {"停止服务器后运行 updraft doctor --fix 删除该记录",
                     "stop the server and run `updraft doctor --fix`, which removes the record"},
                    true};
        case Flaw::processing_without_deadline:
            return {"stuck-record",
                    text("升级中却没有期限 ({})", "processing without a deadline ({})", flaw.found),
                    {"用 updraft record stop 停止, 再用 record retry 重试",
                     "end it with `updraft record stop`, then `updraft record retry`"},
                    false};
        case Flaw::upgrading_twice:
            return {"upgrading-twice",
                    text("同一设备有 {}", "one device has {} records", flaw.found),
                    {"停止其中较旧的记录: updraft record list --where 'deviceId = 设备ID'",
                     "stop the older ones: `updraft record list --where 'deviceId = ID'`"},
                    false};
        case Flaw::firmware_without_file:
            return {"firmware-without-file",
                    text("{} 不存在", "its {} does not exist", flaw.found),
                    {"重新上传固件文件并更新固件",
                     "upload the firmware's file again and update the firmware"},
                    false};
    }
    return {};
}

std::string mode_text(mode_t mode) {
    return fmt::format("{:04o}", mode & 07777U);
}

class Doctor {
public:
    Doctor(const Config& config, const DoctorOptions& options)
        : config_(config), options_(options), data_(config.data) {}

    Diagnosis run() {
        if (!fs::is_directory(data_)) {
            cannot(text("没有数据目录 {}: 用 --data 指定",
                        "there is no data folder {}: name it with --data", data_.string()));
            return std::move(diagnosis_);
        }
        if (options_.fix) {
            lock_.emplace(config_.data);
        }
        check_folder();
        check_room();
        check_certificate();
        if (check_database()) {
            check_artifacts();
            check_clock();
        }
        check_uploads();
        errors_first();
        return std::move(diagnosis_);
    }

private:
    void errors_first() {
        std::vector<Finding> sorted;
        for (const Severity severity : {Severity::error, Severity::warning}) {
            std::ranges::copy_if(diagnosis_.findings, std::back_inserter(sorted),
                                 [&](const Finding& each) { return each.severity == severity; });
        }
        diagnosis_.findings = std::move(sorted);
    }

    void cannot(Text text) { diagnosis_.not_checked.push_back(std::move(text)); }

    Finding& add(Finding finding) { return diagnosis_.findings.emplace_back(std::move(finding)); }

    // -- the machine --------------------------------------------------------------------------

    void check_folder() {
        struct stat folder{};
        if (::stat(data_.c_str(), &folder) == 0 && (folder.st_mode & 0002U) != 0) {
            add({Severity::error,
                 "folder-writable-by-all",
                 data_.string(),
                 text("任何用户都可写 (权限 {})", "every user may write here (mode {})",
                      mode_text(folder.st_mode)),
                 {"运行 chmod 0750", "run `chmod 0750` on it"}});
        }
        for (const char* name : {"", "updraft.db", "artifacts", "uploads"}) {
            const fs::path path = *name == '\0' ? data_ : data_ / name;
            if (fs::exists(path) && ::access(path.c_str(), R_OK | W_OK) != 0) {
                add({Severity::error,
                     "not-writable",
                     path.string(),
                     {"当前用户不可读写", "whoever runs this may not read and write it"},
                     {"以服务器的用户运行; 若仍有此提示, 用 chown 归还该用户",
                      "run this as the server's user; if it stays, give it back with chown"}});
            }
        }
        const fs::path database = data_ / BackupManifest::database_file;
        struct stat file{};
        if (::stat(database.c_str(), &file) == 0) {
            if ((file.st_mode & 0007U) != 0 && (folder.st_mode & 0001U) != 0) {
                add({Severity::warning,
                     "database-open-to-all",
                     database.string(),
                     text("其中有设备密钥, 而其他用户可以打开 (权限 {})",
                          "it holds devices' secrets and other users may open it (mode {})",
                          mode_text(file.st_mode)),
                     {"运行 chmod 0640, 并对数据目录运行 chmod 0750",
                      "run `chmod 0640` on it and `chmod 0750` on the data folder"}});
            }
            if (file.st_uid != folder.st_uid) {
                add({Severity::warning,
                     "other-owner",
                     database.string(),
                     {"所有者与数据目录不同", "its owner is not the data folder's"},
                     {"用 chown -R 统一所有者", "give all to one user with `chown -R`"}});
            }
        }
    }

    void check_room() {
        const std::int64_t room = free_bytes(data_);
        if (room < free_bytes_min) {
            add({Severity::error,
                 "disk-full",
                 data_.string(),
                 text("磁盘只剩 {}", "only {} are free",
                      client::readable_bytes(static_cast<std::uint64_t>(room))),
                 {"腾出空间, 或把数据目录移到更大的磁盘",
                  "make room, or move the data folder to a larger disk"}});
        }
    }

    void check_certificate() {
        if (config_.tls_certificate.empty()) {
            return;
        }
        const auto tell = [&](Severity severity, Text what) {
            add({severity,
                 "certificate",
                 config_.tls_certificate,
                 std::move(what),
                 {"换上新证书并重启服务器", "put a new certificate there and restart the server"}});
        };
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
            std::fopen(config_.tls_certificate.c_str(), "re"),
            [](std::FILE* open) { return open != nullptr ? std::fclose(open) : 0; });
        const std::unique_ptr<X509, void (*)(X509*)> certificate(
            file ? PEM_read_X509(file.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
        if (!certificate) {
            tell(Severity::error, {"无法读取证书", "the certificate cannot be read"});
            return;
        }
        int days = 0;
        int rest = 0;
        (void)ASN1_TIME_diff(&days, &rest, nullptr, X509_get0_notAfter(certificate.get()));
        if (days < 0 || rest < 0) {
            tell(Severity::error,
                 text("证书已过期 {} 天", "the certificate expired {} days ago", -days));
        } else if (days < certificate_warning.count()) {
            tell(Severity::warning,
                 text("证书还有 {} 天过期", "the certificate expires in {} days", days));
        }
        if (X509_cmp_current_time(X509_get0_notBefore(certificate.get())) > 0) {
            tell(Severity::error,
                 {"证书尚未生效; 请检查时钟", "the certificate is not valid yet; check the clock"});
        }
    }

    // -- the database -------------------------------------------------------------------------

    /// True if the database could be read, and has the schema that the other checks know.
    bool check_database() {
        const fs::path path = data_ / BackupManifest::database_file;
        if (!fs::is_regular_file(path)) {
            cannot(text("{} 中没有数据库", "there is no database in {}", data_.string()));
            return false;
        }
        try {
            sqlite::ConnectionOptions connection;
            connection.path = path.string();
            connection.access =
                options_.fix ? sqlite::Access::read_write : sqlite::Access::read_only;
            db_.emplace(connection);
            const bool sound = check_schema() && check_structure() && check_rows();
            if (sound) {
                check_secrets();
                check_audit();
            }
            return sound;
        } catch (const StorageError& error) {
            const std::string reason = error.what();
            unreadable(reason);
            return false;
        }
    }

    void unreadable(const std::string& reason) {
        add({Severity::error,
             "database-damaged",
             (data_ / BackupManifest::database_file).string(),
             text("数据库已损坏: {}", "the database is damaged: {}", reason),
             {"停止服务器, 用 updraft restore 恢复最近的备份; 保留损坏的文件备查",
              "stop the server and restore the last backup with `updraft restore`; keep the "
              "damaged "
              "file"}});
    }

    bool check_schema() {
        sql::Rows rows = db_->query("SELECT coalesce(max(version), 0) FROM schema_version");
        const int version = rows.next() ? rows.number() : 0;
        const int known = sql::migrations().back().version;
        if (version == known) {
            return true;
        }
        cannot(
            version > known
                ? text("数据库结构版本 {} 比本程序的 {} 新: 请用更新的 Updraft 检查",
                       "the database has schema version {}, this program knows {}: take the newer "
                       "Updraft",
                       version, known)
                : text("数据库结构版本 {} 比本程序的 {} 旧: 先启动一次服务器以升级",
                       "the database has schema version {}, this program {}: start the server "
                       "once, which migrates it",
                       version, known));
        return false;
    }

    bool check_structure() {
        bool sound = true;
        {
            sql::Rows rows =
                db_->query(options_.quick ? "PRAGMA quick_check(5)" : "PRAGMA integrity_check(20)");
            while (rows.next()) {
                const std::string line = rows.text();
                if (line != "ok") {
                    unreadable(line);
                    sound = false;
                }
            }
        }
        sql::Rows rows =
            db_->query("SELECT \"table\", count(*) FROM pragma_foreign_key_check GROUP BY 1");
        while (rows.next()) {
            const std::string table = rows.text();
            const std::int64_t count = rows.integer();
            add({Severity::error,
                 "broken-reference",
                 "table " + table,
                 text("{} 行指向不存在的数据", "{} rows point at rows that do not exist", count),
                 {"用 updraft restore 恢复最近的备份",
                  "restore the last backup with `updraft restore`"}});
        }
        return sound;
    }

    bool check_rows() {
        db_->execute(options_.fix ? "BEGIN IMMEDIATE" : "BEGIN");
        std::vector<sql::Inconsistency> flaws =
            sql::find_inconsistencies(*db_, options_.findings_max);
        bool fixing = false;
        for (const sql::Inconsistency& flaw : flaws) {
            FlawText told = text_of_flaw(flaw);
            fixing = fixing || (options_.fix && told.fixable);
            add({Severity::error, told.code, flaw.where, told.what, told.todo, told.fixable,
                 options_.fix && told.fixable});
        }
        if (fixing) {
            sql::remove_records_without_task(*db_);
            sql::recount(*db_);
        }
        db_->execute("COMMIT");
        return true;
    }

    /// Without the key every device with a key of its own would be locked out.
    void check_secrets() {
        const fs::path file = SecretKeyPlace::of(data_, config_.secret_key_file).file;
        const std::vector<std::string> ids = sql::key_ids(*db_);
        const auto keys = read_secret_keys(file);
        const Result<void> right = keys ? check_keys(file, *keys, ids) : Result<void>(keys.error());
        if (!right) {
            if (!ids.empty()) {
                add({Severity::error,
                     "secret-key",
                     file.string(),
                     right.error().message,
                     {"放回密钥文件 (备份中的 secret.key), 或用 --secrets-key-file 指定",
                      "put the key file back (a backup has it as secret.key), or name it with "
                      "--secrets-key-file"}});
            }
            return;
        }
        struct stat facts{};
        if (::stat(file.c_str(), &facts) == 0 && (facts.st_mode & 0077U) != 0) {
            add({Severity::warning,
                 "secret-key-open",
                 file.string(),
                 text("其他用户可读密钥文件 (权限 {})",
                      "other users may read the key file (mode {})", mode_text(facts.st_mode)),
                 {"运行 chmod 0600", "run `chmod 0600` on it"}});
        }
        db_->use_secrets(std::make_shared<SecretBox>(*keys));
        sql::each_unopenable(*db_, [&](const sql::SecretColumn& column, const std::string& row) {
            if (++told_["secret-shut"] <= options_.findings_max) {
                add({Severity::error,
                     "secret-shut",
                     fmt::format("{} {}", column.table, row),
                     text("{} 无法用密钥打开", "its {} does not open with the key", column.column),
                     {"重新设置该值, 或恢复备份", "set it again, or restore a backup"}});
            }
        });
    }

    /// Whoever changed the log breaks its chain.
    void check_audit() {
        db_->execute("BEGIN");
        const AuditCheck check = check_chain(*sql::make_audit_log(*db_), std::nullopt);
        db_->execute("COMMIT");
        if (check.broken) {
            add({Severity::error,
                 "audit-chain",
                 fmt::format("audit_entry {}", check.broken->seq),
                 check.broken->what,
                 {"有人更改了数据库: 保留数据目录备查, 与备份中的审计日志比较",
                  "somebody changed the database: keep the data folder as evidence and compare the "
                  "log with a backup's"}});
        }
    }

    /// A clock behind what was stored makes deadlines wait; a dead battery says 1970.
    void check_clock() {
        const Instant now = SystemClock().now();
        const auto tell = [&](Text what) {
            add({Severity::error,
                 "clock",
                 "",
                 std::move(what),
                 {"校准系统时钟 (NTP)", "set the system's clock (NTP)"}});
        };
        if (to_millis(now) < oldest_clock_ms) {
            tell({"系统时钟早于 2025 年", "the system's clock is before the year 2025"});
            return;
        }
        std::int64_t newest = 0;
        for (const char* query :
             {"SELECT at FROM device_log ORDER BY id DESC LIMIT 1",
              "SELECT created_at FROM upgrade_task ORDER BY id DESC LIMIT 1",
              "SELECT created_at FROM stored_file ORDER BY created_at DESC LIMIT 1",
              "SELECT max(applied_at) FROM schema_version"}) {
            sql::Rows rows = db_->query(query);
            newest = std::max(newest, rows.next() ? rows.integer() : 0);
        }
        const auto behind = from_millis(newest) - now;
        if (behind > clock_skew_max) {
            tell(text("系统时钟比最近保存的数据早 {} 分钟",
                      "the system's clock is {} minutes behind what was stored last",
                      std::chrono::duration_cast<std::chrono::minutes>(behind).count()));
        }
    }

    // -- files --------------------------------------------------------------------------------

    struct Named {
        std::int64_t size_bytes = 0;
        std::string files;  ///< a few of their names
        std::int64_t firmwares = 0;
    };

    std::map<std::string, Named> named_artifacts() {
        std::map<std::string, Named> named;
        sql::Rows rows = db_->query(
            "SELECT s.sha256, s.size_bytes, s.name, (SELECT count(*) FROM firmware f "
            "WHERE f.file_id = s.id) + (SELECT count(*) FROM firmware_artifact a "
            "WHERE a.file_id = s.id) FROM stored_file s ORDER BY s.sha256, s.id");
        constexpr std::size_t names_bytes_max = 120;
        while (rows.next()) {
            Named& each = named[rows.text()];
            each.size_bytes = rows.integer();
            const std::string name = rows.text();
            if (each.files.size() + name.size() < names_bytes_max) {
                each.files += each.files.empty() ? name : ", " + name;
            }
            each.firmwares += rows.integer();
        }
        return named;
    }

    void tell_lost(const std::string& code, const std::string& sha256, const Named& named,
                   Text what) {
        if (++told_[code] > options_.findings_max) {
            return;
        }
        what.zh += fmt::format(" (文件 {}, 固件 {} 个)", named.files, named.firmwares);
        what.en += fmt::format(" (files {}; {} firmwares)", named.files, named.firmwares);
        add({Severity::error,
             code,
             sha256,
             std::move(what),
             {"重新上传同一文件即可恢复, 或从备份复制 artifacts/ 下的同名文件",
              "upload the same file again, which heals it, or copy the file of that name out of a "
              "backup's artifacts/"}});
    }

    void check_artifacts() {
        if (!fs::exists(data_ / "artifacts") && !options_.fix) {
            (void)check_named({});
            return;
        }
        const ArtifactFolder folder(data_.string());
        std::set<std::string> present;
        for (int number = 0; number < 256; ++number) {
            for (std::string& name : folder.list(fmt::format("{:02x}", number))) {
                present.insert(std::move(name));
            }
        }
        const std::map<std::string, Named> named = check_named(present);
        if (!options_.quick) {
            reread_all(folder, present, named);
        }
        check_orphans(folder, present, named);
    }

    /// What the rows name has to be there, of the right size.
    std::map<std::string, Named> check_named(const std::set<std::string>& present) {
        std::map<std::string, Named> named = named_artifacts();
        for (const auto& [sha256, each] : named) {
            const fs::path path = data_ / artifact_path(sha256);
            if (present.contains(sha256)) {
                const auto facts = facts_of(path.string());
                total_bytes_ += facts ? facts->size_bytes : 0;
                if (options_.quick && facts && facts->size_bytes != each.size_bytes) {
                    tell_lost("artifact-damaged", sha256, each,
                              text("文件内容为 {} 字节, 应为 {}", "it has {} bytes instead of {}",
                                   facts->size_bytes, each.size_bytes));
                }
            } else if (fs::exists(data_ / "damaged" / sha256)) {
                tell_lost("artifact-damaged", sha256, each,
                          {"文件内容已损坏, 不再提供下载", "its bytes are damaged and not served"});
            } else {
                tell_lost("artifact-missing", sha256, each,
                          {"文件内容丢失", "its bytes are missing"});
            }
        }
        return named;
    }

    void reread_all(const ArtifactFolder& folder, const std::set<std::string>& present,
                    const std::map<std::string, Named>& named) {
        std::int64_t done = 0;
        for (const std::string& sha256 : present) {
            const auto found = named.find(sha256);
            if (found == named.end()) {
                continue;
            }
            std::string digest = "unreadable";
            std::optional<OpenFile> file = folder.open_on_disk(sha256);
            if (!file) {
                continue;  // deleted since
            }
            try {
                digest = reread(folder.algorithms(), *file, [&](std::size_t bytes) {
                             done += static_cast<std::int64_t>(bytes);
                             options_.progress(std::min(done, total_bytes_), total_bytes_);
                         }).sha256;
            } catch (const StorageError&) {
                digest = "unreadable";
            }
            if (digest != sha256) {
                if (options_.fix) {
                    (void)folder.set_aside(*file, sha256);
                }
                tell_lost("artifact-damaged", sha256, found->second,
                          text("文件内容与摘要不符: {}", "its bytes do not match: {}", digest));
            }
        }
    }

    /// Bytes without a row, left by a crash; the server removes them too, an hour later.
    void check_orphans(const ArtifactFolder& folder, const std::set<std::string>& present,
                       const std::map<std::string, Named>& named) {
        if (named.empty() && !present.empty()) {
            add({Severity::warning,
                 "no-file-known",
                 (data_ / "artifacts").string(),
                 text("有 {} 份文件内容, 而数据库中没有任何文件",
                      "{} artifacts are there, and the database knows no file", present.size()),
                 {"确认这是正确的数据库; 此时不会删除任何内容",
                  "make sure that this is the right database; nothing is removed"}});
            return;
        }
        const Instant before = SystemClock().now() - config_.files.keep_artifacts_without_file;
        for (const std::string& sha256 : present) {
            const fs::path path = data_ / artifact_path(sha256);
            const auto facts = facts_of(path.string());
            if (named.contains(sha256) || !facts || from_millis(facts->changed_at_ms) >= before ||
                ++told_["artifact-without-file"] > options_.findings_max) {
                continue;
            }
            if (options_.fix) {
                folder.remove(sha256);
            }
            add({Severity::warning,
                 "artifact-without-file",
                 sha256,
                 text("没有文件指向这 {} 字节", "no file points at these {} bytes",
                      facts->size_bytes),
                 {"服务器会自行清理; 或停止服务器后运行 updraft doctor --fix",
                  "a running server removes them by itself; or stop it and run `updraft doctor "
                  "--fix`"},
                 true,
                 options_.fix});
        }
    }

    void check_uploads() {
        if (!fs::is_directory(data_ / "uploads")) {
            return;
        }
        const Instant before = SystemClock().now() - config_.files.keep_abandoned_pieces;
        std::int64_t files = 0;
        std::int64_t bytes = 0;
        for (const std::string& name : names_in((data_ / "uploads").string())) {
            const auto facts = facts_of((data_ / "uploads" / name).string());
            if (facts && from_millis(facts->changed_at_ms) < before) {
                ++files;
                bytes += facts->size_bytes;
            }
        }
        if (files == 0) {
            return;
        }
        if (options_.fix) {
            open_artifact_files(data_.string())->remove_abandoned(before);
        }
        add({Severity::warning,
             "abandoned-upload",
             (data_ / "uploads").string(),
             text("{} 个未完成的上传文件, {}", "{} files of uploads that nobody goes on with, {}",
                  files, client::readable_bytes(static_cast<std::uint64_t>(bytes))),
             {"服务器会自行清理; 或停止服务器后运行 updraft doctor --fix",
              "a running server removes them by itself; or stop it and run `updraft doctor --fix`"},
             true,
             options_.fix});
    }

    const Config& config_;
    const DoctorOptions& options_;
    const fs::path data_;
    Diagnosis diagnosis_;
    std::optional<DataFolder> lock_;
    std::optional<sqlite::SqliteConnection> db_;
    std::map<std::string, std::size_t> told_;  ///< findings by code
    std::int64_t total_bytes_ = 0;
};

}  // namespace

bool Diagnosis::healthy() const {
    return std::ranges::all_of(findings, &Finding::fixed);
}

Diagnosis examine(const Config& config, const DoctorOptions& options) {
    return Doctor(config, options).run();
}

}  // namespace updraft::server
