#include "storage/sql/secrets.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/ports.hpp"
#include "storage/sql/json_columns.hpp"

namespace updraft::sql {
namespace {

constexpr std::array columns = {
    SecretColumn{"product", "configuration", "{}"},
    SecretColumn{"device", "configuration", "{}"},
    SecretColumn{"device_credential", "secret", ""},
};

/// The position of the target 'space' once something was replaced.
constexpr std::string_view wiping_needed = "needed";

struct StoredSecret {
    std::string row;
    std::string value;
};

std::vector<StoredSecret> next_secrets(Connection& db, const SecretColumn& column,
                                       const std::string& after, std::int64_t rows_max) {
    Rows rows = db.query(
        fmt::format("SELECT id, {} FROM {} WHERE id > ? AND {} <> '{}' ORDER BY id LIMIT ?",
                    column.column, column.table, column.column, column.empty),
        after, rows_max);
    std::vector<StoredSecret> secrets;
    while (rows.next()) {
        std::string row = rows.text();
        secrets.push_back({std::move(row), rows.text()});
    }
    return secrets;
}

/// True if the value had to be sealed.
bool seal_one(Connection& db, const SecretColumn& column, const StoredSecret& stored) {
    const SecretPlace place{column.table, column.column, stored.row};
    const auto with = SecretBox::key_id_of(stored.value);
    if (with && *with == db.secrets().key_id()) {
        return false;
    }
    const std::string clear = with ? db.opened(place, stored.value) : stored.value;
    db.execute(fmt::format("UPDATE {} SET {} = ? WHERE id = ?", column.table, column.column),
               db.secrets().seal(place, clear), stored.row);
    return true;
}

/// How far sealing has come with a target; nothing when it is done.
std::optional<std::string> position_of(Connection& db, std::string_view target) {
    Rows rows = db.query("SELECT position FROM sealing WHERE target = ?", target);
    return rows.next() ? std::optional(rows.text()) : std::nullopt;
}

}  // namespace

Configuration read_configuration(Rows& rows, std::string_view table, const std::string& row) {
    return map_from(rows.secret({table, "configuration", row}, "{}"));
}

std::string sealed_configuration(const Connection& db, std::string_view table,
                                 const std::string& row, const Configuration& configuration) {
    return configuration.empty()
               ? "{}"
               : db.secrets().seal({table, "configuration", row}, to_json(configuration));
}

std::span<const SecretColumn> secret_columns() {
    return columns;
}

std::vector<std::string> key_ids(Connection& db) {
    Rows rows = db.query("SELECT id FROM secret_key ORDER BY id");
    std::vector<std::string> ids;
    while (rows.next()) {
        ids.push_back(rows.text());
    }
    return ids;
}

void use_newest_key(Connection& db, Instant now) {
    const std::string& newest = db.secrets().key_id();
    const auto sealing_with = position_of(db, "key");
    if (sealing_with ? *sealing_with == newest : key_ids(db) == std::vector{newest}) {
        return;
    }
    db.execute("INSERT INTO secret_key (id, created_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
               newest, now);
    const bool wipe = wiping(db).value_or(false);
    db.execute("DELETE FROM sealing");
    const auto begin = [&](std::string_view target, std::string_view position) {
        db.execute("INSERT INTO sealing (target, position) VALUES (?, ?)", target, position);
    };
    for (const SecretColumn& column : columns) {
        begin(column.table, "");
    }
    begin("key", newest);
    begin("space", wipe ? wiping_needed : "");
}

bool seal_step(Connection& db, std::int64_t rows_max) {
    for (const SecretColumn& column : columns) {
        const auto position = position_of(db, column.table);
        if (!position) {
            continue;
        }
        const auto secrets = next_secrets(db, column, *position, rows_max);
        const auto replaced = std::ranges::count_if(
            secrets, [&](const StoredSecret& each) { return seal_one(db, column, each); });
        if (replaced > 0) {
            db.execute("UPDATE sealing SET position = ? WHERE target = 'space'", wiping_needed);
        }
        if (std::ssize(secrets) < rows_max) {
            db.execute("DELETE FROM sealing WHERE target = ?", column.table);
        } else {
            db.execute("UPDATE sealing SET position = ? WHERE target = ?", secrets.back().row,
                       column.table);
        }
        return true;
    }
    return false;
}

std::optional<bool> wiping(Connection& db) {
    const auto space = position_of(db, "space");
    return space ? std::optional(*space == wiping_needed) : std::nullopt;
}

void wiped(Connection& db) {
    db.execute("DELETE FROM sealing");
    db.execute("DELETE FROM secret_key WHERE id <> ?", db.secrets().key_id());
}

void each_unopenable(Connection& db,
                     const std::function<void(const SecretColumn&, const std::string& row)>& use) {
    for (const SecretColumn& column : columns) {
        Rows rows = db.query(fmt::format("SELECT id, {} FROM {} WHERE {} <> '{}'", column.column,
                                         column.table, column.column, column.empty));
        while (rows.next()) {
            const std::string row = rows.text();
            if (!db.secrets().open({column.table, column.column, row}, rows.text())) {
                use(column, row);
            }
        }
    }
}

}  // namespace updraft::sql
