#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "base/log.hpp"
#include "server/backup_manifest.hpp"
#include "server/command_serve.hpp"
#include "server/commands.hpp"
#include "server/data_folder.hpp"
#include "server/secret_keys.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace updraft::server {
namespace {

namespace fs = std::filesystem;

constexpr int failed = 2;

/// Opens the database, which seals everything with the first key of the file, and closes it again.
void reseal(const Config& config, const SecretKeyPlace& place) {
    SqliteOptions options = config.storage;
    options.path = (fs::path(config.data) / BackupManifest::database_file).string();
    options.secrets = [&](const std::vector<std::string>& ids) { return secrets_for(place, ids); };
    (void)open_sqlite_store(options);
}

/// Makes a new key and seals everything with it. At every moment the file has all keys that the
/// database needs; interrupted, the next call goes on instead of making one more.
Result<std::string> rotate(const Config& config) {
    const fs::path database = fs::path(config.data) / BackupManifest::database_file;
    if (!fs::is_regular_file(database)) {
        return Error::invalid("data",
                              text("{} 中没有数据库", "there is no database in {}", config.data));
    }
    const DataFolder alone(config.data);
    const SecretKeyPlace place = SecretKeyPlace::of(config.data, config.secret_key_file);
    reseal(config,
           place);  // what is not sealed yet, or not with the first key; and is the key right?
    UPDRAFT_TRY(std::vector<SecretBox::Key> keys, read_secret_keys(place.file));
    if (keys.size() == 1) {
        keys.insert(keys.begin(), SecretBox::new_key());
        write_secret_keys(place.file, keys);
        reseal(config, place);
    }
    keys.resize(1);
    write_secret_keys(place.file, keys);
    return SecretBox::id_of(keys.front());
}

int run_rotate(ConfiguredCommand& command, const OutputFlags& flags, Language language) {
    if (const auto loaded = command.load(); !loaded) {
        return complain(loaded.error());
    }
    prepare_process(command.config());
    log::start(log::Level::warn);
    try {
        const Result<std::string> id = rotate(command.config());
        if (!id) {
            return complain(id.error());
        }
        if (flags.as_json) {
            std::printf("%s\n", boost::json::serialize(boost::json::object{{"key", *id}}).c_str());
        } else {
            std::printf("%s\n", text("已换用新密钥 {}; 旧备份仍需旧密钥",
                                     "sealed with the new key {}; older backups still need the key "
                                     "that they were made with",
                                     *id)
                                    .in(language)
                                    .c_str());
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "updraft: %s\n", error.what());
        return failed;
    }
    return 0;
}

}  // namespace

void add_secrets(CLI::App& program, int& status, Language language) {
    CLI::App* secrets = program.add_subcommand(
        "secrets",
        Text{"数据库中机密的密钥", "The key of the secrets in the database"}.in(language));
    secrets->require_subcommand(1);
    CLI::App* command = secrets->add_subcommand(
        "rotate", Text{"换用新密钥并重新加密; 服务器须已停止",
                       "Make a new key and seal everything with it; the server must be stopped"}
                      .in(language));
    auto configured = std::make_shared<ConfiguredCommand>(*command);
    auto flags = std::make_shared<OutputFlags>();
    add_output_flags(*command, *flags, language);
    show_example(*command, "updraft secrets rotate --data /var/lib/updraft", language);
    command->callback([configured, flags, language, &status] {
        status = run_rotate(*configured, *flags, language);
    });
}

}  // namespace updraft::server
