#include <random>

#include "tests/contract/engine.hpp"
#include "tests/contract/rows.hpp"

// Tasks, their frozen selections, the making of their records, and the counters.

namespace updraft::contract {
namespace {

class TaskContract : public Contract {
protected:
    void add_devices(int count, const std::string& product = "p1") {
        write([&](UnitOfWork& work) {
            for (int i = 0; i < count; ++i) {
                work.devices().add(a_device(product + "-" + std::to_string(i), product));
            }
        });
    }
    TaskRow task(const std::string& id) const {
        return read([&](const Repositories& rows) { return *rows.tasks().find(TaskId{id}); });
    }
    /// The truth that the counters are held to.
    RecordCounts counted(const std::string& id) const {
        return read([&](const Repositories& rows) {
            RecordCounts counts;
            Query all;
            all.paging = false;
            all.terms = {term("taskId", id.c_str()),
                         term("id", 1, "notnull")};  // not the quick count
            rows.records().each(all, [&](const RecordRow& row) {
                ++counts.of(row.record.state);
                return true;
            });
            return counts;
        });
    }
    std::vector<UpgradeRecord> records(const std::string& task_id) const {
        return read([&](const Repositories& rows) {
            return rows.records().of_task(
                TaskId{task_id},
                {RecordState::waiting, RecordState::processing, RecordState::success,
                 RecordState::failed, RecordState::canceled},
                RecordId{}, 1'000'000);
        });
    }
    std::function<std::int64_t()> next_id_ = ids_from(1'000);
};
UPDRAFT_ON_EVERY_ENGINE(TaskContract);

TEST_P(TaskContract, ATaskIsKeptWhole) {
    add_devices(3);
    UpgradeTask expected = a_task("17");
    expected.release_type = ReleaseType::part;
    expected.devices = {DeviceId{"p1-0"}, DeviceId{"p1-1"}};
    expected.terms = R"([{"column":"id"}])";
    expected.mode = UpgradeMode::pull;
    std::int64_t total = 0;
    write([&](UnitOfWork& work) {
        total = work.tasks().add(expected, {expected.devices, std::nullopt});
    });
    expected.planned_total = 2;
    EXPECT_EQ(total, 2);
    EXPECT_EQ(task("17").task, expected);
    EXPECT_EQ(task("17").counts, (RecordCounts{2, 0, 0, 0, 0}));
    read([&](const Repositories& rows) {
        EXPECT_FALSE(rows.tasks().find(TaskId{"18"}).has_value());
        EXPECT_FALSE(rows.tasks().find(TaskId{"no number"}).has_value());
        EXPECT_EQ(rows.tasks().of_firmware(FirmwareId{"f1"}, 5), std::vector{expected});
        EXPECT_TRUE(rows.tasks().of_firmware(FirmwareId{"f1"}, 0).empty());
    });
}

TEST_P(TaskContract, TheCountersAreRightBeforeTheRecordsAreMade) {
    add_devices(25);
    add_devices(5, "p2");
    write([&](UnitOfWork& work) { work.tasks().add(a_task("1"), {}); });
    EXPECT_EQ(task("1").counts.waiting, 25);
    EXPECT_EQ(counted("1").total(), 0);
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.tasks().unfinished_expansions(), std::vector{TaskId{"1"}});
    });
    write([&](UnitOfWork& work) {
        EXPECT_EQ(work.tasks().expand(TaskId{"1"}, 10, at(5), next_id_), 10);
    });
    EXPECT_EQ(task("1").counts.waiting, 25);
    EXPECT_EQ(counted("1").waiting, 10);
    write([&](UnitOfWork& work) { EXPECT_EQ(expand_all(work, TaskId{"1"}, next_id_, 10), 15); });
    EXPECT_EQ(counted("1"), task("1").counts);
    read([&](const Repositories& rows) {
        EXPECT_TRUE(rows.tasks().unfinished_expansions().empty());
    });
    write([&](UnitOfWork& work) {
        EXPECT_EQ(work.tasks().expand(TaskId{"1"}, 10, at(5), next_id_), 0);
    });
}

TEST_P(TaskContract, RecordsAreBornFromTaskAndDevice) {
    add_devices(2);
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        expand_all(work, TaskId{"1"}, next_id_);
    });
    UpgradeRecord expected;
    expected.id = RecordId{"1000"};
    expected.task = TaskId{"1"};
    expected.device = DeviceId{"p1-0"};
    expected.product = ProductId{"p1"};
    expected.firmware = FirmwareId{"f1"};
    expected.target_version = "1.1";
    expected.version_order = 2;
    expected.mode = UpgradeMode::push;
    expected.forced = true;
    expected.response_timeout = seconds(30);
    expected.upgrade_timeout = seconds(600);
    expected.created_at = at(5);
    const auto made = records("1");
    ASSERT_EQ(made.size(), 2U);
    EXPECT_EQ(made[0], expected);
    const auto row =
        read([](const Repositories& rows) { return rows.records().find_row(RecordId{"1000"}); });
    ASSERT_TRUE(row.has_value());
    EXPECT_EQ(row->record, expected);
    EXPECT_EQ(row->device_name, "device p1-0");
    EXPECT_EQ(row->product_name, "W-801");
    EXPECT_EQ(row->task_name, "task 1");
}

