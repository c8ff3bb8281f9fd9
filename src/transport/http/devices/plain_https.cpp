#include "transport/http/devices/plain_https.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "base/cut_text.hpp"
#include "base/log.hpp"
#include "transport/http/devices/proofs.hpp"
#include "transport/http/rest/api.hpp"
#include "transport/http/rest/json_reader.hpp"
#include "transport/http/syntax.hpp"
#include "transport/http/url.hpp"

namespace updraft::device_http {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 2> arduino_names{"x-ESP32-", "x-ESP8266-"};
constexpr std::size_t version_characters_max = 128;
constexpr std::size_t reason_bytes_max = 1'024;
constexpr std::size_t kept_report_bytes = 4'096;

/// A header that Arduino's HTTPUpdate sends, of either chip.
std::optional<std::string> arduino_header(const http::Request& request, std::string_view name) {
    for (const std::string_view chip : arduino_names) {
        if (auto value = request.header(std::string(chip) + std::string(name))) {
            return value;
        }
    }
    return std::nullopt;
}

/// The first of several places that holds more than spaces.
std::string first_of(std::initializer_list<std::optional<std::string>> places) {
    for (const std::optional<std::string>& place : places) {
        const std::string_view text = place ? http::trimmed(*place) : std::string_view{};
        if (!text.empty()) {
            return std::string(text);
        }
    }
    return {};
}

/// "A0B1C2D3E4F5" of "A0:B1:C2:D3:E4:F5".
std::optional<std::string> id_of_mac(std::optional<std::string> mac) {
    if (mac) {
        std::erase(*mac, ':');
    }
    return mac;
}

/// What a request says about its device.
struct Asked {
    DeviceId device;
    std::string token;
    std::string version;
};

Asked asked_by(const http::Request& request) {
    const std::optional<BasicCredentials> basic = basic_credentials(request);
    const auto user = basic ? std::optional(basic->user) : std::nullopt;
    Asked asked;
    asked.device =
        DeviceId(first_of({user, request.query_value("device"), request.header("X-Device-Id"),
                           id_of_mac(arduino_header(request, "STA-MAC"))}));
    asked.token = basic ? basic->password : bearer_token(request).value_or("");
    asked.version = first_of({request.query_value("version"), request.header("X-Firmware-Version"),
                              arduino_header(request, "version")});
    return asked;
}

/// What a device says of itself is shown to people, inside JSON: a header may hold any bytes.
Result<void> checked_version(const std::string& version) {
    if (is_utf8(version) && code_points(version) <= version_characters_max) {
        return {};
    }
    return Error::invalid("version", text("版本号应为最多{}个字符的UTF-8文本",
                                          "a version is UTF-8 text of at most {} characters",
                                          version_characters_max));
}

/// True if the client says that it has these bytes already (RFC 9110 13.1.2).
bool has_image(const http::Request& request, const std::string& sha256) {
    const std::string list = request.header("If-None-Match").value_or("");
    return std::ranges::any_of(http::list_elements(list), [&](std::string_view tag) {
        if (tag.starts_with("W/")) {
            tag.remove_prefix(2);
        }
        return tag == "*" || tag == "\"" + sha256 + "\"";
    });
}

class PlainHttps {
public:
    explicit PlainHttps(const PlainHttpsServices& services) : services_(services) {}

    http::Response image(const http::Request& request) const;
    /// image() of a device for which there was nothing before, from memory; nothing: ask image().
    std::optional<http::Response> nothing_at_once(const http::Request& request) const;
    http::Response report(const http::Request& request) const;

private:
    [[nodiscard]] http::Response refusal(const Error& error, const http::Request& request) const;
    [[nodiscard]] Result<SignedInDevice> identified(const Asked& asked,
                                                    const http::Request& request) const;
    [[nodiscard]] Result<std::optional<Firmware>> next_firmware(const SignedInDevice& device,
                                                                const Asked& asked,
                                                                const http::Request& request) const;
    [[nodiscard]] Result<http::Response> bytes_of(const Firmware& firmware) const;
    [[nodiscard]] bool is_held(const Firmware& firmware, const http::Request& request) const;

    const PlainHttpsServices services_;
};

http::Response PlainHttps::refusal(const Error& error, const http::Request& request) const {
    http::Response response = rest::refusal(error, request.language(), services_.clock.now());
    if (error.code == ErrorCode::unauthorized) {
        response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"device\"");
    }
    if (error.code == ErrorCode::too_many_requests) {
        response.status = 429;
        std::erase_if(response.headers,
                      [](const auto& header) { return header.first == "Retry-After"; });
        response.headers.emplace_back(
            "Retry-After", std::to_string(services_.devices.sign_in.retry_after().count()));
    }
    return response;
}

