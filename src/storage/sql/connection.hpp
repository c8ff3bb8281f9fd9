#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "app/freshness.hpp"
#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/secret_box.hpp"

/// What the repositories need from a database engine, and nothing that only one engine has. The SQL
/// they write is common to SQLite and PostgreSQL: `?` for parameters, ON CONFLICT, RETURNING,
/// 64-bit integers for numbers, flags and times (milliseconds), text for names and JSON.
namespace updraft::sql {

/// A parameter whose type is known only at run time; monostate is NULL.
using Value = std::variant<std::monostate, std::int64_t, double, std::string>;

/// One compiled statement of one connection. Columns and parameters count from 0. Engine errors are
/// thrown as StorageError.
class Statement {
public:
    Statement() = default;
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    virtual ~Statement() = default;

    virtual void bind(int index, std::int64_t value) = 0;
    virtual void bind(int index, double value) = 0;
    virtual void bind(int index, std::string_view value) = 0;  ///< copied
    /// As bind(), of a value that stays where it is until the statement has run to its end.
    virtual void bind_borrowed(int index, std::string_view value) { bind(index, value); }
    virtual void bind_null(int index) = 0;
    /// Runs to the next row; false when there is none.
    virtual bool step() = 0;
    /// Rows that the last run changed.
    [[nodiscard]] virtual std::int64_t changes() const = 0;
    virtual void reset() noexcept = 0;
    [[nodiscard]] virtual bool is_null(int column) const = 0;
    [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
    /// Valid until the next step; "" for NULL.
    [[nodiscard]] virtual std::string_view text(int column) const = 0;
};

class Connection;

/// The rows of one query, and within a row its columns from left to right. Gives the statement back
/// to the connection's cache when it goes.
class Rows {
public:
    Rows(const Connection& db, Statement& statement, std::function<void()> give_back)
        : db_(&db), statement_(&statement), give_back_(std::move(give_back)) {}
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;
    Rows(Rows&& other) noexcept
        : db_(other.db_),
          statement_(std::exchange(other.statement_, nullptr)),
          give_back_(std::move(other.give_back_)),
          column_(other.column_) {}
    Rows& operator=(Rows&&) = delete;
    ~Rows() {
        if (statement_ != nullptr) {
            give_back_();
        }
    }

    [[nodiscard]] bool next() {
        column_ = 0;
        return statement_->step();
    }
    [[nodiscard]] std::string text() { return std::string(statement_->text(column_++)); }
    /// Without a copy; valid until the next row.
    [[nodiscard]] std::string_view text_view() { return statement_->text(column_++); }
    /// What was sealed for the place, or `empty` if the column holds that. Throws as
    /// Connection::opened().
    [[nodiscard]] std::string secret(const SecretPlace& place, std::string_view empty);
    [[nodiscard]] std::int64_t integer() { return statement_->integer(column_++); }
    [[nodiscard]] int number() { return static_cast<int>(integer()); }
    [[nodiscard]] bool flag() { return integer() != 0; }
    [[nodiscard]] Instant time() { return from_millis(integer()); }
    [[nodiscard]] std::optional<std::string> optional_text() { return present(&Rows::text); }
    [[nodiscard]] std::optional<std::int64_t> optional_integer() { return present(&Rows::integer); }
    [[nodiscard]] std::optional<int> optional_number() { return present(&Rows::number); }
    [[nodiscard]] std::optional<Instant> optional_time() { return present(&Rows::time); }
    template <class IdType>
    [[nodiscard]] IdType id() {
        return IdType{text()};
    }
    /// An id that is kept as a number.
    template <class IdType>
    [[nodiscard]] IdType number_id() {
        return IdType{std::to_string(integer())};
    }

private:
    template <class T>
    std::optional<T> present(T (Rows::*read)()) {
        if (statement_->is_null(column_)) {
            ++column_;
            return std::nullopt;
        }
        return (this->*read)();
    }

    const Connection* db_;
    Statement* statement_;
    std::function<void()> give_back_;
    int column_ = 0;
};

/// One connection, used by one thread at a time. Statements are compiled once and kept.
class Connection {
public:
    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    virtual ~Connection() = default;

