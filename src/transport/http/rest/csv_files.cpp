#include "transport/http/rest/csv_files.hpp"

#include <atomic>
#include <memory>

#include "app/csv.hpp"
#include "transport/http/rest/crud.hpp"
#include "transport/http/rest/files_multipart.hpp"
#include "transport/http/rest/json_reader.hpp"

namespace updraft::rest {
namespace {

using http::Method;

constexpr const char* csv_type = "text/csv;charset=UTF-8";
constexpr std::int64_t rows_per_read = 2'000;
constexpr int exports_at_once_max = 4;  // each keeps a worker as long as its client reads

const std::string devices = "/device-instance";
const std::string records = "/firmware/upgrade/history";

/// A column of an export: its name in a header, and its cell of a row.
template <class Row>
struct Column {
    Text name;
    std::function<std::string(const Row&, Language)> cell;
};

/// What is exported, in the order of its ids.
template <class Row>
struct Export {
    std::string file_name;
    std::vector<Column<Row>> columns;
    const Queries<Row>& (*rows)(const Repositories&);
    const std::string& (*id)(const Row&);
};

std::string time_cell(const std::optional<Instant>& at) {
    return at ? csv::local_time(*at) : std::string();
}

/// A Chinese file shows words, an English one the names that programs know.
template <class Enum>
std::string enum_cell(Enum value, Language language) {
    return language == Language::zh ? label_of(value).zh : std::string(name_of(value));
}

const std::string& id_of_device(const DeviceRow& row) {
    return row.device.id.value;
}

const std::string& id_of_record(const RecordRow& row) {
    return row.record.id.value;
}

std::string device_cell(std::string_view key, const DeviceRow& row, Language language) {
    const Device& device = row.device;
    if (key == "id") {
        return device.id.value;
    }
    if (key == "name") {
        return device.name;
    }
    if (key == "productId") {
        return device.product.value;
    }
    if (key == "productName") {
        return row.product_name;
    }
    if (key == "deviceType") {
        return enum_cell(device.device_type, language);
    }
    if (key == "parentId") {
        return device.parent ? device.parent->value : std::string();
    }
    if (key == "state") {
        return enum_cell(device.state, language);
    }
    if (key == "firmwareVersion") {
        return device.firmware ? device.firmware->version : std::string();
    }
    if (key == "firmwareTime") {
        return device.firmware ? csv::local_time(device.firmware->updated_at) : std::string();
    }
    if (key == "registerTime") {
        return time_cell(device.registered_at);
    }
    return key == "tags" ? csv::pairs({device.tags.begin(), device.tags.end()})
                         : device.description;
}

/// All columns but the secrets.
Export<DeviceRow> device_export() {
    Export<DeviceRow> what;
    what.file_name = "devices";
    what.rows = [](const Repositories& all) -> const Queries<DeviceRow>& { return all.devices(); };
    what.id = id_of_device;
    for (const DeviceColumn& column : device_columns()) {
        if (!column.secret) {
            what.columns.push_back({{std::string(column.zh), std::string(column.key)},
                                    [key = column.key](const DeviceRow& row, Language language) {
                                        return device_cell(key, row, language);
                                    }});
        }
    }
    return what;
}

Export<RecordRow> record_export() {
    using R = const RecordRow&;
    using L = Language;
    Export<RecordRow> what;
    what.file_name = "upgrade-records";
    what.rows = [](const Repositories& all) -> const Queries<RecordRow>& { return all.records(); };
    what.id = id_of_record;
    what.columns = {
        {{"记录ID", "recordId"}, [](R row, L) { return row.record.id.value; }},
        {{"设备ID", "deviceId"}, [](R row, L) { return row.record.device.value; }},
        {{"设备名称", "deviceName"}, [](R row, L) { return row.device_name; }},
        {{"任务名称", "taskName"}, [](R row, L) { return row.task_name; }},
        {{"版本", "version"}, [](R row, L) { return row.record.target_version; }},
        {{"状态", "state"}, [](R row, L in) { return enum_cell(row.record.state, in); }},
        {{"进度", "progress"},
         [](R row, L) { return std::to_string(row.record.progress_percent); }},
        {{"尝试次数", "attempt"}, [](R row, L) { return std::to_string(row.record.attempt); }},
        {{"失败原因", "errorReason"},
         [](R row, L in) { return error_reason::in(in, row.record.error_reason); }},
        {{"创建时间", "createTime"},
         [](R row, L) { return csv::local_time(row.record.created_at); }},
        {{"升级时间", "upgradeTime"}, [](R row, L) { return time_cell(row.record.upgrade_at); }},
        {{"完成时间", "completeTime"}, [](R row, L) { return time_cell(row.record.completed_at); }},
    };
    return what;
}

/// What was asked, without its pages and sorts.
Query all_of(Query asked) {
    asked.paging = false;
    asked.known_total.reset();
    asked.sorts.clear();
    return asked;
}

/// The asked rows after an id, in the order of ids.
Query piece_of(const Query& asked, const std::string& after) {
    Query piece;
    piece.page_size = rows_per_read;
    piece.sorts = {{"id", false, nullptr}};
    if (!asked.terms.empty()) {
        Term group;
        group.terms = asked.terms;
        piece.terms.push_back(std::move(group));
    }
    if (!after.empty()) {
        piece.terms.push_back(term("id", json::value(after), "gt"));
    }
    return piece;
}

/// Writes the file in pieces, each of one short read: however many rows there are and however slow
/// the client is, memory stays flat and no reader is kept from others.
template <class Row>
void write_rows(http::BodyWriter& out, const Store& store, const Export<Row>& what,
                const Query& asked, Language language) {
    std::string piece(csv::byte_order_mark);
    std::vector<std::string> cells;
    for (const Column<Row>& column : what.columns) {
        cells.push_back(column.name.in(language));
    }
    csv::append_line(piece, cells);
    std::string after;
    std::int64_t found = rows_per_read;
    while (out.write(piece) && found == rows_per_read) {
        piece.clear();
        found = 0;
        store.run_read([&](const Repositories& all) {
            what.rows(all).each(piece_of(asked, after), [&](const Row& row) {
                cells.clear();
                for (const Column<Row>& column : what.columns) {
                    cells.push_back(column.cell(row, language));
                }
                csv::append_line(piece, cells);
                after = what.id(row);
                ++found;
                return true;
            });
        });
    }
}

/// How many exports run; each holds a copy of `slots` while it does.
using Slots = std::shared_ptr<std::atomic<int>>;

Result<std::shared_ptr<void>> slot_of(const Slots& slots) {
    if (slots->fetch_add(1) >= exports_at_once_max) {
        slots->fetch_sub(1);
        return Error::of(
            ErrorCode::unavailable,
            text("正在进行的导出过多, 请稍后重试",
                 "{} exports are running, try again when one is done", exports_at_once_max));
    }
    return std::shared_ptr<void>(slots.get(), [slots](void*) { slots->fetch_sub(1); });
}

/// "2026-11-23T12:30:00+08:00" as "20261123T123000".
std::string stamp(Instant at) {
    std::string time = csv::local_time(at).substr(0, 19);
    std::erase(time, '-');
    std::erase(time, ':');
    return time;
}

http::Fields headers_of(const std::string& file_name) {
    return {{"Content-Type", csv_type},
            {"Content-Disposition", fmt::format("attachment; filename=\"{}.csv\"", file_name)},
            {"Cache-Control", "no-store"},
            {"X-Content-Type-Options", "nosniff"}};
}

template <class Row>
void export_route(Api& api, const Store& store, const std::string& base, const Access& access,
                  const Slots& slots, Act act, Export<Row> what) {
    const std::int64_t rows_max = api.options().export_rows_max;
    const auto shared = std::make_shared<const Export<Row>>(std::move(what));
    api.query_act(
        base + "/_export", access, act,
        with_query([&store, slots, shared, rows_max](const Call& call,
                                                     const Query& query) -> Result<Answer> {
            const Query asked = all_of(query);
            UPDRAFT_TRY(const std::shared_ptr<void> slot, slot_of(slots));
            const std::int64_t found =
                store.read([&](const Repositories& all) { return shared->rows(all).count(asked); });
            UPDRAFT_CHECK(within_row_limit(found, rows_max));
            http::Response response;
            response.headers = headers_of(shared->file_name + "-" + stamp(call.received_at));
            response.body = [&store, slot, shared, asked,
                             language = call.language](http::BodyWriter& out) {
                write_rows(out, store, *shared, asked, language);
            };
            return response;
        }));
}

Error too_large(std::int64_t bytes_max) {
    return Error::of(ErrorCode::too_large,
                     text("文件超过{}字节, 请分批导入",
                          "the file is larger than {} bytes; split it", bytes_max));
}

/// Reads what `next` gives to its end. Errors: too_large.
Result<std::string> whole(const std::function<Result<std::string>()>& next,
                          std::int64_t bytes_max) {
    std::string bytes;
    while (true) {
        UPDRAFT_TRY(const std::string chunk, next());
        if (chunk.empty()) {
            return bytes;
        }
        bytes += chunk;
        if (static_cast<std::int64_t>(bytes.size()) > bytes_max) {
            return too_large(bytes_max);
        }
    }
}

/// The file of an import: the part `file` of a form, or the body itself.
Result<std::string> file_of(const Call& call, std::int64_t bytes_max) {
    const auto next = [&call] { return call.request.stream->read(); };
    const std::string type = call.request.header("Content-Type").value_or("");
    UPDRAFT_TRY(const std::optional<std::string> boundary, multipart_boundary(type));
    if (!boundary) {
        if (type.starts_with("application/json")) {
            return Error::of(ErrorCode::unsupported_media_type,
                             text("请上传CSV文件", "send a CSV file, as text/csv or a form"));
        }
        return whole([&]() -> Result<std::string> { return next(); }, bytes_max);
    }
    MultipartReader reader(*boundary, next);
    while (true) {
        UPDRAFT_TRY(const std::optional<MultipartReader::Part> part, reader.next_part());
        if (!part) {
            return Error::invalid("file", text("请上传文件: 缺少名为file的部分",
                                               "the part named \"file\" is missing"));
        }
        if (part->name == "file" || part->file_name) {
            return whole([&] { return reader.read(); }, bytes_max);
        }
    }
}

Result<ImportMode> import_mode(const Call& call) {
    json::object asked;
    for (const char* name : {"productId", "existing", "enable", "dryRun"}) {
        if (const auto value = call.request.query_value(name); value && !value->empty()) {
            asked[name] = *value;
        }
    }
    JsonReader read(asked);
    ImportMode mode;
    if (auto product = read.text("productId")) {
        mode.product = ProductId(*std::move(product));
    }
    const std::string existing = read.text("existing").value_or("refuse");
    if (existing != "refuse" && existing != "update") {
        read.refuse("existing", json::value(existing),
                    text("可选值: {}", "one of: {}", "refuse, update"));
    }
    mode.existing =
        existing == "update" ? ImportMode::Existing::update : ImportMode::Existing::refuse;
    mode.activation = read.flag("enable").value_or(false) ? ImportMode::Activation::enable
                                                          : ImportMode::Activation::none;
    mode.effect = read.flag("dryRun").value_or(false) ? ImportMode::Effect::try_only
                                                      : ImportMode::Effect::store;
    UPDRAFT_CHECK(read.finish());
    return mode;
}

json::object report_json(const ImportReport& report, Language language) {
    json::array refused;
    for (const RefusedLine& line : report.refused) {
        refused.push_back(json::object{{"line", line.line},
                                       {"id", line.id},
                                       {"column", line.column},
                                       {"message", line.message.in(language)},
                                       {"text", line.text}});
    }
    return {{"dryRun", report.dry_run},      {"lines", report.lines},
            {"added", report.added},         {"updated", report.updated},
            {"unchanged", report.unchanged}, {"refusedCount", report.refused_count},
            {"refused", std::move(refused)}};
}

Result<Answer> import_devices(DeviceImport& imports, const Call& call) {
    UPDRAFT_TRY(const ImportMode mode, import_mode(call));
    UPDRAFT_TRY(const std::string file, file_of(call, imports.options().bytes_max));
    UPDRAFT_TRY(const ImportReport report, imports.run(file, mode, call.by));
    return json::value(report_json(report, call.language));
}

}  // namespace

void csv_routes(Api& api, const Store& store, DeviceImport& imports) {
    const auto slots = std::make_shared<std::atomic<int>>(0);
    export_route(api, store, devices, Access::permitted(permission::device, permission::query),
                 slots, {"device.export", Act::Entry::afterwards}, device_export());
    export_route(api, store, records,
                 Access::permitted(permission::upgrade_task, permission::query), slots,
                 {"record.export", Act::Entry::afterwards}, record_export());
    const Access save = Access::permitted(permission::device, permission::save);
    api.route(Method::get, devices + "/_import/template", save,
              [](const Call& call) -> Result<Answer> {
                  http::Response response;
                  response.headers = headers_of("devices-template");
                  response.body = device_import_template(call.language);
                  return response;
              });
    api.act(
        Method::post, devices + "/_import", save, {"device.import", Act::Entry::if_stored},
        [&imports](const Call& call) { return import_devices(imports, call); },
        http::RouteOptions{.streaming_body = true});
}

}  // namespace updraft::rest
