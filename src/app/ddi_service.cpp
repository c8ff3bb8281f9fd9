#include "app/ddi_service.hpp"

#include <algorithm>
#include <cstdlib>

#include "app/ddi_known.hpp"
#include "app/log_types.hpp"
#include "base/bytes.hpp"

// What a device is shown: polls, deployments, modules and their files (hawkbit-ddi 3, 4, 9, 10).
namespace updraft {
namespace {

/// The number of an action and the position of a module in it make the module's id.
constexpr std::int64_t modules_per_action = 100;
static_assert(firmware_artifacts_max + 1 < modules_per_action);

const UpgradeRecord* record_named(const std::vector<UpgradeRecord>& records, const RecordId& id) {
    const auto found = std::ranges::find(records, id, &UpgradeRecord::id);
    return found == records.end() ? nullptr : &*found;
}

/// A number that is another one when what is offered has changed its form (FNV-1a).
std::int32_t change_of(std::int64_t action, const UpgradeTask& task, bool confirmed) {
    std::uint32_t hash = 2'166'136'261U;
    for (const char c :
         fmt::format("{} {} {}", action, static_cast<int>(task.deployment), confirmed)) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
    }
    return static_cast<std::int32_t>(hash);
}

std::vector<std::string> words_of(std::string_view list) {
    std::vector<std::string> words;
    while (!list.empty()) {
        std::string_view word = list.substr(0, list.find(','));
        list.remove_prefix(std::min(word.size() + 1, list.size()));
        while (word.starts_with(' ')) {
            word.remove_prefix(1);
        }
        while (word.ends_with(' ')) {
            word.remove_suffix(1);
        }
        if (!word.empty()) {
            words.emplace_back(word);
        }
    }
    return words;
}

/// The last part of an address, without what follows the path.
std::string filename_of(std::string_view url, const std::string& otherwise) {
    const std::string_view path = url.substr(0, url.find_first_of("?#"));
    const std::string_view name = path.substr(path.rfind('/') + 1);
    return name.empty() ? otherwise : std::string(name);
}

DdiService::File stored(const StoredFile& file) {
    DdiService::File one;
    one.document.filename = file.name;
    one.document.size_bytes = file.size_bytes;
    one.document.md5 = file.md5;
    one.document.sha1 = file.sha1;
    one.document.sha256 = file.sha256;
    one.id = file.id;
    return one;
}

/// The firmware's own image when its bytes are not ours: only the typed digest is known.
DdiService::File elsewhere(const Firmware& firmware, std::string url) {
    DdiService::File one;
    one.document.filename = filename_of(url, firmware.name);
    one.document.size_bytes = firmware.size_bytes;
    if (firmware.sign_method) {
        (*firmware.sign_method == SignMethod::md5 ? one.document.md5 : one.document.sha256) =
            firmware.sign;
    }
    one.url = std::move(url);
    return one;
}

/// Two files of one module must not share a name: links are made of it.
void add_file(DdiService::Module& module, DdiService::File file) {
    const std::string name = file.document.filename;
    for (int copy = 2;
         std::ranges::any_of(module.files,
                             [&](const DdiService::File& other) {
                                 return other.document.filename == file.document.filename;
                             });
         ++copy) {
        file.document.filename = fmt::format("{}-{}", copy, name);
    }
    module.files.push_back(std::move(file));
}

void set_handling(DdiService::Deployment& deployment, updraft::Deployment way) {
    switch (way) {
        case Deployment::forced:
            deployment.download = deployment.update = ddi::Handling::forced;
            return;
        case Deployment::soft:
            deployment.download = deployment.update = ddi::Handling::attempt;
            return;
        case Deployment::download_only:
            deployment.download = ddi::Handling::forced;
            deployment.update = ddi::Handling::skip;
            return;
    }
}

}  // namespace

bool another_is_processing(const Repositories& rows, const UpgradeRecord& record) {
    return std::ranges::any_of(
        rows.records().of_device(record.device), [&](const UpgradeRecord& other) {
            return other.id != record.id && other.state == RecordState::processing;
        });
}

Error no_such_action(std::int64_t action) {
    return Error::not_found("升级动作", "action", std::to_string(action));
}

DdiService::DdiService(Store& store, const RecordChanges& changes, DeviceInbox& inbox,
                       const FileService& files, const PublicUrls& urls, LiveEvents& live,
                       const Clock& clock, SnowflakeIds& ids, Options options,
                       std::shared_ptr<const Freshness> freshness)
    : store_(store),
      changes_(changes),
      inbox_(inbox),
      files_(files),
      urls_(urls),
      live_(live),
      clock_(clock),
      ids_(ids),
      options_(std::move(options)),
      agents_without_skip_(words_of(options_.agents_without_skip)),
      freshness_(std::move(freshness)),
      quiet_polls_(freshness_ ? options_.remembered_max : 0) {}

