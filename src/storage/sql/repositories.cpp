#include "storage/sql/repositories.hpp"

namespace updraft::sql {

SqlUnitOfWork::SqlUnitOfWork(Connection& db)
    : products_(make_products(db)),
      protocols_(make_protocols(db)),
      devices_(make_devices(db)),
      firmwares_(make_firmwares(db)),
      tasks_(make_tasks(db)),
      records_(make_records(db)),
      files_(make_files(db)),
      users_(make_users(db)),
      roles_(make_roles(db)),
      tokens_(make_tokens(db)),
      api_tokens_(make_api_tokens(db)),
      credentials_(make_device_credentials(db)),
      ddi_(make_ddi_actions(db)),
      settings_(make_settings(db)),
      device_logs_(make_device_logs(db)),
      audit_(make_audit_log(db)) {}

}  // namespace updraft::sql
