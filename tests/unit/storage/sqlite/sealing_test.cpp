#include "storage/sqlite/sealing.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "storage/sql/migrations.hpp"
#include "storage/sql/secrets.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace updraft::sqlite {
namespace {

using Secrets = std::shared_ptr<const SecretBox>;

SecretBox::Key key_of(std::uint8_t byte) {
    SecretBox::Key key{};
    key.fill(byte);
    return key;
}

Secrets box_of(const std::vector<SecretBox::Key>& keys) {
    return std::make_shared<SecretBox>(keys);
}

constexpr int devices = 7;

/// A database of the schema before, with a product and devices in clear text.
class Sealing : public testing::Test {
protected:
    Sealing() {
        std::string name = std::filesystem::path(testing::TempDir()) / "updraft-sealing-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("no temporary folder");
        }
        folder_ = name;
        options_.path = folder_ / "updraft.db";
        SqliteConnection db(options_);
        sql::migrate(db, sql::migrations().first(7), Instant{});
        db.run_script(
            R"(INSERT INTO product VALUES ('p', 'p', '', 'device', 'jetlinks', 'MQTT', '', '', '', '',
               '{"secureKey":"canary-of-product"}', '{}', 1, 'u', 1))");
        for (int i = 1; i <= devices; ++i) {
            db.execute(
                "INSERT INTO device (seq, id, name, product_id, device_type, description, "
                "configuration, tags, state, address, creator_id, created_at) VALUES "
                "(?, ?, 'd', 'p', 'device', '', ?, '{}', 'offline', '', 'u', 1)",
                i, "d" + std::to_string(i),
                i == 4 ? std::string("{}") : R"({"secureKey":"canary-of-device"})");
        }
        db.run_script(
            "INSERT INTO device_credential VALUES ('c', 'mqttKey', 'p', NULL, '', 'id', "
            "'canary-of-credential', 'tial', 1, 'u', NULL);"
            "INSERT INTO system_setting VALUES ('gone', 'canary-deleted');"
            "DELETE FROM system_setting");
    }
    ~Sealing() override { std::filesystem::remove_all(folder_); }

    std::unique_ptr<Store> open(const Secrets& secrets, std::int64_t rows_max = 2) {
        SqliteOptions options;
        options.path = options_.path;
        options.seal_rows_max = rows_max;
        options.secrets = [secrets, this](const std::vector<std::string>& ids) {
            told_ = ids;
            return secrets;
        };
        return open_sqlite_store(options);
    }

    [[nodiscard]] std::string bytes() const {
        std::ostringstream all;
        for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
            all << std::ifstream(entry.path(), std::ios::binary).rdbuf();
        }
        return all.str();
    }

    std::filesystem::path folder_;
    ConnectionOptions options_;
    std::vector<std::string> told_;
};

void expect_clear_values(const Store& store) {
    store.run_read([](const Repositories& rows) {
        EXPECT_EQ(rows.products().find(ProductId("p"))->configuration.at("secureKey"),
                  "canary-of-product");
        EXPECT_EQ(rows.devices().find(DeviceId("d7"))->configuration.at("secureKey"),
                  "canary-of-device");
        EXPECT_TRUE(rows.devices().find(DeviceId("d4"))->configuration.empty());
        EXPECT_EQ(rows.credentials().find(CredentialId("c"))->secret, "canary-of-credential");
    });
}

TEST_F(Sealing, ClearTextOfAnOlderVersionIsSealedAndGoneFromTheFile) {
    ASSERT_NE(bytes().find("canary-of-device"), std::string::npos);
    const auto store = open(box_of({key_of(1)}));
    expect_clear_values(*store);
    EXPECT_TRUE(told_.empty());
    EXPECT_EQ(bytes().find("canary"), std::string::npos);
}

// A crash between two transactions: what is sealed opens, what is not is sealed by the next start.
TEST_F(Sealing, GoesOnWhereItEnded) {
    const Secrets secrets = box_of({key_of(1)});
    for (int steps = 0;; ++steps) {
        SqliteConnection db(options_);
        db.use_secrets(secrets);
        sql::migrate(db, sql::migrations(), Instant{});
        sql::use_newest_key(db, Instant{});
        if (!sql::seal_step(db, 2)) {
            EXPECT_GT(steps, 4);
            break;
        }
    }
    expect_clear_values(*open(secrets));
    EXPECT_EQ(bytes().find("canary"), std::string::npos);
}

TEST_F(Sealing, ANewKeyTakesOverAndTheOldOneIsForgotten) {
    const std::string old_id = box_of({key_of(1)})->key_id();
    open(box_of({key_of(1)})).reset();
    expect_clear_values(*open(box_of({key_of(2), key_of(1)})));
    EXPECT_EQ(told_, std::vector{old_id});
    expect_clear_values(*open(box_of({key_of(2)})));
    EXPECT_EQ(told_, std::vector{box_of({key_of(2)})->key_id()});
}

// The order of the file may change its mind in the middle: no value may be left behind.
TEST_F(Sealing, AnInterruptedChangeOfKeysMayGoBack) {
    open(box_of({key_of(1)})).reset();
    {
        SqliteConnection db(options_);
        db.use_secrets(box_of({key_of(2), key_of(1)}));
        sql::use_newest_key(db, Instant{});
        for (int step = 0; step < 3; ++step) {
            ASSERT_TRUE(sql::seal_step(db, 2));
        }
    }
    open(box_of({key_of(1), key_of(2)})).reset();
    EXPECT_EQ(told_.size(), 2U);
    expect_clear_values(*open(box_of({key_of(1)})));
}

TEST_F(Sealing, AValueThatDoesNotOpenEndsTheChangeOfKeys) {
    open(box_of({key_of(1)})).reset();
    {
        SqliteConnection db(options_);
        db.execute(
            "UPDATE device SET configuration = (SELECT configuration FROM device "
            "WHERE id = 'd1') WHERE id = 'd2'");
    }
    EXPECT_THROW((void)open(box_of({key_of(2), key_of(1)})), StorageError);
    SqliteConnection db(options_);
    db.use_secrets(box_of({key_of(2), key_of(1)}));
    std::vector<std::string> shut;
    sql::each_unopenable(db, [&](const sql::SecretColumn& column, const std::string& row) {
        shut.push_back(std::string(column.table) + " " + row);
    });
    EXPECT_EQ(shut, std::vector<std::string>{"device d2"});
}

// Clear text is refused once all is sealed: nobody may slip a key of his own into the database.
TEST_F(Sealing, ClearTextIsNotReadAfterwards) {
    open(box_of({key_of(1)})).reset();
    {
        SqliteConnection db(options_);
        db.execute("UPDATE product SET configuration = '{\"secureKey\":\"x\"}'");
    }
    const auto store = open(box_of({key_of(1)}));
    EXPECT_THROW((void)store->read([](const Repositories& rows) {
        return rows.products().find(ProductId("p")).has_value();
    }),
                 StorageError);
}

}  // namespace
}  // namespace updraft::sqlite
