#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include "base/log.hpp"
#include "client/progress_bar.hpp"
#include "server/backup.hpp"
#include "server/command_serve.hpp"
#include "server/commands.hpp"
#include "server/signals.hpp"

namespace updraft::server {
namespace {

namespace json = boost::json;

/// The statuses of both commands; 2 is complain()'s: nothing was made.
constexpr int whole = 0;
constexpr int without_lost_artifacts = 1;
constexpr int failed = 2;

struct SharedFlags : OutputFlags {
    std::int64_t bytes_per_second = 0;
    bool quiet = false;
};

struct BackupFlags : SharedFlags {
    std::string to;
    std::string base;
    bool without_key = false;
};

struct RestoreFlags : SharedFlags {
    std::string from;
    std::string data;
    std::string key_file;
    bool force = false;
};

void add_shared(CLI::App& command, SharedFlags& flags, Language language) {
    command
        .add_option("--rate", flags.bytes_per_second,
                    Text{"每秒最多读取的字节数, 如 20MiB; 默认不限",
                         "Bytes a second at most, e.g. 20MiB; by default as fast as it goes"}
                        .in(language))
        ->transform(CLI::AsSizeValue(false));
    add_output_flags(command, flags, language);
    command.add_flag("-q,--quiet", flags.quiet,
                     Text{"不显示进度", "Show no progress"}.in(language));
}

/// Shows how far it is, and ends the work when a signal comes.
class Progress {
public:
    Progress(const Text& title, bool quiet, Language language)
        : bar_(title.in(language), stderr,
               quiet ? client::ProgressBar::Style::silent : client::ProgressBar::Style::automatic,
               client::ProgressBar::Unit::bytes) {}
    void show(std::int64_t done, std::int64_t total) {
        if (stop_.came()) {
            throw std::runtime_error("interrupted: nothing was changed / 已中断，未作更改");
        }
        bar_.show(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
    }
    void finish() { bar_.finish(); }

private:
    StopSignal stop_;
    client::ProgressBar bar_;
};

std::string readable(std::int64_t bytes) {
    return client::readable_bytes(static_cast<std::uint64_t>(bytes));
}

json::object summary(const BackupManifest& manifest) {
    json::object rows;
    for (const auto& [table, count] : manifest.rows) {
        rows[table] = count;
    }
    json::array lost;
    for (const BackupManifest::Lost& each : manifest.lost) {
        lost.push_back(json::object{{"sha256", each.sha256}, {"reason", each.reason}});
    }
    return {{"version", manifest.version},
            {"schemaVersion", manifest.schema_version},
            {"createdAt", to_millis(manifest.created_at)},
            {"databaseBytes", manifest.database.size_bytes},
            {"artifacts", manifest.artifacts.size()},
            {"artifactBytes", manifest.artifact_bytes()},
            {"rows", std::move(rows)},
            {"withKey", manifest.key_place == BackupManifest::KeyPlace::here},
            {"keyIds", json::array(manifest.key_ids.begin(), manifest.key_ids.end())},
            {"lost", std::move(lost)}};
}

void print(const json::object& result) {
    std::printf("%s\n", json::serialize(result).c_str());
}

void say(const Text& line, Language language) {
    std::printf("%s\n", line.in(language).c_str());
}

void say_contents(const BackupManifest& manifest, Language language) {
    say(text("  数据库 {}: 产品 {}, 设备 {}, 固件 {}, 任务 {}, 记录 {}, 文件 {}",
             "  database {}: {} products, {} devices, {} firmwares, {} tasks, {} records, {} files",
             readable(manifest.database.size_bytes), manifest.rows_of("product"),
             manifest.rows_of("device"), manifest.rows_of("firmware"),
             manifest.rows_of("upgrade_task"), manifest.rows_of("upgrade_record"),
             manifest.rows_of("stored_file")),
        language);
    say(text("  文件内容 {} 份, {}", "  {} artifacts, {}", manifest.artifacts.size(),
             readable(manifest.artifact_bytes())),
        language);
    for (const BackupManifest::Lost& lost : manifest.lost) {
        say(text("  注意: 缺少 {} ({})，请重新上传该文件",
                 "  attention: without {} ({}); upload that file again", lost.sha256,
                 lost.reason == "missing" ? text("丢失", "missing").in(language)
                                          : text("已损坏", "damaged").in(language)),
            language);
    }
}

/// What a person has to keep beside the backup.
void say_key(const BackupManifest& manifest, Language language) {
    switch (manifest.key_place) {
        case BackupManifest::KeyPlace::none:
            return;
        case BackupManifest::KeyPlace::here:
            say({"  含密钥 secret.key: 谁拿到这份备份, 谁就能读出设备密钥",
                 "  with the key secret.key: whoever has this backup can read devices' secrets"},
                language);
            return;
        case BackupManifest::KeyPlace::left_out:
        case BackupManifest::KeyPlace::outside:
            say(text("  不含密钥 {}: 请另行保存密钥文件, 恢复时用 --key-file 指定",
                     "  without the key {}: keep its file elsewhere, `updraft restore --key-file` "
                     "needs it",
                     manifest.key_ids.front()),
                language);
            return;
    }
}

int status_of(const BackupManifest& manifest) {
    return manifest.lost.empty() ? whole : without_lost_artifacts;
}

int run_backup(ConfiguredCommand& command, const BackupFlags& flags, Language language) {
    if (const auto loaded = command.load(); !loaded) {
        return complain(loaded.error());
    }
    Progress progress({"备份", "backup"}, flags.quiet, language);
    BackupOptions options;
    options.data = command.config().data;
    options.to = flags.to;
    if (!flags.base.empty()) {
        options.base = flags.base;
    }
    options.bytes_per_second = flags.bytes_per_second;
    options.settings = command.settings_file();
    options.key_file = command.config().secret_key_file;
    options.without_key = flags.without_key;
    options.progress = [&](std::int64_t done, std::int64_t total) { progress.show(done, total); };
    const Result<BackupOutcome> made = make_backup(options);
    progress.finish();
    if (!made) {
        return complain(made.error());
    }
    if (flags.as_json) {
        json::object result = summary(made->manifest);
        result["to"] = flags.to;
        result["copiedBytes"] = made->copied_bytes;
        result["linkedBytes"] = made->linked_bytes;
        print(result);
    } else {
        say(text("备份完成: {}", "backed up to {}", flags.to), language);
        say_contents(made->manifest, language);
        say_key(made->manifest, language);
        if (made->linked_bytes > 0) {
            say(text("  其中 {} 与 {} 共用", "  of these {} are shared with {}",
                     readable(made->linked_bytes), flags.base),
                language);
        }
    }
    return status_of(made->manifest);
}

int run_restore(const RestoreFlags& flags, Language language) {
    Progress progress({"恢复", "restore"}, flags.quiet, language);
    RestoreOptions options;
    options.from = flags.from;
    options.data = flags.data;
    if (!flags.key_file.empty()) {
        options.key_file = flags.key_file;
    }
    options.force = flags.force;
    options.bytes_per_second = flags.bytes_per_second;
    options.progress = [&](std::int64_t done, std::int64_t total) { progress.show(done, total); };
    const Result<RestoreOutcome> restored = restore_backup(options);
    progress.finish();
    if (!restored) {
        return complain(restored.error());
    }
    const std::string moved_to = restored->moved_to ? restored->moved_to->string() : "";
    if (flags.as_json) {
        json::object result = summary(restored->manifest);
        result["data"] = flags.data;
        result["movedTo"] = restored->moved_to ? json::value(moved_to) : json::value(nullptr);
        print(result);
    } else {
        say(text("已恢复到 {} (Updraft {} 的备份)", "restored into {} (a backup of Updraft {})",
                 flags.data, restored->manifest.version),
            language);
        say_contents(restored->manifest, language);
        if (!moved_to.empty()) {
            say(text("  原有内容在 {}", "  what was there before is in {}", moved_to), language);
        }
        say(text("  配置见 {}/{}", "  the settings are in {}/{}", flags.from,
                 BackupManifest::settings_file),
            language);
    }
    return status_of(restored->manifest);
}

/// The machine's troubles end here, with status 2: nothing was made or changed.
template <class Work>
int guarded(const Work& work) {
    log::start(log::Level::warn);
    try {
        return work();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "\nupdraft: %s\n", error.what());
        return failed;
    }
}

}  // namespace

void add_backup(CLI::App& program, int& status, Language language) {
    CLI::App* backup =
        program.add_subcommand("backup", Text{"备份数据目录, 服务器可照常运行",
                                              "Back the data folder up while the server runs on it"}
                                             .in(language));
    auto configured = std::make_shared<ConfiguredCommand>(*backup);
    auto backup_flags = std::make_shared<BackupFlags>();
    backup
        ->add_option(
            "--to", backup_flags->to,
            Text{"备份目录, 须不存在或为空", "Folder for the backup: missing, or empty"}.in(
                language))
        ->required();
    backup
        ->add_option("--base", backup_flags->base,
                     Text{"此前的备份; 未变的文件与其共用 (硬链接)",
                          "An earlier backup: unchanged artifacts are shared with it (hard links)"}
                         .in(language))
        ->check(CLI::ExistingDirectory);
    backup->add_flag("--without-key", backup_flags->without_key,
                     Text{"不含机密的密钥 secret.key; 须另行保存",
                          "Leave out secret.key, the key of the secrets, and keep it elsewhere"}
                         .in(language));
    add_shared(*backup, *backup_flags, language);
    show_example(
        *backup,
        "updraft backup --data /var/lib/updraft --to /backup/today --base /backup/yesterday",
        language);
    backup->callback([configured, backup_flags, language, &status] {
        status = guarded([&] { return run_backup(*configured, *backup_flags, language); });
    });

    CLI::App* restore = program.add_subcommand(
        "restore", Text{"把备份恢复为数据目录, 服务器须已停止",
                        "Restore a backup into a data folder that no server runs on"}
                       .in(language));
    auto restore_flags = std::make_shared<RestoreFlags>();
    restore
        ->add_option("--from", restore_flags->from,
                     Text{"备份目录", "Folder of the backup"}.in(language))
        ->required()
        ->check(CLI::ExistingDirectory);
    restore
        ->add_option(
            "--data", restore_flags->data,
            Text{"数据目录, 须不存在或为空", "Data folder: missing, or empty"}.in(language))
        ->required();
    restore
        ->add_option("--key-file", restore_flags->key_file,
                     Text{"机密的密钥文件, 当备份不含密钥时",
                          "File with the key of the secrets, for a backup without it"}
                         .in(language))
        ->check(CLI::ExistingFile);
    restore->add_flag("--force", restore_flags->force,
                      Text{"先把数据目录中的内容移到一边 (不删除)",
                           "Move what is in the data folder aside first; nothing is deleted"}
                          .in(language));
    add_shared(*restore, *restore_flags, language);
    show_example(*restore, "updraft restore --from /backup/today --data /var/lib/updraft",
                 language);
    restore->callback([restore_flags, language, &status] {
        status = guarded([&] { return run_restore(*restore_flags, language); });
    });
}

}  // namespace updraft::server