TEST_P(TaskContract, DevicesAddedLaterAreNotInTheSelection) {
    add_devices(4);
    write([&](UnitOfWork& work) { work.tasks().add(a_task("1"), {}); });
    write([&](UnitOfWork& work) {
        work.devices().remove(DeviceId{"p1-3"});     // the newest: its number must not come back
        work.devices().add(a_device("late", "p1"));  // after the task
        expand_all(work, TaskId{"1"}, next_id_, 2);
    });
    EXPECT_EQ(records("1").size(), 3U);
    EXPECT_EQ(task("1").counts, (RecordCounts{3, 0, 0, 0, 0}));
    EXPECT_EQ(task("1").task.planned_total, 4);
}

TEST_P(TaskContract, DevicesDeletedBeforeTheirTurnShrinkAChosenSelection) {
    add_devices(6);
    std::vector<DeviceId> chosen;
    for (int i = 0; i < 6; ++i) {
        chosen.emplace_back("p1-" + std::to_string(i));
    }
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {chosen, std::nullopt});
        for (int i = 0; i < 4; ++i) {
            work.devices().remove(chosen[static_cast<std::size_t>(i)]);
        }
        // The first chunk meets deleted devices only; it must not look like the end.
        EXPECT_EQ(work.tasks().expand(TaskId{"1"}, 2, at(5), next_id_), 2);
        expand_all(work, TaskId{"1"}, next_id_, 2);
    });
    EXPECT_EQ(records("1").size(), 2U);
    EXPECT_EQ(task("1").counts.total(), 2);
}

TEST_P(TaskContract, TermsAreEvaluatedOnceAndWithinTheProduct) {
    add_devices(12);
    add_devices(12, "p2");
    DeviceSelection selection;
    selection.terms = {term("name", "%-1%", "like")};  // p1-1, p1-10, p1-11
    std::int64_t total = 0;
    write([&](UnitOfWork& work) { total = work.tasks().add(a_task("1"), selection); });
    EXPECT_EQ(total, 3);
    write([&](UnitOfWork& work) {
        Device renamed = a_device("p1-5");
        renamed.name = "device p1-1-too-late";
        work.devices().update(renamed);
        expand_all(work, TaskId{"1"}, next_id_);
    });
    EXPECT_EQ(records("1").size(), 3U);
}

// `terms` alone would be `a or b`, and the product must still hold for both.
TEST_P(TaskContract, AlternativesDoNotEscapeTheProduct) {
    add_devices(3);
    add_devices(3, "p2");
    DeviceSelection selection;
    selection.terms = {term("id", "p1-0"), term("id", "p2-0")};
    selection.terms->back().connector = Term::Connector::disjunction;
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.tasks().check(ProductId{"p1"}, selection).matching, 1);
    });
    write([&](UnitOfWork& work) { EXPECT_EQ(work.tasks().add(a_task("1"), selection), 1); });
}

TEST_P(TaskContract, DevicesAndTermsIntersect) {
    add_devices(3);
    DeviceSelection selection;
    selection.devices = {DeviceId{"p1-0"}, DeviceId{"p1-1"}, DeviceId{"p1-0"}};
    selection.terms = {term("id", "p1-1", "not")};
    read([&](const Repositories& rows) {
        EXPECT_EQ(
            rows.tasks().check(ProductId{"p1"}, {selection.devices, selection.terms}).matching,
            2);  // one id given twice
    });
    write([&](UnitOfWork& work) { EXPECT_EQ(work.tasks().add(a_task("1"), selection), 1); });
}

TEST_P(TaskContract, AnEmptyListOfTermsIsEveryDevice) {
    add_devices(3);
    write([&](UnitOfWork& work) {
        EXPECT_EQ(work.tasks().add(a_task("1"), {std::nullopt, std::vector<Term>{}}), 3);
    });
}

TEST_P(TaskContract, CheckNamesForeignDevices) {
    add_devices(2);
    add_devices(1, "p2");
    DeviceSelection selection;
    selection.devices = {DeviceId{"p1-0"}, DeviceId{"p2-0"}, DeviceId{"nobody"}};
    const auto check = read(
        [&](const Repositories& rows) { return rows.tasks().check(ProductId{"p1"}, selection); });
    EXPECT_EQ(check.matching, 1);
    EXPECT_EQ(check.foreign, (std::vector{DeviceId{"p2-0"}, DeviceId{"nobody"}}));
}

