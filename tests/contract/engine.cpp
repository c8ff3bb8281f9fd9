#include "tests/contract/engine.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "storage/sqlite/sqlite_store.hpp"

namespace updraft::contract {
namespace {

/// One SQLite file in a folder that goes with the object.
class SqliteDatabase final : public Database {
public:
    SqliteDatabase() {
        std::string name = std::filesystem::temp_directory_path() / "updraft-contract-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("no temporary folder");
        }
        folder_ = name;
    }
    SqliteDatabase(const SqliteDatabase&) = delete;
    SqliteDatabase& operator=(const SqliteDatabase&) = delete;
    ~SqliteDatabase() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::unique_ptr<Store> open(const OpenOptions& options) override {
        SqliteOptions sqlite;
        sqlite.path = folder_ / "updraft.db";
        sqlite.queue_operations_max = options.queue_operations_max;
        sqlite.group_operations_max = options.group_operations_max;
        sqlite.on_commit = options.on_commit;
        sqlite.pages_max = options.pages_max;
        sqlite.secrets = [this](const std::vector<std::string>&) { return secrets_; };
        return open_sqlite_store(sqlite);
    }

private:
    std::filesystem::path folder_;
    std::shared_ptr<const SecretBox> secrets_ =
        std::make_shared<SecretBox>(std::vector{SecretBox::new_key()});
};

}  // namespace

const std::vector<Engine>& engines() {
    static const std::vector<Engine> all = {
        {"sqlite", [] { return std::make_unique<SqliteDatabase>(); }},
    };
    return all;
}

}  // namespace updraft::contract
