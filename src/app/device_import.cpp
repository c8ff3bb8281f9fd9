#include "app/device_import.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <unordered_map>

#include "app/audit.hpp"
#include "app/csv.hpp"
#include "base/bytes.hpp"
#include "base/cut_text.hpp"
#include "domain/names.hpp"

namespace updraft {
namespace {

constexpr std::size_t rows_per_unit = 1'000;
constexpr std::size_t refused_max = 1'000;
constexpr std::size_t text_bytes_max = 1'000;  ///< of a refused line in the report
constexpr std::string_view configuration_prefix = "configuration.";

std::string_view trimmed(std::string_view text) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

/// The beginning of a line or cell, whole characters.
std::string shortened(std::string_view written) {
    return std::string(cut(written, text_bytes_max));
}

Error wrong_header(Text message) {
    return Error::invalid("header", std::move(message));
}

/// The key behind a header cell; "configuration.<key>" stands for itself. Nothing if unknown.
std::optional<std::string> column_named(std::string_view cell) {
    const std::string_view name = trimmed(cell);
    if (name.starts_with(configuration_prefix) && name.size() > configuration_prefix.size()) {
        return std::string(name);
    }
    for (const DeviceColumn& column : device_columns()) {
        if (equals_ignoring_case(name, column.key) || name == column.zh) {
            return std::string(column.key);
        }
    }
    return std::nullopt;
}

/// The keys of the header's cells, in order.
Result<std::vector<std::string>> header_of(csv::Reader& reader) {
    const std::optional<csv::Line> line = reader.next();
    if (!line) {
        return wrong_header(
            text("文件为空, 首行应为表头", "the file is empty; its first line must be a header"));
    }
    if (line->cells.size() > csv::cells_max) {
        return wrong_header(
            text("表头超过{}列", "the header has more than {} columns", csv::cells_max));
    }
    std::vector<std::string> keys;
    for (const std::string& cell : line->cells) {
        std::optional<std::string> key = column_named(cell);
        if (!key) {
            return wrong_header(text("未知的列 {}, 请使用导入模板的表头",
                                     "unknown column {}; use the header of the template",
                                     shortened(cell)));
        }
        if (std::ranges::find(keys, *key) != keys.end()) {
            return wrong_header(text("列 {} 重复", "column {} stands twice", cell));
        }
        keys.push_back(*std::move(key));
    }
    if (std::ranges::find(keys, "id") == keys.end()) {
        return wrong_header(text("缺少列 设备ID (id)", "the column id is missing"));
    }
    return keys;
}

std::optional<DeviceType> device_type_in(std::string_view cell) {
    for (const DeviceType type :
         {DeviceType::device, DeviceType::children_device, DeviceType::gateway}) {
        const Text label = label_of(type);
        if (cell == name_of(type) || cell == label.zh || equals_ignoring_case(cell, label.en)) {
            return type;
        }
    }
    return std::nullopt;
}

Result<void> put_tags(DeviceForm& form, std::string_view cell) {
    const auto pairs = csv::pairs_in(cell);
    if (!pairs) {
        return Error::invalid("tags", text("标签 {} 应写作 键=值;键=值",
                                           "tags {} must be key=value;key=value", cell));
    }
    form.tags.emplace(pairs->begin(), pairs->end());
    return {};
}

void configure(DeviceForm& form, std::string_view key, std::string_view value) {
    if (!form.configuration) {
        form.configuration.emplace();
    }
    form.configuration->insert_or_assign(std::string(key), std::string(value));
}

/// Puts one cell that says something into the form.
Result<void> put_cell(ImportRow& row, std::string_view key, std::string_view cell) {
    DeviceForm& form = row.device;
    if (key == "token") {
        row.token = cell;
    } else if (key == "id") {
        form.id = DeviceId(cell);
    } else if (key == "name") {
        form.name = cell;
    } else if (key == "productId") {
        form.product = ProductId(cell);
    } else if (key == "describe") {
        form.description = cell;
    } else if (key == "parentId") {
        form.parent = cell;
    } else if (key == "tags") {
        return put_tags(form, cell);
    } else if (key == "secureId" || key == "secureKey") {
        configure(form, key, cell);
    } else if (key.starts_with(configuration_prefix)) {
        configure(form, key.substr(configuration_prefix.size()), cell);
    } else if (key == "deviceType") {
        form.device_type = device_type_in(cell);
        if (!form.device_type) {
            return Error::invalid(
                "deviceType",
                text("设备类型 {} 应为 device, childrenDevice 或 gateway",
                     "device type {} must be device, childrenDevice or gateway", cell));
        }
    }
    return {};
}

/// What a line says. Errors: invalid_argument.
Result<ImportRow> row_of(const std::vector<std::string>& keys, const csv::Line& line) {
    if (!line.well_formed) {
        return Error::of(ErrorCode::invalid_argument,
                         text("引号不完整", "a quote is not closed, or something stands after it"));
    }
    if (line.cells.size() > keys.size()) {
        return Error::of(ErrorCode::invalid_argument,
                         text("共{}列, 表头只有{}列", "{} cells, but the header has {}",
                              line.cells.size(), keys.size()));
    }
    ImportRow row;
    for (std::size_t index = 0; index < line.cells.size(); ++index) {
        const std::string_view cell = trimmed(line.cells[index]);
        if (!cell.empty()) {
            UPDRAFT_CHECK(put_cell(row, keys[index], cell));
        }
    }
    if (row.device.id.empty()) {
        return Error::invalid("id", text("请输入设备ID", "enter the device's id"));
    }
    return row;
}

/// Gathers rows for a unit of work, and what became of them for the report.
class Import {
public:
    Import(DeviceService& devices, const DeviceCredentialService& credentials,
           const ImportMode& mode, const Actor& by, const AuditNote& note)
        : devices_(devices), credentials_(credentials), mode_(mode), by_(by), next_note_(&note) {
        report_.dry_run = mode.effect == ImportMode::Effect::try_only;
    }