TEST_P(TaskContract, APreviewSeesStatesVersionsAndOpenRecords) {
    add_devices(6);
    add_devices(1, "p2");
    write([&](UnitOfWork& work) {
        work.devices().set_state(DeviceId{"p1-0"}, DeviceState::not_active);
        work.devices().set_state(DeviceId{"p1-1"}, DeviceState::online);
        work.devices().set_firmware(DeviceId{"p1-1"}, {"2.0", 4, {}, at(3)});
        work.devices().set_firmware(DeviceId{"p1-2"}, {"1.0", 1, {}, at(3)});
        work.tasks().add(a_task("1"),
                         {{{DeviceId{"p1-1"}, DeviceId{"p1-2"}, DeviceId{"p1-3"}}}, {}});
        expand_all(work, TaskId{"1"}, next_id_);
        const auto of_task = work.records().of_task(TaskId{"1"}, {RecordState::waiting}, {}, 9);
        UpgradeRecord processing = of_task.at(0);
        processing.state = RecordState::processing;
        work.records().update(of_task.at(0), processing);
        UpgradeRecord done = of_task.at(1);
        done.state = RecordState::success;
        work.records().update(of_task.at(1), done);
    });
    DeviceSelection chosen;
    chosen.devices = {DeviceId{"p1-0"}, DeviceId{"p1-1"}, DeviceId{"p1-2"}, DeviceId{"p2-0"},
                      DeviceId{"x"}};
    DeviceSelection matching;
    matching.terms = {term("id", "p1-0", "not")};
    const auto preview = [&](const DeviceSelection& selection) {
        return read([&](const Repositories& rows) {
            return rows.tasks().preview(ProductId{"p1"}, selection, "2.0");
        });
    };
    const auto numbers = [](const SelectionPreview& seen) {
        return std::vector{seen.total,           seen.online, seen.offline,      seen.not_active,
                           seen.already_current, seen.busy,   seen.unknown_count};
    };
    using Numbers = std::vector<std::int64_t>;

    EXPECT_EQ(numbers(preview({})), (Numbers{6, 1, 4, 1, 1, 2, 0}));
    EXPECT_EQ(numbers(preview(matching)), (Numbers{5, 1, 4, 0, 1, 2, 0}));
    EXPECT_EQ(numbers(preview(chosen)), (Numbers{3, 1, 1, 1, 1, 1, 2}));
    EXPECT_EQ(preview(chosen).unknown, (std::vector{DeviceId{"p2-0"}, DeviceId{"x"}}));
    chosen.terms = {term("id", "p1-1", "not")};
    EXPECT_EQ(numbers(preview(chosen)), (Numbers{2, 0, 1, 1, 0, 0, 2}));
    EXPECT_EQ(numbers(read([](const Repositories& rows) {
                  return rows.tasks().preview(ProductId{"p9"}, {}, "2.0");
              })),
              Numbers(7, 0));
}

TEST_P(TaskContract, StoppingMovesWhatIsStillToBeMade) {
    add_devices(10);
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        EXPECT_EQ(work.tasks().expand(TaskId{"1"}, 4, at(5), next_id_), 4);
        EXPECT_EQ(work.tasks().set_stopped(TaskId{"1"}, true), 6);
        EXPECT_EQ(work.tasks().set_stopped(TaskId{"1"}, true), 0);
    });
    EXPECT_TRUE(task("1").task.stopped);
    EXPECT_EQ(task("1").counts, (RecordCounts{4, 0, 0, 0, 6}));
    write([&](UnitOfWork& work) {
        EXPECT_EQ(work.tasks().expand(TaskId{"1"}, 4, at(5), next_id_), 4);
        EXPECT_EQ(work.tasks().set_stopped(TaskId{"1"}, false), 2);
        expand_all(work, TaskId{"1"}, next_id_);
    });
    EXPECT_FALSE(task("1").task.stopped);
    EXPECT_EQ(task("1").counts, (RecordCounts{6, 0, 0, 0, 4}));
    EXPECT_EQ(counted("1"), task("1").counts);
    write([&](UnitOfWork& work) { EXPECT_EQ(work.tasks().set_stopped(TaskId{"1"}, true), 0); });
}

TEST_P(TaskContract, ExpansionGoesOnAfterAReopen) {
    add_devices(30);
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        EXPECT_EQ(work.tasks().expand(TaskId{"1"}, 7, at(5), next_id_), 7);
    });
    reopen();
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.tasks().unfinished_expansions(), std::vector{TaskId{"1"}});
    });
    write([&](UnitOfWork& work) { EXPECT_EQ(expand_all(work, TaskId{"1"}, next_id_, 7), 23); });
    std::set<DeviceId> devices;
    for (const UpgradeRecord& record : records("1")) {
        devices.insert(record.device);
    }
    EXPECT_EQ(devices.size(), 30U);
}

TEST_P(TaskContract, ARemovedTaskTakesEverythingWithIt) {
    add_devices(5);
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        work.tasks().expand(TaskId{"1"}, 3, at(5), next_id_);
        work.tasks().remove(TaskId{"1"});
    });
    read([&](const Repositories& rows) {
        EXPECT_FALSE(rows.tasks().find(TaskId{"1"}).has_value());
        EXPECT_EQ(rows.records().count({}), 0);
        EXPECT_TRUE(rows.tasks().unfinished_expansions().empty());
        EXPECT_TRUE(rows.records().of_device(DeviceId{"p1-0"}).empty());
    });
}

