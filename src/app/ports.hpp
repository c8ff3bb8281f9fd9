#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "app/query.hpp"
#include "base/clock.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "domain/api_token.hpp"
#include "domain/audit_entry.hpp"
#include "domain/ddi.hpp"
#include "domain/device.hpp"
#include "domain/device_credential.hpp"
#include "domain/firmware.hpp"
#include "domain/product.hpp"
#include "domain/stored_file.hpp"
#include "domain/task_progress.hpp"
#include "domain/upgrade_record.hpp"
#include "domain/upgrade_task.hpp"
#include "domain/user.hpp"

/// What the use cases need from storage. One set of repositories, seen const by readers and writable
/// inside a unit of work. A broken database is thrown as StorageError; what a person caused is a
/// value. All times are UTC; all ids opaque strings.
namespace updraft {

/// The machine failed us: database gone, disk full, file unreadable.
class StorageError : public std::runtime_error {
public:
    /// `not_synced`: the disk did not take what was written; what is in memory proves nothing then.
    enum class Cause : std::uint8_t { broken, disk_full, queue_full, stopping, not_synced };
    StorageError(Cause cause, const std::string& what) : std::runtime_error(what), cause_(cause) {}
    [[nodiscard]] Cause cause() const { return cause_; }

private:
    Cause cause_;
};

/// The query DSL over one kind of row.
template <class Row>
class Queries {
public:
    virtual ~Queries() = default;

    /// One page; past the end it is the last page (spec 2.3.6). With `paging` false: all rows in one page.
    [[nodiscard]] virtual Page<Row> page(const Query& query) const = 0;

    /// Calls `use` for each row in order, without holding them all: the no-paging endpoints. Honours
    /// pageIndex and pageSize unless `paging` is false. `use` returns false to stop early.
    virtual void each(const Query& query, const std::function<bool(const Row&)>& use) const = 0;

