#include "storage/sql/migrations.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "storage/sqlite/connection.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace updraft::sqlite {
namespace {

class Migrations : public testing::Test {
protected:
    Migrations() {
        std::string name = std::filesystem::path(testing::TempDir()) / "updraft-schema-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("no temporary folder");
        }
        folder_ = name;
        options_.path = folder_ / "updraft.db";
    }
    ~Migrations() override { std::filesystem::remove_all(folder_); }

    std::filesystem::path folder_;
    ConnectionOptions options_;
};

TEST_F(Migrations, RunInOrderAndOnce) {
    const sql::Migration steps[] = {{1, "first", "CREATE TABLE a (x INTEGER)"},
                                    {2, "second", "ALTER TABLE a ADD COLUMN y INTEGER"}};
    SqliteConnection db(options_);
    EXPECT_EQ(sql::migrate(db, std::span(steps).first(1), Instant{}), 1);
    EXPECT_EQ(sql::migrate(db, steps, Instant{}), 1);
    EXPECT_EQ(sql::migrate(db, steps, Instant{}), 0);
    EXPECT_EQ(db.execute("INSERT INTO a (x, y) VALUES (1, 2)"), 1);
}

TEST_F(Migrations, TheProgramsOwnAreNumberedWithoutGaps) {
    int expected = 1;
    for (const sql::Migration& step : sql::migrations()) {
        EXPECT_EQ(step.version, expected++) << step.name;
    }
    EXPECT_GT(expected, 1);
}

TEST_F(Migrations, ANewerDatabaseIsRefusedWithBothVersions) {
    SqliteOptions store;
    store.path = options_.path;
    open_sqlite_store(store).reset();
    {
        SqliteConnection db(options_);
        db.execute("INSERT INTO schema_version VALUES (999, 'from the future', 0)");
    }
    try {
        (void)open_sqlite_store(store);
        FAIL() << "it was opened";
    } catch (const StorageError& error) {
        const std::string message = error.what();
        EXPECT_NE(message.find("999"), std::string::npos) << message;
        EXPECT_NE(message.find(std::to_string(sql::migrations().back().version)), std::string::npos)
            << message;
    }
}

TEST_F(Migrations, APathThatCannotBeOpenedIsAStorageError) {
    SqliteOptions store;
    store.path = folder_ / "missing" / "updraft.db";
    EXPECT_THROW((void)open_sqlite_store(store), StorageError);
}

// An acknowledgement means that the disk has it: WAL alone would lose the last commits.
TEST_F(Migrations, ConnectionsAreDurableAndCompareAsPostgreSql) {
    SqliteConnection db(options_);
    const auto value = [&](std::string_view sql) {
        sql::Rows rows = db.query(sql);
        return rows.next() ? rows.text() : std::string();
    };
    EXPECT_EQ(value("PRAGMA synchronous"), "2");
    EXPECT_EQ(value("PRAGMA journal_mode"), "wal");
    EXPECT_EQ(value("PRAGMA foreign_keys"), "1");
    EXPECT_EQ(value("SELECT 'A' LIKE 'a'"), "0");
}

}  // namespace
}  // namespace updraft::sqlite
