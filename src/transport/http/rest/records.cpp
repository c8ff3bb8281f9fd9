#include "transport/http/rest/records.hpp"

#include "domain/failure_group.hpp"
#include "transport/http/rest/crud.hpp"
#include "transport/http/rest/json_reader.hpp"

namespace updraft::rest {
namespace {

const std::string base = "/firmware/upgrade/history";

const UpgradeRecords& records_of(const Repositories& all) {
    return all.records();
}

void put_time(json::object& object, std::string_view name, const std::optional<Instant>& time) {
    if (time) {
        object[name] = to_millis(*time);
    }
}

/// A row with what the caller may do to it: real booleans, which gate a console's buttons.
std::function<json::object(const RecordRow&, Language)> detail_for(const Identity& identity) {
    const std::string resource(permission::upgrade_task);
    const bool may_edit = identity.may(resource, std::string(permission::deploy));
    const bool may_delete = identity.may(resource, std::string(permission::remove));
    return [may_edit, may_delete](const RecordRow& row, Language language) {
        json::object object = record_json(row, language);
        object["hasEditPermission"] = may_edit;
        object["hasDeletePermission"] = may_delete;
        return object;
    };
}

}  // namespace

json::object record_json(const RecordRow& row, Language language) {
    const UpgradeRecord& record = row.record;
    json::object object{{"id", record.id.value},
                        {"deviceId", record.device.value},
                        {"deviceName", row.device_name},
                        {"productId", record.product.value},
                        {"productName", row.product_name},
                        {"firmwareId", record.firmware.value},
                        {"version", record.target_version},
                        {"versionOrder", record.version_order},
                        {"taskId", record.task.value},
                        {"taskName", row.task_name},
                        {"mode", enum_json(record.mode, language)},
                        {"createTime", to_millis(record.created_at)},
                        {"timeoutSeconds", record.upgrade_timeout.count()},
                        {"progress", record.progress_percent},
                        {"state", enum_json(record.state, language)},
                        {"attempt", record.attempt}};
    if (record.mode == UpgradeMode::push) {
        object["responseTimeoutSeconds"] = record.response_timeout.count();
    }
    put_text(object, "serverId", record.server_id);
    put_time(object, "upgradeTime", record.upgrade_at);
    put_time(object, "completeTime", record.completed_at);
    put_text(object, "errorReason", error_reason::in(language, record.error_reason));
    if (record.state == RecordState::failed) {
        object["errorGroup"] = failure_group(record.error_reason);
    }
    return object;
}

void record_routes(Api& api, const Store& store, RecordService& records) {
    CrudResource resource;
    resource.bases = {base};
    resource.permission = permission::upgrade_task;
    resource.word = "record";
    query_with(resource, api, store, records_of, record_json);
    resource.find = [&store](const Call& call, const std::string& id) -> Result<json::value> {
        const auto row = store.read(
            [&](const Repositories& all) { return all.records().find_row(RecordId(id)); });
        if (!row) {
            return Error::not_found("升级记录", "upgrade record", id);
        }
        return json::value(detail_for(call.identity)(*row, call.language));
    };
    resource.remove = [&records](const Call& call, const std::string& id) -> Result<json::value> {
        UPDRAFT_TRY(const RecordRow removed, records.remove(RecordId(id), call.by));
        return json::value(record_json(removed, call.language));
    };
    crud_routes(api, resource);
    const Access query = Access::permitted(permission::upgrade_task, permission::query);
    api.query_route(base + "/detail/_query", query,
                    with_query([&store](const Call& call, const Query& asked) {
                        return page_of(store, records_of, detail_for(call.identity))(call, asked);
                    }));
    api.query_route(base + "/detail/_query/no-paging", query,
                    with_query([&api, &store](const Call& call, const Query& asked) {
                        return list_of(api, store, records_of, detail_for(call.identity))(call,
                                                                                          asked);
                    }));
}

}  // namespace updraft::rest