    [[nodiscard]] virtual std::int64_t count(const Query& query) const = 0;
};

struct ProductRow {
    Product product;
    std::int64_t device_count = 0;
};

class Products : public Queries<ProductRow> {
public:
    [[nodiscard]] virtual std::optional<Product> find(const ProductId& id) const = 0;
    virtual void add(const Product& product) = 0;     ///< the id must be free
    virtual void update(const Product& product) = 0;  ///< whole row
    virtual void remove(const ProductId& id) = 0;
};

class ProtocolPackages : public Queries<ProtocolPackage> {
public:
    [[nodiscard]] virtual std::optional<ProtocolPackage> find(const ProtocolId& id) const = 0;
    virtual void add(const ProtocolPackage& package) = 0;
    virtual void update(const ProtocolPackage& package) = 0;
    virtual void remove(const ProtocolId& id) = 0;
};

struct DeviceRow {
    Device device;
    std::string product_name;
};

/// A connection change of one device, for the batched flush of presence (design 3.3).
struct PresenceChange {
    DeviceId device;
    bool online = false;
    Instant at;
    std::string address;
};

/// Devices by connection.
struct DeviceTotals {
    std::int64_t online = 0;
    std::int64_t offline = 0;
    std::int64_t not_active = 0;
    [[nodiscard]] std::int64_t total() const { return online + offline + not_active; }
};

/// What the devices of a product run.
struct ProductVersions {
    struct Version {
        std::string version;
        std::int64_t devices = 0;
    };
    ProductId product;
    std::string name;
    std::int64_t total = 0;
    std::vector<Version> versions;  ///< the most frequent ones, most devices first
    std::int64_t other = 0;         ///< devices with a version that is not among those
    std::int64_t unknown = 0;       ///< devices that never said their version
};

class Devices : public Queries<DeviceRow> {
public:
    [[nodiscard]] virtual std::optional<Device> find(const DeviceId& id) const = 0;
    /// Children of a gateway.
    [[nodiscard]] virtual std::vector<Device> children_of(const DeviceId& gateway) const = 0;
    [[nodiscard]] virtual std::int64_t count_of(const ProductId& product) const = 0;
    /// All devices; kept as they change, so it costs nothing to ask.
    [[nodiscard]] virtual DeviceTotals totals() const = 0;
    /// The products with the most devices, those first, each with its most frequent versions.
    [[nodiscard]] virtual std::vector<ProductVersions> largest_products(std::size_t products_max,
                                                                        std::size_t versions_max) const = 0;
    virtual void add(const Device& device) = 0;     ///< the id must be free
    /// Whole row except state, address, online/offline times and attributes.
    virtual void update(const Device& device) = 0;
    virtual void remove(const DeviceId& id) = 0;
    virtual void set_state(const DeviceId& id, DeviceState state) = 0;
    virtual void set_firmware(const DeviceId& id, const FirmwareInfo& info) = 0;
    virtual void set_attributes(const DeviceId& id, const std::map<std::string, std::string>& attributes) = 0;
    /// Sets online or offline with time and address; rows that are notActive or gone stay untouched.
    virtual void apply_presence(const std::vector<PresenceChange>& changes) = 0;
    /// After a start nobody is connected yet: online rows become offline.
    virtual void all_offline(Instant at) = 0;
    /// Checks device-query terms as task creation does: unknown columns and types are refused.
    [[nodiscard]] virtual Result<void> check_terms(const std::vector<Term>& terms) const = 0;
};

/// The rows of a query come without their further artifacts; find() and its kin read them.
class Firmwares : public Queries<Firmware> {
public:
    [[nodiscard]] virtual std::optional<Firmware> find(const FirmwareId& id) const = 0;
    [[nodiscard]] virtual std::optional<Firmware> find_by_order(const ProductId& product, int version_order) const = 0;
    [[nodiscard]] virtual std::optional<Firmware> find_by_version(const ProductId& product,
                                                                  const std::string& version) const = 0;
    [[nodiscard]] virtual bool any_uses_file(const FileId& file) const = 0;
    /// The greatest order below `limit` that is taken while the one behind it is free; nothing if
    /// there is none, as in a product without firmware.
    [[nodiscard]] virtual std::optional<int> last_order_with_room(const ProductId& product, int limit) const = 0;
    virtual void add(const Firmware& firmware) = 0;
    virtual void update(const Firmware& firmware) = 0;
    virtual void remove(const FirmwareId& id) = 0;
};

/// A task with its counters; records that are still to be made are counted in the state they will be
/// born in, so that `counts.total()` is the size of the selection from the start (design 3.4).
struct TaskRow {
    UpgradeTask task;
    RecordCounts counts;
};

/// All tasks and their records together.
struct TaskTotals {
    std::int64_t tasks = 0;
    std::int64_t running = 0;  ///< of these, have waiting or processing records
    RecordCounts records;
};

/// The devices a task is created for, always and-ed with the task's product.
struct DeviceSelection {
    std::optional<std::vector<DeviceId>> devices;  ///< only these
    std::optional<std::vector<Term>> terms;        ///< only those that match
};

/// What became of the given ids when a selection was checked.
struct SelectionCheck {
    std::int64_t matching = 0;
    std::vector<DeviceId> foreign;  ///< given ids that are unknown or of another product; at most 10
};

/// What a task over a selection would meet.
struct SelectionPreview {
    std::int64_t total = 0;  ///< devices that the task would get
    std::int64_t online = 0;
    std::int64_t offline = 0;
    std::int64_t not_active = 0;
    std::int64_t already_current = 0;  ///< of these, say that they run the version
    std::int64_t busy = 0;             ///< of these, have a waiting or processing record
    std::int64_t unknown_count = 0;    ///< given ids that are unknown or of another product
    std::vector<DeviceId> unknown;     ///< the first of them, at most 1000
};

/// A change of a task's records in some states that an operator was promised, and that is done in
/// chunks: kept until it is done, so that a crash in between breaks no promise.
struct TaskChange {
    std::string id;  ///< a decimal number; the smaller was asked for earlier
    TaskId task;
    bool stops = false;            ///< else it starts them again
    std::set<RecordState> states;  ///< those of the records that it is about
    RecordId after;                ///< the last record that it has looked at; empty: none yet
};

class UpgradeTasks : public Queries<TaskRow> {
public:
    [[nodiscard]] virtual std::optional<TaskRow> find(const TaskId& id) const = 0;
    /// Reads a few numbers for each task, however many records there are.
    [[nodiscard]] virtual TaskTotals totals() const = 0;
    /// The tasks of a firmware, newest first, at most `limit`.
    [[nodiscard]] virtual std::vector<UpgradeTask> of_firmware(const FirmwareId& firmware, std::size_t limit) const = 0;
    [[nodiscard]] virtual SelectionCheck check(const ProductId& product, const DeviceSelection& selection) const = 0;
    /// `selection` as it is now; its terms must have been checked. Records that a new task has still
    /// to make do not count as busy.
    [[nodiscard]] virtual SelectionPreview preview(const ProductId& product, const DeviceSelection& selection,
                                                   const std::string& version) const = 0;
    /// Stores the task and its frozen selection; its records are still to be made. Sets and returns
    /// planned_total and counts.waiting. O(selection) small inserts for chosen ids and terms, O(1) for all.
    virtual std::int64_t add(const UpgradeTask& task, const DeviceSelection& selection) = 0;
    /// Changes the flag `stopped` and the state in which records still to be made are born
    /// (waiting or canceled); moves the counters of those accordingly. Returns how many moved.
    virtual std::int64_t set_stopped(const TaskId& id, bool stopped) = 0;
    virtual void remove(const TaskId& id) = 0;  ///< with records, counters and selection
    /// Tasks whose records are not all made yet, oldest first.
    [[nodiscard]] virtual std::vector<TaskId> unfinished_expansions() const = 0;
    /// Makes the next at most `limit` records of the task (T1), in device order; returns how many were
    /// made: 0 when all are there. Ids come from `next_id`, increasing.
    virtual std::int64_t expand(const TaskId& id, std::int64_t limit, Instant now,
                                const std::function<std::int64_t()>& next_id) = 0;
    /// Adds the change, or stores how far it has come.
    virtual void save_change(const TaskChange& change) = 0;
    virtual void remove_change(const TaskChange& change) = 0;
    /// The changes that are not done, in the order in which they were asked for. Those of a task go
    /// with it.
    [[nodiscard]] virtual std::vector<TaskChange> changes_under_way() const = 0;
    /// Tasks whose counters have changed since note_progress(), at most `limit`.
    [[nodiscard]] virtual std::vector<TaskId> changed_counters(std::size_t limit) const = 0;
    /// Adds the task's counters to its points over time, if they differ from the last one, and thins
    /// those out when they are too many (domain/task_progress.hpp).
    virtual void note_progress(const TaskId& id, Instant now) = 0;
    [[nodiscard]] virtual TaskProgress progress_of(const TaskId& id) const = 0;
};

struct RecordRow {
    UpgradeRecord record;
    std::string device_name;
    std::string product_name;
    std::string task_name;
};

/// Failed records of a task whose reasons are alike (domain/failure_group.hpp).
struct FailureGroup {
    std::string group;
    std::string sample;  ///< the reason of the first record that failed so
    std::int64_t count = 0;
    Instant first_at;  ///< when the first record of the group failed, also if it was retried since
    Instant last_at;
};

/// Records that ended within one quarter of an hour. They stay counted when the record is retried or
/// its task deleted.
struct EndedRecords {
    Instant quarter_at;
    std::int64_t success = 0;
    std::int64_t failed = 0;
};

class UpgradeRecords : public Queries<RecordRow> {
public:
    [[nodiscard]] virtual std::optional<UpgradeRecord> find(const RecordId& id) const = 0;
    [[nodiscard]] virtual std::optional<RecordRow> find_row(const RecordId& id) const = 0;
    /// All records of a device, oldest first.
    [[nodiscard]] virtual std::vector<UpgradeRecord> of_device(const DeviceId& device) const = 0;
    /// Records of a task in one of the states with an id greater than `after` (empty: from the first),
    /// in id order, at most `limit`: the cursor of bulk operations.
    [[nodiscard]] virtual std::vector<UpgradeRecord> of_task(const TaskId& task, const std::set<RecordState>& states,
                                                             const RecordId& after, std::size_t limit) const = 0;
    /// Devices with a waiting push record, in order of device id, after `after`, at most `limit`.
    [[nodiscard]] virtual std::vector<DeviceId> devices_waiting_for_push(const std::optional<TaskId>& task,
                                                                         const DeviceId& after,
                                                                         std::size_t limit) const = 0;
    /// Processing records whose earlier deadline is at or before `now`, earliest first.
    [[nodiscard]] virtual std::vector<UpgradeRecord> due(Instant now, std::size_t limit) const = 0;
    [[nodiscard]] virtual std::optional<Instant> earliest_deadline() const = 0;
    [[nodiscard]] virtual std::vector<UpgradeRecord> all_processing(const RecordId& after, std::size_t limit) const = 0;
    [[nodiscard]] virtual bool any_active_of_firmware(const FirmwareId& firmware) const = 0;  ///< waiting or processing
    /// The quarters from the one that begins at `from` in which any record ended, oldest first.
    [[nodiscard]] virtual std::vector<EndedRecords> ended_since(Instant from) const = 0;
    /// The failures of a task in groups, most records first, at most `limit`.
    [[nodiscard]] virtual std::vector<FailureGroup> failures_of(const TaskId& task, std::size_t limit) const = 0;
    /// Stores the next state of a record and keeps the task's counters and failure groups, in one go.
    /// `before` is what was read in the same unit of work.
    virtual void update(const UpgradeRecord& before, const UpgradeRecord& after) = 0;
    virtual void remove(const UpgradeRecord& record) = 0;  ///< and lowers the counters
    /// Moves the deadlines of all processing records: the clock was set. Returns how many records.
    virtual std::int64_t shift_deadlines(milliseconds by) = 0;
};

class StoredFiles : public Queries<StoredFile> {
public:
    [[nodiscard]] virtual std::optional<StoredFile> find(const FileId& id) const = 0;
    [[nodiscard]] virtual std::int64_t count_of_artifact(const std::string& sha256) const = 0;
    virtual void add(const StoredFile& file) = 0;
    virtual void update(const StoredFile& file) = 0;
    virtual void remove(const FileId& id) = 0;
    /// Files whose SHA-1 is not known yet, at most `limit`: they were stored before it was kept.
    [[nodiscard]] virtual std::vector<StoredFile> without_sha1(std::size_t limit) const = 0;
    /// Files that no firmware points at and that are older than `before` (row 25).
    [[nodiscard]] virtual std::vector<StoredFile> unreferenced(Instant before, std::size_t limit) const = 0;
};

class Users : public Queries<User> {
public:
    [[nodiscard]] virtual std::optional<User> find(const UserId& id) const = 0;
    [[nodiscard]] virtual std::optional<User> find_by_username(const std::string& username) const = 0;
    virtual void add(const User& user) = 0;
    virtual void update(const User& user) = 0;
    virtual void remove(const UserId& id) = 0;
};

class Roles : public Queries<Role> {
public:
    [[nodiscard]] virtual std::optional<Role> find(const RoleId& id) const = 0;
    virtual void add(const Role& role) = 0;
    virtual void update(const Role& role) = 0;
    virtual void remove(const RoleId& id) = 0;
};

/// A sign-in that is alive. The token itself is never stored, only its SHA-256.
struct TokenRow {
    std::string token_sha256;
    UserId user;
    std::optional<milliseconds> idle_timeout;  ///< absent: never expires
    Instant last_used_at;
};

class Tokens {
public:
    virtual ~Tokens() = default;
    [[nodiscard]] virtual std::optional<TokenRow> find(const std::string& token_sha256) const = 0;
    virtual void add(const TokenRow& token) = 0;
    virtual void touch(const std::string& token_sha256, Instant at) = 0;
    virtual void shift_last_used(milliseconds by) = 0;  ///< of all of them: the clock was set
    virtual void remove(const std::string& token_sha256) = 0;
    virtual void remove_all_of(const UserId& user) = 0;
    virtual void remove_expired(Instant now) = 0;
};

/// Machine tokens. All lists are newest first.
class ApiTokens {
public:
    virtual ~ApiTokens() = default;
    [[nodiscard]] virtual std::optional<ApiToken> find(const ApiTokenId& id) const = 0;
    [[nodiscard]] virtual std::optional<ApiToken> find_by_hash(const std::string& token_sha256) const = 0;
    [[nodiscard]] virtual std::vector<ApiToken> of_user(const UserId& user) const = 0;
    [[nodiscard]] virtual std::vector<ApiToken> all() const = 0;
    virtual void add(const ApiToken& token) = 0;
    virtual void touch(const std::string& token_sha256, Instant at) = 0;
    virtual void remove(const ApiTokenId& id) = 0;
    virtual void remove_all_of(const UserId& user) = 0;
};

/// Credentials of devices and products beside their configuration. Lists are newest first. A
/// device's go with the device, a product's with the product.
class DeviceCredentials {
public:
    virtual ~DeviceCredentials() = default;
    [[nodiscard]] virtual std::optional<DeviceCredential> find(const CredentialId& id) const = 0;
    [[nodiscard]] virtual std::optional<DeviceCredential> find_by_lookup(CredentialKind kind,
                                                                         const std::string& lookup) const = 0;
    /// Those that every device of the product may use.
    [[nodiscard]] virtual std::vector<DeviceCredential> of_product(const ProductId& product) const = 0;
    [[nodiscard]] virtual std::vector<DeviceCredential> of_device(const DeviceId& device) const = 0;
    virtual void add(const DeviceCredential& credential) = 0;  ///< kind and lookup must be free
    virtual void set_expiry(const CredentialId& id, Instant at) = 0;
    virtual void remove(const CredentialId& id) = 0;
};

/// What hawkBit's device API remembers (domain/ddi.hpp). Actions go with their records, tasks and
/// devices.
class DdiActions {
public:
    virtual ~DdiActions() = default;
    [[nodiscard]] virtual std::optional<DdiAction> find(std::int64_t number) const = 0;
    /// The action of a record's attempt, if the device has heard of it.
    [[nodiscard]] virtual std::optional<DdiAction> of_attempt(const RecordId& record, int attempt) const = 0;
    /// The device's actions that are not closed, lowest number first.
    [[nodiscard]] virtual std::vector<DdiAction> open_of(const DeviceId& device) const = 0;
    /// The last one that the device closed with success.
    [[nodiscard]] virtual std::optional<DdiAction> last_installed(const DeviceId& device) const = 0;
    /// Stores a new action and returns its number; the given one is not used.
    virtual std::int64_t add(const DdiAction& action) = 0;
    virtual void update(const DdiAction& action) = 0;  ///< the flags and the count of feedbacks
    /// What the device said about itself; nothing if it never spoke DDI.
    [[nodiscard]] virtual std::optional<DdiTarget> target(const DeviceId& device) const = 0;
    virtual void put_target(const DdiTarget& target) = 0;
};

/// A saved search or another setting of one user (spec 2.4).
struct UserSetting {
    std::string id;
    UserId user;
    std::string type;
    std::string key;
    std::string name;
    std::string content;  ///< JSON text, opaque to us
    Instant created_at;
};

class Settings {
public:
    virtual ~Settings() = default;
    [[nodiscard]] virtual std::vector<UserSetting> of_user(const UserId& user, const std::string& type) const = 0;
    virtual void put(const UserSetting& setting) = 0;  ///< replaces the same user, type and key
    virtual void remove(const UserId& user, const std::string& type, const std::string& key) = 0;
    /// System configuration by scope: "front", "paths" ... (spec 2.4). Absent if never saved.
    [[nodiscard]] virtual std::optional<std::map<std::string, std::string>> scope(const std::string& name) const = 0;
    virtual void put_scope(const std::string& name, const std::map<std::string, std::string>& properties) = 0;
};

/// What became of the record that a line of the log is about.
struct RecordStep {
    std::optional<RecordState> state;  ///< the state it entered; nothing if it stayed in its state
    int attempt = 1;
    int progress_percent = 0;
    std::string error_reason;
    friend bool operator==(const RecordStep&, const RecordStep&) = default;
};

/// One line of a device's log (spec 2.8): for `type` see log_types.hpp.
struct DeviceLogEntry {
    std::string id;
    DeviceId device;
    std::string type;
    Instant at;
    std::string content;
    std::optional<RecordId> record;  ///< the record that it concerned, for its timeline
    std::optional<RecordStep> step = {};  ///< what became of that record; older lines do not know
};

class DeviceLogs : public Queries<DeviceLogEntry> {
public:
    virtual void add(const DeviceLogEntry& entry) = 0;
    /// The lines about a record, newest first.
    [[nodiscard]] virtual std::vector<DeviceLogEntry> of_record(const RecordId& record, std::size_t limit) const = 0;
    /// When the device came and went between `from` and `to` (nothing: until now), both included, newest
    /// first.
    [[nodiscard]] virtual std::vector<DeviceLogEntry> connections_of(const DeviceId& device, Instant from,
                                                                     const std::optional<Instant>& to,
                                                                     std::size_t limit) const = 0;
    /// The lines of a device before `before` (nothing: all), newest first, at most `limit` and all
    /// others of the last one's millisecond.
    [[nodiscard]] virtual std::vector<DeviceLogEntry> of_device(const DeviceId& device,
                                                                const std::optional<Instant>& before,
                                                                std::size_t limit) const = 0;
    /// Keeps the newest rows: removes at most `limit` that are older than `before`.
    virtual std::int64_t prune(Instant before, std::int64_t limit) = 0;
};

/// The audit log, chained by hash. Entries never change: they are added behind the last one, and
/// pruned from the front.
class AuditLog : public Queries<AuditEntry> {
public:
    [[nodiscard]] virtual std::optional<AuditEntry> find(std::int64_t seq) const = 0;
    [[nodiscard]] virtual AuditHead head() const = 0;
    /// Calls `use` for each entry behind `seq` in the order of the chain; false stops early.
    virtual void each_after(std::int64_t seq, const std::function<bool(const AuditEntry&)>& use) const = 0;
    /// Adds an entry behind the last one and returns it with its number and hash. Locks the end of the
    /// log until the unit of work ends, so that two writers never extend the same entry.
    virtual AuditEntry append(AuditEntry entry) = 0;
    /// Removes the oldest entries, at most `limit`, up to the first that is not older than `before`;
    /// the last entry always stays. The rest still verifies from the last one that went.
    virtual std::int64_t prune(Instant before, std::int64_t limit) = 0;
};

/// All repositories over one snapshot (const) or one transaction.
class Repositories {
public:
    virtual ~Repositories() = default;
    virtual Products& products() = 0;
    virtual ProtocolPackages& protocols() = 0;
    virtual Devices& devices() = 0;
    virtual Firmwares& firmwares() = 0;
    virtual UpgradeTasks& tasks() = 0;
    virtual UpgradeRecords& records() = 0;
    virtual StoredFiles& files() = 0;
    virtual Users& users() = 0;
    virtual Roles& roles() = 0;
    virtual Tokens& tokens() = 0;
    virtual ApiTokens& api_tokens() = 0;
    virtual DeviceCredentials& credentials() = 0;
    virtual DdiActions& ddi() = 0;
    virtual Settings& settings() = 0;
    virtual DeviceLogs& device_logs() = 0;
    virtual AuditLog& audit() = 0;

