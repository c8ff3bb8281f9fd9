#include "storage/sql/record_search.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "app/ports.hpp"
#include "storage/sql/migrations.hpp"
#include "storage/sql/table.hpp"
#include "storage/sqlite/connection.hpp"

namespace updraft::sql {
namespace {

// --- Which patterns and queries are answered from packed texts ---

struct PatternCase {
    const char* like;
    const char* part;
    bool at_begin;
    bool at_end;
};

TEST(PlainPattern, IsOnePartWithItsEnds) {
    for (const PatternCase& each :
         {PatternCase{"%a%", "a", false, false}, PatternCase{"a%", "a", true, false},
          PatternCase{"%a", "a", false, true}, PatternCase{"a", "a", true, true},
          PatternCase{"%50\\%\\_\\\\%", "50%_\\", false, false},
          PatternCase{"%泵站%", "泵站", false, false}, PatternCase{"%\\a%", "a", false, false}}) {
        const auto pattern = plain_pattern(RecordText::device_name, each.like);
        ASSERT_TRUE(pattern.has_value()) << each.like;
        EXPECT_EQ(pattern->text, RecordText::device_name);
        EXPECT_EQ(pattern->part, each.part);
        EXPECT_EQ(pattern->at_begin, each.at_begin) << each.like;
        EXPECT_EQ(pattern->at_end, each.at_end) << each.like;
    }
}

// The engine knows what these mean; a search for a part would find something else.
TEST(PlainPattern, IsNoPatternThatNeedsMoreThanOnePart) {
    for (const std::string_view like :
         {std::string_view("%"), std::string_view("%%"), std::string_view(""),
          std::string_view("%a%b%"), std::string_view("a_"), std::string_view("%a\\"),
          std::string_view("%%a%"), std::string_view("a\0b", 3), std::string_view("%\xE6\xB3%")}) {
        EXPECT_FALSE(plain_pattern(RecordText::device_id, like).has_value()) << like;
    }
}

TEST(RecordSearch, TermsAreTakenApart) {
    Term group;
    group.terms = {term("deviceName", "%a%", "like"), term("deviceId", "%a%", "like")};
    group.terms.back().connector = Term::Connector::disjunction;
    const auto search = read_record_search(
        {term("taskId", "7"), group, term("deviceId", "b%", "like"), term("state", "failed")});
    EXPECT_EQ(search.task, 7);
    ASSERT_EQ(search.texts.size(), 2U);
    EXPECT_EQ(search.texts[0].size(), 2U);
    EXPECT_EQ(search.texts[1].size(), 1U);
    ASSERT_EQ(search.rest.size(), 1U);
    EXPECT_EQ(search.rest[0].column, "state");
}

TEST(RecordSearch, AnAlternativeToTheTaskIsNoSearchOfIt) {
    Term other = term("deviceId", "%a%", "like");
    other.connector = Term::Connector::disjunction;
    const auto search = read_record_search({term("taskId", "7"), other});
    EXPECT_FALSE(search.task.has_value());
    EXPECT_TRUE(search.texts.empty());
    EXPECT_EQ(search.rest.size(), 1U);
}

// --- Packed texts ---

class RecordTexts : public testing::Test {
protected:
    RecordTexts() : db_(options()) {
        migrate(db_, migrations(), Instant{});
        db_.run_script("PRAGMA foreign_keys=OFF");
    }
    static sqlite::ConnectionOptions options() {
        sqlite::ConnectionOptions options;
        options.path = ":memory:";
        options.durable = false;
        return options;
    }
    void add(std::int64_t id, const std::string& device, const std::string& name) {
        db_.execute(
            "INSERT INTO upgrade_record (id, task_id, device_id, device_name, state, progress, "
            "attempt, forced, acked, resent, revived, message_id, server_id, error_reason, "
            "created_at) VALUES (?, 7, ?, ?, 'waiting', 0, 1, 0, 0, 0, 0, '', '', '', 0)",
            id, device, name);
    }
    std::optional<TextMatches> find(const char* like) {
        return find_texts(db_, 7, {{*plain_pattern(RecordText::device_name, like)}});
    }

