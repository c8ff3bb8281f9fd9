#include <fmt/format.h>

#include <ranges>

#include "domain/names.hpp"
#include "storage/sql/json_columns.hpp"
#include "storage/sql/record_texts.hpp"
#include "storage/sql/repositories.hpp"
#include "storage/sql/table_repository.hpp"

namespace updraft::sql {
namespace {

#define UPDRAFT_TASK_COLUMNS                                                                 \
    "t.id, t.name, t.product_id, t.product_name, t.firmware_id, t.target_version, "          \
    "t.version_order, t.mode, t.response_timeout_ms, t.upgrade_timeout_ms, t.release_type, " \
    "t.devices, t.terms, t.description, t.stopped, t.forced, t.rate_per_second, "            \
    "t.max_concurrent, t.planned_total, t.creator_id, t.creator_name, t.created_at, "        \
    "t.deployment, t.confirmation_required"
#define UPDRAFT_COUNTER_COLUMNS "c.waiting, c.processing, c.success, c.failed, c.canceled"

constexpr std::size_t echoed_devices_max = 1'000;
constexpr std::size_t foreign_devices_max = 10;
constexpr std::size_t unknown_devices_max = 1'000;

UpgradeTask read_task(Rows& rows) {
    UpgradeTask task;
    task.id = rows.number_id<TaskId>();
    task.name = rows.text();
    task.product = rows.id<ProductId>();
    task.product_name = rows.text();
    task.firmware = rows.id<FirmwareId>();
    task.target_version = rows.text();
    task.version_order = rows.number();
    task.mode = upgrade_mode_named(rows.text()).value_or(UpgradeMode::push);
    task.response_timeout = std::chrono::duration_cast<seconds>(milliseconds(rows.integer()));
    task.upgrade_timeout = std::chrono::duration_cast<seconds>(milliseconds(rows.integer()));
    task.release_type = release_type_named(rows.text()).value_or(ReleaseType::all);
    task.devices = ids_from<DeviceId>(rows.text());
    task.terms = rows.text();
    task.description = rows.text();
    task.stopped = rows.flag();
    task.forced = rows.flag();
    task.rate_per_second = rows.optional_number();
    task.max_concurrent = rows.optional_number();
    task.planned_total = rows.integer();
    task.creator = rows.id<UserId>();
    task.creator_name = rows.text();
    task.created_at = rows.time();
    task.deployment = deployment_named(rows.text()).value_or(Deployment::forced);
    task.confirmation_required = rows.flag();
    return task;
}

RecordCounts read_counts(Rows& rows) {
    RecordCounts counts;
    counts.waiting = rows.integer();
    counts.processing = rows.integer();
    counts.success = rows.integer();
    counts.failed = rows.integer();
    counts.canceled = rows.integer();
    return counts;
}

TaskRow read_row(Rows& rows) {
    UpgradeTask task = read_task(rows);
    return {std::move(task), read_counts(rows)};
}

/// Where the making of a task's records stands.
struct Expansion {
    std::int64_t task = 0;
    ProductId product;
    bool chosen = false;  ///< devices of task_selection; else all of the product
    std::int64_t boundary = 0;
    std::int64_t cursor = 0;
    std::int64_t remaining = 0;
    bool stopped = false;
    bool forced = false;

    /// The state that records still to be made are counted and born in.
    [[nodiscard]] std::string_view born_state() const { return stopped ? "canceled" : "waiting"; }
};

class SqlTasks final : public TableRepository<UpgradeTasks, TaskRow> {
public:
    explicit SqlTasks(Connection& db)
        : TableRepository(
              db, Selection{task_table(), UPDRAFT_TASK_COLUMNS ", " UPDRAFT_COUNTER_COLUMNS, 1U},
              read_row) {}

    [[nodiscard]] std::optional<TaskRow> find(const TaskId& id) const override {
        Rows rows = db_.query("SELECT " UPDRAFT_TASK_COLUMNS ", " UPDRAFT_COUNTER_COLUMNS
                              " FROM upgrade_task t JOIN task_counter c ON c.task_id = t.id "
                              "WHERE t.id = ?",
                              number_or_none(id.value));
        if (!rows.next()) {
            return std::nullopt;
        }
        return read_row(rows);
    }

