#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <latch>
#include <thread>

#include "tests/contract/engine.hpp"
#include "tests/contract/rows.hpp"

// The write path of every engine: savepoints, group commit, completions, limits, durability.

namespace updraft::contract {
namespace {

class StoreContract : public Contract {
protected:
    bool has_product(const std::string& id) const {
        return read([&](const Repositories& rows) {
            return rows.products().find(ProductId{id}).has_value();
        });
    }
    /// Submits `operation` and returns how it will end.
    std::future<void> submit(std::function<bool(UnitOfWork&)> operation) {
        auto promise = std::make_shared<std::promise<void>>();
        auto future = promise->get_future();
        store_->submit(std::move(operation), [promise](std::exception_ptr failure) {
            if (failure) {
                promise->set_exception(failure);
            } else {
                promise->set_value();
            }
        });
        return future;
    }
    /// An operation that holds the writer until the returned latch is counted down, so that what is
    /// submitted meanwhile gathers into one group.
    std::shared_ptr<std::latch> hold_writer() {
        auto entered = std::make_shared<std::latch>(1);
        auto release = std::make_shared<std::latch>(1);
        store_->submit(
            [entered, release](UnitOfWork&) {
                entered->count_down();
                release->wait();
                return true;
            },
            {});
        entered->wait();
        return release;
    }
};
UPDRAFT_ON_EVERY_ENGINE(StoreContract);

TEST_P(StoreContract, WhatWasWrittenIsRead) {
    write([](UnitOfWork& work) { work.products().add(a_product("p1")); });
    EXPECT_TRUE(has_product("p1"));
}

TEST_P(StoreContract, AnErrorRollsTheOperationBack) {
    const auto outcome = store_->write([](UnitOfWork& work) -> Result<int> {
        work.products().add(a_product("p1"));
        return Error::invalid("x", text("不行", "no"));
    });
    EXPECT_FALSE(outcome.has_value());
    EXPECT_FALSE(has_product("p1"));
}

TEST_P(StoreContract, AThrowingOperationFailsAloneInItsGroup) {
    const auto release = hold_writer();
    auto before = submit([](UnitOfWork& work) {
        work.products().add(a_product("before"));
        return true;
    });
    auto bad = submit([](UnitOfWork& work) -> bool {
        work.products().add(a_product("bad"));
        throw std::runtime_error("changed my mind");
    });
    auto duplicate = submit([](UnitOfWork& work) {
        work.products().add(a_product("before"));  // the id is taken: the engine refuses
        return true;
    });
    auto after = submit([](UnitOfWork& work) {
        work.products().add(a_product("after"));
        return true;
    });
    release->count_down();
    EXPECT_NO_THROW(before.get());
    EXPECT_THROW(bad.get(), std::runtime_error);
    EXPECT_THROW(duplicate.get(), StorageError);
    EXPECT_NO_THROW(after.get());
    EXPECT_TRUE(has_product("before"));
    EXPECT_FALSE(has_product("bad"));
    EXPECT_TRUE(has_product("after"));
}

TEST_P(StoreContract, WhatGathersSharesOneCommit) {
    std::vector<std::size_t> commits;
    OpenOptions options;
    options.on_commit = [&](std::size_t operations) { commits.push_back(operations); };
    options.group_operations_max = 50;
    reopen(options);
    const auto release = hold_writer();
    std::vector<std::future<void>> done;
    for (int i = 0; i < 120; ++i) {
        done.push_back(submit([i](UnitOfWork& work) {
            work.products().add(a_product("p" + std::to_string(i)));
            return true;
        }));
    }
    release->count_down();
    for (auto& each : done) {
        each.get();
    }
    store_.reset();  // joins the writer, which fills `commits`
    EXPECT_EQ(commits, (std::vector<std::size_t>{1, 50, 50, 20}));
}

TEST_P(StoreContract, ActionsRunAfterTheCommitInOrderAndBeforeCompletions) {
    std::vector<std::string> events;
    const auto release = hold_writer();
    store_->submit(
        [&](UnitOfWork& work) {
            work.products().add(a_product("p1"));
            work.after_commit(
                [&] { events.push_back(has_product("p1") ? "first sees it" : "first too early"); });
            work.after_commit([&] { events.emplace_back("second"); });
            return true;
        },
        [&](std::exception_ptr) { events.emplace_back("first done"); });
    auto rolled_back = submit([&](UnitOfWork& work) {
        work.after_commit([&] { events.emplace_back("never"); });
        return false;
    });
    store_->submit(
        [&](UnitOfWork& work) {
            work.after_commit([&] { events.emplace_back("third"); });
            return true;
        },
        [&](std::exception_ptr) { events.emplace_back("second done"); });
    release->count_down();
    EXPECT_NO_THROW(rolled_back.get());
    write([](UnitOfWork&) {});
    EXPECT_EQ(events, (std::vector<std::string>{"first sees it", "second", "third", "first done",
                                                "second done"}));
}

TEST_P(StoreContract, AFullQueueRefusesAndRecovers) {
    OpenOptions options;
    options.queue_operations_max = 2;
    reopen(options);
    const auto release = hold_writer();
    auto first = submit([](UnitOfWork&) { return true; });
    auto second = submit([](UnitOfWork&) { return true; });
    try {
        store_->submit([](UnitOfWork&) { return true; }, {});
        ADD_FAILURE() << "the third operation was taken";
    } catch (const StorageError& error) {
        EXPECT_EQ(error.cause(), StorageError::Cause::queue_full);
    }
    release->count_down();
    first.get();
    second.get();
    EXPECT_NO_THROW(write([](UnitOfWork&) {}));
}

TEST_P(StoreContract, ClosingCommitsWhatIsQueued) {
    const auto release = hold_writer();
    std::vector<std::future<void>> done;
    for (int i = 0; i < 20; ++i) {
        done.push_back(submit([i](UnitOfWork& work) {
            work.products().add(a_product("p" + std::to_string(i)));
            return true;
        }));
    }
    release->count_down();
    reopen();
    for (auto& each : done) {
        EXPECT_NO_THROW(each.get());
    }
    EXPECT_TRUE(has_product("p19"));
}

TEST_P(StoreContract, AReaderSeesOneSnapshot) {
    write([](UnitOfWork& work) { work.products().add(a_product("p1")); });
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.products().count({}), 1);
        write([](UnitOfWork& work) { work.products().add(a_product("p2")); });
        EXPECT_EQ(rows.products().count({}), 1);
    });
    EXPECT_TRUE(has_product("p2"));
}

