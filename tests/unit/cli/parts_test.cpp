#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "cli/commands.hpp"
#include "cli/csv.hpp"
#include "cli/event_stream.hpp"
#include "cli/exit_status.hpp"
#include "cli/id_list.hpp"
#include "cli/import_report.hpp"
#include "cli/rows.hpp"
#include "cli/terminal.hpp"
#include "cli/upload.hpp"
#include "cli/where.hpp"

namespace updraft::cli {
namespace {

using namespace std::chrono_literals;

std::string term(std::string_view condition, Fields fields = device_fields) {
    const auto parsed = parse_where(condition, fields);
    return parsed ? json::serialize(*parsed) : parsed.error().message.en;
}

TEST(ParseWhere, TakesSymbolsAndWords) {
    EXPECT_EQ(term("state = online"), R"({"column":"state","termType":"eq","value":"online"})");
    EXPECT_EQ(term("state=online"), R"({"column":"state","termType":"eq","value":"online"})");
    EXPECT_EQ(term("state != online"), R"({"column":"state","termType":"not","value":"online"})");
    EXPECT_EQ(term("createTime >= 2026-11-23 10:00:00"),
              R"({"column":"createTime","termType":"gte","value":"2026-11-23 10:00:00"})");
    EXPECT_EQ(term("id in d1,d2"), R"({"column":"id","termType":"in","value":"d1,d2"})");
    EXPECT_EQ(term("id not-in 'd1,d2'"), R"({"column":"id","termType":"nin","value":"d1,d2"})");
    EXPECT_EQ(term("name = 'in quotes '"),
              R"({"column":"name","termType":"eq","value":"in quotes "})");
    EXPECT_EQ(term("parentId is null"), R"({"column":"parentId","termType":"isnull","value":1})");
    EXPECT_EQ(term("parentId is-not null"),
              R"({"column":"parentId","termType":"notnull","value":1})");
}

// The characters of a pattern stand for themselves: "100%" must not match everything with 100.
TEST(ParseWhere, HoldsTheTextAsItStands) {
    EXPECT_EQ(term("name ~ 100%_a"),
              R"({"column":"name","termType":"like","value":"%100\\%\\_a%"})");
    EXPECT_EQ(term("name !~ x"), R"({"column":"name","termType":"nlike","value":"%x%"})");
    EXPECT_EQ(term("name like x%"), R"({"column":"name","termType":"like","value":"x%"})");
}

TEST(ParseWhere, KnowsTagsOfDevices) {
    EXPECT_EQ(term("tag.site = north"),
              R"({"column":"id$dev-tag","value":[{"key":"site","value":"north"}]})");
    EXPECT_FALSE(parse_where("tag.site > north", device_fields));
    EXPECT_FALSE(parse_where("tag.site = north", firmware_fields));
}

// The server ignores what it does not know, and a task would go to every device.
TEST(ParseWhere, RefusesWhatTheServerWouldIgnore) {
    EXPECT_TRUE(term("stat = online").starts_with("unknown field stat; there are id, name"));
    for (const auto* const wrong :
         {"", "state", "state =", "= online", "state resembles x", "parentId is empty"}) {
        EXPECT_FALSE(parse_where(wrong, device_fields)) << wrong;
    }
}

TEST(ParseSort, TakesADirection) {
    EXPECT_EQ(json::serialize(*parse_sort("-createTime", task_fields)),
              R"({"name":"createTime","order":"desc"})");
    EXPECT_EQ(json::serialize(*parse_sort("name", task_fields)),
              R"({"name":"name","order":"asc"})");
    EXPECT_FALSE(parse_sort("-nonsense", task_fields));
}

TEST(ParseCsv, TakesQuotedCellsApart) {
    const auto rows = parse_csv("\xEF\xBB\xBFid,name\r\nd1,\"a, \"\"b\"\"\nc\"\r\n\r\nd2,\n");

    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[0], (std::vector<std::string>{"id", "name"}));
    EXPECT_EQ(rows[1], (std::vector<std::string>{"d1", "a, \"b\"\nc"}));
    EXPECT_EQ(rows[2], (std::vector<std::string>{"d2", ""}));
}

TEST(ParseIds, TakesAListOrAColumn) {
    using Ids = std::vector<std::string>;
    EXPECT_EQ(*parse_ids("d1\nd2\n\n# spare\n d3 \nd1\n"), (Ids{"d1", "d2", "d3"}));
    EXPECT_EQ(*parse_ids("recordId,deviceId\n7,d1\n8,'-d2\n"), (Ids{"d1", "-d2"}));
    EXPECT_EQ(*parse_ids("设备ID,名称\nd1,\"x\ny\"\n"), (Ids{"d1"}));
    EXPECT_EQ(*parse_ids(""), Ids{});
    EXPECT_FALSE(parse_ids("d1\nno id\n"));
}

TEST(EventStream, IsTheSameHoweverItIsCut) {
    const std::string stream =
        ":\n\nevent: task\ndata: {\"a\":\ndata: 1}\n\r\nevent: x\n\ndata:two\r\n\r\n";
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
        std::vector<std::string> seen;
        EventStreamParser parser([&](const std::string& event, const std::string& data) {
            seen.push_back(event + "|" + data);
        });
        for (std::size_t at = 0; at < stream.size(); at += cut) {
            parser.feed(std::string_view(stream).substr(at, cut));
        }
        EXPECT_EQ(seen, (std::vector<std::string>{"task|{\"a\":\n1}", "message|two"})) << cut;
    }
}

