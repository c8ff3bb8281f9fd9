#include "storage/sql/table.hpp"

#include <cctype>

#include "domain/audit_entry.hpp"
#include "domain/names.hpp"

namespace updraft::sql {
namespace {

template <class Enum>
std::vector<EnumName> names_of(std::initializer_list<Enum> values) {
    std::vector<EnumName> names;
    for (const Enum value : values) {
        names.push_back({name_of(value), label_of(value)});
    }
    return names;
}

const std::vector<EnumName>& device_types() {
    static const auto names =
        names_of({DeviceType::device, DeviceType::children_device, DeviceType::gateway});
    return names;
}
const std::vector<EnumName>& device_states() {
    static const auto names =
        names_of({DeviceState::not_active, DeviceState::offline, DeviceState::online});
    return names;
}
const std::vector<EnumName>& record_states() {
    static const auto names =
        names_of({RecordState::waiting, RecordState::processing, RecordState::success,
                  RecordState::failed, RecordState::canceled});
    return names;
}
const std::vector<EnumName>& upgrade_modes() {
    static const auto names = names_of({UpgradeMode::push, UpgradeMode::pull});
    return names;
}
const std::vector<EnumName>& sign_methods() {
    static const std::vector<EnumName> names = {{"md5", {"MD5", "MD5"}},
                                                {"sha256", {"SHA256", "SHA256"}}};
    return names;
}
const std::vector<EnumName>& release_types() {
    static const std::vector<EnumName> names = {{"all", {"全部设备", "All devices"}},
                                                {"part", {"选择设备", "Chosen devices"}}};
    return names;
}

/// `created_at`, then the id for rows of the same millisecond.
constexpr std::string_view newest = "t.created_at DESC, t.id DESC";
constexpr std::string_view oldest = "t.created_at, t.id";

// The ranges of records by columns that change, each in order in an index of migration 0010 or,
// where the column has one value, in upgrade_record_of_task_in_state. Only the processing ones by
// progress are sorted.
constexpr std::string_view records_by_completion[] = {
    "t.completed_at IS NOT NULL", "t.completed_at IS NULL AND t.state = 'waiting'",
    "t.completed_at IS NULL AND t.state = 'processing'",
    "t.completed_at IS NULL AND t.state != 'waiting' AND t.state != 'processing'"};
constexpr std::string_view records_by_upgrade[] = {"t.upgrade_at IS NOT NULL",
                                                   "t.upgrade_at IS NULL AND t.state = 'waiting'",
                                                   "t.upgrade_at IS NULL AND t.state != 'waiting'"};
constexpr std::string_view records_by_progress[] = {
    "t.state != 'processing' AND (t.progress != 0 OR t.state != 'waiting')",
    "t.state = 'processing'", "t.state = 'waiting' AND t.progress = 0"};

}  // namespace

const Column* Table::column(std::string_view name) const {
    std::string camel;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool joint = name[i] == '_' && i > 0 && i + 1 < name.size();
        camel += joint ? static_cast<char>(std::toupper(static_cast<unsigned char>(name[++i])))
                       : name[i];
    }
    for (const Column& each : columns) {
        if (each.name == camel) {
            return &each;
        }
    }
    return nullptr;
}

const Table& product_table() {
    static const Table table{
        .from = "product t",
        .key = "t.id",
        .newest_first = newest,
        .oldest_first = oldest,
        .joins = {"LEFT JOIN protocol_package q ON q.id = t.protocol_id"},
        .columns = {
            {"id", "t.id", Kind::text, 0, Refers::product},
            {"name", "t.name"},
            {"describe", "t.description"},
            {"description", "t.description"},
            {"deviceType", "t.device_type", Kind::enumeration, 0, Refers::nothing, &device_types()},
            {"messageProtocol", "t.protocol_id"},
            {"protocolName", "q.name", Kind::text, 1},
            {"transportProtocol", "t.transport_protocol"},
            {"accessId", "t.access_id"},
            {"accessProvider", "t.access_provider"},
            {"accessName", "t.access_name"},
            {"storePolicy", "t.store_policy"},
            {"state", "t.enabled", Kind::flag},
            {"creatorId", "t.creator_id"},
            {"createTime", "t.created_at", Kind::time},
        }};
    return table;
}