bool DdiService::can_skip(const Client& client) const {
    return std::ranges::none_of(agents_without_skip_, [&](const std::string& start) {
        return client.agent.starts_with(start);
    });
}

Result<DdiService::Poll> DdiService::poll(const Client& client) {
    const Freshness::Stamp stamp = freshness_ ? freshness_->stamp(client.device) : 0;
    std::optional<Decision> decision =
        store_.read([&](const Repositories& rows) { return decide(rows, client); });
    if (decision && freshness_ && !decision->has_news()) {
        quiet_polls_.keep(poll_question(client), stamp, decision->answer);
    }
    if (decision && decision->has_news()) {
        UPDRAFT_TRY(decision,
                    store_.write([&](UnitOfWork& work) -> Result<std::optional<Decision>> {
                        if (const auto news = decide(work, client)) {
                            carry_out(work, *news);
                        }
                        return decide(work, client);
                    }));
    }
    if (!decision) {
        return Error::not_found("设备", "device", client.device.value);
    }
    return decision->answer;
}

std::optional<DdiService::Poll> DdiService::poll_at_once(const Client& client) const {
    if (!freshness_) {
        return std::nullopt;
    }
    return quiet_polls_.find(poll_question(client), freshness_->stamp(client.device));
}

/// All that a poll's answer hangs on besides the store.
Fingerprint DdiService::poll_question(const Client& client) const {
    return fingerprint_of({"poll", client.device.value, can_skip(client) ? "skips" : ""});
}

/// One action at most: the oldest that is to be canceled, else what a pull would be answered with.
std::optional<DdiService::Decision> DdiService::decide(const Repositories& rows,
                                                       const Client& client) const {
    auto context = pull_context(rows, client.device, {});
    if (!context) {
        return std::nullopt;
    }
    const std::optional<DdiTarget> target = rows.ddi().target(client.device);
    Decision decision;
    decision.context = *std::move(context);
    decision.agrees = target && target->auto_confirm;
    decision.answer.attributes_wanted = !target || target->attributes_wanted;
    if (const auto installed = rows.ddi().last_installed(client.device)) {
        decision.answer.installed = installed->number;
    }
    choose(rows, client, decision);
    const bool busy = decision.answer.kind == Poll::Kind::deployment ||
                      decision.answer.kind == Poll::Kind::cancel;
    decision.answer.sleep = busy ? std::min(options_.poll_interval_active, options_.poll_interval)
                                 : options_.poll_interval;
    return decision;
}

void DdiService::choose(const Repositories& rows, const Client& client, Decision& decision) const {
    std::vector<UpgradeRecord> records = decision.context.records;
    PullDecision pull = select_for_pull({}, records, decision.context.current_order);
    decision.already_installed = pull.already_installed;
    const std::vector<DdiAction> open = rows.ddi().open_of(client.device);
    for (const DdiAction& action : open) {
        if (action.retrieved && is_being_canceled(rows, records, action)) {
            decision.answer.kind = Poll::Kind::cancel;
            decision.answer.action = action.number;
            return;
        }
    }
    while (pull.offer) {
        const UpgradeRecord record = *record_named(records, *pull.offer);
        const std::optional<TaskRow> task = rows.tasks().find(record.task);
        const std::optional<DdiAction> action = rows.ddi().of_attempt(record.id, record.attempt);
        if (!task) {
            return;
        }
        if (task->task.deployment == updraft::Deployment::download_only && !can_skip(client)) {
            if (!action) {
                decision.hidden.push_back(record);
            }
            std::erase_if(records, [&](const auto& each) { return each.id == record.id; });
            pull = record.state == RecordState::processing
                       ? PullDecision{}
                       : select_for_pull({}, records, decision.context.current_order);
            continue;
        }
        offer(record, task->task, action, decision);
        return;
    }
}

/// Its record was stopped, or is gone; one that waits for its next attempt is to be tried again.
bool DdiService::is_being_canceled(const Repositories& rows,
                                   const std::vector<UpgradeRecord>& records,
                                   const DdiAction& action) {
    const UpgradeRecord* known = record_named(records, action.record);
    const std::optional<UpgradeRecord> record =
        known == nullptr ? rows.records().find(action.record) : *known;
    return !record || (record->attempt == action.attempt && record->state == RecordState::canceled);
}

