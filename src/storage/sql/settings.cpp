#include "storage/sql/json_columns.hpp"
#include "storage/sql/repositories.hpp"

namespace updraft::sql {
namespace {

class SqlSettings final : public Settings {
public:
    explicit SqlSettings(Connection& db) : db_(db) {}

    [[nodiscard]] std::vector<UserSetting> of_user(const UserId& user,
                                                   const std::string& type) const override {
        Rows rows = db_.query(
            "SELECT id, user_id, type, setting_key, name, content, created_at FROM user_setting "
            "WHERE user_id = ? AND type = ? ORDER BY created_at, setting_key",
            user, type);
        std::vector<UserSetting> settings;
        while (rows.next()) {
            UserSetting setting;
            setting.id = rows.text();
            setting.user = rows.id<UserId>();
            setting.type = rows.text();
            setting.key = rows.text();
            setting.name = rows.text();
            setting.content = rows.text();
            setting.created_at = rows.time();
            settings.push_back(std::move(setting));
        }
        return settings;
    }

    void put(const UserSetting& s) override {
        db_.execute(
            "INSERT INTO user_setting (id, user_id, type, setting_key, name, content, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, type, setting_key) DO UPDATE SET "
            "id = excluded.id, name = excluded.name, content = excluded.content, "
            "created_at = excluded.created_at",
            s.id, s.user, s.type, s.key, s.name, s.content, s.created_at);
    }

    void remove(const UserId& user, const std::string& type, const std::string& key) override {
        db_.execute("DELETE FROM user_setting WHERE user_id = ? AND type = ? AND setting_key = ?",
                    user, type, key);
    }

    [[nodiscard]] std::optional<std::map<std::string, std::string>> scope(
        const std::string& name) const override {
        Rows rows = db_.query("SELECT properties FROM system_setting WHERE scope = ?", name);
        if (!rows.next()) {
            return std::nullopt;
        }
        return map_from(rows.text());
    }

    void put_scope(const std::string& name,
                   const std::map<std::string, std::string>& properties) override {
        db_.execute(
            "INSERT INTO system_setting (scope, properties) VALUES (?, ?) "
            "ON CONFLICT (scope) DO UPDATE SET properties = excluded.properties",
            name, to_json(properties));
    }

private:
    Connection& db_;
};

}  // namespace

std::unique_ptr<Settings> make_settings(Connection& db) {
    return std::make_unique<SqlSettings>(db);
}

}  // namespace updraft::sql