const Table& protocol_table() {
    static const Table table{.from = "protocol_package t",
                             .key = "t.id",
                             .newest_first = newest,
                             .oldest_first = oldest,
                             .joins = {},
                             .columns = {
                                 {"id", "t.id"},
                                 {"name", "t.name"},
                                 {"description", "t.description"},
                                 {"describe", "t.description"},
                                 {"type", "t.type"},
                                 {"state", "t.enabled", Kind::flag},
                                 {"creatorId", "t.creator_id"},
                                 {"createTime", "t.created_at", Kind::time},
                             }};
    return table;
}

const Table& device_table() {
    static const Table table{
        .from = "device t",
        .key = "t.seq",
        .newest_first = "t.seq DESC",
        .oldest_first = "t.seq",
        .joins = {"LEFT JOIN product p ON p.id = t.product_id"},
        .columns = {
            {"id", "t.id", Kind::text, 0, Refers::device},
            {"name", "t.name"},
            {"productId", "t.product_id", Kind::text, 0, Refers::product},
            {"productName", "p.name", Kind::text, 1},
            {"deviceType", "t.device_type", Kind::enumeration, 0, Refers::nothing, &device_types()},
            {"state", "t.state", Kind::enumeration, 0, Refers::nothing, &device_states()},
            {"describe", "t.description"},
            {"description", "t.description"},
            {"parentId", "t.parent_id", Kind::text, 0, Refers::device},
            {"address", "t.address"},
            {"registryTime", "t.registered_at", Kind::time},
            {"registerTime", "t.registered_at", Kind::time},
            {"onlineTime", "t.online_at", Kind::time},
            {"offlineTime", "t.offline_at", Kind::time},
            {"firmwareVersion", "t.firmware_version"},
            {"creatorId", "t.creator_id"},
            {"createTime", "t.created_at", Kind::time, 0, Refers::nothing, nullptr, "t.seq"},
        }};
    return table;
}

const Table& firmware_info_table() {
    static const Table table{.from = "device t",
                             .key = "t.seq",
                             .newest_first = "t.seq DESC",
                             .oldest_first = "t.seq",
                             .joins = {},
                             .columns = {
                                 {"deviceId", "t.id", Kind::text, 0, Refers::device},
                                 {"productId", "t.product_id", Kind::text, 0, Refers::product},
                                 {"version", "t.firmware_version"},
                                 {"versionOrder", "t.firmware_version_order", Kind::integer},
                                 {"properties", "t.firmware_properties"},
                                 {"updateTime", "t.firmware_updated_at", Kind::time},
                             }};
    return table;
}

const Table& firmware_table() {
    static const Table table{
        .from = "firmware t",
        .key = "t.id",
        .newest_first = newest,
        .oldest_first = oldest,
        .joins = {},
        .columns = {
            {"id", "t.id"},
            {"name", "t.name"},
            {"productId", "t.product_id", Kind::text, 0, Refers::product},
            {"productName", "t.product_name"},
            {"version", "t.version"},
            {"versionOrder", "t.version_order", Kind::integer},
            {"signMethod", "t.sign_method", Kind::enumeration, 0, Refers::nothing, &sign_methods()},
            {"sign", "t.sign"},
            {"url", "t.url"},
            {"size", "t.size_bytes", Kind::integer},
            {"description", "t.description"},
            {"creatorId", "t.creator_id"},
            {"creatorName", "t.creator_name"},
            {"createTime", "t.created_at", Kind::time},
        }};
    return table;
}