TEST_P(TaskContract, ARecordIsUpdatedWhole) {
    add_devices(1);
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        expand_all(work, TaskId{"1"}, next_id_);
    });
    const UpgradeRecord before = records("1").front();
    UpgradeRecord after = before;
    after.state = RecordState::processing;
    after.progress_percent = 40;
    after.attempt = 2;
    after.acked = after.resent = after.revived = true;
    after.forced = false;
    after.message_id = "m";
    after.server_id = "node-1";
    after.error_reason = "升级超时";
    after.upgrade_at = at(6);
    after.completed_at = at(7);
    after.response_deadline = at(8);
    after.upgrade_deadline = at(9);
    write([&](UnitOfWork& work) { work.records().update(before, after); });
    EXPECT_EQ(records("1").front(), after);
    EXPECT_EQ(task("1").counts, (RecordCounts{0, 1, 0, 0, 0}));
    UpgradeRecord further = after;
    further.progress_percent = 60;
    write([&](UnitOfWork& work) { work.records().update(after, further); });
    EXPECT_EQ(records("1").front(), further);
    write([&](UnitOfWork& work) { work.records().remove(further); });
    EXPECT_TRUE(records("1").empty());
    EXPECT_EQ(task("1").counts.total(), 0);
}

TEST_P(TaskContract, DueRecordsComeByTheirEarlierDeadline) {
    add_devices(4);
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        expand_all(work, TaskId{"1"}, next_id_);
        const auto set = [&](const char* id, RecordState state, std::optional<Instant> response,
                             std::optional<Instant> upgrade) {
            const UpgradeRecord before = *work.records().find(RecordId{id});
            UpgradeRecord after = before;
            after.state = state;
            after.response_deadline = response;
            after.upgrade_deadline = upgrade;
            work.records().update(before, after);
        };
        set("1000", RecordState::processing, std::nullopt, at(50));
        set("1001", RecordState::processing, at(40), at(90));
        set("1002", RecordState::processing, std::nullopt, std::nullopt);
        set("1003", RecordState::failed, at(10), at(10));
    });
    read([&](const Repositories& rows) {
        const auto ids = [](const std::vector<UpgradeRecord>& all) {
            std::string joined;
            for (const UpgradeRecord& record : all) {
                joined += record.id.value + " ";
            }
            return joined;
        };
        const UpgradeRecords& all = rows.records();
        EXPECT_EQ(ids(all.due(at(39), 10)), "");
        EXPECT_EQ(ids(all.due(at(50), 10)), "1001 1000 ");
        EXPECT_EQ(ids(all.due(at(50), 1)), "1001 ");
        EXPECT_EQ(all.earliest_deadline(), at(40));
        EXPECT_EQ(ids(all.all_processing(RecordId{}, 10)), "1000 1001 1002 ");
        EXPECT_EQ(ids(all.all_processing(RecordId{"1000"}, 1)), "1001 ");
    });
}

TEST_P(TaskContract, WithoutProcessingRecordsThereIsNoDeadline) {
    EXPECT_EQ(read([](const Repositories& rows) { return rows.records().earliest_deadline(); }),
              std::nullopt);
}

TEST_P(TaskContract, DevicesWaitingForPushComeOnceAndInOrder) {
    add_devices(5);
    UpgradeTask pull = a_task("2");
    pull.mode = UpgradeMode::pull;
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {{{DeviceId{"p1-3"}, DeviceId{"p1-1"}}}, std::nullopt});
        work.tasks().add(pull, {});
        work.tasks().add(a_task("3"), {{{DeviceId{"p1-3"}, DeviceId{"p1-4"}}}, std::nullopt});
        for (const char* id : {"1", "2", "3"}) {
            expand_all(work, TaskId{id}, next_id_);
        }
    });
    const auto waiting = [&](const std::optional<TaskId>& task_id, const std::string& after,
                             std::size_t limit) {
        return read([&](const Repositories& rows) {
            std::string joined;
            for (const DeviceId& device :
                 rows.records().devices_waiting_for_push(task_id, DeviceId{after}, limit)) {
                joined += device.value + " ";
            }
            return joined;
        });
    };
    EXPECT_EQ(waiting(std::nullopt, "", 10), "p1-1 p1-3 p1-4 ");
    EXPECT_EQ(waiting(std::nullopt, "", 2), "p1-1 p1-3 ");
    EXPECT_EQ(waiting(std::nullopt, "p1-1", 10), "p1-3 p1-4 ");
    EXPECT_EQ(waiting(TaskId{"1"}, "", 10), "p1-1 p1-3 ");
    EXPECT_EQ(waiting(TaskId{"2"}, "", 10), "");
    EXPECT_EQ(waiting(TaskId{"3"}, "p1-3", 10), "p1-4 ");
}