Result<SignedInDevice> PlainHttps::identified(const Asked& asked,
                                              const http::Request& request) const {
    if (asked.device.empty()) {
        return Error::invalid(
            "device", text("请提供设备ID: Basic认证的用户名, 参数device或请求头X-Device-Id",
                           "say which device asks: the user name of Basic authentication, the "
                           "parameter device, or the header X-Device-Id"));
    }
    UPDRAFT_CHECK(checked_version(asked.version));
    const ProductId product(request.parameter("productId"));
    Result<SignedInDevice> proven = services_.devices.sign_in.http({asked.device,
                                                                    {proof::Token{asked.token}},
                                                                    UnknownDevice::enroll,
                                                                    product,
                                                                    request.remote_address});
    if (!proven && proven.error().code == ErrorCode::unauthorized) {
        log::info("http", "device refused path={} address={} why=\"{}\"",
                  http::without_query(request.target), request.remote_address,
                  proven.error().message.en);
        // A stranger shall not learn which devices there are.
        return Error::of(ErrorCode::unauthorized, text("设备未注册或令牌不匹配",
                                                       "the device is unknown or its token wrong"));
    }
    UPDRAFT_TRY(SignedInDevice device, std::move(proven));
    if (device.product != product) {
        return Error::of(
            ErrorCode::not_found,
            text("设备 {} 不属于产品 {}", "device {} is not of product {}", asked.device, product));
    }
    services_.devices.presence.seen(device.id, request.remote_address);
    return device;
}

PullRequest pull_of(const Asked& asked, const http::Request& request) {
    PullRequest pull;
    pull.current_version = asked.version;
    pull.latest = request.query_value("latest") == "true";
    return pull;
}

/// 304 for clients that say they understand it.
http::Response nothing_to_install(const http::Request& request) {
    const bool knows_304 = request.header("If-None-Match").has_value() ||
                           arduino_header(request, "STA-MAC").has_value() ||
                           arduino_header(request, "version").has_value();
    return {knows_304 ? 304 : 204, {}, std::string()};
}

/// What the device is to install. HEAD only looks; a repeated GET finds what it was given.
Result<std::optional<Firmware>> PlainHttps::next_firmware(const SignedInDevice& device,
                                                          const Asked& asked,
                                                          const http::Request& request) const {
    const PullRequest pull = pull_of(asked, request);
    const DeviceMessages::PullPreview preview =
        services_.devices.messages.preview_pull(device.id, pull);
    if (preview.is_repeat || request.method == http::Method::head) {
        return preview.firmware;
    }
    if (asked.version.empty() && preview.firmware && is_held(*preview.firmware, request)) {
        return preview.firmware;  // it is answered 304: nothing begins
    }
    UplinkMessage message;
    message.product = device.product;
    message.device = device.id;
    message.body = uplink::FirmwarePull{{}, pull};
    message.payload = request.target.substr(0, request.target.find('?')) + " " + asked.version;
    const DeviceInbox::Handled handled =
        services_.devices.messages.handle_now(device.id, std::move(message));
    if (!handled.stored) {
        return Error::of(ErrorCode::unavailable,
                         text("服务器繁忙,请稍后再试", "the server is busy, try again later"));
    }
    const auto* reply =
        handled.reply ? std::get_if<downlink::FirmwarePullReply>(&handled.reply->body) : nullptr;
    if (reply == nullptr || !reply->firmware) {
        return std::optional<Firmware>{};
    }
    return services_.store.read([&](const Repositories& rows) {
        return rows.firmwares().find(FirmwareId(reply->firmware->firmware_id));
    });
}

/// Our own bytes, or the way to those that lie elsewhere.
Result<http::Response> PlainHttps::bytes_of(const Firmware& firmware) const {
    http::Response response;
    response.headers = {{"X-Firmware-Version", firmware.version},
                        {"X-Content-Type-Options", "nosniff"}};
    if (!firmware.file) {
        const std::string base = services_.store.read(
            [&](const Repositories& rows) { return services_.urls.base(rows); });
        response.status = 302;
        response.headers.emplace_back("Location", absolute_url(firmware.url, base));
        return response;
    }
    UPDRAFT_TRY(const FileService::Download found,
                services_.files.open(*firmware.file, std::nullopt, true));
    const StoredFile& file = found.file;
    response.headers.emplace_back("Content-Type", "application/octet-stream");
    response.headers.emplace_back("x-MD5", file.md5);
    response.headers.emplace_back("Content-Disposition",
                                  "attachment; filename=\"" + file.sha256 + ".bin\"");
    response.body =
        http::FileBody{found.path, file.size_bytes, file.sha256, to_millis(file.created_at)};
    return response;
}

