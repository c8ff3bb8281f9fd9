#include "cli/selection.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json.hpp>
#include <unordered_set>

#include "cli/id_list.hpp"
#include "cli/rows.hpp"
#include "cli/where.hpp"

namespace updraft::cli {
namespace {

constexpr std::size_t list_bytes_max = std::size_t{256} << 20;
constexpr std::size_t named_max = 10;

Error choose_devices() {
    return Error::invalid(
        "deviceId",
        {"请选择设备: --device ID, --devices-from 文件, --where '字段 运算符 值' 或 --all",
         "choose devices: --device ID, --devices-from FILE, --where 'FIELD OP VALUE' or --all"});
}

}  // namespace

Result<json::object> selection_of(const DeviceChoice& choice) {
    const bool listed = !choice.ids.empty() || !choice.ids_file.empty();
    const bool part = listed || !choice.where.empty();
    if (choice.all == part) {
        return choose_devices();
    }
    if (choice.all) {
        return json::object{{"releaseType", "all"}};
    }
    json::object selection{{"releaseType", "part"}};
    std::vector<std::string> ids = choice.ids;
    if (!choice.ids_file.empty()) {
        UPDRAFT_TRY(const std::string content, read_text(choice.ids_file, list_bytes_max));
        UPDRAFT_TRY(const std::vector<std::string> more, parse_ids(content));
        ids.insert(ids.end(), more.begin(), more.end());
    }
    if (listed) {
        if (ids.empty()) {
            return Error::invalid(
                "deviceId",
                text("{} 中没有设备ID", "there are no device ids in {}", choice.ids_file));
        }
        selection["deviceId"] = json::array(ids.begin(), ids.end());
    }
    if (!choice.where.empty()) {
        UPDRAFT_TRY(selection["terms"], parse_all(choice.where, device_fields));
    }
    return selection;
}

Result<json::object> known_only(json::object task, const json::value& preview, bool skip_unknown) {
    const std::int64_t count = integer_at(preview, "unknownCount");
    if (count == 0) {
        return task;
    }
    std::vector<std::string> unknown;
    for (const json::value& id : rows_of(member_at(preview, "unknown"))) {
        unknown.emplace_back(id.is_string() ? std::string(id.get_string()) : std::string());
    }
    const bool all_named = count == static_cast<std::int64_t>(unknown.size());
    if (!skip_unknown || !all_named) {
        const std::vector<std::string> first(
            unknown.begin(),
            unknown.begin() + static_cast<std::ptrdiff_t>(std::min(unknown.size(), named_max)));
        return Error::of(
            ErrorCode::not_found,
            text("{} 个设备不存在或不属于此产品: {}{}; 用 --skip-unknown 跳过",
                 "{} devices do not exist or are of another product: {}{}; leave them out with "
                 "--skip-unknown",
                 count, fmt::format("{}", fmt::join(first, ", ")),
                 unknown.size() > named_max ? " ..." : ""));
    }
    const std::unordered_set<std::string> left_out(unknown.begin(), unknown.end());
    json::array known;
    for (const json::value& id : rows_of(task["deviceId"])) {
        if (!left_out.contains(std::string(id.get_string()))) {
            known.push_back(id);
        }
    }
    task["deviceId"] = std::move(known);
    return task;
}

}  // namespace updraft::cli
