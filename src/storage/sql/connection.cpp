#include "storage/sql/connection.hpp"

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
        return Rows(*current_, [entry] {
            entry->statement->reset();
            entry->busy = false;
        });
    }
    if (by_text_.contains(sql)) {  // running already, further out on this thread's stack
        std::shared_ptr<Statement> once = compile(sql);
        current_ = once.get();
        return Rows(*current_, [once] { once->reset(); });
    }
    trim();
    statements_.push_front({std::string(sql), compile(sql), true});
    const auto entry = statements_.begin();
    by_text_.emplace(entry->text, entry);
    current_ = entry->statement.get();
    return Rows(*current_, [entry] {
        entry->statement->reset();
        entry->busy = false;
    });
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
