#include "app/task_service.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <iterator>

#include "app/audit.hpp"
#include "base/log.hpp"
#include "domain/names.hpp"

namespace updraft {
namespace {

constexpr std::size_t echoed_devices_max = 1'000;

/// Row 41.
Error no_devices() {
    return Error::invalid("deviceId", text("请选择设备", "choose at least one device"));
}

Error foreign_devices(const ProductId& product, const std::vector<DeviceId>& devices) {
    std::string names;
    for (const DeviceId& device : devices) {
        names += (names.empty() ? "" : ", ") + device.value;
    }
    return Error::invalid("deviceId", text("设备不存在或不属于产品[{}]: {}",
                                           "no devices of product {}: {}", product, names));
}

/// The ids of `[{"column":"id","termType":"in","value":[...]}]`, G3's way of naming devices.
std::optional<std::vector<DeviceId>> ids_in(const std::vector<Term>& terms) {
    if (terms.size() != 1 || terms[0].column != "id" || !terms[0].terms.empty() ||
        !terms[0].options.empty() || (terms[0].term_type != "in" && terms[0].term_type != "eq")) {
        return std::nullopt;
    }
    std::vector<DeviceId> ids;
    const boost::json::value& value = terms[0].value;
    if (value.is_array()) {
        for (const boost::json::value& each : value.get_array()) {
            if (!each.is_string()) {
                return std::nullopt;
            }
            ids.emplace_back(std::string_view(each.get_string()));
        }
        return ids;
    }
    if (value.is_string() && terms[0].term_type == "eq") {
        ids.emplace_back(std::string_view(value.get_string()));
        return ids;
    }
    return std::nullopt;
}

void keep_each_once(std::vector<DeviceId>& devices) {
    std::ranges::sort(devices);
    const auto repeated = std::ranges::unique(devices);
    devices.erase(repeated.begin(), repeated.end());
}

Result<void> check_extension(const std::optional<int>& value, int max, std::string_view property) {
    if (value && (*value < 1 || *value > max)) {
        return Error::invalid(
            std::string(property),
            text("{} {} 不在 1..{} 之间", "{} {} is outside 1..{}", property, *value, max));
    }
    return {};
}

}  // namespace

Result<void> require_firmware_support(const Repositories& rows, const Product& product) {
    const auto package = rows.protocols().find(product.protocol);
    if (!package || !supports_firmware(*package, product.transport_protocol)) {
        return Error::invalid(
            "productId",
            text("产品[{}]的消息协议[{}]不支持固件升级",
                 "product {} cannot be upgraded: its protocol package {} does not support firmware",
                 product.name, product.protocol));
    }
    return {};
}

/// Rows 37, 38 and gap 29: what the person chose.
static Result<DeviceSelection> chosen(const Repositories& rows, const NewTask& request) {
    DeviceSelection selection;
    if (request.task.release_type == ReleaseType::all) {
        return selection;
    }
    if (!request.devices && !request.terms) {
        return no_devices();
    }
    selection.devices = request.devices;
    selection.terms = request.terms;
    if (selection.terms) {
        UPDRAFT_CHECK(rows.devices().check_terms(*selection.terms));
        if (!selection.devices) {
            selection.devices = ids_in(*selection.terms);
            if (selection.devices) {
                selection.terms.reset();
            }
        }
    }
    if (selection.devices) {
        keep_each_once(*selection.devices);
    }
    return selection;
}

/// Rows 41 and 42: what the person chose, checked against the devices that exist.
Result<DeviceSelection> TaskService::selection_of(const Repositories& rows,
                                                  NewTask& request) const {
    UpgradeTask& task = request.task;
    UPDRAFT_TRY(DeviceSelection selection, chosen(rows, request));
    const SelectionCheck check = rows.tasks().check(task.product, selection);
    if (!check.foreign.empty()) {
        return foreign_devices(task.product, check.foreign);
    }
    if (check.matching == 0) {
        return no_devices();
    }
    task.devices.clear();
    if (selection.devices && !selection.terms && selection.devices->size() <= echoed_devices_max) {
        task.devices = *selection.devices;
    } else if (task.release_type == ReleaseType::part &&
               check.matching <= static_cast<std::int64_t>(echoed_devices_max)) {
        Query query;
        query.paging = false;
        query.terms = {term("productId", boost::json::string(task.product.value))};
        if (selection.terms && !selection.terms->empty()) {
            Term group;
            group.terms = *selection.terms;
            query.terms.push_back(std::move(group));
        }
        rows.devices().each(query, [&](const DeviceRow& row) {
            if (!selection.devices ||
                std::ranges::binary_search(*selection.devices, row.device.id)) {
                task.devices.push_back(row.device.id);
            }
            return true;
        });
    }
    return selection;
}

/// A task that keeps every rule, with what it takes over from its firmware and product.
Result<UpgradeTask> TaskService::settled(const Repositories& rows, UpgradeTask form) const {
    UPDRAFT_CHECK(check_extension(form.rate_per_second, options_.rate_per_second_max, "rate"));
    UPDRAFT_CHECK(
        check_extension(form.max_concurrent, options_.max_concurrent_max, "maxConcurrent"));
    UPDRAFT_TRY(UpgradeTask task, checked(std::move(form)));
    const auto firmware = rows.firmwares().find(task.firmware);
    if (!firmware) {
        return Error::invalid("firmwareId",
                              text("固件不存在: {}", "no such firmware: {}", task.firmware));
    }
    if (!task.product.empty() && task.product != firmware->product) {
        return Error::invalid("productId",
                              text("固件[{}]不属于产品[{}]", "firmware {} is not of product {}",
                                   firmware->name, task.product));
    }
    const auto product = rows.products().find(firmware->product);
    if (!product) {
        return Error::invalid(
            "productId", text("当前产品不存在，请选择产品: {}", "the product does not exist: {}",
                              firmware->product));
    }
    UPDRAFT_CHECK(require_firmware_support(rows, *product));
    task.product = product->id;
    task.product_name = product->name;
    task.target_version = firmware->version;
    task.version_order = firmware->version_order;
    task.stopped = false;
    return task;
}

Result<SelectionPreview> TaskService::preview(NewTask request) const {
    if (request.task.name.empty()) {
        request.task.name = "preview";  // asked for before the form is complete
    }
    if (request.devices) {
        request.task.devices = *request.devices;
    }
    return store_.read([&](const Repositories& rows) -> Result<SelectionPreview> {
        UPDRAFT_TRY(request.task, settled(rows, request.task));
        UPDRAFT_TRY(const DeviceSelection selection, chosen(rows, request));
        return rows.tasks().preview(request.task.product, selection, request.task.target_version);
    });
}

Result<TaskRow> TaskService::create(NewTask request, const Actor& by) {
    if (request.devices) {
        request.task.devices = *request.devices;
    }
    bool unfinished = false;
    auto created = store_.write([&](UnitOfWork& work) -> Result<TaskRow> {
        UPDRAFT_TRY(UpgradeTask task, settled(work, request.task));
        task.id = TaskId(ids_.next());
        task.creator = by.who.user;
        task.creator_name = by.who.name;
        task.created_at = clock_.now();
        request.task = task;
        UPDRAFT_TRY(const DeviceSelection selection, selection_of(work, request));
        const std::int64_t planned = work.tasks().add(request.task, selection);
        const std::int64_t made = work.tasks().expand(
            task.id, options_.expand_chunk, task.created_at, [&] { return ids_.next_number(); });
        unfinished = made < planned;
        work.after_commit([this, id = task.id, of = task.firmware] { announce(id, of); });
        TaskRow row = *work.tasks().find(task.id);
        AuditNote note(by);
        note.added(row.task);
        note.write(work);
        return row;
    });
    if (created) {
        if (unfinished && hooks_.expand) {
            hooks_.expand();
        }
        if (created->task.mode == UpgradeMode::push && hooks_.look_at_task) {
            hooks_.look_at_task(created->task.id);
        }
    }
    return created;
}

void TaskService::announce(const TaskId& task, const FirmwareId& firmware) const {
    live_.publish({clock_.now(), live::TaskChanged{task, firmware}});
}

bool TaskService::expand_next() {
    std::optional<TaskId> expanded;
    const auto more = store_.write([&](UnitOfWork& work) -> Result<bool> {
        const std::vector<TaskId> unfinished = work.tasks().unfinished_expansions();
        if (unfinished.empty()) {
            return false;
        }
        expanded = unfinished.front();
        work.tasks().expand(*expanded, options_.expand_chunk, clock_.now(),
                            [&] { return ids_.next_number(); });
        return true;
    });
    if (expanded && hooks_.look_at_task) {
        hooks_.look_at_task(*expanded);
    }
    return more && *more;
}

bool TaskService::note_progress() {
    constexpr std::size_t tasks_at_once = 200;
    const std::vector<TaskId> changed = store_.read(
        [](const Repositories& rows) { return rows.tasks().changed_counters(tasks_at_once); });
    if (changed.empty()) {
        return false;
    }
    const auto noted = store_.write([&](UnitOfWork& work) -> Result<void> {
        for (const TaskId& task : changed) {
            work.tasks().note_progress(task, clock_.now());
        }
        return {};
    });
    return noted && changed.size() == tasks_at_once;
}

Result<TaskRow> TaskService::remove(const TaskId& id, Removal removal, const Actor& by) {
    auto removed = store_.write([&](UnitOfWork& work) -> Result<TaskRow> {
        const auto found = work.tasks().find(id);
        if (!found) {
            return Error::not_found("升级任务", "upgrade task", id.value);
        }
        if (removal == Removal::only_idle && found->counts.waiting + found->counts.processing > 0) {
            return Error::of(
                ErrorCode::conflict,
                text("存在等待升级或升级中的设备，不可删除",
                     "{} devices are waiting and {} are upgrading: the task cannot be deleted",
                     found->counts.waiting, found->counts.processing));
        }
        work.tasks().remove(id);
        AuditNote note(by);
        note.removed(found->task);
        note.write(work);
        work.after_commit([this, id, of = found->task.firmware] { announce(id, of); });
        return *found;
    });
    if (removed) {  // with the changes of it that were under way
        const std::lock_guard lock(mutex_);
        being_stopped_.erase(id);
    }
    return removed;
}

/// True if the event changed the record. The record of a deleted device (T22) is not started again:
/// nothing would ever end it; nor that of a device which is of another product by now.
bool TaskService::changes(UnitOfWork& work, const UpgradeRecord& record,
                          const RecordEvent& event) const {
    if (std::holds_alternative<event::Started>(event)) {
        const std::optional<Device> device = work.devices().find(record.device);
        if (!device || device->product != record.product) {
            return false;
        }
    }
    return changes_.apply(work, record, event).changed;
}

/// The next chunk of records with a cursor, so that the writer is never held up for long.
TaskService::Step TaskService::advance(UnitOfWork& work, TaskChange change) const {
    const RecordEvent event =
        change.stops ? RecordEvent(event::Stopped{change.states.contains(RecordState::processing)})
                     : RecordEvent(event::Started{});
    const auto records =
        work.records().of_task(change.task, change.states, change.after, options_.change_chunk);
    Step step;
    for (const UpgradeRecord& record : records) {
        step.changed += changes(work, record, event) ? 1 : 0;
    }
    step.finished = records.size() < options_.change_chunk;
    if (step.finished) {
        work.tasks().remove_change(change);
    } else {
        change.after = records.back().id;
        work.tasks().save_change(change);
    }
    step.change = std::move(change);
    return step;
}

TaskService::Step TaskService::run_chunk(const Choose& choose) {
    const auto step = store_.write([&](UnitOfWork& work) -> Result<Step> {
        const std::vector<TaskChange> under_way = work.tasks().changes_under_way();
        const TaskChange* next = choose(under_way);
        return next != nullptr ? advance(work, *next) : Step{};
    });
    if (step->finished) {
        if (step->change->stops) {
            forget_stop(step->change->task);
        } else if (hooks_.look_at_task) {
            hooks_.look_at_task(step->change->task);
        }
    }
    return *step;
}

void TaskService::forget_stop(const TaskId& id) {
    const std::lock_guard lock(mutex_);
    if (const auto found = being_stopped_.find(id); found != being_stopped_.end()) {
        being_stopped_.erase(found);
    }
}

/// One chunk of the task whose turn it is, so that a big change does not hold up those of others;
/// false when nothing is left to do.
bool TaskService::carry_on() {
    const Step step = run_chunk([this](const std::vector<TaskChange>& under_way) {
        const TaskChange* first = nullptr;  // the first of all, in the order of their tasks
        const TaskChange* next = nullptr;   // the first behind the one whose turn it was
        for (const TaskChange& change : under_way) {
            if (first == nullptr || change.task < first->task) {
                first = &change;
            }
            if (carried_on_ < change.task && (next == nullptr || change.task < next->task)) {
                next = &change;
            }
        }
        return next != nullptr ? next : first;
    });
    if (step.change) {
        carried_on_ = step.change->task;
    }
    return step.change.has_value();
}

void TaskService::carry_on_later() {
    hooks_.run_later([this] { return carry_on(); });
}

void TaskService::recover() {
    const std::vector<TaskChange> under_way =
        store_.read([](const Repositories& rows) { return rows.tasks().changes_under_way(); });
    for (const TaskChange& change : under_way) {
        if (change.stops) {
            const std::lock_guard lock(mutex_);
            being_stopped_.insert(change.task);
        }
    }
    if (!under_way.empty() && hooks_.run_later) {
        carry_on_later();
    }
}

/// Counts what a bulk change is about, moves the records that are still to be made, and does the
/// first chunk unless an earlier change of the task is not done. What is left is kept.
Result<TaskService::Step> TaskService::begin(TaskChange change, const Actor& by,
                                             std::int64_t& expected) {
    return store_.write([&](UnitOfWork& work) -> Result<Step> {
        const auto found = work.tasks().find(change.task);
        if (!found) {
            return Error::not_found("升级任务", "upgrade task", change.task.value);
        }
        const std::vector<TaskChange> under_way = work.tasks().changes_under_way();
        if (under_way.size() >= options_.changes_max) {
            return Error::of(
                ErrorCode::unavailable,
                text("已有{}个批量操作正在进行, 请稍后重试",
                     "{} bulk changes are under way already, try again shortly", under_way.size()));
        }
        for (const RecordState state : change.states) {
            expected += found->counts.of(state);
        }
        std::int64_t moved = 0;
        const RecordState of_moved = change.stops ? RecordState::waiting : RecordState::canceled;
        if (change.states.contains(of_moved)) {
            moved = work.tasks().set_stopped(change.task, change.stops);
            work.after_commit(
                [this, id = change.task, of = found->task.firmware] { announce(id, of); });
        }
        AuditNote note(by);
        note.changed(found->task, work.tasks().find(change.task)->task);
        boost::json::array states;
        for (const RecordState state : change.states) {
            states.emplace_back(name_of(state));
        }
        note.also("recordStates", std::move(states));
        note.also("records", expected);
        note.write(work);
        Step step;
        if (change.states.empty()) {
            step.finished = true;
        } else if (std::ranges::find(under_way, change.task, &TaskChange::task) ==
                   under_way.end()) {
            step = advance(work, change);
        } else {
            work.tasks().save_change(change);
        }
        step.changed += moved;
        return step;
    });
}

/// The rest of a change that was begun. It is kept, so a failure now is no refusal.
std::int64_t TaskService::run(const TaskChange& change, Step step, std::int64_t expected) {
    const Instant answer_at = clock_.now() + options_.answer_within;
    const auto oldest_of_task = [&](const std::vector<TaskChange>& under_way) {
        const auto found = std::ranges::find(under_way, change.task, &TaskChange::task);
        return found != under_way.end() ? &*found : nullptr;
    };
    std::int64_t done = step.changed;
    while (!step.finished) {
        if (hooks_.run_later && clock_.now() >= answer_at) {
            carry_on_later();
            return expected;
        }
        try {
            const Step next = run_chunk(oldest_of_task);
            if (!next.change) {
                return expected;  // others have done the rest
            }
            if (next.change->id == change.id) {
                done += next.changed;
                step.finished = next.finished;
            }
        } catch (const StorageError& error) {
            if (!hooks_.run_later) {
                throw;
            }
            log::warn("tasks", "bulk change interrupted, goes on later task={} reason=\"{}\"",
                      change.task, error.what());
            carry_on_later();
            return expected;
        }
    }
    return done;
}

Result<std::int64_t> TaskService::change_all(const TaskId& id, bool stops,
                                             const std::set<RecordState>& states,
                                             const Actor& by) {
    const TaskChange change{ids_.next(), id, stops, states, {}};
    std::int64_t expected = 0;
    if (stops) {  // before anything is read: nothing of it is sent from now on
        const std::lock_guard lock(mutex_);
        being_stopped_.insert(id);
    }
    const auto give_up = [&] {
        if (stops) {
            forget_stop(id);
        }
    };
    try {
        const Result<Step> begun = begin(change, by, expected);
        if (!begun || begun->finished) {
            give_up();
        }
        UPDRAFT_CHECK(begun);
        if (begun->finished && !stops && !states.empty() && hooks_.look_at_task) {
            hooks_.look_at_task(id);
        }
        return run(change, *begun, expected);
    } catch (const StorageError&) {
        give_up();
        throw;
    }
}

Result<std::int64_t> TaskService::stop(const TaskId& id, const std::set<RecordState>& states,
                                       const Actor& by) {
    std::set<RecordState> fitting;
    std::ranges::copy_if(states, std::inserter(fitting, fitting.end()), [](RecordState s) {
        return s == RecordState::waiting || s == RecordState::processing;
    });
    return change_all(id, true, fitting, by);
}

Result<std::int64_t> TaskService::start(const TaskId& id, const std::set<RecordState>& states,
                                        const Actor& by) {
    std::set<RecordState> fitting;
    std::ranges::copy_if(states, std::inserter(fitting, fitting.end()), [](RecordState s) {
        return s == RecordState::canceled || s == RecordState::failed;
    });
    return change_all(id, false, fitting, by);
}

/// The one entry of a change of many records goes with the first of them.
static void note_records(UnitOfWork& work, const std::vector<RecordId>& records, const Actor& by) {
    AuditNote note(by);
    if (const auto only =
            records.size() == 1 ? work.records().find_row(records.front()) : std::nullopt) {
        note.touched(*only);
    } else {
        constexpr std::size_t ids_max = 10;
        boost::json::array first;
        for (std::size_t i = 0; i < std::min(records.size(), ids_max); ++i) {
            first.emplace_back(records[i].value);
        }
        note.also("count", static_cast<std::int64_t>(records.size()));
        note.also("firstIds", std::move(first));
    }
    note.write(work);
}

Result<std::int64_t> TaskService::apply_to(const std::vector<RecordId>& records,
                                           const RecordEvent& event, const Actor& by) {
    if (records.size() > options_.record_ids_max) {
        return Error::of(ErrorCode::too_large,
                         text("一次最多操作{}条升级记录", "at most {} records at once",
                              options_.record_ids_max));
    }
    std::int64_t changed = 0;
    for (std::size_t from = 0; from < records.size(); from += options_.change_chunk) {
        const std::size_t to = std::min(records.size(), from + options_.change_chunk);
        const auto chunk = store_.write([&](UnitOfWork& work) -> Result<std::int64_t> {
            std::int64_t count = 0;
            for (std::size_t i = from; i < to; ++i) {
                const auto record = work.records().find(records[i]);
                if (record && changes(work, *record, event)) {
                    ++count;
                }
            }
            if (from == 0) {
                note_records(work, records, by);
            }
            return count;
        });
        changed += *chunk;
    }
    return changed;
}

Result<std::int64_t> TaskService::stop(const std::vector<RecordId>& records, const Actor& by) {
    return apply_to(records, event::Stopped{true}, by);
}

Result<std::int64_t> TaskService::start(const std::vector<RecordId>& records, const Actor& by) {
    return apply_to(records, event::Started{}, by);
}

bool TaskService::is_being_stopped(const TaskId& id) const {
    const std::lock_guard lock(mutex_);
    return being_stopped_.contains(id);
}

}  // namespace updraft
