#include "transport/http/rest/tasks.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

#include "transport/http/rest/crud.hpp"
#include "transport/http/rest/json_reader.hpp"

namespace updraft::rest {
namespace {

using http::Method;

const std::string base = "/firmware/upgrade/task";

Text deployment_label(Deployment deployment) {
    switch (deployment) {
        case Deployment::forced:
            return {"强制", "Forced"};
        case Deployment::soft:
            return {"尝试", "Soft"};
        case Deployment::download_only:
            return {"仅下载", "Download only"};
    }
    return {};
}

/// Terms as a list, or as JSON text of one.
Result<std::optional<std::vector<Term>>> terms_of(const json::object& row,
                                                  std::string& text_of_terms) {
    const json::value* terms = row.if_contains("terms");
    if (terms == nullptr || terms->is_null()) {
        return std::optional<std::vector<Term>>{};
    }
    UPDRAFT_TRY(std::vector<Term> parsed, parse_terms(*terms));
    text_of_terms = json::serialize(*terms);
    return std::optional(std::move(parsed));
}

int bounded(const std::optional<std::int64_t>& number) {
    return static_cast<int>(std::clamp<std::int64_t>(number.value_or(0), INT32_MIN, INT32_MAX));
}

/// Extensions of spec 2.10 that are not there yet. A task "for tomorrow" must not start today
/// because nobody read its startTime.
void refuse_unknown_extensions(JsonReader& reader, const json::object& row) {
    for (const char* name : {"startTime", "endTime", "windows", "stages", "retryLimit",
                             "retryIntervalSeconds", "failureThreshold"}) {
        if (reader.has(name)) {
            reader.refuse(
                name, row.at(name),
                text("此版本不支持, 请去掉", "not supported by this version: leave it out"));
        }
    }
    if (reader.flag("dynamic").value_or(false)) {
        reader.refuse("dynamic", row.at("dynamic"),
                      text("此版本不支持, 请去掉", "not supported by this version: leave it out"));
    }
}

Result<NewTask> new_task_of(const json::object& row) {
    JsonReader reader(row);
    NewTask request;
    UpgradeTask& task = request.task;
    task.name = reader.text("name").value_or("");
    task.description = reader.text("description").value_or("");
    task.product = ProductId(reader.text("productId").value_or(""));
    task.firmware = FirmwareId(reader.text("firmwareId").value_or(""));
    task.response_timeout = seconds{bounded(reader.integer("responseTimeoutSeconds"))};
    task.upgrade_timeout = seconds{bounded(reader.integer("timeoutSeconds"))};
    const auto mode = reader.choice("mode", {UpgradeMode::push, UpgradeMode::pull});
    const auto release = reader.choice("releaseType", {ReleaseType::all, ReleaseType::part});
    task.forced = reader.flag("force").value_or(false);
    task.deployment =
        reader
            .choice("deployment", {Deployment::forced, Deployment::soft, Deployment::download_only})
            .value_or(Deployment::forced);
    task.confirmation_required = reader.flag("confirmationRequired").value_or(false);
    if (const auto rate = reader.integer("rate")) {
        task.rate_per_second = bounded(rate);
    }
    if (const auto most = reader.integer("maxConcurrent")) {
        task.max_concurrent = bounded(most);
    }
    refuse_unknown_extensions(reader, row);
    if (const auto devices = reader.texts("deviceId")) {
        request.devices.emplace();
        for (const std::string& device : *devices) {
            request.devices->emplace_back(device);
        }
    }
    UPDRAFT_CHECK(reader.finish());
    if (!mode) {
        return Error::invalid("mode", text("请选择推送方式", "choose push or pull"));
    }
    task.mode = *mode;
    task.release_type = release.value_or(ReleaseType::all);
    UPDRAFT_TRY(request.terms, terms_of(row, task.terms));
    if (!release && (request.devices || request.terms)) {
        task.release_type = ReleaseType::part;
    }
    return request;
}

/// The states that a request names; an absent list, `{}` or nothing are the default (spec 2.10).
Result<std::set<RecordState>> states_of(const Call& call, RecordState otherwise) {
    UPDRAFT_TRY(const json::value body, call.body());
    if (!body.is_array()) {
        return std::set{otherwise};
    }
    std::set<RecordState> states;
    for (const json::value& each : body.get_array()) {
        const json::object named{{"state", each}};
        JsonReader reader(named);
        const auto state = reader.choice(
            "state", {RecordState::waiting, RecordState::processing, RecordState::success,
                      RecordState::failed, RecordState::canceled});
        UPDRAFT_CHECK(reader.finish());
        if (state) {
            states.insert(*state);
        }
    }
    return states;
}

Result<std::vector<RecordId>> record_ids_of(const Call& call) {
    UPDRAFT_TRY(const std::vector<std::string> texts, call.strings());
    std::vector<RecordId> ids;
    ids.reserve(texts.size());
    for (const std::string& each : texts) {
        ids.emplace_back(each);
    }
    return ids;
}

Result<Answer> counted(const Result<std::int64_t>& count) {
    if (!count) {
        return count.error();
    }
    return json::value(*count);
}

void change_routes(Api& api, TaskService& tasks) {
    const Access deploy = Access::permitted(permission::upgrade_task, permission::deploy);
    api.act(Method::post, base + "/{id}/_start", deploy, {"task.start"},
            [&tasks](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const auto states, states_of(call, RecordState::canceled));
                return counted(tasks.start(TaskId(call.parameter("id")), states, call.by));
            });
    api.act(Method::post, base + "/{id}/_stop", deploy, {"task.stop"},
            [&tasks](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const auto states, states_of(call, RecordState::waiting));
                return counted(tasks.stop(TaskId(call.parameter("id")), states, call.by));
            });
    api.act(Method::post, base + "/_start", deploy, {"record.start"},
            [&tasks](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const auto records, record_ids_of(call));
                return counted(tasks.start(records, call.by));
            });
    api.act(Method::post, base + "/_stop", deploy, {"record.stop"},
            [&tasks](const Call& call) -> Result<Answer> {
                UPDRAFT_TRY(const auto records, record_ids_of(call));
                return counted(tasks.stop(records, call.by));
            });
}

