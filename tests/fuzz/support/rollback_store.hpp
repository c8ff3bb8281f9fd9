#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "app/ports.hpp"
#include "base/secret_box.hpp"
#include "storage/sql/migrations.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sqlite/connection.hpp"

namespace updraft::fuzz {

/// The real schema and the real repositories on one SQLite connection in memory, without the
/// writer's thread: an operation runs where it is submitted. What an input changes is rolled back
/// behind it, so that every input finds the same rows. One thread.
class RollbackStore final : public Store {
public:
    RollbackStore() {
        db_.execute("BEGIN");
        sql::migrate(db_, sql::migrations(), from_millis(1'700'000'000'000));
        db_.execute("COMMIT");
    }

    void submit(std::function<bool(UnitOfWork&)> operation, Completion done) override {
        std::exception_ptr failure;
        bool keep = false;
        db_.execute("SAVEPOINT operation");
        try {
            keep = operation(rows_);
        } catch (...) {
            failure = std::current_exception();
        }
        if (!keep) {
            db_.execute("ROLLBACK TO operation");
            rows_.actions().clear();
        }
        db_.execute("RELEASE operation");
        for (const auto& action : std::exchange(rows_.actions(), {})) {
            action();
        }
        done(failure);
    }
    void run_read(const std::function<void(const Repositories&)>& reader) const override {
        reader(rows_);
    }

    /// Runs `action`, and then takes back what it changed.
    template <class Action>
    void tried(const Action& action) {
        db_.execute("SAVEPOINT input");
        action();
        db_.execute("ROLLBACK TO input");
        db_.execute("RELEASE input");
    }

    [[nodiscard]] sqlite::SqliteConnection& connection() { return db_; }

private:
    static sqlite::ConnectionOptions in_memory() {
        sqlite::ConnectionOptions options;
        options.path = ":memory:";
        options.durable = false;
        options.secrets = std::make_shared<SecretBox>(std::vector{SecretBox::new_key()});
        return options;
    }

    sqlite::SqliteConnection db_{in_memory()};
    sql::SqlUnitOfWork rows_{db_};
};

}  // namespace updraft::fuzz
