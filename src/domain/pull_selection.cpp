#include "domain/pull_selection.hpp"

#include <algorithm>
#include <tuple>

namespace updraft {
namespace {

using enum RecordState;

/// One pull, with the rules of spec 4.5 as questions about a record.
class Pull {
public:
    Pull(const PullRequest& request, int current_order)
        : request_(request), current_order_(current_order) {}

    /// The device runs this record's version, as far as anybody knows (T5), and nobody insists.
    [[nodiscard]] bool is_installed(const UpgradeRecord& record) const {
        if (request_.force || record.forced) {
            return false;
        }
        if (!request_.current_version.empty()) {
            return record.target_version == request_.current_version;
        }
        return current_order_ > 0 && record.version_order == current_order_;
    }

    [[nodiscard]] bool is_candidate(const UpgradeRecord& record) const {
        if (is_installed(record) || !has_open_state(record)) {
            return false;
        }
        return names_a_version() ? is_requested(record) : is_upward(record);
    }

    /// True if `a` is offered rather than `b`.
    [[nodiscard]] bool prefers(const UpgradeRecord& a, const UpgradeRecord& b) const {
        if (a.version_order != b.version_order) {
            const bool highest = names_a_version() || request_.latest;
            return highest ? a.version_order > b.version_order : a.version_order < b.version_order;
        }
        const auto tie = [](const UpgradeRecord& record) {
            return std::make_tuple(record.mode != UpgradeMode::pull, record.created_at,
                                   std::string_view(record.id.value));
        };
        return tie(a) < tie(b);
    }

    [[nodiscard]] bool names_a_version() const { return !request_.request_version.empty(); }

    [[nodiscard]] bool is_requested(const UpgradeRecord& record) const {
        return record.target_version == request_.request_version;
    }

private:
    [[nodiscard]] bool has_open_state(const UpgradeRecord& record) const {
        switch (record.state) {
            case waiting:
                return true;
            case failed:
                return request_.force;
            case canceled:
                return request_.force && names_a_version();
            case processing:  // answered before candidates are looked for
            case success:
                return false;
        }
        return false;
    }

    /// No silent downgrade.
    [[nodiscard]] bool is_upward(const UpgradeRecord& record) const {
        return request_.force || record.forced || record.version_order > current_order_;
    }

    const PullRequest& request_;
    int current_order_;
};

const UpgradeRecord* processing_record(const std::vector<UpgradeRecord>& records) {
    const auto found = std::ranges::find(records, processing, &UpgradeRecord::state);
    return found == records.end() ? nullptr : &*found;
}

const UpgradeRecord* best_candidate(const Pull& pull, const std::vector<UpgradeRecord>& records) {
    const UpgradeRecord* best = nullptr;
    for (const UpgradeRecord& record : records) {
        if (pull.is_candidate(record) && (best == nullptr || pull.prefers(record, *best))) {
            best = &record;
        }
    }
    return best;
}

}  // namespace

PullDecision select_for_pull(const PullRequest& request, const std::vector<UpgradeRecord>& records,
                             int current_order) {
    const Pull pull(request, current_order);
    PullDecision decision;
    for (const UpgradeRecord& record : records) {
        if (record.state == waiting && pull.is_installed(record)) {
            decision.already_installed.push_back(record.id);
        }
    }
    const UpgradeRecord* running = processing_record(records);
    if (running != nullptr && (!pull.names_a_version() || pull.is_requested(*running))) {
        decision.offer = running->id;
        return decision;
    }
    const UpgradeRecord* chosen = best_candidate(pull, records);
    if (chosen == nullptr) {
        return decision;
    }
    decision.offer = chosen->id;
    if (running != nullptr) {
        decision.replaced = running->id;
    }
    return decision;
}

std::optional<RecordId> next_to_push(const std::vector<UpgradeRecord>& records) {
    const UpgradeRecord* next = nullptr;
    for (const UpgradeRecord& record : records) {
        if (record.state == processing) {
            return std::nullopt;
        }
        if (record.state != waiting || record.mode != UpgradeMode::push) {
            continue;
        }
        const auto order = [](const UpgradeRecord& each) {
            return std::tie(each.version_order, each.created_at, each.id);
        };
        if (next == nullptr || order(record) < order(*next)) {
            next = &record;
        }
    }
    return next == nullptr ? std::nullopt : std::optional(next->id);
}

}  // namespace updraft