Result<Answer> create(TaskService& tasks, const Call& call) {
    if (!call.identity.may(std::string(permission::upgrade_task),
                           std::string(permission::deploy))) {
        return Error::of(ErrorCode::access_denied,
                         text("当前用户无权限[{}]:{}", "you lack the permission [{}]:{}",
                              permission::upgrade_task, permission::deploy));
    }
    UPDRAFT_TRY(const json::object row, call.object());
    UPDRAFT_TRY(NewTask request, new_task_of(row));
    UPDRAFT_TRY(const TaskRow created, tasks.create(std::move(request), call.by));
    return json::value(task_detail_json(created, call.language));
}

Result<Answer> preview(const TaskService& tasks, const Call& call) {
    UPDRAFT_TRY(const json::object row, call.object());
    UPDRAFT_TRY(NewTask request, new_task_of(row));
    UPDRAFT_TRY(const SelectionPreview seen, tasks.preview(std::move(request)));
    json::array unknown;
    for (const DeviceId& device : seen.unknown) {
        unknown.emplace_back(device.value);
    }
    return json::value(json::object{{"total", seen.total},
                                    {"online", seen.online},
                                    {"offline", seen.offline},
                                    {"notActive", seen.not_active},
                                    {"alreadyCurrent", seen.already_current},
                                    {"busy", seen.busy},
                                    {"unknownCount", seen.unknown_count},
                                    {"unknown", std::move(unknown)}});
}

}  // namespace

