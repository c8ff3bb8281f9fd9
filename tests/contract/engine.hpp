#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/ports.hpp"

namespace updraft::contract {

/// How a test wants its store.
struct OpenOptions {
    std::size_t queue_operations_max = 20'000;
    std::size_t group_operations_max = 1'000;
    std::function<void(std::size_t)> on_commit;
    std::optional<std::int64_t> pages_max;  ///< a disk that is full after so many pages
};

/// A place that holds one database, which outlives the stores opened on it.
class Database {
public:
    virtual ~Database() = default;
    [[nodiscard]] virtual std::unique_ptr<Store> open(const OpenOptions& options) = 0;
};

/// One database engine. Every suite in this folder runs on each one that engines() lists.
struct Engine {
    std::string name;
    std::function<std::unique_ptr<Database>()> make_database;
};

[[nodiscard]] const std::vector<Engine>& engines();

inline void PrintTo(const Engine& engine, std::ostream* out) {
    *out << engine.name;
}

/// A store on an empty database of the engine, and short words for what tests do with it.
class Contract : public testing::TestWithParam<Engine> {
protected:
    Contract() : database_(GetParam().make_database()), store_(database_->open({})) {}

    /// Runs `change` in one committed operation.
    void write(const std::function<void(UnitOfWork&)>& change) {
        const auto outcome = store_->write([&](UnitOfWork& work) -> Result<void> {
            change(work);
            return {};
        });
        ASSERT_TRUE(outcome.has_value());
    }
    template <class Reader>
    auto read(Reader&& reader) const {
        return store_->read(std::forward<Reader>(reader));
    }
    void reopen(const OpenOptions& options = {}) {
        store_.reset();
        store_ = database_->open(options);
    }

    std::unique_ptr<Database> database_;
    std::unique_ptr<Store> store_;
};

/// `INSTANTIATE_TEST_SUITE_P` for one suite over all engines.
#define UPDRAFT_ON_EVERY_ENGINE(suite)                                     \
    INSTANTIATE_TEST_SUITE_P(Engines, suite, testing::ValuesIn(engines()), \
                             [](const auto& tested) { return tested.param.name; })

}  // namespace updraft::contract
