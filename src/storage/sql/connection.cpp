#include "storage/sql/connection.hpp"

#include <fmt/format.h>

#include "app/ports.hpp"

namespace updraft::sql {
namespace {

/// Enough for every statement of the repositories and some hundred shapes of the query language.
constexpr std::size_t cached_statements_max = 400;

}  // namespace

Rows Connection::acquire(std::string_view sql) {
    if (const auto found = by_text_.find(sql); found != by_text_.end() && !found->second->busy) {
        const auto entry = found->second;
        statements_.splice(statements_.begin(), statements_, entry);
        entry->busy = true;
        current_ = entry->statement.get();
        return Rows(*this, *current_, [entry] {
            entry->statement->reset();
            entry->busy = false;
        });
    }
    if (by_text_.contains(sql)) {  // running already, further out on this thread's stack
        std::shared_ptr<Statement> once = compile(sql);
        current_ = once.get();
        return Rows(*this, *current_, [once] { once->reset(); });
    }
    trim();
    statements_.push_front({std::string(sql), compile(sql), true});
    const auto entry = statements_.begin();
    by_text_.emplace(entry->text, entry);
    current_ = entry->statement.get();
    return Rows(*this, *current_, [entry] {
        entry->statement->reset();
        entry->busy = false;
    });
}

const SecretBox& Connection::secrets() const {
    if (!secrets_) {
        throw StorageError(StorageError::Cause::broken, "there is no key for the secrets");
    }
    return *secrets_;
}

std::string Rows::secret(const SecretPlace& place, std::string_view empty) {
    const std::string_view stored = statement_->text(column_++);
    return stored == empty ? std::string(stored) : db_->opened(place, stored);
}

std::string Connection::opened(const SecretPlace& place, std::string_view sealed) const {
    auto clear = secrets().open(place, sealed);
    if (!clear) {
        throw StorageError(StorageError::Cause::broken,
                           fmt::format("{}.{} of {} does not open: run `updraft doctor`",
                                       place.table, place.column, place.row));
    }
    return *std::move(clear);
}

void Connection::trim() {
    for (auto entry = statements_.end();
         statements_.size() >= cached_statements_max && entry != statements_.begin();) {
        --entry;
        if (!entry->busy) {
            by_text_.erase(entry->text);
            entry = statements_.erase(entry);
        }
    }
}

}  // namespace updraft::sql