// The chart of the last days is history: a retry or a deleted task must not rewrite it.
TEST_P(TaskContract, EndsAreCountedByTheQuarterAndOutliveTheirTask) {
    add_devices(3);
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        expand_all(work, TaskId{"1"}, next_id_);
    });
    const auto end = [&](std::size_t index, RecordState state, std::int64_t second) {
        write([&](UnitOfWork& work) {
            const UpgradeRecord before = *work.records().find(records("1").at(index).id);
            UpgradeRecord after = before;
            after.state = state;
            after.completed_at =
                state == RecordState::waiting ? std::nullopt : std::optional(at(second));
            work.records().update(before, after);
        });
    };
    const std::int64_t quarter = 100;  // 1,700,000,100 s is a multiple of 900
    end(0, RecordState::failed, quarter);
    end(0, RecordState::waiting, 0);
    end(0, RecordState::success, quarter + 899);
    end(1, RecordState::success, quarter + 900);
    end(2, RecordState::canceled, quarter + 900);
    end(1, RecordState::success, quarter + 950);  // a repeat
    write([&](UnitOfWork& work) { work.tasks().remove(TaskId{"1"}); });

    const auto ended =
        read([&](const Repositories& rows) { return rows.records().ended_since(at(0)); });

    ASSERT_EQ(ended.size(), 2U);
    EXPECT_EQ(ended[0].quarter_at, at(quarter));
    EXPECT_EQ(ended[0].success, 1);
    EXPECT_EQ(ended[0].failed, 1);
    EXPECT_EQ(ended[1].quarter_at, at(quarter + 900));
    EXPECT_EQ(ended[1].success, 1);
    EXPECT_EQ(ended[1].failed, 0);
    EXPECT_EQ(read([&](const Repositories& rows) {
                  return rows.records().ended_since(at(quarter + 1)).size();
              }),
              1U);
}

TEST_P(TaskContract, ActiveRecordsOfAFirmware) {
    add_devices(1);
    const auto active = [&](const char* firmware) {
        return read([&](const Repositories& rows) {
            return rows.records().any_active_of_firmware(FirmwareId{firmware});
        });
    };
    EXPECT_FALSE(active("f1"));
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        expand_all(work, TaskId{"1"}, next_id_);
    });
    EXPECT_TRUE(active("f1"));
    EXPECT_FALSE(active("f2"));
    write([&](UnitOfWork& work) {
        const UpgradeRecord before = work.records().of_device(DeviceId{"p1-0"}).front();
        UpgradeRecord after = before;
        after.state = RecordState::canceled;
        work.records().update(before, after);
    });
    EXPECT_FALSE(active("f1"));
}

// The counters are the truth that the console shows; they must equal COUNT(*) whatever happens.
TEST_P(TaskContract, CountersStayEqualToTheRecordsUnderRandomChanges) {
    add_devices(40);
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](int limit) {
        return std::uniform_int_distribution<int>(0, limit - 1)(random);
    };
    write([&](UnitOfWork& work) { work.tasks().add(a_task("1"), {}); });
    for (int round = 0; round < 60; ++round) {
        const bool keep = below(5) != 0;
        (void)store_->write([&](UnitOfWork& work) -> Result<void> {
            work.tasks().expand(TaskId{"1"}, below(3), at(5), next_id_);
            if (below(6) == 0) {
                work.tasks().set_stopped(TaskId{"1"}, below(2) == 0);
            }
            for (int i = 0; i < 5; ++i) {
                const auto id = RecordId{std::to_string(1'000 + below(40))};
                const auto before = work.records().find(id);
                if (before && below(12) == 0) {
                    work.records().remove(*before);
                } else if (before) {
                    UpgradeRecord after = *before;
                    after.state = static_cast<RecordState>(below(5));
                    work.records().update(*before, after);
                }
            }
            if (!keep) {
                return Error::invalid("x", text("回滚", "roll back"));
            }
            return {};
        });
    }
    write([&](UnitOfWork& work) { expand_all(work, TaskId{"1"}, next_id_); });
    EXPECT_EQ(task("1").counts, counted("1"));
    read([&](const Repositories& rows) {
        Query quick;
        quick.terms = {term("taskId", "1"), term("state", "waiting")};
        EXPECT_EQ(rows.records().count(quick), counted("1").waiting);
    });
}

TEST_P(TaskContract, ARecordQueryCountsRowsWhileTheyAreMade) {
    add_devices(10);
    Query query;
    query.terms = {term("taskId", "1")};
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        work.tasks().expand(TaskId{"1"}, 4, at(5), next_id_);
        EXPECT_EQ(work.records().count(query), 4);
        EXPECT_EQ(work.records().page(query).rows.size(), 4U);
        expand_all(work, TaskId{"1"}, next_id_);
        EXPECT_EQ(work.records().count(query), 10);
    });
}