    void take(const csv::Line& line, Result<ImportRow> row) {
        ++report_.lines;
        if (!row) {
            refuse(line.number, "", line.text, row.error());
            return;
        }
        const std::string& id = row->device.id.value;
        const auto [first, fresh] = lines_of_.try_emplace(id, line.number);
        if (!fresh) {
            refuse(line.number, id, line.text,
                   Error::invalid("id", text("设备ID与第{}行重复",
                                             "the id stands in line {} already", first->second)));
            return;
        }
        rows_.push_back(*std::move(row));
        sources_.push_back({line.number, line.text});
        if (rows_.size() == rows_per_unit) {
            flush();
        }
    }
    [[nodiscard]] ImportReport finish() {
        flush();
        std::ranges::sort(report_.refused, {}, &RefusedLine::line);
        return std::move(report_);
    }

private:
    struct Source {
        std::size_t number = 0;
        std::string_view text;
    };

    void flush() {
        if (rows_.empty()) {
            return;
        }
        const auto outcomes = devices_.import_rows(rows_, mode_, credentials_, by_, next_note_);
        next_note_ = nullptr;
        for (std::size_t index = 0; index < outcomes.size(); ++index) {
            if (!outcomes[index]) {
                refuse(sources_[index].number, rows_[index].device.id.value, sources_[index].text,
                       outcomes[index].error());
                continue;
            }
            switch (*outcomes[index]) {
                case Imported::added:
                    ++report_.added;
                    break;
                case Imported::updated:
                    ++report_.updated;
                    break;
                case Imported::unchanged:
                    ++report_.unchanged;
                    break;
            }
        }
        rows_.clear();
        sources_.clear();
    }

    void refuse(std::size_t line, std::string id, std::string_view written, const Error& error) {
        ++report_.refused_count;
        if (report_.refused.size() < refused_max) {
            report_.refused.push_back(
                {line, std::move(id), error.fields.empty() ? "" : error.fields.front().property,
                 error.fields.empty() ? error.message : error.fields.front().message,
                 shortened(written)});
        }
    }

