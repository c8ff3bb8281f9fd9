#include "app/firmware_service.hpp"

#include "app/audit.hpp"
#include "app/task_service.hpp"
#include "base/bytes.hpp"
#include "domain/form_rules.hpp"
#include "domain/names.hpp"

namespace updraft {
namespace {

constexpr std::size_t references_shown_max = 20;

/// Characters of a module's name that the form rules admit.
constexpr std::size_t module_name_characters = 128;

std::string first_characters(std::string text, std::size_t most) {
    while (code_points(text) > most) {
        do {
            text.pop_back();
        } while (!is_utf8(text));
    }
    return text;
}

/// What a form may leave to us: a further artifact is named after its file and has the firmware's
/// version.
void complete_artifacts(const Repositories& rows, Firmware& firmware) {
    for (FirmwareArtifact& artifact : firmware.more_artifacts) {
        artifact.file.value = to_lower(artifact.file.value);
        if (artifact.version.empty()) {
            artifact.version = firmware.version;
        }
        if (artifact.name.empty()) {
            const auto file = rows.files().find(artifact.file);
            artifact.name =
                file ? first_characters(file->name, module_name_characters) : artifact.file.value;
        }
    }
}

/// The further artifacts are files of ours.
Result<void> check_further_artifacts(const Repositories& rows, const Firmware& firmware) {
    FormRules rules;
    for (std::size_t i = 0; i < firmware.more_artifacts.size(); ++i) {
        const FileId& file = firmware.more_artifacts[i].file;
        rules.require(
            rows.files().find(file).has_value(), fmt::format("moreArtifacts[{}].fileId", i),
            text("文件不存在，请重新上传: {}", "no such file, upload it again: {}", file));
    }
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    return {};
}

}  // namespace

/// Row 19.
Result<void> FirmwareService::check_unique(const Repositories& rows,
                                           const Firmware& firmware) const {
    const auto same_order =
        rows.firmwares().find_by_order(firmware.product, firmware.version_order);
    if (same_order && same_order->id != firmware.id) {
        Error error = Error::invalid(
            "versionOrder", text("版本序号已存在", "version order {} is taken by firmware {} {}",
                                 firmware.version_order, same_order->name, same_order->version));
        error.code = ErrorCode::duplicate_key;
        return error;
    }
    const auto same_version = rows.firmwares().find_by_version(firmware.product, firmware.version);
    if (same_version && same_version->id != firmware.id) {
        Error error =
            Error::invalid("version", text("版本号已存在: {}", "version {} is taken by firmware {}",
                                           firmware.version, same_version->name));
        error.code = ErrorCode::duplicate_key;
        return error;
    }
    return {};
}

/// Row 20: a file of ours is held to its digest, anybody else's is taken as given.
Result<void> FirmwareService::check_artifact(const Repositories& rows, Firmware& firmware) const {
    firmware.file.reset();
    const auto named = parse_file_url(firmware.url, urls_.base(rows));
    if (!named) {
        return {};
    }
    const auto file = rows.files().find(named->file);
    const bool key_fits = file && equals_ignoring_case(named->access_key, file->access_key);
    if (!named->certain && !key_fits) {
        return {};  // another server's address that only looks like ours
    }
    if (!file) {
        return Error::invalid("url", text("文件不存在，请重新上传: {}",
                                          "no such file, upload it again: {}", named->file));
    }
    if (!key_fits && !file->public_access) {
        return Error::invalid("url",
                              text("文件地址中的accessKey不正确，设备将无法下载",
                                   "the accessKey in the address is wrong: devices could not "
                                   "download the file"));
    }
    const std::string& digest = firmware.sign_method == SignMethod::md5 ? file->md5 : file->sha256;
    if (firmware.sign != digest) {
        return Error::invalid(
            "sign",
            text("签名不一致，请检查文件是否上传正确: 填写的{}是{}，文件的是{}",
                 "the digest does not match, check the uploaded file: the given {} is {}, the "
                 "file's is {}",
                 name_of(*firmware.sign_method), firmware.sign, digest));
    }
    firmware.file = file->id;
    firmware.size_bytes = file->size_bytes;
    return {};
}

/// A firmware that keeps every rule, completed with what we know better than the form.
Result<Firmware> FirmwareService::settled(const Repositories& rows, Firmware form) const {
    if (form.more_artifacts.size() <= firmware_artifacts_max) {
        complete_artifacts(rows, form);
    }
    UPDRAFT_TRY(Firmware firmware, checked(std::move(form)));
    const auto product = rows.products().find(firmware.product);
    if (!product) {
        return Error::invalid("productId",
                              text("当前产品不存在，请选择产品: {}",
                                   "the product does not exist, choose one: {}", firmware.product));
    }
    if (!product->enabled) {
        return Error::invalid("productId",
                              text("产品[{}]未启用", "product {} is disabled", product->name));
    }
    UPDRAFT_CHECK(require_firmware_support(rows, *product));
    firmware.product_name = product->name;
    UPDRAFT_CHECK(check_unique(rows, firmware));
    UPDRAFT_CHECK(check_artifact(rows, firmware));
    UPDRAFT_CHECK(check_further_artifacts(rows, firmware));
    return firmware;
}

Result<Firmware> FirmwareService::add(UnitOfWork& work, const Form& form, const Actor& by) const {
    Firmware firmware;
    UPDRAFT_CHECK(form.edit(firmware));
    firmware.id = form.id;
    if (form.id.empty()) {
        firmware.id = FirmwareId(ids_.next());
    } else {
        UPDRAFT_CHECK(checked_id(form.id.value));
    }
    firmware.creator = by.who.user;
    firmware.creator_name = by.who.name;
    firmware.created_at = clock_.now();
    UPDRAFT_TRY(Firmware complete, settled(work, std::move(firmware)));
    work.firmwares().add(complete);
    return complete;
}

Result<std::vector<Firmware>> FirmwareService::create(const std::vector<Form>& forms,
                                                      const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<std::vector<Firmware>> {
        std::vector<Firmware> added;
        AuditNote note(by);
        UPDRAFT_CHECK(each_row(forms, [&](const Form& form) -> Result<void> {
            if (!form.id.empty() && work.firmwares().find(form.id)) {
                Error error = Error::invalid(
                    "id", text("已存在重复的数据: {}", "the id {} is taken", form.id));
                error.code = ErrorCode::duplicate_key;
                return error;
            }
            UPDRAFT_TRY(Firmware firmware, add(work, form, by));
            note.added(firmware);
            added.push_back(std::move(firmware));
            return {};
        }));
        note.write(work);
        return added;
    });
}