json::object task_json(const TaskRow& row, Language language) {
    const UpgradeTask& task = row.task;
    json::object object{{"id", task.id.value},
                        {"name", task.name},
                        {"productId", task.product.value},
                        {"productName", task.product_name},
                        {"firmwareId", task.firmware.value},
                        {"version", task.target_version},
                        {"versionOrder", task.version_order},
                        {"mode", enum_json(task.mode, language)},
                        {"timeoutSeconds", task.upgrade_timeout.count()},
                        {"releaseType", name_of(task.release_type)},
                        {"deployment", choice_json(name_of(task.deployment),
                                                   deployment_label(task.deployment), language)},
                        {"confirmationRequired", task.confirmation_required},
                        {"description", task.description},
                        {"createTime", to_millis(task.created_at)}};
    if (task.mode == UpgradeMode::push) {
        object["responseTimeoutSeconds"] = task.response_timeout.count();
    }
    if (task.release_type ==
        ReleaseType::part) {  // absent for `all`: an empty list means "none of mine"
        if (!task.devices.empty()) {
            json::array& ids = object["deviceId"].emplace_array();
            for (const DeviceId& device : task.devices) {
                ids.emplace_back(device.value);
            }
        }
        if (!task.terms.empty()) {
            boost::system::error_code failed;
            json::value terms = json::parse(task.terms, failed);
            if (!failed) {
                object["terms"] = std::move(terms);
            }
        }
    }
    if (task.forced) {
        object["force"] = true;
    }
    if (task.rate_per_second) {
        object["rate"] = *task.rate_per_second;
    }
    if (task.max_concurrent) {
        object["maxConcurrent"] = *task.max_concurrent;
    }
    put_text(object, "creatorId", task.creator.value);
    put_text(object, "creatorName", task.creator_name);
    return object;
}

json::object task_detail_json(const TaskRow& row, Language language) {
    json::object object = task_json(row, language);
    const RecordCounts& counts = row.counts;
    object["state"] = enum_json(derived_state(counts), language);
    object["progress"] = progress_percent(counts);
    object["total"] = counts.total();
    object["waiting"] = counts.waiting;
    object["processing"] = counts.processing;
    object["success"] = counts.success;
    object["failed"] = counts.failed;
    object["canceled"] = counts.canceled;
    return object;
}

void task_routes(Api& api, const Store& store, TaskService& tasks) {
    const auto rows = [](const Repositories& all) -> const UpgradeTasks& { return all.tasks(); };
    CrudResource resource;
    resource.bases = {base};
    resource.permission = permission::upgrade_task;
    resource.word = "task";
    query_with(resource, api, store, rows, task_json);
    resource.find = [&store](const Call& call, const std::string& id) -> Result<json::value> {
        const auto row =
            store.read([&](const Repositories& all) { return all.tasks().find(TaskId(id)); });
        if (!row) {
            return Error::not_found("升级任务", "upgrade task", id);
        }
        return json::value(task_detail_json(*row, call.language));
    };
    resource.remove = [&tasks](const Call& call, const std::string& id) -> Result<json::value> {
        const bool forced = call.request.query_value("force") == "true";
        UPDRAFT_TRY(const TaskRow removed, tasks.remove(TaskId(id),
                                                        forced ? TaskService::Removal::forced
                                                               : TaskService::Removal::only_idle,
                                                        call.by));
        return json::value(task_json(removed, call.language));
    };
    crud_routes(api, resource);
    const Access query = Access::permitted(permission::upgrade_task, permission::query);
    api.query_route(base + "/detail/_query", query,
                    with_query(page_of(store, rows, task_detail_json)));
    api.query_route(base + "/detail/_query/no-paging", query,
                    with_query(list_of(api, store, rows, task_detail_json)));
    api.act(Method::post, base, Access::permitted(permission::upgrade_task, permission::save),
            {"task.create"}, [&tasks](const Call& call) { return create(tasks, call); });
    api.route(Method::post, base + "/_preview", query,
              [&tasks](const Call& call) { return preview(tasks, call); });
    change_routes(api, tasks);
}

}  // namespace updraft::rest