    sqlite::SqliteConnection db_;
};

// The example of the format's description: databases hold it, so it must not change by accident.
TEST_F(RecordTexts, AreStoredAsDescribed) {
    add(70, "a1", "Pump");
    add(71, "other", "of another task");
    add(72, "b", "泵");
    pack_record_texts(db_, 7, {72, 70});
    Rows rows = db_.query(
        "SELECT first_id, last_id, records, lengths, device_ids, device_names FROM record_text");
    ASSERT_TRUE(rows.next());
    EXPECT_EQ(rows.integer(), 70);
    EXPECT_EQ(rows.integer(), 72);
    EXPECT_EQ(rows.integer(), 2);
    EXPECT_EQ(rows.text(), "024213");
    EXPECT_EQ(rows.text(), "a1b");
    EXPECT_EQ(rows.text(), "Pump泵");
    EXPECT_FALSE(rows.next());
}

TEST_F(RecordTexts, LongTextsAndWideGapsAreKept) {
    const std::string tall(100'000, 'x');
    const std::vector<std::int64_t> ids = {5, 1'000'000'000'000, 9'000'000'000'000'000'000};
    add(ids[0], "a", tall + "1");
    add(ids[1], "b", tall + tall + "2");
    add(ids[2], "c", "");
    pack_record_texts(db_, 7, ids);
    EXPECT_EQ(find("%x1")->total, 1);
    EXPECT_EQ(find("%x2")->total, 1);
    EXPECT_EQ(find("%1x%")->total, 0);  // no part of two texts
    const auto ordered = first_matches(db_, 7, {}, {RecordText::device_name, true}, 3);
    EXPECT_EQ(ordered.ids, (std::vector<std::int64_t>{ids[1], ids[0], ids[2]}));
}

// An engine uses a partial index only if a query repeats its condition: a range that it has to sort
// would be right, and slow. Those in progress are sorted by progress on purpose.
TEST_F(RecordTexts, EveryRangeIsInOrderInAnIndex) {
    for (const Column& column : record_table().columns) {
        for (const std::string_view range : column.ranges) {
            for (const char* direction : {"", " DESC"}) {
                Rows rows = db_.query(fmt::format(
                    "EXPLAIN QUERY PLAN SELECT t.id FROM upgrade_record t WHERE (t.task_id = ?) "
                    "AND ({}) ORDER BY {}{}, t.id{}",
                    range, column.sql, direction, direction));
                std::string plan;
                while (rows.next()) {
                    (void)rows.integer();
                    (void)rows.integer();
                    (void)rows.integer();
                    plan += rows.text() + "; ";
                }
                const bool sorted = plan.find("TEMP B-TREE") != std::string::npos;
                EXPECT_EQ(sorted, range == "t.state = 'processing'") << range << ": " << plan;
                EXPECT_EQ(plan.find("upgrade_record_of_task ("), std::string::npos)
                    << range << " reads all records: " << plan;
            }
        }
    }
}

// What the disk made of a block must not be read beyond its end.
TEST_F(RecordTexts, ADamagedBlockIsAnError) {
    add(70, "a1", "Pump");
    pack_record_texts(db_, 7, {70});
    for (const char* lengths : {"", "0", "02", "029", "02P", "0oooooooooooooooooooo0", "023"}) {
        db_.execute("UPDATE record_text SET lengths = ?", lengths);
        EXPECT_THROW((void)find("%ump%"), StorageError) << lengths;
    }
}

// Tasks from before the texts were packed are searched like new ones.
TEST_F(RecordTexts, OlderTasksArePacked) {
    db_.run_script(
        "INSERT INTO upgrade_task (id, name, product_id, product_name, firmware_id, "
        "target_version, version_order, mode, response_timeout_ms, upgrade_timeout_ms, "
        "release_type, devices, terms, description, stopped, forced, planned_total, creator_id, "
        "creator_name, created_at) VALUES (7, 't', 'p', 'p', 'f', '1', 1, 'pull', 0, 0, 'all', "
        "'[]', '', '', 0, 0, 3, 'u', 'u', 1)");
    add(70, "a1", "Pump");
    pack_all_record_texts(db_);
    pack_all_record_texts(db_);  // once
    EXPECT_EQ(find("%ump%")->total, 1);
}

}  // namespace
}  // namespace updraft::sql