// Spec 3.3: what the console's filter shows for each mix of counters.
TEST_P(TaskContract, TheStateFilterFollowsTheCounters) {
    add_devices(3);
    const std::vector<std::pair<std::string, std::vector<RecordState>>> tasks = {
        {"1", {RecordState::waiting, RecordState::success, RecordState::success}},
        {"2", {RecordState::waiting, RecordState::processing, RecordState::canceled}},
        {"3", {RecordState::canceled, RecordState::processing, RecordState::failed}},
        {"4", {RecordState::processing, RecordState::failed, RecordState::success}},
        {"5", {RecordState::failed, RecordState::success, RecordState::success}},
        {"6", {RecordState::success, RecordState::success, RecordState::success}},
    };
    write([&](UnitOfWork& work) {
        for (const auto& [id, states] : tasks) {
            work.tasks().add(a_task(id), {});
            expand_all(work, TaskId{id}, next_id_);
            auto made = work.records().of_task(TaskId{id}, {RecordState::waiting}, RecordId{}, 10);
            for (std::size_t i = 0; i < states.size(); ++i) {
                UpgradeRecord after = made[i];
                after.state = states[i];
                work.records().update(made[i], after);
            }
        }
    });
    const auto ids = [&](Term filter) {
        return read([&](const Repositories& rows) {
            Query query;
            query.terms = {std::move(filter)};
            query.sorts = {{"id", false, nullptr}};
            std::string joined;
            for (const TaskRow& row : rows.tasks().page(query).rows) {
                joined += row.task.id.value;
            }
            return joined;
        });
    };
    EXPECT_EQ(ids(term("state", "waiting")), "1");
    EXPECT_EQ(ids(term("state", "processing")), "124");
    EXPECT_EQ(ids(term("state", "canceled")), "3");
    EXPECT_EQ(ids(term("state", "failed")), "5");
    EXPECT_EQ(ids(term("state", "success")), "6");
    EXPECT_EQ(ids(term("state", "successful")), "6");
    EXPECT_EQ(ids(term("state", "failed,successful", "in")), "56");
    EXPECT_EQ(ids(term("state", "processing", "not")), "356");
    EXPECT_EQ(ids(term("state", "nonsense")), "");
    EXPECT_EQ(ids(term("state", "fail%", "like")), "5");
    EXPECT_EQ(ids(term("progress", 66, "gte")), "156");
}

// --- Failures in groups ---

