#pragma once

#include <array>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "app/ddi_service.hpp"
#include "app/device_credentials.hpp"
#include "app/device_import.hpp"
#include "app/device_messages.hpp"
#include "app/file_service.hpp"
#include "app/firmware_service.hpp"
#include "app/overview_service.hpp"
#include "app/package_dialects.hpp"
#include "app/presence.hpp"
#include "app/record_service.hpp"
#include "app/task_service.hpp"
#include "tests/fuzz/support/requests.hpp"
#include "tests/fuzz/support/rollback_store.hpp"
#include "tests/support/app_world.hpp"
#include "tests/support/memory_artifacts.hpp"
#include "transport/http/router.hpp"

namespace updraft::fuzz {

/// The server's services on a RollbackStore, with product p1, its devices d1 and d2 (tokens
/// secret-token-of-d1, secret-token-of-d2), a stored file, firmware 1.1 of it, and a task over both
/// devices. An input names what has made-up ids by `{file}`, `{firmware}`, `{task}` and `{record}`
/// (d1's).
struct WholeWorld : AppWorld {
    MemoryArtifacts artifacts;
    DeviceCredentialService credentials{*store, links, clock, ids};
    DeviceImport imports{devices, credentials};
    FileService files{*store, artifacts, urls, clock, {}};
    FirmwareService firmwares{*store, urls, clock, ids};
    TaskService tasks{*store, changes, live, clock, ids, {}};
    RecordService records{*store, live, clock};
    OverviewService overview{*store, clock};
    Presence presence{*store, links, changes, live, clock, ids, {}};
    DeviceMessages messages{*store, changes, presence, urls, live, clock, ids, {}};
    PackageDialects dialects;
    DdiService ddi{*store, changes, messages, files, urls, live, clock, ids, {}};
    http::Router router;

    explicit WholeWorld(UpgradeMode mode) : AppWorld({}, std::make_unique<RollbackStore>()) {
        add_product();
        for (const std::string device : {"d1", "d2"}) {
            add_device(device);
            NewDeviceCredential token;
            token.token = "secret-token-of-" + device;
            must(credentials.create(DeviceId{device}, token, admin()));
        }
        const StoredFile file = add_file();
        const FirmwareId firmware = add_firmware(file);
        const TaskId task = add_task(firmware, mode);
        const RecordId record = store->read([&](const Repositories& rows) {
            return rows.records().of_device(DeviceId{"d1"}).front().id;
        });
        names_ = {{{"{file}", file.id.value},
                   {"{firmware}", firmware.value},
                   {"{task}", task.value},
                   {"{record}", record.value}}};
    }

    [[nodiscard]] std::string with_names(std::string_view input) const {
        std::string text(input);
        for (const auto& [name, id] : names_) {
            for (auto at = text.find(name); at != text.npos; at = text.find(name, at + id.size())) {
                text.replace(at, name.size(), id);
            }
        }
        return text;
    }

    /// Runs `action`, and then takes back what it stored.
    template <class Action>
    void tried(const Action& action) {
        static_cast<RollbackStore&>(*store).tried(action);
    }

private:
    template <class T>
    static T must(Result<T> result) {
        if (!result) {
            throw std::runtime_error("the world is wrong: " + result.error().message.en);
        }
        return *std::move(result);
    }
    StoredFile add_file() {
        FileService::Upload upload = files.begin();
        UPDRAFT_ASSERT(upload.write("hello firmware").has_value());
        return must(upload.finish({.name = "fw.bin", .extension = ""}, admin()));
    }
    FirmwareId add_firmware(const StoredFile& file) {
        const auto edit = [&](Firmware& firmware) -> Result<void> {
            firmware.name = "gate 1.1";
            firmware.product = ProductId{"p1"};
            firmware.version = "1.1";
            firmware.version_order = 2;
            firmware.sign_method = SignMethod::md5;
            firmware.sign = "5d99b396caab4bfae4e25207b62b30e2";
            firmware.url = files.url_of(file);
            firmware.size_bytes = 14;
            return {};
        };
        return must(firmwares.create({{FirmwareId{}, edit}}, admin())).front().id;
    }
    TaskId add_task(const FirmwareId& firmware, UpgradeMode mode) {
        NewTask request;
        request.task = a_task(mode);
        request.task.id = TaskId{};
        request.task.firmware = firmware;
        return must(tasks.create(std::move(request), admin())).task.id;
    }

    std::array<std::pair<std::string_view, std::string>, 4> names_;
};

/// What the model-based test checks of records, after any input (ARCHITECTURE, Invariants): at most
/// one record of a device is processing, and it has a deadline; progress is 0..100; what is stored
/// is UTF-8; the counters of a task sum to its records.
inline void require_rules_of_records(const Store& store) {
    store.read([](const Repositories& rows) {
        std::map<DeviceId, int> processing;
        std::map<TaskId, std::int64_t> records;
        Query all;
        all.paging = false;
        rows.records().each(all, [&](const RecordRow& row) {
            const UpgradeRecord& record = row.record;
            ++records[record.task];
            UPDRAFT_ASSERT(record.progress_percent >= 0 && record.progress_percent <= 100);
            UPDRAFT_ASSERT(is_utf8(record.error_reason));
            if (record.state == RecordState::processing) {
                ++processing[record.device];
                UPDRAFT_ASSERT(processing[record.device] == 1);
                UPDRAFT_ASSERT(record.response_deadline || record.upgrade_deadline);
            }
            return true;
        });
        for (const auto& [task, count] : records) {
            const RecordCounts counts = rows.tasks().find(task)->counts;
            UPDRAFT_ASSERT(counts.total() == count);
        }
    });
}

}  // namespace updraft::fuzz
