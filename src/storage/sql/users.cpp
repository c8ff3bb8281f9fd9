#include "storage/sql/json_columns.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {
namespace {

#define UPDRAFT_USER_COLUMNS                                                      \
    "t.id, t.username, t.name, t.password_hash, t.email, t.telephone, t.avatar, " \
    "t.description, t.enabled, t.roles, t.created_at"
constexpr std::string_view role_columns = "t.id, t.name, t.description, t.grants, t.created_at";

User read_user(Rows& rows) {
    User user;
    user.id = rows.id<UserId>();
    user.username = rows.text();
    user.name = rows.text();
    user.password_hash = rows.text();
    user.email = rows.text();
    user.telephone = rows.text();
    user.avatar = rows.text();
    user.description = rows.text();
    user.enabled = rows.flag();
    user.roles = ids_from<RoleId>(rows.text());
    user.created_at = rows.time();
    return user;
}

Role read_role(Rows& rows) {
    Role role;
    role.id = rows.id<RoleId>();
    role.name = rows.text();
    role.description = rows.text();
    role.grants = grants_from(rows.text());
    role.created_at = rows.time();
    return role;
}

class SqlUsers final : public TableRepository<Users, User> {
public:
    explicit SqlUsers(Connection& db)
        : TableRepository(db, Selection{user_table(), UPDRAFT_USER_COLUMNS}, read_user) {}

    [[nodiscard]] std::optional<User> find(const UserId& id) const override {
        return first(
            db_.query("SELECT " UPDRAFT_USER_COLUMNS " FROM app_user t WHERE t.id = ?", id));
    }

    [[nodiscard]] std::optional<User> find_by_username(const std::string& username) const override {
        return first(db_.query(
            "SELECT " UPDRAFT_USER_COLUMNS " FROM app_user t WHERE t.username = ?", username));
    }

    void add(const User& u) override {
        db_.execute(
            "INSERT INTO app_user (id, username, name, password_hash, email, telephone, avatar, "
            "description, enabled, roles, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            u.id, u.username, u.name, u.password_hash, u.email, u.telephone, u.avatar,
            u.description, u.enabled, ids_to_json(u.roles), u.created_at);
    }

    void update(const User& u) override {
        db_.execute(
            "UPDATE app_user SET username = ?, name = ?, password_hash = ?, email = ?, "
            "telephone = ?, avatar = ?, description = ?, enabled = ?, roles = ?, created_at = ? "
            "WHERE id = ?",
            u.username, u.name, u.password_hash, u.email, u.telephone, u.avatar, u.description,
            u.enabled, ids_to_json(u.roles), u.created_at, u.id);
    }

    void remove(const UserId& id) override { db_.execute("DELETE FROM app_user WHERE id = ?", id); }

private:
    static std::optional<User> first(Rows rows) {
        if (!rows.next()) {
            return std::nullopt;
        }
        return read_user(rows);
    }
};

class SqlRoles final : public TableRepository<Roles, Role> {
public:
    explicit SqlRoles(Connection& db)
        : TableRepository(db, Selection{role_table(), role_columns}, read_role) {}

    [[nodiscard]] std::optional<Role> find(const RoleId& id) const override {
        Rows rows = db_.query(
            "SELECT id, name, description, grants, created_at FROM role WHERE id = ?", id);
        if (!rows.next()) {
            return std::nullopt;
        }
        return read_role(rows);
    }

    void add(const Role& r) override {
        db_.execute(
            "INSERT INTO role (id, name, description, grants, created_at) VALUES (?, ?, ?, ?, ?)",
            r.id, r.name, r.description, to_json(r.grants), r.created_at);
    }

    void update(const Role& r) override {
        db_.execute(
            "UPDATE role SET name = ?, description = ?, grants = ?, created_at = ? WHERE id = ?",
            r.name, r.description, to_json(r.grants), r.created_at, r.id);
    }

    void remove(const RoleId& id) override { db_.execute("DELETE FROM role WHERE id = ?", id); }
};

class SqlTokens final : public Tokens {
public:
    explicit SqlTokens(Connection& db) : db_(db) {}

    [[nodiscard]] std::optional<TokenRow> find(const std::string& token_sha256) const override {
        Rows rows = db_.query(
            "SELECT token_sha256, user_id, idle_timeout_ms, last_used_at FROM token "
            "WHERE token_sha256 = ?",
            token_sha256);
        if (!rows.next()) {
            return std::nullopt;
        }
        TokenRow token;
        token.token_sha256 = rows.text();
        token.user = rows.id<UserId>();
        if (const auto timeout = rows.optional_integer()) {
            token.idle_timeout = milliseconds(*timeout);
        }
        token.last_used_at = rows.time();
        return token;
    }

    void add(const TokenRow& token) override {
        std::optional<std::int64_t> timeout;
        if (token.idle_timeout) {
            timeout = token.idle_timeout->count();
        }
        db_.execute(
            "INSERT INTO token (token_sha256, user_id, idle_timeout_ms, last_used_at) "
            "VALUES (?, ?, ?, ?)",
            token.token_sha256, token.user, timeout, token.last_used_at);
    }

    void touch(const std::string& token_sha256, Instant at) override {
        db_.execute("UPDATE token SET last_used_at = ? WHERE token_sha256 = ?", at, token_sha256);
    }

    void shift_last_used(milliseconds by) override {
        db_.execute("UPDATE token SET last_used_at = last_used_at + ?", by.count());
    }

    void remove(const std::string& token_sha256) override {
        db_.execute("DELETE FROM token WHERE token_sha256 = ?", token_sha256);
    }

    void remove_all_of(const UserId& user) override {
        db_.execute("DELETE FROM token WHERE user_id = ?", user);
    }

    void remove_expired(Instant now) override {
        db_.execute(
            "DELETE FROM token WHERE idle_timeout_ms IS NOT NULL "
            "AND last_used_at + idle_timeout_ms <= ?",
            now);
    }

private:
    Connection& db_;
};

}  // namespace

std::unique_ptr<Users> make_users(Connection& db) {
    return std::make_unique<SqlUsers>(db);
}
std::unique_ptr<Roles> make_roles(Connection& db) {
    return std::make_unique<SqlRoles>(db);
}
std::unique_ptr<Tokens> make_tokens(Connection& db) {
    return std::make_unique<SqlTokens>(db);
}

}  // namespace updraft::sql