TEST(TextAt, FollowsAPath) {
    const json::value row = json::parse(R"({"state":{"value":"online"},"n":3,"b":true,"x":null})");

    EXPECT_EQ(text_at(row, "state.value"), "online");
    EXPECT_EQ(text_at(row, "n"), "3");
    EXPECT_EQ(text_at(row, "b"), "true");
    EXPECT_EQ(text_at(row, "x"), "");
    EXPECT_EQ(text_at(row, "state.none.deeper"), "");
    EXPECT_EQ(integer_at(row, "n"), 3);
    EXPECT_EQ(integer_at(row, "state"), 0);
}

TEST(TableText, AlignsByWhatTheTerminalShows) {
    EXPECT_EQ(display_width("产品ID"), 6U);
    EXPECT_EQ(table_text({{"名称", "N"}, {"ab", "1"}, {"abcdef", ""}}),
              "名称    N\nab      1\nabcdef\n");
}

TEST(Pretty, IndentsMembersAndKeepsEmptyOnes) {
    EXPECT_EQ(pretty(json::parse(R"({"a":[1,{}],"b":[]})")),
              "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
}

TEST(SpeedText, SaysHowLongItTakes) {
    EXPECT_EQ(speed_text(1024 * 1024, 10 * 1024 * 1024, 1000ms).en, "1.0 MiB/s  10 s left");
    EXPECT_EQ(speed_text(1024, 0, 1000ms).zh, "1.0 KiB/s");
    EXPECT_EQ(speed_text(0, 10, 1000ms).en, "");
    EXPECT_EQ(readable_seconds(3'725), "1 h 02 min");
    EXPECT_EQ(readable_seconds(200), "3 min 20 s");
}

TEST(NextPieceBytes, FollowsTheLine) {
    EXPECT_EQ(next_piece_bytes(256 * 1024, 10ms), 512U * 1024);
    EXPECT_EQ(next_piece_bytes(512 * 1024, 1000ms), 512U * 1024);
    EXPECT_EQ(next_piece_bytes(512 * 1024, 5000ms), 256U * 1024);
    EXPECT_EQ(next_piece_bytes(256 * 1024, 5000ms), 256U * 1024);
    EXPECT_EQ(next_piece_bytes(8 * 1024 * 1024, 1ms), 8U * 1024 * 1024);
}

// What was refused is a file that can be corrected and imported again.
TEST(RefusedLines, KeepTheHeader) {
    const json::value report = json::parse(
        R"({"lines":3,"added":1,"updated":0,"unchanged":0,"refusedCount":2,"dryRun":false,
            "refused":[{"line":2,"id":"d1","column":"id","message":"m","text":"d1,x"},
                       {"line":4,"message":"n","text":",y"}]})");

    EXPECT_EQ(header_line("\xEF\xBB\xBFid,name\r\nd1,x"), "id,name");
    EXPECT_EQ(refused_lines(report, "id,name"), "id,name\nd1,x\n,y\n");
    EXPECT_EQ(import_summary(report).en, "3 lines: 1 added, 0 updated, 0 unchanged, 2 refused");
    EXPECT_EQ(refused_text(rows_of(member_at(report, "refused"))[0]).en, "  line 2 (d1), id: m");
    EXPECT_EQ(refused_text(rows_of(member_at(report, "refused"))[1]).en, "  line 4: n");
}

TEST(UrlEncoded, LeavesOnlyUnreservedLetters) {
    EXPECT_EQ(url_encoded("a-b_1.~/é?"), "a-b_1.~%2F%C3%A9%3F");
}

TEST(StatusOf, TellsSignInFromRefusalFromSilence) {
    EXPECT_EQ(status_of(ErrorCode::unauthorized), ExitStatus::not_allowed);
    EXPECT_EQ(status_of(ErrorCode::access_denied), ExitStatus::not_allowed);
    EXPECT_EQ(status_of(ErrorCode::unavailable), ExitStatus::unreachable);
    EXPECT_EQ(status_of(ErrorCode::not_found), ExitStatus::refused);
    EXPECT_EQ(status_of(ErrorCode::precondition_failed), ExitStatus::gave_up);
}

}  // namespace
}  // namespace updraft::cli