TEST_P(StoreContract, AReadersExceptionLeavesThePoolWhole) {
    for (int i = 0; i < 20; ++i) {
        EXPECT_THROW(read([](const Repositories&) -> int { throw std::runtime_error("no"); }),
                     std::runtime_error);
    }
    EXPECT_FALSE(has_product("p1"));
}

TEST_P(StoreContract, ManyThreadsWriteAndReadAtOnce) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([this, t] {
            for (int i = 0; i < 40; ++i) {
                const std::string id = std::to_string(t) + "-" + std::to_string(i);
                write([&](UnitOfWork& work) { work.products().add(a_product(id)); });
                EXPECT_TRUE(has_product(id));
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(read([](const Repositories& rows) { return rows.products().count({}); }), 320);
}

TEST_P(StoreContract, AFullDiskFailsWithItsCauseAndTheWriterGoesOn) {
    OpenOptions options;
    options.pages_max = 200;
    reopen(options);
    Product big = a_product("big");
    big.metadata.assign(4 << 20, 'x');
    try {
        (void)store_->write([&](UnitOfWork& work) -> Result<void> {
            work.products().add(big);
            return {};
        });
        ADD_FAILURE() << "4 MiB went into 200 pages";
    } catch (const StorageError& error) {
        EXPECT_EQ(error.cause(), StorageError::Cause::disk_full);
    }
    EXPECT_NO_THROW(write([](UnitOfWork& work) { work.products().add(a_product("small")); }));
    EXPECT_TRUE(has_product("small"));
    EXPECT_FALSE(has_product("big"));
}

TEST_P(StoreContract, WhatWasAcknowledgedSurvivesKill9) {
    store_.reset();
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {  // writes rows, one byte up the pipe for each that was acknowledged
        const auto store = database_->open({});
        for (int i = 0;; ++i) {
            (void)store->write([&](UnitOfWork& work) -> Result<void> {
                work.products().add(a_product("p" + std::to_string(i)));
                return {};
            });
            if (::write(pipe_ends[1], "x", 1) != 1) {
                ::_exit(1);
            }
        }
    }
    ::close(pipe_ends[1]);
    std::int64_t acknowledged = 0;
    char byte = 0;
    while (acknowledged < 25 && ::read(pipe_ends[0], &byte, 1) == 1) {
        ++acknowledged;
    }
    ::kill(child, SIGKILL);
    while (::read(pipe_ends[0], &byte, 1) == 1) {
        ++acknowledged;
    }
    ::close(pipe_ends[0]);
    ::waitpid(child, nullptr, 0);
    store_ = database_->open({});
    const auto rows = read([](const Repositories& all) { return all.products().count({}); });
    EXPECT_GE(rows, acknowledged);
    EXPECT_LE(rows, acknowledged + 1);
    EXPECT_GE(acknowledged, 25);
}

}  // namespace
}  // namespace updraft::contract
