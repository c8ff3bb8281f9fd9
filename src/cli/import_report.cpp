#include "cli/import_report.hpp"

#include "cli/rows.hpp"

namespace updraft::cli {

std::string header_line(std::string_view csv) {
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (csv.starts_with(byte_order_mark)) {
        csv.remove_prefix(byte_order_mark.size());
    }
    return std::string(csv.substr(0, csv.find_first_of("\r\n")));
}

std::string refused_lines(const json::value& report, const std::string& header) {
    std::string lines = header + "\n";
    for (const json::value& refused : rows_of(member_at(report, "refused"))) {
        lines += text_at(refused, "text") + "\n";
    }
    return lines;
}

Text import_summary(const json::value& report) {
    const bool dry_run = text_at(report, "dryRun") == "true";
    Text summary = text("{} 行: 新增 {}, 更新 {}, 未变 {}, 拒绝 {}",
                        "{} lines: {} added, {} updated, {} unchanged, {} refused",
                        integer_at(report, "lines"), integer_at(report, "added"),
                        integer_at(report, "updated"), integer_at(report, "unchanged"),
                        integer_at(report, "refusedCount"));
    if (dry_run) {
        summary.zh.insert(0, "试运行, 未写入: ");
        summary.en.insert(0, "dry run, nothing stored: ");
    }
    return summary;
}

Text refused_text(const json::value& refused) {
    const std::string id = text_at(refused, "id");
    const std::string column = text_at(refused, "column");
    return text("  第 {} 行{}{}: {}", "  line {}{}{}: {}", integer_at(refused, "line"),
                id.empty() ? "" : " (" + id + ")", column.empty() ? "" : ", " + column,
                text_at(refused, "message"));
}

}  // namespace updraft::cli
