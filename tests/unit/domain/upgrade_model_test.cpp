// The state machine under random interleavings of operators, devices, timers and restarts.
//
// A small fleet lives in memory and is built on the domain functions only, as the server's services
// are. After every step the invariants of the design are checked; after the last one every device
// comes online and answers, and what was pushed has to drain. A failure prints the seed, the steps
// shrunk to few, and what happened in them; RC_PARAMS="seed=..." repeats it.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <random>
#include <set>

#include "domain/message_matching.hpp"
#include "domain/names.hpp"
#include "domain/pull_selection.hpp"
#include "domain/upgrade_task.hpp"
#include "tests/support/domain_builders.hpp"

namespace updraft {
namespace {

using namespace std::chrono_literals;
using enum RecordState;

constexpr std::size_t device_count = 5;
constexpr std::size_t tasks_max = 15;
constexpr int steps_per_run = 500;
constexpr int runs = 600;

struct ModelFirmware {
    std::string id;
    std::string version;
    int order;
};
const std::array<ModelFirmware, 4> firmwares{{
    {"F1", "1.1", 2},
    {"F2", "1.2", 3},
    {"F3", "1.3", 5},
    {"F4", "2.0", 9},
}};

/// The bits of one step, taken off piece by piece.
class Bits {
public:
    explicit Bits(std::uint32_t bits) : bits_(bits) {}
    /// A number below `limit`.
    std::size_t below(std::uint32_t limit) {
        const std::uint32_t taken = bits_ % limit;
        bits_ /= limit;
        return taken;
    }
    bool flag() { return below(2) == 1; }

private:
    std::uint32_t bits_;
};

/// The steps of one run. Shrinking turns a step that does not matter into 0, which is not shown.
struct Steps {
    std::vector<std::uint32_t> words;
    friend std::ostream& operator<<(std::ostream& out, const Steps& steps) {
        for (const std::uint32_t word : steps.words) {
            if (word != 0) {
                out << word << ' ';
            }
        }
        return out;
    }
};

/// What a device sends, possibly twice, late or in another order.
struct Uplink {
    enum class Kind : std::uint8_t { reply, progress, report } kind = Kind::report;
    std::string message_id;
    std::string firmware;
    std::string version;
    bool success = true;
    ProgressReport progress;
};

struct ModelDevice {
    bool exists = true;
    bool online = false;
    std::string known_version;  ///< what the server believes
    std::string running = "1.0";
    std::optional<std::size_t> job;  ///< the firmware that it is installing
    std::string job_message;
    std::deque<std::pair<std::string, std::size_t>> inbox;  ///< sent, not yet read: id, firmware
    std::vector<Uplink> uplink;                             ///< said, not yet received
    std::vector<UpgradeRecord> records;
};

struct ModelTask {
    UpgradeTask task;
    RecordCounts counts;
};

class Fleet {
public:
    /// Does what the bits say; 0 is a step in which nothing happens.
    void step(std::uint32_t word);

    /// Everybody is online and answers: no push may be left waiting or processing.
    void drain();

    void check_invariants() const;

    /// The rows of the table that have changed a record so far.
    [[nodiscard]] const std::set<std::string_view>& rules_seen() const { return rules_seen_; }

private:
    void fire(ModelDevice& device, std::size_t index, const RecordEvent& event);
    void fire_all(ModelDevice& device, const RecordEvent& event);
    void obey(ModelDevice& device, const UpgradeRecord& record, const std::vector<Effect>& effects);
    void check_transition(const UpgradeRecord& before, const Transition& transition) const;
    void check_record(const UpgradeRecord& record) const;
    void hold(bool condition, std::string_view fact) const;

    void create_task(Bits bits);
    void stop_or_start_task(Bits bits);
    void stop_or_start_record(ModelDevice& device, Bits bits);
    void delete_or_register(ModelDevice& device);
    void connect(ModelDevice& device);
    void disconnect(ModelDevice& device);
    void dispatch_turn();
    void dispatch(ModelDevice& device);
    void lose_write(ModelDevice& device, Bits bits);
    void tick(milliseconds by);
    void restart();