class FailureContract : public TaskContract {
protected:
    FailureContract() {
        add_devices(6);
        write([&](UnitOfWork& work) {
            work.tasks().add(a_task("7"), {});
            expand_all(work, TaskId{"7"}, next_id_);
        });
    }
    void fail(std::size_t index, const std::string& reason, std::int64_t second) {
        change(index, [&](UpgradeRecord& record) {
            record.state = RecordState::failed;
            record.error_reason = reason;
            record.completed_at = at(second);
        });
    }
    void retry(std::size_t index) {
        change(index, [](UpgradeRecord& record) {
            record.state = RecordState::waiting;
            record.error_reason.clear();
            record.completed_at.reset();
        });
    }
    void change(std::size_t index, const std::function<void(UpgradeRecord&)>& how) {
        const UpgradeRecord before = *read([&](const Repositories& rows) {
            return rows.records().find(RecordId{std::to_string(1'000 + index)});
        });
        UpgradeRecord after = before;
        how(after);
        write([&](UnitOfWork& work) { work.records().update(before, after); });
    }
    /// `group x count` of each group, most first.
    std::vector<std::string> groups(std::size_t limit = 50) const {
        return read([&](const Repositories& rows) {
            std::vector<std::string> shown;
            for (const FailureGroup& each : rows.records().failures_of(TaskId{"7"}, limit)) {
                shown.push_back(each.group + " x " + std::to_string(each.count));
            }
            return shown;
        });
    }
    std::vector<std::string> found(const std::string& group, const char* state = nullptr) const {
        Query query;
        query.terms = {term("taskId", "7"), term("errorGroup", group.c_str())};
        if (state != nullptr) {
            query.terms.push_back(term("state", state));
        }
        return read([&](const Repositories& rows) {
            std::vector<std::string> devices;
            const auto page = rows.records().page(query);
            for (const RecordRow& row : page.rows) {
                devices.push_back(row.record.device.value);
            }
            EXPECT_EQ(page.total, static_cast<std::int64_t>(devices.size()));
            return devices;
        });
    }
};
UPDRAFT_ON_EVERY_ENGINE(FailureContract);

TEST_P(FailureContract, LikeReasonsAreCountedTogether) {
    fail(0, "disk full", 10);
    fail(1, "checksum mismatch 12", 11);
    fail(2, "checksum mismatch 7", 13);
    EXPECT_EQ(groups(), (std::vector<std::string>{"checksum mismatch # x 2", "disk full x 1"}));
    EXPECT_EQ(groups(1), std::vector<std::string>{"checksum mismatch # x 2"});
    const FailureGroup most = read([&](const Repositories& rows) {
        return rows.records().failures_of(TaskId{"7"}, 1).front();
    });
    EXPECT_EQ(most.sample, "checksum mismatch 12");
    EXPECT_EQ(most.first_at, at(11));
    EXPECT_EQ(most.last_at, at(13));
}

TEST_P(FailureContract, ARetriedOrDeletedRecordIsNoFailureAnyMore) {
    fail(0, "disk full", 10);
    fail(1, "disk full", 11);
    retry(0);
    EXPECT_EQ(groups(), std::vector<std::string>{"disk full x 1"});
    write([&](UnitOfWork& work) { work.records().remove(*work.records().find(RecordId{"1001"})); });
    EXPECT_TRUE(groups().empty());
}

TEST_P(FailureContract, RecordsAreFoundByTheirGroup) {
    fail(0, "checksum mismatch 1", 10);
    fail(3, "checksum mismatch 2", 11);
    fail(4, "disk full", 12);
    EXPECT_EQ(found("checksum mismatch #"), (std::vector<std::string>{"p1-3", "p1-0"}));
    EXPECT_EQ(found("checksum mismatch #", "failed").size(), 2U);
    EXPECT_TRUE(found("checksum mismatch #", "success").empty());
    EXPECT_TRUE(found("no such").empty());
    retry(3);
    EXPECT_EQ(found("checksum mismatch #"), std::vector<std::string>{"p1-0"});
}

// --- Progress over time ---

TEST_P(FailureContract, PointsAreNotedOnlyWhenSomethingChanged) {
    const auto changed = [&] {
        return read([](const Repositories& rows) { return rows.tasks().changed_counters(10); });
    };
    const auto note = [&](std::int64_t second) {
        write([&](UnitOfWork& work) { work.tasks().note_progress(TaskId{"7"}, at(second)); });
    };
    const auto points = [&] {
        return read(
            [](const Repositories& rows) { return rows.tasks().progress_of(TaskId{"7"}).points; });
    };
    EXPECT_EQ(points(), (std::vector<ProgressPoint>{{at(0), {6, 0, 0, 0, 0}}}));
    note(1);
    EXPECT_TRUE(changed().empty());
    EXPECT_EQ(points().size(), 1U);
    fail(0, "disk full", 10);
    EXPECT_EQ(changed(), std::vector{TaskId{"7"}});
    note(10);
    fail(1, "disk full", 11);
    note(11);
    EXPECT_EQ(points(),
              (std::vector<ProgressPoint>{
                  {at(0), {6, 0, 0, 0, 0}}, {at(10), {5, 0, 0, 1, 0}}, {at(11), {4, 0, 0, 2, 0}}}));
    fail(2, "disk full", 11);
    note(12);
    EXPECT_EQ(points().size(), 3U) << "the last one moves while it stands too close";
    EXPECT_EQ(points().back(), (ProgressPoint{at(12), {3, 0, 0, 3, 0}}));
    EXPECT_TRUE(changed().empty());
    write([&](UnitOfWork& work) { work.tasks().remove(TaskId{"7"}); });
    EXPECT_TRUE(points().empty());
    note(13);  // it is gone
}

// A task that runs for a year must not cost more than one that runs for an hour.
TEST_P(FailureContract, PointsAreThinnedOut) {
    for (int i = 1; i <= 700; ++i) {
        if (i % 2 == 1) {
            fail(0, "disk full", i);
        } else {
            retry(0);
        }
        write([&](UnitOfWork& work) { work.tasks().note_progress(TaskId{"7"}, at(i * 2)); });
    }
    const TaskProgress progress =
        read([](const Repositories& rows) { return rows.tasks().progress_of(TaskId{"7"}); });
    EXPECT_LE(progress.points.size(), progress_points_max);
    EXPECT_GT(progress.points.size(), progress_points_max / 3);
    EXPECT_EQ(progress.interval, seconds(8));
    EXPECT_EQ(progress.points.front().at, at(0));
    EXPECT_EQ(progress.points.back().at, at(1'400));
    for (std::size_t i = 1; i + 2 < progress.points.size(); ++i) {
        EXPECT_GE(progress.points[i].at - progress.points[i - 1].at, progress.interval) << i;
    }
}

TEST_P(FailureContract, GroupsGoWithTheirTask) {
    fail(0, "disk full", 10);
    write([&](UnitOfWork& work) { work.tasks().remove(TaskId{"7"}); });
    EXPECT_TRUE(groups().empty());
}

TEST_P(TaskContract, DdiActionsAreNumberedOnceAndGoWithTheirRecordsTasksAndDevices) {
    add_devices(3);
    const auto action = [](const char* record, const char* task_id, const char* device) {
        DdiAction made;
        made.record = RecordId{record};
        made.attempt = 2;
        made.task = TaskId{task_id};
        made.device = DeviceId{device};
        made.retrieved = true;
        made.feedbacks = 3;
        made.created_at = at(7);
        return made;
    };
    std::vector<DdiAction> made{action("1001", "1", "p1-0"), action("1002", "1", "p1-1"),
                                action("1003", "1", "p1-2"), action("2001", "2", "p1-0")};
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        work.tasks().add(a_task("2"), {});
        expand_all(work, TaskId{"1"}, next_id_);
        for (DdiAction& each : made) {
            each.number = work.ddi().add(each);
        }
    });
    EXPECT_EQ(made[0].number, 1);
    EXPECT_EQ(made[3].number, 4);
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.ddi().find(1), made[0]);
        EXPECT_EQ(rows.ddi().find(9), std::nullopt);
        EXPECT_EQ(rows.ddi().of_attempt(RecordId{"1002"}, 2), made[1]);
        EXPECT_EQ(rows.ddi().of_attempt(RecordId{"1002"}, 1), std::nullopt);
        EXPECT_EQ(rows.ddi().open_of(DeviceId{"p1-0"}), (std::vector{made[0], made[3]}));
        EXPECT_EQ(rows.ddi().last_installed(DeviceId{"p1-0"}), std::nullopt);
    });
    made[0].closed = made[0].installed = made[0].confirmed = true;
    made[0].feedbacks = 4;
    write([&](UnitOfWork& work) { work.ddi().update(made[0]); });
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.ddi().last_installed(DeviceId{"p1-0"}), made[0]);
        EXPECT_EQ(rows.ddi().open_of(DeviceId{"p1-0"}), std::vector{made[3]});
    });
    write([&](UnitOfWork& work) {
        work.records().remove(*work.records().find(RecordId{"1002"}));
        work.devices().remove(DeviceId{"p1-2"});
        work.tasks().remove(TaskId{"2"});
        EXPECT_EQ(work.ddi().add(action("3001", "1", "p1-0")), 5);  // never used twice
    });
    read([&](const Repositories& rows) {
        EXPECT_TRUE(rows.ddi().find(1));
        for (const std::int64_t gone : {2, 3, 4}) {
            EXPECT_FALSE(rows.ddi().find(gone)) << gone;
        }
    });
}