    [[nodiscard]] TaskTotals totals() const override {
        Rows rows = db_.query(
            "SELECT coalesce(sum(waiting), 0), coalesce(sum(processing), 0), "
            "coalesce(sum(success), 0), coalesce(sum(failed), 0), coalesce(sum(canceled), 0), "
            "count(*), count(CASE WHEN waiting + processing > 0 THEN 1 END) FROM task_counter");
        TaskTotals totals;
        if (rows.next()) {
            totals.records = read_counts(rows);
            totals.tasks = rows.integer();
            totals.running = rows.integer();
        }
        return totals;
    }

    [[nodiscard]] std::vector<UpgradeTask> of_firmware(const FirmwareId& firmware,
                                                       std::size_t limit) const override {
        Rows rows = db_.query("SELECT " UPDRAFT_TASK_COLUMNS
                              " FROM upgrade_task t WHERE t.firmware_id = ? "
                              "ORDER BY t.id DESC LIMIT ?",
                              firmware, limit);
        std::vector<UpgradeTask> tasks;
        while (rows.next()) {
            tasks.push_back(read_task(rows));
        }
        return tasks;
    }

    [[nodiscard]] SelectionCheck check(const ProductId& product,
                                       const DeviceSelection& selection) const override {
        SelectionCheck check;
        const Condition terms = condition_of(selection);
        if (!selection.devices) {
            Rows rows = db_.query(fmt::format("SELECT count(*) FROM {}{} WHERE t.product_id = ?{}",
                                              device_table().from,
                                              joins_of(device_table(), terms.joins), and_(terms)),
                                  with(terms, Value(product.value)));
            check.matching = rows.next() ? rows.integer() : 0;
            return check;
        }
        const std::string matches =
            fmt::format("SELECT 1 FROM {}{} WHERE t.id = ? AND t.product_id = ?{}",
                        device_table().from, joins_of(device_table(), terms.joins), and_(terms));
        for (const DeviceId& device : *selection.devices) {
            if (!of_product(device, product)) {
                if (check.foreign.size() < foreign_devices_max) {
                    check.foreign.push_back(device);
                }
                continue;
            }
            Rows rows = db_.query(matches, with(terms, Value(device.value), Value(product.value)));
            check.matching += rows.next() ? 1 : 0;
        }
        return check;
    }

    [[nodiscard]] SelectionPreview preview(const ProductId& product,
                                           const DeviceSelection& selection,
                                           const std::string& version) const override {
        return selection.devices ? preview_of_devices(product, selection, version)
                                 : preview_of_product(product, selection, version);
    }

    std::int64_t add(const UpgradeTask& task, const DeviceSelection& selection) override;
    std::int64_t set_stopped(const TaskId& id, bool stopped) override;

    void remove(const TaskId& id) override {
        db_.written().note_everything();
        const std::int64_t number = number_or_none(id.value);
        db_.execute("DELETE FROM upgrade_record WHERE task_id = ?", number);
        db_.execute("DELETE FROM upgrade_task WHERE id = ?", number);
    }

    [[nodiscard]] std::vector<TaskId> unfinished_expansions() const override {
        Rows rows = db_.query("SELECT task_id FROM task_expansion ORDER BY task_id");
        std::vector<TaskId> tasks;
        while (rows.next()) {
            tasks.push_back(rows.number_id<TaskId>());
        }
        return tasks;
    }

    std::int64_t expand(const TaskId& id, std::int64_t limit, Instant now,
                        const std::function<std::int64_t()>& next_id) override;

