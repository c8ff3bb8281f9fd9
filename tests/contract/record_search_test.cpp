#include <algorithm>
#include <random>

#include "tests/contract/engine.hpp"
#include "tests/contract/rows.hpp"

// Pages of a task's records that are found in packed texts or in partial indexes: they must be what
// the plain query answers. That one is asked without paging, which no shortcut serves.

namespace updraft::contract {
namespace {

Term group(std::vector<Term> terms) {
    Term group;
    group.terms = std::move(terms);
    return group;
}
Term or_else(Term term) {
    term.connector = Term::Connector::disjunction;
    return term;
}
Term like(const char* column, const std::string& pattern) {
    return term(column, pattern.c_str(), "like");
}
/// The console's search box.
Term quick(const std::string& pattern) {
    return group({like("deviceName", pattern), or_else(like("deviceId", pattern))});
}

/// A task of 1,300 records in three chunks, so that there are several blocks of several sizes, in
/// states of all kinds; and another task over the same devices.
class RecordSearchContract : public Contract {
protected:
    RecordSearchContract() {
        write([&](UnitOfWork& work) {
            for (int i = 0; i < 1'300; ++i) {
                Device device = a_device(id_of(i));
                device.name = name_of(i);
                work.devices().add(device);
            }
            for (const char* task : {"1", "2"}) {
                work.tasks().add(a_task(task), {});
                EXPECT_EQ(expand_all(work, TaskId{task}, next_id_, 600), 1'300);
            }
            std::mt19937 chance(5);
            for (const RecordRow& row : all(work, {term("taskId", "1")}, {})) {
                change(work, row.record, chance);
            }
        });
    }

    static std::string id_of(int i) {
        return (i % 3 == 0 ? "Bench-" : "bench-") + std::to_string(i);
    }
    static std::string name_of(int i) {
        switch (i % 7) {
            case 0:
                return "泵站 " + std::to_string(i);
            case 1:
                return "50%_off \\ " + std::to_string(i);
            case 2:
                return "";
            case 3:
                return "same";
            case 4:
                return "Bench " + std::to_string(i % 20);
            case 5:
                return std::string(static_cast<std::size_t>(i), 'x') + "é";
            default:
                return "bench泵";
        }
    }

    /// Any state with any times and progress: the shortcuts must not rely on what usually goes
    /// together.
    static void change(UnitOfWork& work, const UpgradeRecord& before, std::mt19937& chance) {
        const auto pick = [&](int of) { return static_cast<int>(chance() % unsigned(of)); };
        UpgradeRecord after = before;
        if (pick(10) == 0) {
            work.records().remove(before);
            return;
        }
        constexpr RecordState states[] = {RecordState::waiting, RecordState::processing,
                                          RecordState::success, RecordState::failed,
                                          RecordState::canceled};
        after.state = states[pick(5)];
        after.progress_percent = pick(2) * pick(5) * 20;
        after.upgrade_at = pick(2) == 0 ? std::nullopt : std::optional(at(pick(40)));
        after.completed_at = pick(2) == 0 ? std::nullopt : std::optional(at(pick(40)));
        after.error_reason = pick(2) == 0 ? "" : "no space " + std::to_string(pick(30));
        work.records().update(before, after);
    }

    static std::vector<RecordRow> all(const Repositories& rows, const std::vector<Term>& terms,
                                      const std::vector<Sort>& sorts) {
        Query query;
        query.paging = false;
        query.terms = terms;
        query.sorts = sorts;
        return rows.records().page(query).rows;
    }

    /// Compares every page of the query, and one behind the last, with the plain answer. Returns
    /// how many records there are.
    std::size_t check(std::vector<Term> terms, const std::vector<Sort>& sorts = {}) const {
        terms.insert(terms.begin(), term("taskId", "1"));
        return read([&](const Repositories& rows) {
            const auto expected = all(rows, terms, sorts);
            const auto total = static_cast<std::int64_t>(expected.size());
            Query query;
            query.terms = terms;
            query.sorts = sorts;
            query.page_size = 90;
            EXPECT_EQ(rows.records().count(query), total);
            const std::int64_t last = std::max<std::int64_t>(total - 1, 0) / query.page_size;
            for (query.page_index = 0; query.page_index <= last + 1; ++query.page_index) {
                const auto page = rows.records().page(query);
                const std::int64_t index = std::min(query.page_index, last);
                EXPECT_EQ(page.total, total);
                EXPECT_EQ(page.page_size, 90);
                EXPECT_EQ(page.page_index, index);
                const std::int64_t begin = std::min(index * 90, total);
                const std::vector<RecordRow> part(expected.begin() + begin,
                                                  expected.begin() + std::min(begin + 90, total));
                EXPECT_TRUE(std::ranges::equal(part, page.rows, {}, id, id)) << "page " << index;
            }
            return expected.size();
        });
    }
    static std::string id(const RecordRow& row) { return row.record.id.value; }

    std::function<std::int64_t()> next_id_ = ids_from(1'000);
};
UPDRAFT_ON_EVERY_ENGINE(RecordSearchContract);

TEST_P(RecordSearchContract, PartsOfATextAreFound) {
    for (const std::string part :
         {"1",      "b",       "B",          "12",   "an",      "泵",    "站",
          "é",      "ench-12", "bench-1299", "same", "xxxx",    "  ",    "no such device",
          "泵站 7", "\\",      "%",          "_",    "50%_off", "% \\ 1"}) {
        std::string escaped;
        for (const char letter : part) {
            if (letter == '%' || letter == '_' || letter == '\\') {
                escaped += '\\';
            }
            escaped += letter;
        }
        SCOPED_TRACE(part);
        const auto by_id = check({like("deviceId", "%" + escaped + "%")});
        const auto by_name = check({group({like("device_name", "%" + escaped + "%")})});
        const auto by_either = check({quick("%" + escaped + "%")});
        EXPECT_GE(by_either, std::max(by_id, by_name));
        EXPECT_LE(by_either, by_id + by_name);
    }
    EXPECT_GT(check({like("deviceName", "%泵%")}), 100U);
    EXPECT_GT(check({like("deviceName", "%\\%\\_%")}), 100U);
    EXPECT_NE(check({like("deviceId", "%B%")}), check({like("deviceId", "%b%")}));  // case counts
    EXPECT_EQ(check({like("deviceId", "%no such%")}), 0U);
}

TEST_P(RecordSearchContract, PatternsOfEveryFormAreFound) {
    for (const char* pattern : {"bench%", "%7", "same", "%", "%%", "", "b%1%", "_ench-1%", "%_2_%",
                                "bench\\-1%", "%\\", "%e\\%", "泵_", "%é"}) {
        SCOPED_TRACE(pattern);
        check({like("deviceName", pattern)});
        check({like("deviceId", pattern)});
        check({quick(pattern)});
    }
    EXPECT_GT(check({like("deviceName", "same")}), 100U);
    EXPECT_EQ(check({like("deviceName", "am")}), 0U);
}

TEST_P(RecordSearchContract, OtherTermsStillRestrict) {
    const Term failed = term("state", "failed");
    const auto found = check({quick("%2%"), failed});
    EXPECT_GT(found, 0U);
    EXPECT_LT(found, check({quick("%2%")}));
    check({group({failed}), quick("%2%"), like("errorReason", "%space 1%")});
    check({quick("%2%"), like("deviceId", "%ench%"), like("deviceName", "%泵%")});
    check({quick("%2%"), or_else(failed)});
    check({group({like("deviceId", "%1%"), or_else(failed)})});
    check({group(
        {like("deviceId", "%1%"), like("deviceName", "%2%"), or_else(like("deviceId", "%3%"))})});
    check({group({like("deviceId", "%1%"), or_else(group({quick("%7%"), failed}))})});
    Term own_and_group = or_else(like("deviceId", "%12%"));
    own_and_group.terms = {failed};
    check({group({own_and_group})});
    check({term("deviceName", "%1%", "nlike")});
    Term negated = like("deviceName", "%1%");
    negated.options = {"not"};
    check({negated});
    check({like("deviceName", ""), or_else(like("deviceId", "%1%"))});
    check({term("nobody knows", "x"), like("deviceId", "%1%")});
    check({term("taskId", "2"), like("deviceId", "%1%")});
}

TEST_P(RecordSearchContract, EveryOrderIsKept) {
    for (const char* column : {"deviceName", "deviceId", "progress", "completeTime", "upgradeTime",
                               "createTime", "id", "state", "errorReason", "productName"}) {
        for (const bool descending : {false, true}) {
            SCOPED_TRACE(column);
            const std::vector<Sort> sorts = {{column, descending, nullptr}};
            EXPECT_GT(check({}, sorts), 1'000U);
            check({quick("%1%")}, sorts);
            check({quick("%77%")}, sorts);
            check({quick("%1%"), term("state", "failed")}, sorts);
            check({term("state", "success")}, sorts);
        }
    }
    check({}, {{"deviceName", true, nullptr}, {"deviceId", false, nullptr}});
    check({}, {{"completeTime", true, nullptr}, {"deviceName", false, nullptr}});
    check({quick("%1%")}, {{"deviceName", false, "same"}});
    check({}, {{"progress", false, 20}});
}

TEST_P(RecordSearchContract, TimesAndReasonsAreFound) {
    const auto from = [](std::int64_t second) {
        return term("completeTime", to_millis(at(second)), "gte");
    };
    const auto to = [](std::int64_t second) {
        return term("completeTime", to_millis(at(second)), "lte");
    };
    EXPECT_GT(check({group({from(10), to(20)})}), 100U);
    EXPECT_GT(check({group({from(10), to(20)}), term("state", "success")}), 10U);
    check({from(10), quick("%1%")});
    check({to(10)}, {{"completeTime", true, nullptr}});
    check({term("completeTime", 1, "isnull")});
    EXPECT_GT(check({like("errorReason", "%space 1%")}), 100U);
    EXPECT_GT(check({like("errorReason", "%")}), 1'000U);  // an empty reason fits as well
    check({term("errorReason", "%space 1%", "nlike")});
    check({like("errorReason", "no space 2_")});
}

// The console sends the total along that it knows; the page is cut by it and says it again.
TEST_P(RecordSearchContract, AKnownTotalIsEchoed) {
    read([&](const Repositories& rows) {
        for (const auto& sort :
             {Sort{"createTime", true, nullptr}, Sort{"deviceName", true, nullptr}}) {
            Query query;
            query.terms = {term("taskId", "1"), quick("%1%")};
            query.sorts = {sort};
            query.page_size = 20;
            query.page_index = 3;
            const auto counted = rows.records().page(query);
            query.known_total = counted.total + 7;
            auto page = rows.records().page(query);
            EXPECT_EQ(page.total, counted.total + 7);
            EXPECT_TRUE(std::ranges::equal(page.rows, counted.rows, {}, id, id));
            query.known_total = 45;
            page = rows.records().page(query);
            EXPECT_EQ(page.page_index, 2);
            query.known_total = 0;
            EXPECT_TRUE(rows.records().page(query).rows.empty());
        }
    });
}

TEST_P(RecordSearchContract, ARenamedDeviceKeepsTheNameOfItsRecord) {
    write([](UnitOfWork& work) {
        Device device = *work.devices().find(DeviceId{"bench-1"});
        device.name = "renamed";
        work.devices().update(device);
    });
    EXPECT_EQ(check({like("deviceName", "%renamed%")}), 0U);
}

// Two nodes make records by turns, and the clock of one is behind: pages are in the order of ids,
// not in that in which the records were made.
TEST_P(RecordSearchContract, IdsMayGoBackBetweenChunks) {
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("3"), {});
        const auto every_second = [](std::int64_t next) {
            return [next]() mutable { return next += 2; };
        };
        EXPECT_EQ(work.tasks().expand(TaskId{"3"}, 600, at(5), every_second(500'001)), 600);
        EXPECT_EQ(work.tasks().expand(TaskId{"3"}, 600, at(5), every_second(500'100)), 600);
        EXPECT_EQ(expand_all(work, TaskId{"3"}, ids_from(400'000)), 100);
    });
    read([&](const Repositories& rows) {
        for (const char* column : {"createTime", "deviceName"}) {
            Query query;
            query.terms = {term("taskId", "3"), quick("%1%")};
            query.sorts = {{column, false, nullptr}};
            query.page_size = 2'000;
            const auto expected = all(rows, query.terms, query.sorts);
            EXPECT_GT(expected.size(), 500U);
            EXPECT_TRUE(std::ranges::equal(rows.records().page(query).rows, expected, {}, id, id));
        }
    });
}

TEST_P(RecordSearchContract, ARemovedTaskIsNotFoundAnyMore) {
    write([](UnitOfWork& work) { work.tasks().remove(TaskId{"1"}); });
    EXPECT_EQ(check({quick("%1%")}), 0U);
    EXPECT_EQ(check({}, {{"deviceName", false, nullptr}}), 0U);
    reopen();
    EXPECT_EQ(check({quick("%1%")}), 0U);
}

}  // namespace
}  // namespace updraft::contract