bool PlainHttps::is_held(const Firmware& firmware, const http::Request& request) const {
    if (!firmware.file || !request.header("If-None-Match")) {
        return false;
    }
    const Result<FileService::Download> found =
        services_.files.open(*firmware.file, std::nullopt, true);
    return found && has_image(request, found->file.sha256);
}

http::Response PlainHttps::image(const http::Request& request) const {
    const Asked asked = asked_by(request);
    const Result<SignedInDevice> device = identified(asked, request);
    if (!device) {
        return refusal(device.error(), request);
    }
    const Result<std::optional<Firmware>> firmware = next_firmware(*device, asked, request);
    if (!firmware) {
        return refusal(firmware.error(), request);
    }
    if (!*firmware) {
        return nothing_to_install(request);
    }
    Result<http::Response> response = bytes_of(**firmware);
    return response ? *std::move(response) : refusal(response.error(), request);
}

std::optional<http::Response> PlainHttps::nothing_at_once(const http::Request& request) const {
    const Asked asked = asked_by(request);
    const DeviceHttpServices& devices = services_.devices;
    const auto device = devices.sign_in.http_at_once(asked.device, proof::Token{asked.token});
    if (!device || device->product.value != request.parameter("productId") ||
        !devices.messages.previewed_nothing(device->id, pull_of(asked, request))) {
        return std::nullopt;
    }
    devices.presence.seen(device->id, request.remote_address);
    return nothing_to_install(request);
}

/// The body of a report as what a device would say in JetLinks' words.
Result<uplink::UpgradeProgress> progress_in(const http::Request& request) {
    boost::system::error_code failed;
    const json::value parsed = json::parse(request.body, failed);
    if (failed || !parsed.is_object()) {
        return Error::of(ErrorCode::malformed,
                         text("请求体不是JSON对象", "the body is not a JSON object"));
    }
    rest::JsonReader reader(parsed.get_object());
    uplink::UpgradeProgress said;
    said.version = reader.text("version").value_or("");
    const std::string status = reader.text("status").value_or("");
    const auto percent = reader.integer("progress", -1'000'000, 1'000'000);
    const std::string message = reader.text("message").value_or("");
    UPDRAFT_CHECK(reader.finish());
    if (percent) {
        said.report.progress_percent = static_cast<int>(*percent);
    }
    if (status == "progress") {
        return said;
    }
    if (status != "success" && status != "failure") {
        return Error::invalid(
            "status", text("status 的值 {} 无效, 应为 success, failure 或 progress",
                           "status cannot be {}; say success, failure or progress", status));
    }
    said.report.complete = true;
    said.report.success = status == "success";
    if (status == "failure") {
        said.report.error_reason = cut(message, reason_bytes_max);
    } else {
        said.report.progress_percent = 100;
    }
    return said;
}

http::Response PlainHttps::report(const http::Request& request) const {
    const Asked asked = asked_by(request);
    const Result<SignedInDevice> device = identified(asked, request);
    if (!device) {
        return refusal(device.error(), request);
    }
    Result<uplink::UpgradeProgress> said = progress_in(request);
    if (!said) {
        return refusal(said.error(), request);
    }
    UplinkMessage message;
    message.product = device->product;
    message.device = device->id;
    message.body = *std::move(said);
    message.payload = cut(request.body, kept_report_bytes);
    const DeviceInbox::Handled handled =
        services_.devices.messages.handle_now(device->id, std::move(message));
    if (!handled.stored) {
        return refusal(
            Error::of(ErrorCode::unavailable,
                      text("服务器繁忙,请稍后再试", "the server is busy, try again later")),
            request);
    }
    return {200, {{"Content-Type", "application/json"}}, std::string(R"({"success":true})")};
}

}  // namespace

void plain_https_routes(http::Router& router, const PlainHttpsServices& services,
                        const DeviceHttpOptions& options) {
    const PlainHttps dialect(services);
    router.add(http::Method::get, "/ota/{productId}",
               [dialect](const http::Request& request) { return dialect.image(request); },
               {.at_once = [dialect](const http::Request& request) {
                   return dialect.nothing_at_once(request);
               }});
    http::RouteOptions small;
    small.body_bytes_max = options.body_bytes_max;
    router.add(
        http::Method::post, "/ota/{productId}/report",
        [dialect](const http::Request& request) { return dialect.report(request); }, small);
}

}  // namespace updraft::device_http