    [[nodiscard]] const Products& products() const { return mine().products(); }
    [[nodiscard]] const ProtocolPackages& protocols() const { return mine().protocols(); }
    [[nodiscard]] const Devices& devices() const { return mine().devices(); }
    [[nodiscard]] const Firmwares& firmwares() const { return mine().firmwares(); }
    [[nodiscard]] const UpgradeTasks& tasks() const { return mine().tasks(); }
    [[nodiscard]] const UpgradeRecords& records() const { return mine().records(); }
    [[nodiscard]] const StoredFiles& files() const { return mine().files(); }
    [[nodiscard]] const Users& users() const { return mine().users(); }
    [[nodiscard]] const Roles& roles() const { return mine().roles(); }
    [[nodiscard]] const Tokens& tokens() const { return mine().tokens(); }
    [[nodiscard]] const ApiTokens& api_tokens() const { return mine().api_tokens(); }
    [[nodiscard]] const DeviceCredentials& credentials() const { return mine().credentials(); }
    [[nodiscard]] const DdiActions& ddi() const { return mine().ddi(); }
    [[nodiscard]] const Settings& settings() const { return mine().settings(); }
    [[nodiscard]] const DeviceLogs& device_logs() const { return mine().device_logs(); }
    [[nodiscard]] const AuditLog& audit() const { return mine().audit(); }

private:
    [[nodiscard]] Repositories& mine() const { return const_cast<Repositories&>(*this); }
};

/// One operation's share of a write transaction.
class UnitOfWork : public Repositories {
public:
    /// Calls `action` once the group commit that holds this operation is on the disk, on the writer's
    /// thread, in order, before the operation's caller is completed. Dropped if the operation is
    /// rolled back. Must be quick and must not throw: hand over to another thread.
    virtual void after_commit(std::function<void()> action) = 0;
};

/// One writer with group commit, many readers (design 3.2).
///
/// An operation runs in its own savepoint: returning an Error or throwing rolls back it alone. Its
/// caller is completed only after the commit. The queue is bounded: a full one throws
/// StorageError{queue_full}, a stopping one StorageError{stopping}.
class Store {
public:
    virtual ~Store() = default;