    void read_inbox(ModelDevice& device);
    void work(ModelDevice& device, Bits bits);
    void babble(ModelDevice& device, Bits bits);
    void deliver(ModelDevice& device, Bits bits);
    void receive(ModelDevice& device, const Uplink& message);
    void pull(ModelDevice& device, Bits bits);
    void finish_job(ModelDevice& device);
    [[nodiscard]] std::optional<Instant> earliest_deadline() const;

    std::array<ModelDevice, device_count> devices_;
    std::vector<ModelTask> tasks_;
    std::set<std::size_t> woken_;
    std::set<std::string_view> rules_seen_;
    std::vector<std::string> history_;
    Instant now_ = at(0s);
    int last_number_ = 0;
};

int order_of(std::string_view version) {
    const auto* found = std::ranges::find(firmwares, version, &ModelFirmware::version);
    return found == firmwares.end() ? 0 : found->order;
}

std::size_t firmware_of(const UpgradeRecord& record) {
    const auto* found = std::ranges::find(firmwares, record.firmware.value, &ModelFirmware::id);
    return static_cast<std::size_t>(found - firmwares.begin());
}

// Invariants -------------------------------------------------------------------------------------

void Fleet::hold(bool condition, std::string_view fact) const {
    if (condition) {
        return;
    }
    std::string story;
    const std::size_t shown = std::min<std::size_t>(history_.size(), 40);
    for (std::size_t i = history_.size() - shown; i < history_.size(); ++i) {
        story += "\n  " + history_[i];
    }
    RC_FAIL(fmt::format("broken: {}{}", fact, story));
}

void Fleet::check_transition(const UpgradeRecord& before, const Transition& transition) const {
    const UpgradeRecord& after = transition.record;
    hold(transition.changed == (before != after), "changed says whether the record differs");
    hold(transition.changed || transition.effects.empty(), "effects come only with a change");
    hold(!transition.changed || !transition.rule.empty(), "every change names its row");
    hold(before.state != success || !transition.changed, "success stays final");
    hold(after.attempt >= before.attempt, "no attempt decreases");
    hold(after.id == before.id && after.device == before.device && after.task == before.task &&
             after.target_version == before.target_version && after.mode == before.mode &&
             after.created_at == before.created_at,
         "a record stays the same record");
}

void Fleet::check_record(const UpgradeRecord& record) const {
    const bool is_running = record.state == processing;
    const bool ended = record.state == success || record.state == failed;
    hold(is_running == record.upgrade_deadline.has_value(),
         "a deadline runs exactly while processing");
    hold(is_running || !record.response_deadline, "no response deadline outside processing");
    hold(!is_running || record.upgrade_at.has_value(), "what is processing knows since when");
    hold(!record.acked || !record.response_deadline, "an answer ends the response timer");
    hold(record.progress_percent >= 0 && record.progress_percent <= 100, "progress is 0..100");
    hold(record.state != success || record.progress_percent == 100, "success is 100 percent");
    hold(ended == record.completed_at.has_value(), "completed exactly when success or failed");
    hold((record.state == failed) <= !record.error_reason.empty(), "a failure has a reason");
    hold(!is_running || record.error_reason.empty(), "what is processing has no error");
}

void Fleet::check_invariants() const {
    std::vector<RecordCounts> recount(tasks_.size());
    for (const ModelDevice& device : devices_) {
        int running = 0;
        for (const UpgradeRecord& record : device.records) {
            check_record(record);
            running += record.state == processing ? 1 : 0;
            recount[std::stoul(record.task.value)].of(record.state) += 1;
        }
        hold(running <= 1, "at most one record of a device is processing");
    }
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
        const ModelTask& each = tasks_[i];
        hold(each.counts == recount[i], "counters count the records");
        hold(each.counts.total() == each.task.planned_total, "counters sum to the total");
        const bool all_succeeded =
            each.counts.total() > 0 && each.counts.success == each.counts.total();
        hold((progress_percent(each.counts) == 100) == all_succeeded,
             "100 percent means that all succeeded");
    }
}

// The server -------------------------------------------------------------------------------------

void Fleet::fire(ModelDevice& device, std::size_t index, const RecordEvent& event) {
    const UpgradeRecord before = device.records[index];
    Transition transition = apply(before, event, now_);
    check_transition(before, transition);
    if (!transition.changed) {
        return;
    }
    const UpgradeRecord& after = transition.record;
    rules_seen_.insert(transition.rule);
    history_.push_back(fmt::format("{} device {} record {}: {} -> {}", transition.rule,
                                   before.device, before.id, name_of(before.state),
                                   name_of(after.state)));
    RecordCounts& counts = tasks_[std::stoul(before.task.value)].counts;
    counts.of(before.state) -= 1;
    counts.of(after.state) += 1;
    device.records[index] = after;
    obey(device, after, transition.effects);
}

void Fleet::fire_all(ModelDevice& device, const RecordEvent& event) {
    for (std::size_t i = 0; i < device.records.size(); ++i) {
        fire(device, i, event);
    }
}

void Fleet::obey(ModelDevice& device, const UpgradeRecord& record,
                 const std::vector<Effect>& effects) {
    for (const Effect effect : effects) {
        switch (effect) {
            case Effect::send_upgrade:
                hold(device.online, "messages go to connected devices only");
                device.inbox.emplace_back(record.message_id, firmware_of(record));
                break;
            case Effect::device_has_version:
                device.known_version = record.target_version;
                break;
            case Effect::supersede_lower:
                fire_all(device, event::Superseded{record.version_order});
                break;
            case Effect::confirm_by_read:
                break;  // many devices ignore it
            case Effect::wake_device:
                woken_.insert(static_cast<std::size_t>(&device - devices_.data()));
                break;
        }
    }
}

void Fleet::create_task(Bits bits) {
    if (tasks_.size() == tasks_max) {
        return;
    }
    const ModelFirmware& firmware = firmwares[bits.below(4)];
    UpgradeTask task = a_task(bits.below(3) == 0 ? UpgradeMode::pull : UpgradeMode::push);
    task.id = TaskId{std::to_string(tasks_.size())};
    task.forced = bits.below(4) == 0;
    const auto chosen = bits.below(32);
    tasks_.push_back({task, {}});
    for (std::size_t i = 0; i < device_count; ++i) {
        ModelDevice& device = devices_[i];
        if (!device.exists || (chosen >> i & 1) == 0) {
            continue;
        }
        UpgradeRecord record = a_record_for(std::to_string(++last_number_), firmware.version,
                                            firmware.order, task.mode);
        record.task = task.id;
        record.device = DeviceId{std::to_string(i)};
        record.firmware = FirmwareId{firmware.id};
        record.forced = task.forced;
        record.response_timeout = seconds{task.mode == UpgradeMode::push ? 20 : 0};
        record.upgrade_timeout = seconds{bits.flag() ? 90 : 15};
        record.created_at = now_;
        device.records.push_back(std::move(record));
        tasks_.back().counts.waiting += 1;
        tasks_.back().task.planned_total += 1;
        woken_.insert(i);
    }
}

void Fleet::stop_or_start_task(Bits bits) {
    if (tasks_.empty()) {
        return;
    }
    const TaskId& id = tasks_[bits.below(tasks_max) % tasks_.size()].task.id;
    const bool stop = bits.flag();
    const bool wide = bits.below(3) == 0;
    for (ModelDevice& device : devices_) {
        for (std::size_t i = 0; i < device.records.size(); ++i) {
            const UpgradeRecord& record = device.records[i];
            if (record.task != id) {
                continue;
            }
            if (stop) {
                fire(device, i, event::Stopped{wide});
            } else if (device.exists && (wide || record.state == canceled)) {
                fire(device, i, event::Started{});
            }
        }
    }
}

void Fleet::stop_or_start_record(ModelDevice& device, Bits bits) {
    if (device.records.empty()) {
        return;
    }
    const std::size_t index = bits.below(64) % device.records.size();
    if (bits.flag()) {
        fire(device, index, event::Stopped{true});
    } else if (device.exists) {
        fire(device, index, event::Started{});
    }
}

void Fleet::delete_or_register(ModelDevice& device) {
    if (!device.exists) {
        device.exists = true;
        return;
    }
    disconnect(device);
    fire_all(device, event::DeviceDeleted{});
    device.exists = false;
    device.known_version.clear();
    device.job.reset();
    device.uplink.clear();
}

void Fleet::connect(ModelDevice& device) {
    if (!device.exists || device.online) {
        return;
    }
    device.online = true;
    woken_.insert(static_cast<std::size_t>(&device - devices_.data()));
    fire_all(device, event::Reconnected{now_ + 1ms});
}

void Fleet::disconnect(ModelDevice& device) {
    device.online = false;
    device.inbox.clear();
}

void Fleet::dispatch_turn() {
    if (!woken_.empty()) {
        const std::size_t index = *woken_.begin();
        woken_.erase(woken_.begin());
        dispatch(devices_[index]);
    }
}

void Fleet::dispatch(ModelDevice& device) {
    const std::optional<RecordId> next = next_to_push(device.records);
    if (!device.online || !next) {
        return;
    }
    const auto found = std::ranges::find(device.records, *next, &UpgradeRecord::id);
    const auto index = static_cast<std::size_t>(found - device.records.begin());
    if (!found->forced && found->target_version == device.known_version) {
        fire(device, index, event::AlreadyInstalled{});
    } else {
        fire(device, index, event::Dispatched{fmt::format("M{}", ++last_number_), "node-1"});
    }
}

/// The last write did not get out; the device may have come back before the server noticed.
void Fleet::lose_write(ModelDevice& device, Bits bits) {
    if (device.inbox.empty()) {
        return;
    }
    const std::string message_id = device.inbox.back().first;
    disconnect(device);
    if (bits.flag()) {
        device.online = true;  // its wake-up came while the record was still processing
        fire_all(device, event::Reconnected{now_ + 1ms});
    }
    fire_all(device, event::SendFailed{message_id});
}

void Fleet::tick(milliseconds by) {
    now_ += by;
    for (ModelDevice& device : devices_) {
        for (std::size_t i = 0; i < device.records.size(); ++i) {
            const std::optional<Instant> deadline = device.records[i].next_deadline();
            if (deadline && *deadline <= now_) {
                fire(device, i, event::DeadlinePassed{});
                hold(device.records[i].state == failed, "a passed deadline ends the record");
            }
        }
    }
}

void Fleet::restart() {
    woken_.clear();
    for (ModelDevice& device : devices_) {
        disconnect(device);
        fire_all(device, event::ServerRestarted{now_, fmt::format("node-{}", ++last_number_)});
    }
}

std::optional<Instant> Fleet::earliest_deadline() const {
    std::optional<Instant> earliest;
    for (const ModelDevice& device : devices_) {
        for (const UpgradeRecord& record : device.records) {
            const std::optional<Instant> deadline = record.next_deadline();
            if (deadline && (!earliest || *deadline < *earliest)) {
                earliest = deadline;
            }
        }
    }
    return earliest;
}

void Fleet::receive(ModelDevice& device, const Uplink& message) {
    switch (message.kind) {
        case Uplink::Kind::reply:
            if (const auto index = match_reply(device.records, message.message_id)) {
                fire(device, *index, event::Replied{message.success, "", ""});
            }
            break;
        case Uplink::Kind::progress:
            if (const auto index =
                    match_progress(device.records, message.firmware, message.version)) {
                fire(device, *index,
                     event::Progressed{message.progress,
                                       another_is_processing(device.records, *index)});
            }
            break;
        case Uplink::Kind::report:
            device.known_version = message.version;
            for (const std::size_t index :
                 match_report(device.records, ProductId{"p1"}, message.version)) {
                fire(device, index, event::VersionReported{message.version});
            }
            break;
    }
}

void Fleet::pull(ModelDevice& device, Bits bits) {
    if (!device.exists) {
        return;
    }
    PullRequest request;
    request.current_version = bits.flag() ? device.running : "";
    request.latest = bits.flag();
    request.force = bits.below(3) == 0;
    request.request_version = bits.below(3) == 0 ? firmwares[bits.below(4)].version : "";
    if (!request.current_version.empty()) {
        device.known_version = request.current_version;
        if (!request.force) {
            receive(device, {Uplink::Kind::report, "", "", request.current_version, true, {}});
        }
    }
    const PullDecision decision =
        select_for_pull(request, device.records, order_of(device.known_version));
    for (std::size_t i = 0; i < device.records.size(); ++i) {
        const RecordId& id = device.records[i].id;
        if (std::ranges::find(decision.already_installed, id) != decision.already_installed.end()) {
            fire(device, i, event::AlreadyInstalled{});
            hold(device.records[i].state == success, "an installed version is success");
        }
        if (decision.replaced == id) {
            fire(device, i, event::OtherVersionRequested{});
        }
    }
    for (std::size_t i = 0; i < device.records.size(); ++i) {
        if (decision.offer == device.records[i].id) {
            device.job_message = fmt::format("P{}", ++last_number_);
            device.job = firmware_of(device.records[i]);
            fire(device, i, event::PullAnswered{device.job_message});
            hold(device.records[i].state == processing, "what is offered is processing");
        }
    }
}

// The devices ------------------------------------------------------------------------------------

void Fleet::read_inbox(ModelDevice& device) {
    if (!device.inbox.empty()) {
        device.job_message = device.inbox.front().first;
        device.job = device.inbox.front().second;
        device.inbox.pop_front();
    }
}

/// The device does a piece of its job and says so, sometimes twice and sometimes without names.
void Fleet::work(ModelDevice& device, Bits bits) {
    if (!device.job) {
        return;
    }
    const ModelFirmware& firmware = firmwares[*device.job];
    Uplink message{
        Uplink::Kind::progress, device.job_message, firmware.id, firmware.version, true, {}};
    switch (bits.below(8)) {
        case 0:
            message.kind = Uplink::Kind::reply;
            break;
        case 1:
            message.kind = Uplink::Kind::reply;
            message.success = false;
            device.job.reset();
            break;
        case 2:  // reboots into the new image and only reports
            message.kind = Uplink::Kind::report;
            device.running = firmware.version;
            device.job.reset();
            break;
        case 3:
            message.progress = done().report;
            device.running = firmware.version;
            device.job.reset();
            break;
        case 4:
            message.progress = gave_up("flash error").report;
            device.job.reset();
            break;
        default:
            message.progress.progress_percent = static_cast<int>(bits.below(130)) - 10;
    }
    if (message.kind == Uplink::Kind::progress && bits.below(4) == 0) {
        message.firmware.clear();
        message.version = bits.flag() ? message.version : "";
    }
    device.uplink.push_back(message);
    if (bits.flag()) {
        device.uplink.push_back(message);
    }
}

/// Something that fits no job: an old message, another device's firmware, the version it runs.
void Fleet::babble(ModelDevice& device, Bits bits) {
    const ModelFirmware& firmware = firmwares[bits.below(4)];
    Uplink message{Uplink::Kind::progress,
                   fmt::format("M{}", bits.below(200)),
                   firmware.id,
                   firmware.version,
                   bits.flag(),
                   {}};
    message.progress.complete = bits.below(3) == 0;
    message.progress.success = bits.flag();
    message.progress.error_reason = bits.flag() ? "odd" : "";
    if (bits.below(3) == 0) {
        message.kind = bits.flag() ? Uplink::Kind::reply : Uplink::Kind::report;
    }
    device.uplink.push_back(std::move(message));
}

/// Any of the messages on the way arrives: links reorder, and QoS 1 repeats.
void Fleet::deliver(ModelDevice& device, Bits bits) {
    if (device.uplink.empty() || !device.exists) {
        return;
    }
    const std::size_t index = bits.below(8) % device.uplink.size();
    const Uplink message = device.uplink[index];
    if (bits.below(4) != 0) {
        device.uplink.erase(device.uplink.begin() + static_cast<std::ptrdiff_t>(index));
    }
    receive(device, message);
}

void Fleet::finish_job(ModelDevice& device) {
    const ModelFirmware& firmware = firmwares[*device.job];
    device.running = firmware.version;
    device.job.reset();
    receive(device,
            {Uplink::Kind::progress, "", firmware.id, firmware.version, true, done().report});
}

// The run ----------------------------------------------------------------------------------------

void Fleet::step(std::uint32_t word) {
    if (word == 0) {
        return;
    }
    Bits bits(word);
    const std::size_t kind = bits.below(32);
    ModelDevice& device = devices_[bits.below(device_count)];
    switch (kind) {
        case 0:
            create_task(bits);
            break;
        case 1:
            stop_or_start_task(bits);
            break;
        case 2:
            stop_or_start_record(device, bits);
            break;
        case 3:
            bits.below(4) == 0 ? delete_or_register(device) : connect(device);
            break;
        case 4:
            bits.below(3) == 0 ? restart() : connect(device);
            break;
        case 5:
            disconnect(device);
            break;
        case 6:
            lose_write(device, bits);
            break;
        case 7:
        case 8:
            tick(milliseconds{bits.below(30'000)});
            break;
        case 9:
        case 10:
            pull(device, bits);
            break;
        case 11:
            babble(device, bits);
            break;
        case 12:
        case 13:
            connect(device);
            break;
        case 14:
        case 15:
        case 16:
        case 17:
            dispatch_turn();
            break;
        case 18:
        case 19:
        case 20:
            read_inbox(device);
            break;
        case 21:
        case 22:
        case 23:
        case 24:
        case 25:
            work(device, bits);
            break;
        default:
            deliver(device, bits);
    }
    check_invariants();
}

void Fleet::drain() {
    const std::size_t rounds_max = 20 * (tasks_max * device_count + 1);
    for (ModelDevice& device : devices_) {
        device.uplink.clear();
        connect(device);
    }
    for (std::size_t round = 0; round < rounds_max; ++round) {
        const std::size_t turns = woken_.size();
        for (std::size_t i = 0; i < turns; ++i) {
            dispatch_turn();
        }
        bool idle = woken_.empty();
        for (ModelDevice& device : devices_) {
            read_inbox(device);
            if (device.job) {
                idle = false;
                finish_job(device);
            }
        }
        if (idle) {
            const std::optional<Instant> deadline = earliest_deadline();
            if (!deadline) {
                break;
            }
            tick(std::max(*deadline - now_, 0ms));
        }
        check_invariants();
    }
    for (const ModelDevice& device : devices_) {
        for (const UpgradeRecord& record : device.records) {
            hold(record.state != processing, "nothing processes for ever");
            hold(record.state != waiting || record.mode == UpgradeMode::pull,
                 "no push waits for ever");
        }
    }
}

/// Sets a fresh seed and our number of runs, unless RC_PARAMS says otherwise; prints both. False if
/// fewer runs than ours were asked for.
bool choose_parameters() {
    const char* const given = std::getenv("RC_PARAMS");
    std::string parameters = given == nullptr ? "" : given;
    if (parameters.find("seed=") == std::string::npos) {
        std::random_device entropy;
        parameters += fmt::format(" seed={}", std::uint64_t{entropy()} << 32 | entropy());
    }
    const bool is_full = parameters.find("max_success=") == std::string::npos &&
                         parameters.find("reproduce=") == std::string::npos;
    if (is_full) {
        parameters += fmt::format(" max_success={}", runs);
    }
    ::setenv("RC_PARAMS", parameters.c_str(), 1);
    std::cout << "RC_PARAMS=\"" << parameters << "\"\n";
    return is_full;
}

TEST(UpgradeModel, InvariantsHoldUnderRandomInterleavings) {
    const bool is_full_run = choose_parameters();
    std::set<std::string_view> rules_seen;
    std::size_t steps_done = 0;
    const auto any_steps = rc::gen::map(
        rc::gen::container<std::vector<std::uint32_t>>(
            steps_per_run, rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint32_t>())),
        [](std::vector<std::uint32_t> words) { return Steps{std::move(words)}; });

    const bool held = rc::check("the fleet keeps its invariants and drains", [&] {
        const Steps steps = *any_steps;
        Fleet fleet;
        for (const std::uint32_t word : steps.words) {
            fleet.step(word);
        }
        fleet.drain();
        steps_done += steps.words.size();
        rules_seen.insert(fleet.rules_seen().begin(), fleet.rules_seen().end());
    });

    ASSERT_TRUE(held);
    if (!is_full_run) {
        return;
    }
    EXPECT_GE(steps_done, std::size_t{runs} * steps_per_run);
    // A model that never gets to a row proves nothing about it. T21 and T15 change no record.
    EXPECT_EQ(rules_seen,
              (std::set<std::string_view>{"T2",  "T4",  "T5",  "T6",  "T7",  "T8",   "T9",  "T10",
                                          "T11", "T12", "T13", "T14", "T16", "T16b", "T17", "T18",
                                          "T19", "T20", "T22", "T25", "T26", "4.5"}));
}

}  // namespace
}  // namespace updraft