    void save_change(const TaskChange& change) override {
        std::string states;
        for (const RecordState state : change.states) {
            states += states.empty() ? "" : ",";
            states += name_of(state);
        }
        db_.execute(
            "INSERT INTO task_change (id, task_id, stops, states, after_record_id) "
            "VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET after_record_id = excluded.after_record_id",
            number_of_id(change.id), number_of_id(change.task.value), change.stops, states,
            change.after.empty() ? 0 : number_of_id(change.after.value));
    }
    void remove_change(const TaskChange& change) override {
        db_.execute("DELETE FROM task_change WHERE id = ?", number_of_id(change.id));
    }
    [[nodiscard]] std::vector<TaskChange> changes_under_way() const override;

    [[nodiscard]] std::vector<TaskId> changed_counters(std::size_t limit) const override {
        // Not indexed: one small row a task, and the index would cost with every report.
        Rows rows = db_.query("SELECT task_id FROM task_counter WHERE changed = 1 LIMIT ?", limit);
        std::vector<TaskId> tasks;
        while (rows.next()) {
            tasks.push_back(rows.number_id<TaskId>());
        }
        return tasks;
    }
    void note_progress(const TaskId& id, Instant now) override;
    [[nodiscard]] TaskProgress progress_of(const TaskId& id) const override;

private:
    /// The terms of a selection, strictly: a term that we do not understand must not widen it.
    [[nodiscard]] Condition condition_of(const DeviceSelection& selection) const {
        if (!selection.terms) {
            return {};
        }
        auto condition = render_terms(device_table(), *selection.terms, UnknownTerms::refuse, db_);
        if (!condition) {
            throw StorageError(StorageError::Cause::broken,
                               "unchecked selection: " + condition.error().message.en);
        }
        return *std::move(condition);
    }
    static std::string and_(const Condition& condition) {
        return condition.sql.empty() ? "" : " AND (" + condition.sql + ")";
    }
    /// `first`, then the condition's parameters: the order of the statements above.
    template <class... First>
    static std::vector<Value> with(const Condition& condition, First... first) {
        std::vector<Value> parameters{std::move(first)...};
        parameters.insert(parameters.end(), condition.parameters.begin(),
                          condition.parameters.end());
        return parameters;
    }
    [[nodiscard]] bool of_product(const DeviceId& device, const ProductId& product) const {
        Rows rows =
            db_.query("SELECT 1 FROM device WHERE id = ? AND product_id = ?", device, product);
        return rows.next();
    }

