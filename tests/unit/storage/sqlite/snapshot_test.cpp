// A copy of a database that is being written: one moment of it, whole by itself.

#include "storage/sqlite/snapshot.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "app/ports.hpp"
#include "base/ids.hpp"
#include "storage/sqlite/connection.hpp"

namespace updraft::sqlite {
namespace {

namespace fs = std::filesystem;

class Snapshot : public testing::Test {
protected:
    Snapshot() : folder_(fs::path(testing::TempDir()) / random_hex(16)) {
        fs::create_directories(folder_);
    }
    ~Snapshot() override {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }
    [[nodiscard]] ConnectionOptions at(const std::string& name) const {
        ConnectionOptions options;
        options.path = (folder_ / name).string();
        options.durable = false;
        return options;
    }
    static std::int64_t count(sql::Connection& db, const std::string& table) {
        sql::Rows rows = db.query("SELECT count(*) FROM " + table);
        return rows.next() ? rows.integer() : -1;
    }

    const fs::path folder_;
};

void ignore(std::int64_t, std::int64_t) {}

// A server commits between any two steps of the copy; the copy must not mix moments, nor start over
// with each of them for ever.
TEST_F(Snapshot, ShowsOneMomentWhileOthersWrite) {
    SqliteConnection live(at("live.db"));
    live.run_script("CREATE TABLE a (x TEXT); CREATE TABLE b (x TEXT);");
    const auto add = [&] {
        live.execute("BEGIN");
        live.execute("INSERT INTO a (x) VALUES (?)", std::string(3000, 'a'));
        live.execute("INSERT INTO b (x) VALUES (?)", std::string(3000, 'b'));
        live.execute("COMMIT");
    };
    for (int i = 0; i < 500; ++i) {
        add();
    }
    int steps = 0;

    copy_snapshot(at("live.db").path, at("copy.db").path, [&](std::int64_t, std::int64_t) {
        if (++steps == 200) {
            throw std::runtime_error("it starts over with each commit");
        }
        add();
    });

    EXPECT_GT(steps, 2) << "too small to prove anything";
    SqliteConnection copy(at("copy.db"));
    EXPECT_EQ(count(copy, "a"), 500);
    EXPECT_EQ(count(copy, "b"), 500);
    EXPECT_EQ(count(live, "a"), 500 + steps);
    sql::Rows check = copy.query("PRAGMA integrity_check");
    ASSERT_TRUE(check.next());
    EXPECT_EQ(check.text(), "ok");
}

TEST_F(Snapshot, IsOneFile) {
    SqliteConnection live(at("live.db"));
    live.run_script("CREATE TABLE a (x TEXT)");

    copy_snapshot(at("live.db").path, at("copy.db").path, ignore);

    EXPECT_TRUE(fs::exists(folder_ / "copy.db"));
    EXPECT_FALSE(fs::exists(folder_ / "copy.db-wal"));
    EXPECT_FALSE(fs::exists(folder_ / "copy.db-journal"));
}

TEST_F(Snapshot, NeitherMakesASourceNorReplacesATarget) {
    EXPECT_THROW(copy_snapshot(at("none.db").path, at("copy.db").path, ignore), StorageError);
    EXPECT_FALSE(fs::exists(folder_ / "none.db"));
    {
        SqliteConnection live(at("live.db"));
    }
    EXPECT_THROW(copy_snapshot(at("live.db").path, at("live.db").path, ignore), StorageError);
}

}  // namespace
}  // namespace updraft::sqlite
