#include "domain/message_matching.hpp"

#include <algorithm>
#include <tuple>

namespace updraft {
namespace {

using enum RecordState;
using Index = std::optional<std::size_t>;

/// The index of the best record that `is_meant`; `better(a, b)` says that `a` goes before `b`.
template <class Meant, class Better>
Index best(const std::vector<UpgradeRecord>& records, Meant is_meant, Better better) {
    Index found;
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (is_meant(records[i]) && (!found || better(records[i], records[*found]))) {
            found = i;
        }
    }
    return found;
}

/// Processing records before those that were given up or have not begun; success last.
int rank(RecordState state) {
    switch (state) {
        case processing:
            return 0;
        case failed:
        case canceled:
        case waiting:
            return 1;
        case success:
            return 2;
    }
    return 2;
}

/// The order of spec 3.2: by state, then by newest upgrade time; creation and id only break ties.
bool more_likely(const UpgradeRecord& a, const UpgradeRecord& b) {
    if (rank(a.state) != rank(b.state)) {
        return rank(a.state) < rank(b.state);
    }
    return std::tie(a.upgrade_at, a.created_at, a.id) > std::tie(b.upgrade_at, b.created_at, b.id);
}

bool is_unanswered_push(const UpgradeRecord& record) {
    return record.state == processing && record.mode == UpgradeMode::push && !record.acked;
}

}  // namespace

std::optional<std::size_t> match_reply(const std::vector<UpgradeRecord>& records,
                                       std::string_view message_id) {
    if (!message_id.empty()) {
        const auto is_named = [&](const UpgradeRecord& record) {
            return record.message_id == message_id;
        };
        if (const Index named = best(records, is_named, more_likely)) {
            return named;
        }
    }
    return best(records, is_unanswered_push, more_likely);
}

std::optional<std::size_t> match_progress(const std::vector<UpgradeRecord>& records,
                                          std::string_view firmware_id, std::string_view version) {
    const auto has_firmware = [&](const UpgradeRecord& record) {
        return !firmware_id.empty() && record.firmware.value == firmware_id;
    };
    if (const Index found = best(records, has_firmware, more_likely)) {
        return found;
    }
    const auto has_version = [&](const UpgradeRecord& record) {
        return !version.empty() && record.target_version == version;
    };
    if (const Index found = best(records, has_version, more_likely)) {
        return found;
    }
    const auto is_processing = [](const UpgradeRecord& record) {
        return record.state == processing;
    };
    if (std::ranges::count_if(records, is_processing) != 1) {
        return std::nullopt;
    }
    return best(records, is_processing, more_likely);
}

bool another_is_processing(const std::vector<UpgradeRecord>& records, std::size_t index) {
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (i != index && records[i].state == processing) {
            return true;
        }
    }
    return false;
}

std::vector<std::size_t> match_report(const std::vector<UpgradeRecord>& records,
                                      const ProductId& product, std::string_view version) {
    std::vector<std::size_t> meant;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const UpgradeRecord& record = records[i];
        const bool open =
            record.state == waiting || record.state == processing || record.state == failed;
        if (open && record.product == product && record.target_version == version) {
            meant.push_back(i);
        }
    }
    return meant;
}

}  // namespace updraft
