#include "scheduler/deadlines.hpp"

#include "base/log.hpp"

namespace updraft {

void Deadlines::take_over(Instant boot, const std::function<void(const UpgradeRecord&)>& seen) {
    RecordId after;
    std::size_t total = 0;
    std::size_t read = options_.batch;
    while (read == options_.batch) {
        std::vector<UpgradeRecord> records;
        const auto done = store_.write([&](UnitOfWork& work) -> Result<void> {
            records = work.records().all_processing(after, options_.batch);
            for (const UpgradeRecord& record : records) {
                changes_.apply(work, record, event::ServerRestarted{boot, server_id_});
            }
            return {};
        });
        read = done ? records.size() : 0;
        total += read;
        for (const UpgradeRecord& record : records) {
            seen(record);
            after = record.id;
        }
    }
    if (total > 0) {
        log::info("scheduler", "upgrades under way were taken over records={}", total);
    }
}

bool Deadlines::run() {
    const Instant now = clock_.now();
    const std::optional<Instant> earliest = next_at();
    if (!earliest || *earliest > now) {
        return false;
    }
    const auto changed = store_.write([&](UnitOfWork& work) -> Result<std::size_t> {
        std::size_t count = 0;
        for (const UpgradeRecord& record : work.records().due(now, options_.batch)) {
            count += changes_.apply(work, record, event::DeadlinePassed{}).changed ? 1 : 0;
        }
        return count;
    });
    return changed && *changed == options_.batch;
}

std::optional<Instant> Deadlines::next_at() const {
    return store_.read([](const Repositories& rows) { return rows.records().earliest_deadline(); });
}

}  // namespace updraft