    DeviceService& devices_;
    const DeviceCredentialService& credentials_;
    const ImportMode mode_;
    const Actor& by_;
    const AuditNote* next_note_;  ///< written with the first rows that are stored
    ImportReport report_;
    std::vector<ImportRow> rows_;
    std::vector<Source> sources_;
    std::unordered_map<std::string, std::size_t> lines_of_;
};

}  // namespace

const std::vector<DeviceColumn>& device_columns() {
    static const std::vector<DeviceColumn> columns{{"id", "设备ID", true},
                                                   {"name", "设备名称", true},
                                                   {"productId", "产品ID", true},
                                                   {"productName", "产品名称"},
                                                   {"deviceType", "设备类型", true},
                                                   {"parentId", "网关设备ID", true},
                                                   {"state", "状态"},
                                                   {"firmwareVersion", "固件版本"},
                                                   {"firmwareTime", "固件更新时间"},
                                                   {"registerTime", "注册时间"},
                                                   {"tags", "标签", true},
                                                   {"describe", "说明", true},
                                                   {"secureId", "安全ID", true, true},
                                                   {"secureKey", "安全密钥", true, true},
                                                   {"token", "令牌", true, true}};
    return columns;
}

std::string device_import_template(Language language) {
    std::vector<std::string> header;
    std::vector<std::string> example;
    const std::unordered_map<std::string_view, Text> examples{
        {"id", {"device-001", "device-001"}},
        {"name", {"一号设备", "First device"}},
        {"productId", {"product-1", "product-1"}},
        {"deviceType", {"直连设备", "device"}},
        {"tags", {"地点=上海;楼层=3", "site=Shanghai;floor=3"}},
        {"describe", {"示例, 请删除此行", "An example, delete this line"}}};
    for (const DeviceColumn& column : device_columns()) {
        if (column.imported) {
            header.emplace_back(language == Language::zh ? column.zh : column.key);
            const auto found = examples.find(column.key);
            example.push_back(found == examples.end() ? "" : found->second.in(language));
        }
    }
    std::string file(csv::byte_order_mark);
    csv::append_line(file, header);
    csv::append_line(file, example);
    return file;
}

Result<ImportReport> DeviceImport::run(std::string_view csv, const ImportMode& mode,
                                       const Actor& by) {
    if (!is_utf8(csv)) {
        return Error::invalid("file", text("文件不是UTF-8编码, 请另存为CSV UTF-8",
                                           "the file is not UTF-8; save it as CSV UTF-8"));
    }
    if (csv.find('\0') != std::string_view::npos) {  // PostgreSQL stores no such text
        return Error::invalid("file", text("文件含有空字符, 请另存为CSV UTF-8",
                                           "the file holds NUL characters; save it as CSV UTF-8"));
    }
    csv::Reader reader(csv);
    UPDRAFT_TRY(const std::vector<std::string> keys, header_of(reader));
    csv::Reader counter = reader;
    std::size_t lines = 0;
    constexpr std::size_t first_ids_max = 10;
    boost::json::array first_ids;
    const auto id_column = static_cast<std::size_t>(std::ranges::find(keys, "id") - keys.begin());
    while (const std::optional<csv::Line> line = counter.next()) {
        if (first_ids.size() < first_ids_max && id_column < line->cells.size()) {
            first_ids.emplace_back(shortened(line->cells[id_column]));
        }
        if (++lines > options_.lines_max) {
            return Error::of(ErrorCode::too_large, text("文件超过{}行, 请分批导入",
                                                        "the file has more than {} lines; "
                                                        "split it",
                                                        options_.lines_max));
        }
    }
    AuditNote note(by);
    note.also("lines", static_cast<std::int64_t>(lines));
    note.also("firstIds", std::move(first_ids));
    Import lines_in(devices_, credentials_, mode, by, note);
    while (const std::optional<csv::Line> line = reader.next()) {
        lines_in.take(*line, row_of(keys, *line));
    }
    return lines_in.finish();
}

}  // namespace updraft