void DdiService::offer(const UpgradeRecord& record, const UpgradeTask& task,
                       const std::optional<DdiAction>& action, Decision& decision) {
    if (!action) {
        decision.unnumbered = record;
        return;
    }
    DdiAction now = *action;
    if (now.closed) {  // a last word that changed nothing, e.g. while another was processing
        now.closed = now.installed = false;
    }
    now.confirmed = now.confirmed || (task.confirmation_required && decision.agrees);
    if (now != *action) {
        decision.changed = now;
    }
    const bool awaits_consent =
        task.confirmation_required && !now.confirmed && record.state == RecordState::waiting;
    decision.answer.kind = awaits_consent ? Poll::Kind::confirmation : Poll::Kind::deployment;
    decision.answer.action = now.number;
    decision.answer.change = change_of(now.number, task, now.confirmed);
}

void DdiService::carry_out(UnitOfWork& work, const Decision& decision) const {
    for (const RecordId& id : decision.already_installed) {
        changes_.apply(work, *record_named(decision.context.records, id),
                       event::AlreadyInstalled{});
    }
    for (const UpgradeRecord& record : decision.hidden) {
        number(work, record, false);
        work.device_logs().add(
            {ids_.next(), record.device, std::string(log_type::ddi_not_offered), clock_.now(),
             "download-only: this client would report success without a download", record.id,
             step_of(record, false)});
    }
    if (decision.unnumbered) {
        number(work, *decision.unnumbered, decision.agrees);
    }
    if (decision.changed) {
        work.ddi().update(*decision.changed);
    }
}

/// Gives the record's attempt a number. What the device will not come back to is closed.
void DdiService::number(UnitOfWork& work, const UpgradeRecord& record, bool confirmed) const {
    for (DdiAction old : work.ddi().open_of(record.device)) {
        const std::optional<UpgradeRecord> of = work.records().find(old.record);
        const bool current =
            of && of->attempt == old.attempt &&
            (of->state == RecordState::waiting || of->state == RecordState::processing);
        const bool long_ago = of && of->attempt > old.attempt + 1;
        if (long_ago || (!old.retrieved && !current)) {
            old.closed = true;
            work.ddi().update(old);
        }
    }
    DdiAction action;
    action.record = record.id;
    action.attempt = record.attempt;
    action.task = record.task;
    action.device = record.device;
    action.confirmed = confirmed;
    action.created_at = clock_.now();
    work.ddi().add(action);
}

std::optional<DdiService::Known> DdiService::known(const Repositories& rows, const DeviceId& device,
                                                   std::int64_t action) {
    const std::optional<DdiAction> found = rows.ddi().find(action);
    if (!found || found->device != device) {
        return std::nullopt;
    }
    const std::optional<TaskRow> task = rows.tasks().find(found->task);
    if (!task) {
        return std::nullopt;
    }
    return Known{*found, rows.records().find(found->record), task->task};
}

Result<DdiService::Deployment> DdiService::deployment(const Client& client, std::int64_t action,
                                                      std::int64_t history, Fetch fetch) {
    bool is_first = false;
    const auto look = [&](const Repositories& rows) -> Result<Deployment> {
        const std::optional<Known> found = known(rows, client.device, action);
        const bool hidden =
            !found || found->is_canceled() || !found->is_current() || found->awaits_consent() ||
            (found->task.deployment == updraft::Deployment::download_only && !can_skip(client));
        if (hidden) {
            return no_such_action(action);
        }
        if (!found->action.closed && found->is_to_be_done()) {
            is_first = !found->action.retrieved || found->record->state == RecordState::waiting;
            if (is_first && another_is_processing(rows, *found->record)) {
                return no_such_action(action);  // one at a time: the next poll shows the other
            }
        }
        return deployment_of(rows, *found, history);
    };
    Result<Deployment> answer = store_.read(look);
    if (!answer || !is_first || fetch == Fetch::looks) {
        return answer;
    }
    return store_.write([&](UnitOfWork& work) -> Result<Deployment> {
        is_first = false;
        UPDRAFT_TRY(const Deployment told, look(work));
        if (is_first) {
            Known found = *known(work, client.device, action);
            retrieve(work, found);
        }
        return told;
    });
}

/// The device has it: a pull that was answered (T6).
void DdiService::retrieve(UnitOfWork& work, Known& known) const {
    known.record =
        changes_
            .apply(work, *known.record, event::PullAnswered{std::to_string(known.action.number)})
            .record;
    known.action.retrieved = true;
    work.ddi().update(known.action);
}

Result<DdiService::Deployment> DdiService::confirmation(const Client& client, std::int64_t action,
                                                        std::int64_t history) const {
    return store_.read([&](const Repositories& rows) -> Result<Deployment> {
        const std::optional<Known> found = known(rows, client.device, action);
        if (!found || found->action.closed || !found->awaits_consent()) {
            return no_such_action(action);
        }
        return deployment_of(rows, *found, history);
    });
}