const Table& task_table() {
    static const Table table{
        .from = "upgrade_task t",
        .key = "t.id",
        .newest_first = "t.id DESC",
        .oldest_first = "t.id",
        .joins = {"JOIN task_counter c ON c.task_id = t.id"},
        .columns = {
            {"id", "t.id", Kind::integer},
            {"name", "t.name"},
            {"productId", "t.product_id", Kind::text, 0, Refers::product},
            {"productName", "t.product_name"},
            {"firmwareId", "t.firmware_id"},
            {"version", "t.target_version"},
            {"versionOrder", "t.version_order", Kind::integer},
            {"mode", "t.mode", Kind::enumeration, 0, Refers::nothing, &upgrade_modes()},
            {"responseTimeoutSeconds", "(t.response_timeout_ms / 1000)", Kind::integer},
            {"timeoutSeconds", "(t.upgrade_timeout_ms / 1000)", Kind::integer},
            {"releaseType", "t.release_type", Kind::enumeration, 0, Refers::nothing,
             &release_types()},
            {"description", "t.description"},
            {"createTime", "t.created_at", Kind::time, 0, Refers::nothing, nullptr, "t.id"},
            {"creatorId", "t.creator_id"},
            {"creatorName", "t.creator_name"},
            {"state", task_state_sql, Kind::task_state, 1},
            {"progress",
             "(CASE WHEN c.success = 0 THEN 0 ELSE c.success * 100 / (c.waiting + c.processing + "
             "c.success + c.failed + c.canceled) END)",
             Kind::integer, 1},
            {"total", "(c.waiting + c.processing + c.success + c.failed + c.canceled)",
             Kind::integer, 1},
            {"waiting", "c.waiting", Kind::integer, 1},
            {"processing", "c.processing", Kind::integer, 1},
            {"success", "c.success", Kind::integer, 1},
            {"failed", "c.failed", Kind::integer, 1},
            {"canceled", "c.canceled", Kind::integer, 1},
        }};
    return table;
}

const Table& record_table() {
    static const Table table{
        .from = "upgrade_record t",
        .key = "t.id",
        .newest_first = "t.id DESC",
        .oldest_first = "t.id",
        .joins = {"JOIN upgrade_task k ON k.id = t.task_id"},
        .columns = {
            {"id", "t.id", Kind::integer},
            {"deviceId", "t.device_id", Kind::text, 0, Refers::device},
            {"deviceName", "t.device_name"},
            {"productId", "k.product_id", Kind::text, 1, Refers::product},
            {"productName", "k.product_name", Kind::text, 1},
            {"firmwareId", "k.firmware_id", Kind::text, 1},
            {"version", "k.target_version", Kind::text, 1},
            {"versionOrder", "k.version_order", Kind::integer, 1},
            {"taskId", "t.task_id", Kind::integer},
            {"taskName", "k.name", Kind::text, 1},
            {"mode", "k.mode", Kind::enumeration, 1, Refers::nothing, &upgrade_modes()},
            {"serverId", "t.server_id"},
            {"createTime", "t.created_at", Kind::time, 0, Refers::nothing, nullptr, "t.id"},
            {"upgradeTime",
             "t.upgrade_at",
             Kind::time,
             0,
             Refers::nothing,
             nullptr,
             {},
             records_by_upgrade},
            {"completeTime",
             "t.completed_at",
             Kind::time,
             0,
             Refers::nothing,
             nullptr,
             {},
             records_by_completion},
            {"timeoutSeconds", "(k.upgrade_timeout_ms / 1000)", Kind::integer, 1},
            {"responseTimeoutSeconds", "(k.response_timeout_ms / 1000)", Kind::integer, 1},
            {"progress",
             "t.progress",
             Kind::integer,
             0,
             Refers::nothing,
             nullptr,
             {},
             records_by_progress},
            {"attempt", "t.attempt", Kind::integer},
            {"state", "t.state", Kind::enumeration, 0, Refers::nothing, &record_states()},
            {"errorReason",
             "t.error_reason",
             Kind::text,
             0,
             Refers::nothing,
             nullptr,
             {},
             {},
             "t.error_reason != ''"},
            {"errorGroup", "t.error_group"},
        }};
    return table;
}