    [[nodiscard]] SelectionPreview preview_of_product(const ProductId& product,
                                                      const DeviceSelection& selection,
                                                      const std::string& version) const;
    [[nodiscard]] SelectionPreview preview_of_devices(const ProductId& product,
                                                      const DeviceSelection& selection,
                                                      const std::string& version) const;
    void insert_task(const UpgradeTask& task, std::int64_t total);
    std::int64_t freeze(std::int64_t task, const ProductId& product,
                        const DeviceSelection& selection);
    [[nodiscard]] std::optional<Expansion> expansion_of(std::int64_t task) const;
    std::int64_t make_records(Expansion& expansion, std::int64_t limit, Instant now,
                              const std::function<std::int64_t()>& next_id, bool& finished);
    [[nodiscard]] std::pair<std::int64_t, std::int64_t> next_devices(const Expansion& expansion,
                                                                     std::int64_t limit) const;
    /// What the devices of an expansion are found by: its selection, or its product.
    [[nodiscard]] static Value owner_of(const Expansion& expansion) {
        return expansion.chosen ? Value(expansion.task) : Value(expansion.product.value);
    }
    void add_to_counter(std::int64_t task, std::string_view state, std::int64_t change);
    [[nodiscard]] seconds interval_of(std::int64_t task) const {
        Rows rows = db_.query("SELECT progress_interval_ms FROM upgrade_task WHERE id = ?", task);
        return rows.next() ? std::chrono::duration_cast<seconds>(milliseconds(rows.integer()))
                           : progress_interval_first;
    }
    [[nodiscard]] std::vector<ProgressPoint> newest_points(std::int64_t task,
                                                           std::size_t limit) const;
    void add_point(std::int64_t task, const ProgressPoint& point);
    [[nodiscard]] std::int64_t count_points(std::int64_t task) const {
        Rows rows = db_.query("SELECT count(*) FROM task_progress WHERE task_id = ?", task);
        return rows.next() ? rows.integer() : 0;
    }
    void thin_out(std::int64_t task, seconds interval);
};

/// The busy devices are collected once from the two indexes of open records: a million probes into
/// the records would take twice as long.
SelectionPreview SqlTasks::preview_of_product(const ProductId& product,
                                              const DeviceSelection& selection,
                                              const std::string& version) const {
    const Condition terms = condition_of(selection);
    Rows rows = db_.query(
        fmt::format("SELECT count(*), count(CASE WHEN t.state = 'online' THEN 1 END), "
                    "count(CASE WHEN t.state = 'offline' THEN 1 END), "
                    "count(CASE WHEN t.state = 'notActive' THEN 1 END), "
                    "count(CASE WHEN t.firmware_version = ? THEN 1 END), "
                    "count(CASE WHEN t.id IN ("
                    "SELECT device_id FROM upgrade_record WHERE state = 'waiting' UNION ALL "
                    "SELECT device_id FROM upgrade_record WHERE state = 'processing') THEN 1 END) "
                    "FROM {}{} WHERE t.product_id = ?{}",
                    device_table().from, joins_of(device_table(), terms.joins), and_(terms)),
        with(terms, Value(version), Value(product.value)));
    SelectionPreview preview;
    if (rows.next()) {
        preview.total = rows.integer();
        preview.online = rows.integer();
        preview.offline = rows.integer();
        preview.not_active = rows.integer();
        preview.already_current = rows.integer();
        preview.busy = rows.integer();
    }
    return preview;
}

SelectionPreview SqlTasks::preview_of_devices(const ProductId& product,
                                              const DeviceSelection& selection,
                                              const std::string& version) const {
    const Condition terms = condition_of(selection);
    const std::string find = fmt::format(
        "SELECT t.state, t.firmware_version, EXISTS (SELECT 1 FROM upgrade_record r "
        "WHERE r.device_id = t.id AND r.state IN ('waiting', 'processing')) "
        "FROM {}{} WHERE t.id = ? AND t.product_id = ?{}",
        device_table().from, joins_of(device_table(), terms.joins), and_(terms));
    SelectionPreview preview;
    for (const DeviceId& device : *selection.devices) {
        if (!of_product(device, product)) {
            ++preview.unknown_count;
            if (preview.unknown.size() < unknown_devices_max) {
                preview.unknown.push_back(device);
            }
            continue;
        }
        Rows rows = db_.query(find, with(terms, Value(device.value), Value(product.value)));
        if (!rows.next()) {
            continue;
        }
        ++preview.total;
        const DeviceState state = device_state_named(rows.text()).value_or(DeviceState::not_active);
        preview.online += state == DeviceState::online ? 1 : 0;
        preview.offline += state == DeviceState::offline ? 1 : 0;
        preview.not_active += state == DeviceState::not_active ? 1 : 0;
        preview.already_current += rows.optional_text() == version ? 1 : 0;
        preview.busy += rows.flag() ? 1 : 0;
    }
    return preview;
}

void SqlTasks::insert_task(const UpgradeTask& t, std::int64_t total) {
    std::vector<DeviceId> echoed = t.devices;
    echoed.resize(std::min(echoed.size(), echoed_devices_max));
    db_.execute(
        "INSERT INTO upgrade_task (id, name, product_id, product_name, firmware_id, "
        "target_version, version_order, mode, response_timeout_ms, upgrade_timeout_ms, "
        "release_type, devices, terms, description, stopped, forced, rate_per_second, "
        "max_concurrent, planned_total, creator_id, creator_name, created_at, deployment, "
        "confirmation_required) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        number_of_id(t.id.value), t.name, t.product, t.product_name, t.firmware, t.target_version,
        t.version_order, name_of(t.mode), milliseconds(t.response_timeout).count(),
        milliseconds(t.upgrade_timeout).count(), name_of(t.release_type), ids_to_json(echoed),
        t.terms, t.description, t.stopped, t.forced, t.rate_per_second, t.max_concurrent, total,
        t.creator, t.creator_name, t.created_at, name_of(t.deployment), t.confirmation_required);
}

/// Writes the chosen devices down and returns how many they are.
std::int64_t SqlTasks::freeze(std::int64_t task, const ProductId& product,
                              const DeviceSelection& selection) {
    const Condition terms = condition_of(selection);
    const std::string insert = fmt::format(
        "INSERT INTO task_selection (task_id, device_seq) SELECT ?, t.seq FROM {}{} "
        "WHERE t.product_id = ?{}",
        device_table().from, joins_of(device_table(), terms.joins), and_(terms));
    if (!selection.devices) {
        return db_.execute(insert, with(terms, Value(task), Value(product.value)));
    }
    std::int64_t total = 0;
    const std::string insert_one = insert + " AND t.id = ? ON CONFLICT DO NOTHING";
    std::vector<Value> parameters = with(terms, Value(task), Value(product.value));
    parameters.emplace_back();
    for (const DeviceId& device : *selection.devices) {
        parameters.back() = device.value;
        total += db_.execute(insert_one, parameters);
    }
    return total;
}

std::int64_t SqlTasks::add(const UpgradeTask& task, const DeviceSelection& selection) {
    const std::int64_t id = number_of_id(task.id.value);
    const bool chosen = selection.devices || !condition_of(selection).sql.empty();
    insert_task(task, 0);
    db_.execute(
        "INSERT INTO task_counter (task_id, waiting, processing, success, failed, canceled, "
        "changed) VALUES (?, 0, 0, 0, 0, 0, 0)",
        id);
    std::int64_t total = 0;
    if (chosen) {
        total = freeze(id, task.product, selection);
    } else {
        Rows rows = db_.query("SELECT count(*) FROM device WHERE product_id = ?", task.product);
        total = rows.next() ? rows.integer() : 0;
    }
    db_.execute(
        "INSERT INTO task_expansion (task_id, chosen, boundary_seq, cursor_seq, remaining) "
        "SELECT ?, ?, value, 0, ? FROM sequence WHERE name = 'device'",
        id, chosen, total);
    db_.execute("UPDATE upgrade_task SET planned_total = ? WHERE id = ?", total, id);
    add_to_counter(id, task.stopped ? "canceled" : "waiting", total);
    RecordCounts counts;
    counts.of(task.stopped ? RecordState::canceled : RecordState::waiting) = total;
    add_point(id, {task.created_at, counts});
    return total;
}

void SqlTasks::add_to_counter(std::int64_t task, std::string_view state, std::int64_t change) {
    db_.execute(
        fmt::format("UPDATE task_counter SET {0} = {0} + ?, changed = 1 WHERE task_id = ?", state),
        change, task);
}

/// The last points, oldest first.
std::vector<ProgressPoint> SqlTasks::newest_points(std::int64_t task, std::size_t limit) const {
    Rows rows = db_.query(
        "SELECT at, waiting, processing, success, failed, canceled FROM task_progress "
        "WHERE task_id = ? ORDER BY at DESC LIMIT ?",
        task, limit);
    std::vector<ProgressPoint> points;
    while (rows.next()) {
        const Instant at = rows.time();
        points.push_back({at, read_counts(rows)});
    }
    std::ranges::reverse(points);
    return points;
}

/// At most one point a millisecond.
void SqlTasks::add_point(std::int64_t task, const ProgressPoint& point) {
    const RecordCounts& counts = point.counts;
    db_.execute(
        "INSERT INTO task_progress (task_id, at, waiting, processing, success, failed, canceled) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (task_id, at) DO UPDATE SET "
        "waiting = excluded.waiting, processing = excluded.processing, "
        "success = excluded.success, failed = excluded.failed, canceled = excluded.canceled",
        task, point.at, counts.waiting, counts.processing, counts.success, counts.failed,
        counts.canceled);
}

void SqlTasks::thin_out(std::int64_t task, seconds interval) {
    std::vector<ProgressPoint> points = newest_points(task, progress_points_max + 1);
    const std::vector<ProgressPoint> all = points;
    while (points.size() > progress_points_max) {
        interval *= 2;
        points = thinned(points, interval);
    }
    auto kept = points.begin();
    for (const ProgressPoint& point : all) {
        if (kept != points.end() && *kept == point) {
            ++kept;
        } else {
            db_.execute("DELETE FROM task_progress WHERE task_id = ? AND at = ?", task, point.at);
        }
    }
    db_.execute("UPDATE upgrade_task SET progress_interval_ms = ? WHERE id = ?",
                milliseconds(interval).count(), task);
}

void SqlTasks::note_progress(const TaskId& id, Instant now) {
    const std::int64_t task = number_or_none(id.value);
    db_.execute("UPDATE task_counter SET changed = 0 WHERE task_id = ?", task);
    const std::optional<TaskRow> row = find(id);
    if (!row) {
        return;
    }
    const seconds interval = interval_of(task);
    const std::vector<ProgressPoint> newest = newest_points(task, 2);
    const NextPoint next = next_point(newest, row->counts, interval);
    if (next == NextPoint::none) {
        return;
    }
    if (next == NextPoint::moves) {
        db_.execute("DELETE FROM task_progress WHERE task_id = ? AND at = ?", task,
                    newest.back().at);
    }
    const Instant at = newest.empty() ? now : std::max(now, newest.back().at);
    add_point(task, {at, row->counts});
    if (count_points(task) > static_cast<std::int64_t>(progress_points_max)) {
        thin_out(task, interval);
    }
}

TaskProgress SqlTasks::progress_of(const TaskId& id) const {
    const std::int64_t task = number_or_none(id.value);
    return {newest_points(task, progress_points_max), interval_of(task)};
}

std::optional<Expansion> SqlTasks::expansion_of(std::int64_t task) const {
    Rows rows = db_.query(
        "SELECT t.product_id, e.chosen, e.boundary_seq, e.cursor_seq, e.remaining, t.stopped, "
        "t.forced FROM task_expansion e JOIN upgrade_task t ON t.id = e.task_id "
        "WHERE e.task_id = ?",
        task);
    if (!rows.next()) {
        return std::nullopt;
    }
    Expansion expansion;
    expansion.task = task;
    expansion.product = rows.id<ProductId>();
    expansion.chosen = rows.flag();
    expansion.boundary = rows.integer();
    expansion.cursor = rows.integer();
    expansion.remaining = rows.integer();
    expansion.stopped = rows.flag();
    expansion.forced = rows.flag();
    return expansion;
}

std::int64_t SqlTasks::set_stopped(const TaskId& id, bool stopped) {
    const std::int64_t number = number_or_none(id.value);
    const auto expansion = expansion_of(number);
    db_.execute("UPDATE upgrade_task SET stopped = ? WHERE id = ?", stopped, number);
    if (!expansion || expansion->stopped == stopped) {
        return 0;
    }
    add_to_counter(number, expansion->born_state(), -expansion->remaining);
    add_to_counter(number, stopped ? "canceled" : "waiting", expansion->remaining);
    return expansion->remaining;
}

std::vector<TaskChange> SqlTasks::changes_under_way() const {
    Rows rows = db_.query(
        "SELECT id, task_id, stops, states, after_record_id FROM task_change ORDER BY id");
    std::vector<TaskChange> changes;
    while (rows.next()) {
        TaskChange change;
        change.id = std::to_string(rows.integer());
        change.task = rows.number_id<TaskId>();
        change.stops = rows.flag();
        const std::string states = rows.text();
        for (const auto name : std::views::split(states, ',')) {
            if (const auto state = record_state_named(std::string_view(name.begin(), name.end()))) {
                change.states.insert(*state);
            }
        }
        change.after = rows.number_id<RecordId>();
        changes.push_back(std::move(change));
    }
    return changes;
}

/// Makes records for at most `limit` further devices. `finished` once no device is left. One
/// statement for all of them: a million would take twice as long one by one.
std::int64_t SqlTasks::make_records(Expansion& expansion, std::int64_t limit, Instant now,
                                    const std::function<std::int64_t()>& next_id, bool& finished) {
    const auto [seen, last] = next_devices(expansion, limit);
    finished = seen < limit;
    if (seen == 0) {
        return 0;
    }
    db_.written().note_everything();  // of these devices, who are many
    std::vector<std::int64_t> ids;
    db_.take_numbers_from([&] { return ids.emplace_back(next_id()); });
    // Chosen devices that were deleted since are not joined any more.
    const std::int64_t made = db_.execute(
        fmt::format("INSERT INTO upgrade_record (id, task_id, device_id, device_name, state, "
                    "progress, attempt, forced, acked, resent, revived, message_id, server_id, "
                    "error_reason, created_at) "
                    "SELECT next_number(), ?, d.id, d.name, ?, 0, 1, ?, 0, 0, 0, '', '', '', ? {}",
                    expansion.chosen
                        ? "FROM task_selection s CROSS JOIN device d ON d.seq = s.device_seq "
                          "WHERE s.task_id = ? AND s.device_seq > ? AND s.device_seq <= ? "
                          "ORDER BY s.device_seq"
                        : "FROM device d WHERE d.product_id = ? AND d.seq > ? AND d.seq <= ? "
                          "ORDER BY d.seq"),
        std::vector<Value>{expansion.task, std::string(expansion.born_state()),
                           std::int64_t{expansion.forced ? 1 : 0}, to_millis(now),
                           owner_of(expansion), expansion.cursor, last});
    db_.take_numbers_from(nullptr);
    pack_record_texts(db_, expansion.task, std::move(ids));
    expansion.cursor = last;
    expansion.remaining -= made;
    return made;
}

/// How many devices come next, at most `limit`, and the last one's number.
std::pair<std::int64_t, std::int64_t> SqlTasks::next_devices(const Expansion& expansion,
                                                             std::int64_t limit) const {
    Rows rows = db_.query(
        fmt::format("SELECT count(*), max(number) FROM (SELECT {} AND {} <= ? ORDER BY {} LIMIT ?)",
                    expansion.chosen ? "device_seq AS number FROM task_selection WHERE task_id = ? "
                                       "AND device_seq > ?"
                                     : "seq AS number FROM device WHERE product_id = ? AND seq > ?",
                    expansion.chosen ? "device_seq" : "seq",
                    expansion.chosen ? "device_seq" : "seq"),
        std::vector<Value>{owner_of(expansion), expansion.cursor, expansion.boundary, limit});
    if (!rows.next()) {
        return {0, expansion.cursor};
    }
    const std::int64_t count = rows.integer();
    return {count, rows.optional_integer().value_or(expansion.cursor)};
}

std::int64_t SqlTasks::expand(const TaskId& id, std::int64_t limit, Instant now,
                              const std::function<std::int64_t()>& next_id) {
    auto expansion = expansion_of(number_or_none(id.value));
    if (!expansion || limit <= 0) {
        return 0;
    }
    bool finished = false;
    std::int64_t made = 0;
    while (made == 0 && !finished) {
        made = make_records(*expansion, limit, now, next_id, finished);
    }
    if (expansion->chosen) {
        db_.execute("DELETE FROM task_selection WHERE task_id = ? AND device_seq <= ?",
                    expansion->task, expansion->cursor);
    }
    if (finished) {
        add_to_counter(expansion->task, expansion->born_state(), -expansion->remaining);
        db_.execute("DELETE FROM task_expansion WHERE task_id = ?", expansion->task);
    } else {
        db_.execute("UPDATE task_expansion SET cursor_seq = ?, remaining = ? WHERE task_id = ?",
                    expansion->cursor, expansion->remaining, expansion->task);
    }
    return made;
}

}  // namespace

std::unique_ptr<UpgradeTasks> make_tasks(Connection& db) {
    return std::make_unique<SqlTasks>(db);
}

}  // namespace updraft::sql
