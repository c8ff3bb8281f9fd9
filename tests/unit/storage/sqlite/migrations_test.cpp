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

// A database from before has failed records without groups; they must be counted like new ones.
TEST_F(Migrations, RecordsThatFailedBeforeGetTheirGroups) {
    const auto steps = sql::migrations();
    SqliteConnection db(options_);
    sql::migrate(db, steps.first(1), Instant{});
    db.run_script(
        "INSERT INTO upgrade_task VALUES (7, 't', 'p', 'p', 'f', '1', 1, 'pull', 0, 0, 'all', "
        "'[]', '', '', 0, 0, NULL, NULL, 3, 'u', 'u', 1)");
    for (const char* row :
         {"(1, 7, 'd1', 'd1', 'failed', 0, 1, 0, 0, 0, 0, '', '', 'crc 12', 5, 6, 9)",
          "(2, 7, 'd2', 'd2', 'failed', 0, 1, 0, 0, 0, 0, '', '', 'crc 7', 5, 6, 8)",
          "(3, 7, 'd3', 'd3', 'waiting', 0, 1, 0, 0, 0, 0, '', '', '', 5, 6, 8)"}) {
        db.run_script(
            std::string("INSERT INTO upgrade_record (id, task_id, device_id, device_name, state, "
                        "progress, attempt, forced, acked, resent, revived, message_id, "
                        "server_id, error_reason, created_at, upgrade_at, completed_at) VALUES ") +
            row);
    }
    sql::migrate(db, steps, Instant{});
    auto groups =
        db.query("SELECT error_group, sample, records, first_at, last_at FROM task_failure");
    ASSERT_TRUE(groups.next());
    EXPECT_EQ(groups.text(), "crc #");
    EXPECT_EQ(groups.text(), "crc 12");
    EXPECT_EQ(groups.integer(), 2);
    EXPECT_EQ(groups.integer(), 8);
    EXPECT_EQ(groups.integer(), 9);
    EXPECT_FALSE(groups.next());
    auto ungrouped = db.query("SELECT id FROM upgrade_record WHERE error_group IS NULL");
    ASSERT_TRUE(ungrouped.next());
    EXPECT_EQ(ungrouped.integer(), 3);
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