    /// Runs a query with its parameters: text, ids, integers, flags, Instants, optionals of these,
    /// or one vector of Values for all of them.
    template <class... Args>
    [[nodiscard]] Rows query(std::string_view sql, const Args&... args) {
        Rows rows = acquire(sql);
        bind_all<Texts::copied>(args...);
        return rows;
    }

    /// Runs a statement to its end and returns how many rows it changed.
    template <class... Args>
    std::int64_t execute(std::string_view sql, const Args&... args) {
        const Rows rows = acquire(sql);
        bind_all<Texts::borrowed>(args...);
        Statement& statement = *current_;
        while (statement.step()) {
        }
        return statement.changes();
    }

    /// Runs several statements, separated by semicolons, without parameters.
    virtual void run_script(std::string_view script) = 0;

    /// What the repositories have written through this connection since somebody cleared it: every
    /// one of them notes whose rows it changes.
    [[nodiscard]] Freshness::Written& written() { return written_; }

    /// Where the SQL function next_number() takes its numbers from, one for each call, in the
    /// statements that run until the next call of this.
    virtual void take_numbers_from(std::function<std::int64_t()> next) = 0;

    /// A sub-query that gives the elements of the JSON array in one parameter, for long IN lists.
    [[nodiscard]] virtual std::string_view elements_of_json() const = 0;

    /// Gives the connection what seals and opens the columns of secrets (sql/secrets.hpp).
    void use_secrets(std::shared_ptr<const SecretBox> secrets) { secrets_ = std::move(secrets); }
    /// Throws StorageError: it was given none.
    [[nodiscard]] const SecretBox& secrets() const;
    /// What was sealed for the place. Throws StorageError, without repeating the value: it does not
    /// open.
    [[nodiscard]] std::string opened(const SecretPlace& place, std::string_view sealed) const;

protected:
    [[nodiscard]] virtual std::unique_ptr<Statement> compile(std::string_view sql) = 0;
    /// To be called by the engine before it closes.
    void forget_statements() {
        by_text_.clear();
        statements_.clear();
    }

private:
    struct Cached {
        std::string text;
        std::unique_ptr<Statement> statement;
        bool busy = false;
    };

    [[nodiscard]] Rows acquire(std::string_view sql);
    void trim();

    /// Whether parameters may go before the statement has run.
    enum class Texts : std::uint8_t { copied, borrowed };

    template <Texts texts, class... Args>
    void bind_all(const Args&... args) {
        int index = 0;
        (bind_one<texts>(index, args), ...);
    }
    template <Texts texts>
    void bind_text(int index, std::string_view value) {
        if constexpr (texts == Texts::borrowed) {
            current_->bind_borrowed(index, value);
        } else {
            current_->bind(index, value);
        }
    }
    template <Texts texts, class T>
    void bind_one(int& index, const T& value) {
        if constexpr (std::is_same_v<T, std::vector<Value>>) {
            for (const Value& each : value) {
                bind_one<texts>(index, each);
            }
        } else if constexpr (std::is_same_v<T, Value>) {
            std::visit([&](const auto& held) { bind_one<texts>(index, held); }, value);
        } else if constexpr (std::is_same_v<T, std::monostate>) {
            current_->bind_null(index++);
        } else if constexpr (std::is_integral_v<T>) {
            current_->bind(index++, static_cast<std::int64_t>(value));
        } else if constexpr (std::is_same_v<T, double>) {
            current_->bind(index++, value);
        } else if constexpr (std::is_same_v<T, Instant>) {
            current_->bind(index++, to_millis(value));
        } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
            bind_text<texts>(index++, value);
        } else if constexpr (requires { value.has_value(); }) {
            if (value.has_value()) {
                bind_one<texts>(index, *value);
            } else {
                current_->bind_null(index++);
            }
        } else {
            bind_text<texts>(index++, value.value);  // an Id
        }
    }

    std::list<Cached> statements_;  ///< most recently used first
    std::unordered_map<std::string_view, std::list<Cached>::iterator> by_text_;
    Statement* current_ = nullptr;  ///< what acquire() gave last
    std::shared_ptr<const SecretBox> secrets_;
    Freshness::Written written_;
};

}  // namespace updraft::sql