Result<DdiService::Deployment> DdiService::installed(const Client& client, std::int64_t action,
                                                     std::int64_t history) const {
    return store_.read([&](const Repositories& rows) -> Result<Deployment> {
        const std::optional<Known> found = known(rows, client.device, action);
        if (!found || !found->action.installed || !found->record) {
            return no_such_action(action);
        }
        return deployment_of(rows, *found, history);
    });
}

Result<void> DdiService::cancellation(const Client& client, std::int64_t action) const {
    return store_.read([&](const Repositories& rows) -> Result<void> {
        const std::optional<Known> found = known(rows, client.device, action);
        if (!found || !found->action.retrieved || !found->is_canceled()) {
            return no_such_action(action);
        }
        return {};
    });
}

Result<DdiService::Deployment> DdiService::deployment_of(const Repositories& rows,
                                                         const Known& known,
                                                         std::int64_t history) const {
    Deployment deployment;
    deployment.action = known.action.number;
    set_handling(deployment, known.task.deployment);
    UPDRAFT_TRY(deployment.modules, modules_of(rows, known));
    if (history != 0) {
        deployment.history = history_of(rows, known, history);
    }
    return deployment;
}

/// The firmware's own image comes first; further ones of the same module join it.
Result<std::vector<DdiService::Module>> DdiService::modules_of(const Repositories& rows,
                                                               const Known& known) const {
    const std::optional<Firmware> firmware = rows.firmwares().find(known.record->firmware);
    if (!firmware) {
        return no_such_action(known.action.number);
    }
    std::vector<Module> modules;
    const auto module_of = [&](const std::string& part, const std::string& name,
                               const std::string& version) -> Module& {
        const auto same = std::ranges::find_if(modules, [&](const Module& each) {
            return each.part == part && each.name == name && each.version == version;
        });
        if (same != modules.end()) {
            return *same;
        }
        Module& added = modules.emplace_back();
        added.id =
            known.action.number * modules_per_action + static_cast<std::int64_t>(modules.size());
        added.part = part;
        added.name = name;
        added.version = version;
        return added;
    };
    Module& own = module_of(firmware->part, firmware->name, firmware->version);
    for (const FirmwareProperty& property : firmware->properties) {
        own.metadata.push_back({property.id, property.value});
    }
    std::optional<StoredFile> file =
        firmware->file ? rows.files().find(*firmware->file) : std::nullopt;
    add_file(own, file ? stored(*file)
                       : elsewhere(*firmware, absolute_url(firmware->url, urls_.base(rows))));
    for (const FirmwareArtifact& artifact : firmware->more_artifacts) {
        if (const auto further = rows.files().find(artifact.file)) {
            add_file(module_of(artifact.part, artifact.name, artifact.version), stored(*further));
        }
    }
    return modules;
}

Result<DdiService::Module> DdiService::module(const Client& client, std::int64_t id) const {
    return store_.read([&](const Repositories& rows) -> Result<Module> {
        const std::optional<Known> found = known(rows, client.device, id / modules_per_action);
        const bool visible =
            found && found->record &&
            (found->action.installed ||
             (!found->action.closed && found->is_current() && !found->is_canceled()));
        if (visible) {
            UPDRAFT_TRY(const std::vector<Module> modules, modules_of(rows, *found));
            const auto one = std::ranges::find(modules, id, &Module::id);
            if (one != modules.end()) {
                return *one;
            }
        }
        return Error::not_found("软件模块", "software module", std::to_string(id));
    });
}

Result<DdiService::Download> DdiService::open(const Client& client, std::int64_t module_id,
                                              std::string_view filename) const {
    const std::int64_t action = module_id / modules_per_action;
    const bool is_open = store_.read([&](const Repositories& rows) {
        const std::optional<DdiAction> found = rows.ddi().find(action);
        return found && !found->closed;
    });
    const Error missing = Error::not_found("文件", "artifact", filename);
    if (!is_open) {
        return missing;
    }
    const Result<Module> of = module(client, module_id);
    if (!of) {
        return missing;  // another device's action looks like none
    }
    const auto file = std::ranges::find_if(
        of->files, [&](const File& each) { return each.document.filename == filename; });
    if (file == of->files.end() || file->id.empty()) {
        return missing;
    }
    UPDRAFT_TRY(const FileService::Download found, files_.open(file->id, std::nullopt, true));
    return Download{found.file, found.path, std::string(filename), action};
}

}  // namespace updraft
