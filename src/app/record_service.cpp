#include "app/record_service.hpp"

#include "app/audit.hpp"
#include "domain/names.hpp"

namespace updraft {

Result<RecordRow> RecordService::remove(const RecordId& id, const Actor& by) {
    return store_.write([&](UnitOfWork& work) -> Result<RecordRow> {
        const auto row = work.records().find_row(id);
        if (!row) {
            return Error::not_found("升级记录", "upgrade record", id.value);
        }
        const RecordState state = row->record.state;
        if (state == RecordState::waiting || state == RecordState::processing) {
            const Text label = label_of(state);
            return Error::of(ErrorCode::conflict,
                             Text{fmt::format("设备[{}]{}，不可删除", row->device_name, label.zh),
                                  fmt::format("device {} is {}: its record cannot be deleted",
                                              row->record.device, name_of(state))});
        }
        work.records().remove(row->record);
        AuditNote note(by);
        note.removed(*row);
        note.write(work);
        work.after_commit([this, task = row->record.task, firmware = row->record.firmware] {
            live_.publish({clock_.now(), live::TaskChanged{task, firmware}});
        });
        return *row;
    });
}

}  // namespace updraft
