#include "app/csv.hpp"

#include <gtest/gtest.h>

namespace updraft {
namespace {

std::string line_of(const std::vector<std::string>& cells) {
    std::string line;
    csv::append_line(line, cells);
    return line;
}

TEST(Csv, QuotesWhatWouldBreakALine) {
    EXPECT_EQ(line_of({"a", "b,c", "d\"e", "f\ng", ""}), "a,\"b,c\",\"d\"\"e\",\"f\ng\",\r\n");
}

// A device could name itself so that a spreadsheet runs a program.
TEST(Csv, MakesTextOfFormulas) {
    EXPECT_EQ(line_of({"=1+1", "+1", "-1", "@x", "\tx", "1=1"}), "'=1+1,'+1,'-1,'@x,'\tx,1=1\r\n");
    EXPECT_EQ(line_of({"\rx"}), "\"'\rx\"\r\n");
    EXPECT_EQ(line_of({" =1", "＝1", "＠x"}), "' =1,'＝1,'＠x\r\n");
    EXPECT_EQ(line_of({"=\"a\""}), "\"'=\"\"a\"\"\"\r\n");
}

TEST(Csv, ReadsBackWhatItWrote) {
    const std::vector<std::string> cells{"a",    "b,c", "d\"e", "f\r\ng", "",    "=1", "'x",
                                         "设备", "'=1", "''-1", " =1",    "\nx", "＋1"};
    const std::string file = std::string(csv::byte_order_mark) + line_of(cells) + line_of({"2"});
    csv::Reader reader(file);

    const auto first = reader.next();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->cells, cells);
    EXPECT_TRUE(first->well_formed);
    const auto second = reader.next();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->cells, std::vector<std::string>{"2"});
    EXPECT_EQ(second->number, 4U);  // two cells of the first have a line break
    EXPECT_FALSE(reader.next());
}

TEST(Csv, CountsLinesAndPassesOverEmptyOnes) {
    csv::Reader reader("a\n\r\n\nb,\r\nc");

    EXPECT_EQ(reader.next()->number, 1U);
    const auto second = reader.next();
    EXPECT_EQ(second->number, 4U);
    EXPECT_EQ(second->cells, (std::vector<std::string>{"b", ""}));
    EXPECT_EQ(second->text, "b,");
    EXPECT_EQ(reader.next()->number, 5U);
    EXPECT_FALSE(reader.next());
}

TEST(Csv, SaysWhichLinesAreBroken) {
    EXPECT_FALSE(csv::Reader("\"a").next()->well_formed);
    EXPECT_FALSE(csv::Reader("\"a\"b,c").next()->well_formed);
    EXPECT_FALSE(csv::Reader("").next());
}

// 32 MiB of commas were 32 million cells: more than 1 GiB of memory.
TEST(Csv, KeepsNoMoreCellsThanALineMayHave) {
    const std::string file = std::string(csv::cells_max * 3, ',') + "\nb\n";
    csv::Reader reader(file);

    EXPECT_EQ(reader.next()->cells.size(), csv::cells_max + 1);
    EXPECT_EQ(reader.next()->cells, std::vector<std::string>{"b"});
}

TEST(Csv, PairsKeepWhateverIsInThem) {
    const std::vector<std::pair<std::string, std::string>> values{
        {"a", "1"}, {"b=c;d", "\\;="}, {"e", ""}};

    const std::string text = csv::pairs(values);

    EXPECT_EQ(text, R"(a=1;b\=c\;d=\\\;\=;e=)");
    EXPECT_EQ(csv::pairs_in(text), values);
    EXPECT_EQ(csv::pairs_in("a"), std::nullopt);
    EXPECT_EQ(csv::pairs_in("a;b=1"), std::nullopt);
    EXPECT_EQ(csv::pairs_in("=1"), std::nullopt);
    EXPECT_TRUE(csv::pairs_in("a=1;").has_value());
}

}  // namespace
}  // namespace updraft
