#pragma once

#include <memory>

#include "app/ports.hpp"
#include "storage/sql/connection.hpp"

namespace updraft::sql {

[[nodiscard]] std::unique_ptr<Products> make_products(Connection& db);
[[nodiscard]] std::unique_ptr<ProtocolPackages> make_protocols(Connection& db);
[[nodiscard]] std::unique_ptr<Devices> make_devices(Connection& db);
[[nodiscard]] std::unique_ptr<Firmwares> make_firmwares(Connection& db);
[[nodiscard]] std::unique_ptr<UpgradeTasks> make_tasks(Connection& db);
[[nodiscard]] std::unique_ptr<UpgradeRecords> make_records(Connection& db);
[[nodiscard]] std::unique_ptr<StoredFiles> make_files(Connection& db);
[[nodiscard]] std::unique_ptr<Users> make_users(Connection& db);
[[nodiscard]] std::unique_ptr<Roles> make_roles(Connection& db);
[[nodiscard]] std::unique_ptr<Tokens> make_tokens(Connection& db);
[[nodiscard]] std::unique_ptr<ApiTokens> make_api_tokens(Connection& db);
[[nodiscard]] std::unique_ptr<DeviceCredentials> make_device_credentials(Connection& db);
[[nodiscard]] std::unique_ptr<DdiActions> make_ddi_actions(Connection& db);
[[nodiscard]] std::unique_ptr<Settings> make_settings(Connection& db);
[[nodiscard]] std::unique_ptr<DeviceLogs> make_device_logs(Connection& db);
[[nodiscard]] std::unique_ptr<AuditLog> make_audit_log(Connection& db);

/// All repositories over one connection; what a reader sees and what a writer's operation works on.
class SqlUnitOfWork final : public UnitOfWork {
public:
    explicit SqlUnitOfWork(Connection& db);

    Products& products() override { return *products_; }
    ProtocolPackages& protocols() override { return *protocols_; }
    Devices& devices() override { return *devices_; }
    Firmwares& firmwares() override { return *firmwares_; }
    UpgradeTasks& tasks() override { return *tasks_; }
    UpgradeRecords& records() override { return *records_; }
    StoredFiles& files() override { return *files_; }
    Users& users() override { return *users_; }
    Roles& roles() override { return *roles_; }
    Tokens& tokens() override { return *tokens_; }
    ApiTokens& api_tokens() override { return *api_tokens_; }
    DeviceCredentials& credentials() override { return *credentials_; }
    DdiActions& ddi() override { return *ddi_; }
    Settings& settings() override { return *settings_; }
    DeviceLogs& device_logs() override { return *device_logs_; }
    AuditLog& audit() override { return *audit_; }

    void after_commit(std::function<void()> action) override {
        actions_.push_back(std::move(action));
    }
    /// What after_commit() has gathered, in order; the writer takes it or cuts it back.
    [[nodiscard]] std::vector<std::function<void()>>& actions() { return actions_; }

private:
    std::unique_ptr<Products> products_;
    std::unique_ptr<ProtocolPackages> protocols_;
    std::unique_ptr<Devices> devices_;
    std::unique_ptr<Firmwares> firmwares_;
    std::unique_ptr<UpgradeTasks> tasks_;
    std::unique_ptr<UpgradeRecords> records_;
    std::unique_ptr<StoredFiles> files_;
    std::unique_ptr<Users> users_;
    std::unique_ptr<Roles> roles_;
    std::unique_ptr<Tokens> tokens_;
    std::unique_ptr<ApiTokens> api_tokens_;
    std::unique_ptr<DeviceCredentials> credentials_;
    std::unique_ptr<DdiActions> ddi_;
    std::unique_ptr<Settings> settings_;
    std::unique_ptr<DeviceLogs> device_logs_;
    std::unique_ptr<AuditLog> audit_;
    std::vector<std::function<void()>> actions_;
};

}  // namespace updraft::sql
