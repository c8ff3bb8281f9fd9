#include "server/demo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <condition_variable>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "client/digest.hpp"
#include "client/http_client.hpp"
#include "simulator/fleet.hpp"

namespace updraft::server {

namespace json = boost::json;
using client::RestClient;
using simulator::Fleet;
using simulator::FleetOptions;
using simulator::FleetStatistics;

namespace {

constexpr std::size_t devices_a_batch = 200;
constexpr std::string_view first_version = "1.0.0";

/// One product of the demo and what belongs to it.
struct DemoProduct {
    std::string_view id;
    std::string_view name;
    std::string_view device_type;  ///< as in spec 2.7
    std::string_view describe;
    std::string_view device_name;
    std::string_view id_prefix;
    std::string_view task_name;
    std::string_view task_mode;
    std::string_view task_version;  ///< what the task brings
};

constexpr DemoProduct gateway{
    "gateway-g2",       "智能网关 G2", "gateway", "演示产品：平台推送升级", "网关", "gw-",
    "网关升级到 1.1.0", "push",        "1.1.0"};
constexpr DemoProduct sensor{"sensor-t1",
                             "温湿度传感器 T1",
                             "device",
                             "演示产品：设备拉取升级",
                             "传感器",
                             "th-",
                             "传感器升级到 1.1.0",
                             "pull",
                             "1.1.0"};

struct DemoVersion {
    std::string_view version;
    int order;
    std::string_view sign_method;
    std::size_t size_bytes;
    std::string_view description;
};

constexpr std::array<DemoVersion, 3> versions{{
    {"1.0.0", 1, "md5", 1024 * 1024, "出厂版本"},
    {"1.1.0", 2, "sha256", 1536 * 1024, "改进联网稳定性，修复若干问题"},
    {"1.2.0", 3, "sha256", 2 * 1024 * 1024, "新增低功耗模式"},
}};

/// Bytes that look like a firmware: not compressible, the same for the same seed.
std::string pseudo_random_bytes(std::uint64_t seed, std::size_t size) {
    simulator::Dice dice(seed);
    std::string bytes;
    bytes.reserve(size + 8);
    while (bytes.size() < size) {
        const std::uint64_t word = dice.next();
        bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    bytes.resize(size);
    return bytes;
}

/// A key nobody can guess: a demo on a laptop in a café is a server on a network too.
std::string random_key() {
    std::random_device source;
    return fmt::format("{:08x}{:08x}{:08x}{:08x}", source(), source(), source(), source());
}

std::string text_member(const json::value& object, std::string_view name) {
    const json::value* const value =
        object.is_object() ? object.get_object().if_contains(name) : nullptr;
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

/// The part of a file's address that stays when the server comes back on another port: devices get
/// it below `paths.base-path`, which every start sets anew (spec 2.4). Empty if it is no file's
/// address.
std::string below_base_path(const std::string& access_url) {
    const std::size_t file = access_url.find("/file/");
    return file == std::string::npos ? std::string() : access_url.substr(file);
}

json::object where_equal(
    std::initializer_list<std::pair<std::string_view, std::string_view>> terms) {
    json::array list;
    for (const auto& [column, value] : terms) {
        list.push_back(json::object{{"column", column}, {"termType", "eq"}, {"value", value}});
    }
    return json::object{{"paging", false}, {"terms", std::move(list)}};
}

}  // namespace

struct DemoScenario::State {
    State(DemoOptions given, Announce say)
        : options(std::move(given)), announce(std::move(say)), http(options.base_url), rest(http) {}

    DemoOptions options;
    Announce announce;
    client::HttpClient http;
    RestClient rest;
    mutable std::mutex mutex;
    std::condition_variable stop_asked;
    bool stopping = false;                       ///< guarded by `mutex`
    std::vector<std::unique_ptr<Fleet>> fleets;  ///< guarded by `mutex`

    Result<void> set_up();
    Result<void> set_base_path();
    /// Creates the product or gives it new keys; it is deployed afterwards.
    Result<void> ensure_product(const DemoProduct& product, const std::string& key);
    Result<void> ensure_devices(const DemoProduct& product, std::size_t count);
    Result<void> ensure_firmwares(const DemoProduct& product);
    Result<void> create_firmware(const DemoProduct& product, const DemoVersion& version);
    Result<std::string> firmware_id(const DemoProduct& product, std::string_view version);
    Result<std::string> ensure_task(const DemoProduct& product);
    void announce_commands(const std::string& push_task);
    Result<void> run_fleet(const DemoProduct& product, std::size_t count, const std::string& key);
    /// Waits until most devices are there, for some seconds at most: a task over a connected fleet
    /// shows at once what it does.
    Result<void> wait_for_devices();
    [[nodiscard]] FleetOptions fleet_options(const DemoProduct& product, std::size_t count,
                                             const std::string& key) const;
    [[nodiscard]] FleetStatistics sum() const;
};

Result<void> DemoScenario::State::set_base_path() {
    const json::array scopes{
        json::object{{"scope", "paths"},
                     {"properties", json::object{{"base-path", options.base_url + "/api"}}}}};
    UPDRAFT_TRY([[maybe_unused]] const json::value saved,
                rest.post("/system/config/scope/_save", scopes));
    return {};
}

Result<void> DemoScenario::State::ensure_product(const DemoProduct& product,
                                                 const std::string& key) {
    const std::string path = fmt::format("/device-product/{}", product.id);
    UPDRAFT_TRY(const json::value exists, rest.get(path + "/exists"));
    json::object row{{"id", product.id},
                     {"configuration", json::object{{"secureId", product.id}, {"secureKey", key}}}};
    const bool is_new = !exists.is_bool() || !exists.get_bool();
    if (is_new) {
        row["name"] = product.name;
        row["describe"] = product.describe;
        row["deviceType"] = product.device_type;
        row["messageProtocol"] = "jetlinks.v3.0";
        row["protocolName"] = "JetLinks V3.0";
        row["transportProtocol"] = "MQTT";
    }
    UPDRAFT_TRY([[maybe_unused]] const json::value saved,
                rest.call(is_new ? "POST" : "PATCH", "/device-product", row));
    UPDRAFT_TRY([[maybe_unused]] const json::value deployed, rest.post(path + "/deploy"));
    return {};
}

Result<void> DemoScenario::State::ensure_devices(const DemoProduct& product, std::size_t count) {
    const json::object query = where_equal({{"productId", product.id}});
    UPDRAFT_TRY(const json::value counted, rest.post("/device-instance/_count", query));
    if (counted.is_int64() && counted.get_int64() >= static_cast<std::int64_t>(count)) {
        return {};
    }
    const FleetOptions fleet = fleet_options(product, count, {});
    for (std::size_t start = 0; start < count; start += devices_a_batch) {
        json::array rows;
        json::array ids;
        for (std::size_t i = start; i < std::min(count, start + devices_a_batch); ++i) {
            const std::string id = simulator::device_id(fleet, i);
            rows.push_back(json::object{{"id", id},
                                        {"name", fmt::format("{} {}", product.device_name, i + 1)},
                                        {"productId", product.id},
                                        {"productName", product.name}});
            ids.push_back(json::value(id));
        }
        // PATCH where some are there already: it adds the rest.
        const bool none = counted.is_int64() && counted.get_int64() == 0;
        UPDRAFT_TRY([[maybe_unused]] const json::value saved,
                    none ? rest.post("/device-instance/_batch", rows)
                         : rest.call("PATCH", "/device-instance", rows));
        UPDRAFT_TRY([[maybe_unused]] const json::value deployed,
                    rest.call("PUT", "/device-instance/batch/_deploy", ids));
    }
    return {};
}

Result<std::string> DemoScenario::State::firmware_id(const DemoProduct& product,
                                                     std::string_view version) {
    const json::object query = where_equal({{"productId", product.id}, {"version", version}});
    UPDRAFT_TRY(const json::value found, rest.post("/firmware/_query/no-paging", query));
    if (!found.is_array() || found.get_array().empty()) {
        return std::string();
    }
    return text_member(found.get_array().front(), "id");
}

Result<void> DemoScenario::State::ensure_firmwares(const DemoProduct& product) {
    for (const DemoVersion& version : versions) {
        UPDRAFT_TRY(const std::string id, firmware_id(product, version.version));
        if (id.empty()) {
            UPDRAFT_CHECK(create_firmware(product, version));
        }
    }
    return {};
}

Result<void> DemoScenario::State::create_firmware(const DemoProduct& product,
                                                  const DemoVersion& version) {
    const std::uint64_t seed =
        options.seed * 1'000 + product.id.size() * 10 + static_cast<std::uint64_t>(version.order);
    const std::string bytes = pseudo_random_bytes(seed, version.size_bytes);
    const std::string file_name = fmt::format("{}-{}.bin", product.id, version.version);
    UPDRAFT_TRY(const json::value uploaded, rest.upload(file_name, bytes));
    const std::string url = below_base_path(text_member(uploaded, "accessUrl"));
    if (url.empty()) {
        return Error::of(ErrorCode::internal,
                         text("上传 {} 的应答没有accessUrl",
                              "the answer to uploading {} has no accessUrl", file_name));
    }
    const auto kind =
        version.sign_method == "md5" ? client::DigestKind::md5 : client::DigestKind::sha256;
    const json::object row{{"name", fmt::format("{} {}", product.name, version.version)},
                           {"productId", product.id},
                           {"productName", product.name},
                           {"version", version.version},
                           {"versionOrder", version.order},
                           {"signMethod", version.sign_method},
                           {"sign", client::digest_hex(kind, bytes)},
                           {"url", url},
                           {"size", bytes.size()},
                           {"properties", json::array()},
                           {"description", version.description}};
    UPDRAFT_TRY([[maybe_unused]] const json::value saved, rest.post("/firmware", row));
    return {};
}

Result<std::string> DemoScenario::State::ensure_task(const DemoProduct& product) {
    const json::object query =
        where_equal({{"productId", product.id}, {"name", product.task_name}});
    UPDRAFT_TRY(const json::value found,
                rest.post("/firmware/upgrade/task/_query/no-paging", query));
    if (found.is_array() && !found.get_array().empty()) {
        return text_member(found.get_array().front(), "id");
    }
    UPDRAFT_TRY(const std::string firmware, firmware_id(product, product.task_version));
    json::object task{{"name", product.task_name}, {"mode", product.task_mode},
                      {"timeoutSeconds", 120},     {"releaseType", "all"},
                      {"firmwareId", firmware},    {"productId", product.id},
                      {"description", "演示任务"}};
    if (product.task_mode == "push") {
        task["responseTimeoutSeconds"] = 30;
        task["rate"] = options.pushes_per_second;
    }
    UPDRAFT_TRY(const json::value created, rest.post("/firmware/upgrade/task", task));
    return text_member(created, "id");
}

FleetOptions DemoScenario::State::fleet_options(const DemoProduct& product, std::size_t count,
                                                const std::string& key) const {
    FleetOptions fleet;
    fleet.mqtt = options.mqtt;
    fleet.product_id = product.id;
    fleet.id_prefix = product.id_prefix;
    fleet.digits = 4;
    fleet.count = count;
    fleet.secure_id = product.id;
    fleet.secure_key = key;
    fleet.initial_version = first_version;
    if (!options.state_file.empty()) {
        fleet.state_file = options.state_file;
        fleet.state_file += fmt::format(".{}", product.id);
    }
    fleet.behaviour = {options.failure_rate, options.refusal_rate, options.offline_rate, true};
    fleet.offline_min = simulator::milliseconds(2'000);
    fleet.offline_max = simulator::milliseconds(6'000);
    fleet.connects_per_second = 200;
    fleet.download_bytes_per_second = options.download_bytes_per_second;
    fleet.install_time = options.install_time;
    fleet.seed = options.seed;
    fleet.threads = 1;
    if (product.task_mode == "pull") {
        fleet.pull_interval = simulator::milliseconds(20'000);
    }
    return fleet;
}

Result<void> DemoScenario::State::run_fleet(const DemoProduct& product, std::size_t count,
                                            const std::string& key) {
    auto fleet = std::make_unique<Fleet>(fleet_options(product, count, key));
    const std::lock_guard lock(mutex);
    if (stopping) {
        return Error::of(ErrorCode::unavailable, text("演示已停止", "the demo was stopped"));
    }
    fleet->start();
    fleets.push_back(std::move(fleet));
    return {};
}

Result<void> DemoScenario::State::wait_for_devices() {
    constexpr std::chrono::milliseconds look_interval{50};
    constexpr int looks_max = 200;
    const std::size_t enough = (options.gateways + options.sensors) * 9 / 10;
    std::unique_lock lock(mutex);
    for (int looks = 0; looks < looks_max && sum().connected < enough; ++looks) {
        stop_asked.wait_for(lock, look_interval, [this] { return stopping; });
        if (stopping) {
            return Error::of(ErrorCode::unavailable, text("演示已停止", "the demo was stopped"));
        }
    }
    return {};
}

FleetStatistics DemoScenario::State::sum() const {
    FleetStatistics all;
    for (const auto& fleet : fleets) {
        const FleetStatistics one = fleet->statistics();
        all.connected += one.connected;
        all.upgrading += one.upgrading;
        all.downloading += one.downloading;
        all.succeeded += one.succeeded;
        all.failed += one.failed;
        all.refused += one.refused;
        all.connects += one.connects;
        all.connects_failed += one.connects_failed;
        all.sign_ins_refused += one.sign_ins_refused;
        all.downloads_resumed += one.downloads_resumed;
        all.bytes_downloaded += one.bytes_downloaded;
        all.messages_sent += one.messages_sent;
        all.messages_received += one.messages_received;
    }
    return all;
}

DemoScenario::DemoScenario(DemoOptions options, Announce announce)
    : state_(std::make_unique<State>(std::move(options), std::move(announce))) {}

DemoScenario::~DemoScenario() {
    stop();
}

Result<void> DemoScenario::State::set_up() {
    announce(text("正在准备演示数据：{} 台网关，{} 台传感器……",
                  "setting up the demo: {} gateways, {} sensors ...", options.gateways,
                  options.sensors));
    UPDRAFT_CHECK(rest.sign_in(options.username, options.password));
    UPDRAFT_CHECK(set_base_path());
    const std::array<std::pair<const DemoProduct*, std::size_t>, 2> parts{
        {{&gateway, options.gateways}, {&sensor, options.sensors}}};
    for (const auto& [product, count] : parts) {
        const std::string key = random_key();
        UPDRAFT_CHECK(ensure_product(*product, key));
        UPDRAFT_CHECK(ensure_devices(*product, count));
        UPDRAFT_CHECK(run_fleet(*product, count, key));
        UPDRAFT_CHECK(ensure_firmwares(*product));
    }
    UPDRAFT_CHECK(wait_for_devices());
    UPDRAFT_TRY(const std::string push_task, ensure_task(gateway));
    UPDRAFT_CHECK(ensure_task(sensor));
    announce_commands(push_task);
    return {};
}

void DemoScenario::State::announce_commands(const std::string& push_task) {
    const std::string call =
        fmt::format("curl -s -H 'X-Access-Token: {}' -H 'Content-Type: application/json' {}",
                    rest.token(), options.base_url);
    const std::string watch =
        call +
        "/firmware/upgrade/task/detail/_query -d '{}' | python3 -m json.tool --no-ensure-ascii";
    const std::string retry =
        fmt::format("{}/firmware/upgrade/task/{}/_start -d '[\"failed\"]'", call, push_task);
    announce({"查看进展：推送任务会自己走到头，少数设备失败：",
              "watch: the push task moves to its end by itself, some devices fail:"});
    announce({watch, watch});
    announce({"批量重试，到达 100%：", "retry what failed; it reaches 100 %:"});
    announce({retry, retry});
}

Result<void> DemoScenario::start() {
    Result<void> done;
    try {
        done = state_->set_up();
    } catch (const std::exception& error) {
        // This thread belongs to the demo: what the machine did to it must not end the server.
        const std::string what = error.what();
        done = Error::of(ErrorCode::internal, text("{}", "{}", what));
    }
    if (!done && done.error().code != ErrorCode::unavailable) {
        const Text& why = done.error().message;
        state_->announce(
            Text{"演示数据准备失败: " + why.zh, "the demo could not be set up: " + why.en});
    }
    return done;
}

void DemoScenario::stop() {
    std::vector<std::unique_ptr<Fleet>>* fleets = nullptr;
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
        fleets = &state_->fleets;  // nothing is added any more
    }
    state_->stop_asked.notify_all();
    state_->http.cancel();
    for (const auto& fleet : *fleets) {
        try {
            fleet->stop();
        } catch (const std::exception& error) {
            const std::string what = error.what();
            state_->announce(
                text("设备版本未保存: {}", "the devices' versions were not kept: {}", what));
        }
    }
}

simulator::FleetStatistics DemoScenario::statistics() const {
    const std::lock_guard lock(state_->mutex);
    return state_->sum();
}

}  // namespace updraft::server