    /// The outcome of an asynchronous write: empty when committed; what the operation or the commit
    /// threw otherwise. A rolled-back operation that returned false counts as done.
    using Completion = std::function<void(std::exception_ptr)>;

    /// Queues `operation`; it returns true to keep its changes, false to roll them back. `done` is
    /// called on the writer's thread after the commit. Safe from every thread; never blocks.
    virtual void submit(std::function<bool(UnitOfWork&)> operation, Completion done) = 0;

    /// Runs `reader` on the calling thread with a read connection of its own: one consistent snapshot.
    virtual void run_read(const std::function<void(const Repositories&)>& reader) const = 0;

    /// `store.read([&](const Repositories& rows) { return rows.devices().find(id); })`
    template <class Reader>
    auto read(Reader&& reader) const {
        using Value = std::invoke_result_t<Reader, const Repositories&>;
        if constexpr (std::is_void_v<Value>) {
            run_read([&](const Repositories& rows) { reader(rows); });
        } else {
            std::optional<Value> value;
            run_read([&](const Repositories& rows) { value.emplace(reader(rows)); });
            return *std::move(value);
        }
    }

    /// Runs `operation` in the next group and waits for its commit. `operation` returns Result<T>; an
    /// error rolls it back. For worker threads, never for an event loop or the writer itself.
    template <class Operation>
    auto write(Operation&& operation) {
        using Outcome = std::invoke_result_t<Operation, UnitOfWork&>;
        std::optional<Outcome> outcome;
        std::promise<void> committed;
        submit(
            [&](UnitOfWork& work) {
                outcome.emplace(operation(work));
                return outcome->has_value();
            },
            [&](std::exception_ptr failure) {
                if (failure) {
                    committed.set_exception(failure);
                } else {
                    committed.set_value();
                }
            });
        committed.get_future().get();
        return *std::move(outcome);
    }
};

/// Immutable bytes by content (design 3.6).
struct ArtifactDigests {
    std::int64_t size_bytes = 0;
    std::string md5;     ///< lower-case hex
    std::string sha256;  ///< lower-case hex
    std::string sha1;    ///< lower-case hex: hawkBit's clients compare nothing else
};

/// One upload in progress. Destroyed without finish(): everything is removed again.
class ArtifactWriter {
public:
    virtual ~ArtifactWriter() = default;
    /// Appends and hashes. Throws StorageError{disk_full} when there is no room.
    virtual void write(std::string_view bytes) = 0;
    /// Syncs, renames into the content address and returns the digests: from then on it is durable.
    [[nodiscard]] virtual ArtifactDigests finish() = 0;
};

/// An upload in pieces that may come in any order and outlive a restart (spec 2.5, sharded upload).
struct PartialUpload {
    std::string session;
    std::int64_t length_bytes = 0;
    std::int64_t received_bytes = 0;  ///< without overlaps
    std::int64_t next_offset = 0;     ///< of the first byte that is missing: where to go on
};

class ArtifactStore {
public:
    virtual ~ArtifactStore() = default;
    [[nodiscard]] virtual std::unique_ptr<ArtifactWriter> begin() = 0;
    /// Writes a piece of an upload; the last one hashes the whole, stores it and gives the digests.
    /// Errors: invalid_argument (offset or length out of range, length differs between pieces).
    [[nodiscard]] virtual Result<std::optional<ArtifactDigests>> write_piece(const std::string& session,
                                                                             std::int64_t offset, std::int64_t length,
                                                                             std::string_view bytes) = 0;
    /// The file of a complete upload is known: forgets its pieces. Until then any of them may be sent
    /// again and gives the digests again, so that a crash costs no piece that was acknowledged.
    virtual void forget_partial(const std::string& session) = 0;
    [[nodiscard]] virtual std::optional<PartialUpload> partial(const std::string& session) const = 0;
    /// Path of the artifact for a local download; nothing if it is missing or known to be damaged.
    [[nodiscard]] virtual std::optional<std::string> path_of(const std::string& sha256) const = 0;
    virtual void remove(const std::string& sha256) = 0;
    /// Calls `use` for each artifact, with the time at which its bytes last were uploaded, until it
    /// returns false. The order is the store's own. Artifacts that come or go meanwhile may be told or
    /// not; `use` may remove them. What is no artifact is passed over.
    virtual void each(const std::function<bool(const std::string& sha256, Instant changed_at)>& use) const = 0;
    /// Removes abandoned uploads older than `before`.
    virtual void remove_abandoned(Instant before) = 0;
};

}  // namespace updraft
