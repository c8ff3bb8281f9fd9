#include "storage/sql/json_columns.hpp"
#include "storage/sql/repositories.hpp"

namespace updraft::sql {
namespace {

#define UPDRAFT_API_TOKEN_COLUMNS \
    "id, token_sha256, user_id, name, scopes, created_at, expires_at, last_used_at"

ApiToken read_token(Rows& rows) {
    ApiToken token;
    token.id = rows.id<ApiTokenId>();
    token.token_sha256 = rows.text();
    token.user = rows.id<UserId>();
    token.name = rows.text();
    token.scopes = permissions_from(rows.text());
    token.created_at = rows.time();
    token.expires_at = rows.optional_time();
    token.last_used_at = rows.optional_time();
    return token;
}

std::optional<ApiToken> first(Rows rows) {
    if (!rows.next()) {
        return std::nullopt;
    }
    return read_token(rows);
}

std::vector<ApiToken> every(Rows rows) {
    std::vector<ApiToken> tokens;
    while (rows.next()) {
        tokens.push_back(read_token(rows));
    }
    return tokens;
}

class SqlApiTokens final : public ApiTokens {
public:
    explicit SqlApiTokens(Connection& db) : db_(db) {}

    [[nodiscard]] std::optional<ApiToken> find(const ApiTokenId& id) const override {
        return first(
            db_.query("SELECT " UPDRAFT_API_TOKEN_COLUMNS " FROM api_token WHERE id = ?", id));
    }

    [[nodiscard]] std::optional<ApiToken> find_by_hash(
        const std::string& token_sha256) const override {
        return first(db_.query("SELECT " UPDRAFT_API_TOKEN_COLUMNS
                               " FROM api_token WHERE token_sha256 = ?",
                               token_sha256));
    }

    [[nodiscard]] std::vector<ApiToken> of_user(const UserId& user) const override {
        return every(db_.query("SELECT " UPDRAFT_API_TOKEN_COLUMNS
                               " FROM api_token WHERE user_id = ? "
                               "ORDER BY created_at DESC, id DESC",
                               user));
    }

    [[nodiscard]] std::vector<ApiToken> all() const override {
        return every(db_.query("SELECT " UPDRAFT_API_TOKEN_COLUMNS
                               " FROM api_token ORDER BY created_at DESC, id DESC"));
    }

    void add(const ApiToken& t) override {
        db_.execute(
            "INSERT INTO api_token (id, token_sha256, user_id, name, scopes, created_at, "
            "expires_at, last_used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            t.id, t.token_sha256, t.user, t.name, to_json(t.scopes), t.created_at, t.expires_at,
            t.last_used_at);
    }

    void touch(const std::string& token_sha256, Instant at) override {
        db_.execute("UPDATE api_token SET last_used_at = ? WHERE token_sha256 = ?", at,
                    token_sha256);
    }

    void remove(const ApiTokenId& id) override {
        db_.execute("DELETE FROM api_token WHERE id = ?", id);
    }

    void remove_all_of(const UserId& user) override {
        db_.execute("DELETE FROM api_token WHERE user_id = ?", user);
    }

private:
    Connection& db_;
};

}  // namespace

std::unique_ptr<ApiTokens> make_api_tokens(Connection& db) {
    return std::make_unique<SqlApiTokens>(db);
}

}  // namespace updraft::sql