const Table& file_table() {
    static const Table table{.from = "stored_file t",
                             .key = "t.id",
                             .newest_first = newest,
                             .oldest_first = oldest,
                             .joins = {},
                             .columns = {
                                 {"id", "t.id"},
                                 {"name", "t.name"},
                                 {"extension", "t.extension"},
                                 {"length", "t.size_bytes", Kind::integer},
                                 {"md5", "t.md5"},
                                 {"sha256", "t.sha256"},
                                 {"creatorId", "t.creator_id"},
                                 {"createTime", "t.created_at", Kind::time},
                             }};
    return table;
}

const Table& user_table() {
    static const Table table{.from = "app_user t",
                             .key = "t.id",
                             .newest_first = newest,
                             .oldest_first = oldest,
                             .joins = {},
                             .columns = {
                                 {"id", "t.id"},
                                 {"username", "t.username"},
                                 {"name", "t.name"},
                                 {"email", "t.email"},
                                 {"telephone", "t.telephone"},
                                 {"description", "t.description"},
                                 {"describe", "t.description"},
                                 {"status", "t.enabled", Kind::flag},
                                 {"createTime", "t.created_at", Kind::time},
                             }};
    return table;
}

const Table& role_table() {
    static const Table table{.from = "role t",
                             .key = "t.id",
                             .newest_first = newest,
                             .oldest_first = oldest,
                             .joins = {},
                             .columns = {
                                 {"id", "t.id"},
                                 {"name", "t.name"},
                                 {"description", "t.description"},
                                 {"describe", "t.description"},
                                 {"createTime", "t.created_at", Kind::time},
                             }};
    return table;
}

const Table& device_log_table() {
    static const Table table{.from = "device_log t",
                             .key = "t.id",
                             .newest_first = "t.id DESC",
                             .oldest_first = "t.id",
                             .joins = {},
                             .columns = {
                                 {"id", "t.id", Kind::integer},
                                 {"deviceId", "t.device_id", Kind::text, 0, Refers::device},
                                 {"type", "t.type"},
                                 {"timestamp", "t.at", Kind::time},
                                 {"createTime", "t.at", Kind::time},
                                 {"content", "t.content"},
                                 {"recordId", "t.record_id", Kind::integer},
                             }};
    return table;
}

const Table& audit_table() {
    static const auto vias =
        names_of({AuditVia::nobody, AuditVia::session, AuditVia::token, AuditVia::system});
    static const auto outcomes = names_of({AuditOutcome::done, AuditOutcome::refused});
    static const Table table{
        .from = "audit_entry t",
        .key = "t.seq",
        .newest_first = "t.seq DESC",
        .oldest_first = "t.seq",
        .joins = {},
        .columns = {
            {"seq", "t.seq", Kind::integer},
            {"id", "t.seq", Kind::integer},
            {"at", "t.at", Kind::time},
            {"userId", "t.user_id"},
            {"username", "t.username"},
            {"via", "t.via", Kind::enumeration, 0, Refers::nothing, &vias},
            {"tokenName", "t.token_name"},
            {"address", "t.address"},
            {"proxy", "t.proxy"},
            {"userAgent", "t.user_agent"},
            {"action", "t.action"},
            {"objectType", "t.object_type"},
            {"objectId", "t.object_id"},
            {"objectName", "t.object_name"},
            {"outcome", "t.outcome", Kind::enumeration, 0, Refers::nothing, &outcomes},
            {"errorCode", "t.error_code"},
        }};
    return table;
}

}  // namespace updraft::sql
