#include "domain/names.hpp"
#include "storage/sql/repositories.hpp"

namespace updraft::sql {
namespace {

#define UPDRAFT_CREDENTIAL_COLUMNS                                                          \
    "id, kind, product_id, device_id, name, lookup, secret, hint, created_at, creator_id, " \
    "expires_at"

SecretPlace secret_place(const CredentialId& id) {
    return {"device_credential", "secret", id.value};
}

DeviceCredential read_credential(Rows& rows) {
    DeviceCredential credential;
    credential.id = rows.id<CredentialId>();
    credential.kind = credential_kind_named(rows.text()).value_or(CredentialKind::token);
    credential.product = rows.id<ProductId>();
    if (auto device = rows.optional_text()) {
        credential.device = DeviceId{std::move(*device)};
    }
    credential.name = rows.text();
    credential.lookup = rows.text();
    credential.secret = rows.secret(secret_place(credential.id), "");
    credential.hint = rows.text();
    credential.created_at = rows.time();
    credential.creator = rows.id<UserId>();
    credential.expires_at = rows.optional_time();
    return credential;
}

std::optional<DeviceCredential> first(Rows rows) {
    if (!rows.next()) {
        return std::nullopt;
    }
    return read_credential(rows);
}

std::vector<DeviceCredential> every(Rows rows) {
    std::vector<DeviceCredential> credentials;
    while (rows.next()) {
        credentials.push_back(read_credential(rows));
    }
    return credentials;
}

class SqlDeviceCredentials final : public DeviceCredentials {
public:
    explicit SqlDeviceCredentials(Connection& db) : db_(db) {}

    [[nodiscard]] std::optional<DeviceCredential> find(const CredentialId& id) const override {
        return first(db_.query(
            "SELECT " UPDRAFT_CREDENTIAL_COLUMNS " FROM device_credential WHERE id = ?", id));
    }

    [[nodiscard]] std::optional<DeviceCredential> find_by_lookup(
        CredentialKind kind, const std::string& lookup) const override {
        return first(db_.query("SELECT " UPDRAFT_CREDENTIAL_COLUMNS
                               " FROM device_credential WHERE kind = ? AND lookup = ? "
                               "ORDER BY created_at, id LIMIT 1",
                               name_of(kind), lookup));
    }

    [[nodiscard]] std::vector<DeviceCredential> of_product(
        const ProductId& product) const override {
        return every(db_.query("SELECT " UPDRAFT_CREDENTIAL_COLUMNS
                               " FROM device_credential WHERE product_id = ? "
                               "AND device_id IS NULL ORDER BY created_at DESC, id DESC",
                               product));
    }

    [[nodiscard]] std::vector<DeviceCredential> of_device(const DeviceId& device) const override {
        return every(db_.query("SELECT " UPDRAFT_CREDENTIAL_COLUMNS
                               " FROM device_credential WHERE device_id = ? "
                               "ORDER BY created_at DESC, id DESC",
                               device));
    }

    void add(const DeviceCredential& c) override {
        if (c.device) {
            db_.written().note(*c.device);
        } else {
            db_.written().note_everything();
        }
        db_.execute("INSERT INTO device_credential (" UPDRAFT_CREDENTIAL_COLUMNS
                    ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    c.id, name_of(c.kind), c.product, c.device, c.name, c.lookup,
                    db_.secrets().seal(secret_place(c.id), c.secret), c.hint, c.created_at,
                    c.creator, c.expires_at);
    }

    void set_expiry(const CredentialId& id, Instant at) override {
        db_.written().note_everything();
        db_.execute("UPDATE device_credential SET expires_at = ? WHERE id = ?", at, id);
    }

    void remove(const CredentialId& id) override {
        db_.written().note_everything();
        db_.execute("DELETE FROM device_credential WHERE id = ?", id);
    }

private:
    Connection& db_;
};

}  // namespace

std::unique_ptr<DeviceCredentials> make_device_credentials(Connection& db) {
    return std::make_unique<SqlDeviceCredentials>(db);
}

}  // namespace updraft::sql