TEST_P(TaskContract, WhatADeviceSaidOverDdiIsKeptAndGoesWithIt) {
    add_devices(1);
    const DeviceId device{"p1-0"};
    const auto found = [&] {
        return read([&](const Repositories& rows) { return rows.ddi().target(device); });
    };
    EXPECT_EQ(found(), std::nullopt);
    DdiTarget target{device, false, true, "operator", "because \"so\"", at(9)};
    write([&](UnitOfWork& work) { work.ddi().put_target(target); });
    EXPECT_EQ(found(), target);
    target = {device, true, false, "", "", std::nullopt};
    write([&](UnitOfWork& work) { work.ddi().put_target(target); });
    EXPECT_EQ(found(), target);
    write([&](UnitOfWork& work) { work.devices().remove(device); });
    EXPECT_EQ(found(), std::nullopt);
}

// The clock was set: what is to happen in an hour still happens in an hour.
TEST_P(TaskContract, DeadlinesOfProcessingRecordsCanBeShifted) {
    add_devices(2);
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        work.tasks().expand(TaskId{"1"}, 10, at(1), next_id_);
        for (const auto& [id, state] :
             {std::pair("1000", RecordState::processing), std::pair("1001", RecordState::failed)}) {
            const UpgradeRecord before = *work.records().find(RecordId{id});
            UpgradeRecord after = before;
            after.state = state;
            after.response_deadline = at(40);
            after.upgrade_deadline = at(90);
            work.records().update(before, after);
        }
        EXPECT_EQ(work.records().shift_deadlines(seconds(1'000)), 1);
    });
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.records().earliest_deadline(), at(1'040));
        EXPECT_TRUE(rows.records().due(at(1'039), 10).empty());
        EXPECT_EQ(rows.records().find(RecordId{"1000"})->upgrade_deadline, at(1'090));
        EXPECT_EQ(rows.records().find(RecordId{"1001"})->upgrade_deadline, at(90));
    });
}

TEST_P(TaskContract, ChangesUnderWayAreKeptUntilTheyAreDoneOrTheirTaskIsGone) {
    const TaskChange first{
        "5", TaskId{"1"}, true, {RecordState::waiting, RecordState::processing}, {}};
    TaskChange second{"6", TaskId{"2"}, false, {RecordState::failed}, {}};
    const auto under_way = [&] {
        return read([](const Repositories& rows) { return rows.tasks().changes_under_way(); });
    };
    write([&](UnitOfWork& work) {
        work.tasks().add(a_task("1"), {});
        work.tasks().add(a_task("2"), {});
        work.tasks().save_change(second);
        work.tasks().save_change(first);
        second.after = RecordId{"1234"};
        work.tasks().save_change(second);
    });
    const std::vector<TaskChange> all = under_way();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].id, "5");
    EXPECT_EQ(all[0].task, TaskId{"1"});
    EXPECT_TRUE(all[0].stops);
    EXPECT_EQ(all[0].states, first.states);
    EXPECT_EQ(all[1].after, RecordId{"1234"});
    EXPECT_FALSE(all[1].stops);

    write([&](UnitOfWork& work) { work.tasks().remove_change(first); });
    EXPECT_EQ(under_way().size(), 1U);
    write([&](UnitOfWork& work) { work.tasks().remove(TaskId{"2"}); });
    EXPECT_TRUE(under_way().empty());
}

}  // namespace
}  // namespace updraft::contract