Result<SaveCounts> FirmwareService::save(const std::vector<Form>& forms, const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<SaveCounts> {
        SaveCounts counts;
        AuditNote note(by);
        UPDRAFT_CHECK(each_row(forms, [&](const Form& form) -> Result<void> {
            const auto before = form.id.empty() ? std::nullopt : work.firmwares().find(form.id);
            if (before) {
                UPDRAFT_TRY(const Firmware changed, change(work, *before, form));
                note.changed(*before, changed);
                ++counts.updated;
            } else {
                UPDRAFT_TRY(const Firmware added, add(work, form, by));
                note.added(added);
                ++counts.added;
            }
            return {};
        }));
        note.write(work);
        return counts;
    });
}

Result<Firmware> FirmwareService::change(const Form& form, const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<Firmware> {
        const auto before = work.firmwares().find(form.id);
        if (!before) {
            return Error::not_found("固件", "firmware", form.id.value);
        }
        UPDRAFT_TRY(Firmware after, change(work, *before, form));
        AuditNote note(by);
        note.changed(*before, after);
        note.write(work);
        return after;
    });
}

Result<Firmware> FirmwareService::change(UnitOfWork& work, const Firmware& before,
                                         const Form& form) const {
    Firmware edited = before;
    UPDRAFT_CHECK(form.edit(edited));
    edited.id = before.id;
    edited.creator = before.creator;
    edited.creator_name = before.creator_name;
    edited.created_at = before.created_at;
    UPDRAFT_TRY(Firmware after, settled(work, std::move(edited)));
    if (frozen_members_differ(before, after) && work.records().any_active_of_firmware(before.id)) {
        return Error::of(
            ErrorCode::conflict,
            text("当前固件下存在进行中的升级任务，不可修改",
                 "devices are waiting for this firmware or installing it: only its name, "
                 "description and properties can be changed now"));
    }
    work.firmwares().update(after);
    return after;
}

Result<Firmware> FirmwareService::remove(const FirmwareId& id, const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<Firmware> {
        const auto firmware = work.firmwares().find(id);
        if (!firmware) {
            return Error::not_found("固件", "firmware", id.value);
        }
        const auto tasks = work.tasks().of_firmware(id, references_shown_max);
        if (!tasks.empty()) {
            Error error =
                Error::of(ErrorCode::referenced, text("当前固件下已有升级任务，不可删除",
                                                      "There is an upgrade task under the current "
                                                      "firmware, which cannot be deleted"));
            for (const UpgradeTask& task : tasks) {
                error.references.push_back(
                    {id.value, "firmware-upgrade-task", task.id.value, task.name});
            }
            return error;
        }
        work.firmwares().remove(id);
        AuditNote note(by);
        note.removed(*firmware);
        note.write(work);
        return *firmware;
    });
}

Result<int> FirmwareService::next_order(const ProductId& product) const {
    return store_.read([&](const Repositories& rows) -> Result<int> {
        if (!rows.products().find(product)) {
            return Error::not_found("产品", "product", product.value);
        }
        const auto last = rows.firmwares().last_order_with_room(product, version_order_max);
        return last ? *last + 1 : version_order_min;
    });
}

bool FirmwareService::order_is_taken(const ProductId& product, int version_order) const {
    return store_.read([&](const Repositories& rows) {
        return rows.firmwares().find_by_order(product, version_order).has_value();
    });
}

}  // namespace updraft
