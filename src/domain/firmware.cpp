#include "domain/firmware.hpp"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "base/bytes.hpp"
#include "domain/form_rules.hpp"

namespace updraft {
namespace {

std::size_t hex_digits_of(SignMethod method) {
    switch (method) {
        case SignMethod::md5:
            return 32;
        case SignMethod::sha256:
            return 64;
    }
    return 0;
}

/// Row 10.
void check_version_order(FormRules& rules, int order) {
    if (rules.require(order != version_order_missing, "versionOrder",
                      {"请输入版本序号", "enter the version order, 1 to 99999"})) {
        rules.require(
            order >= version_order_min && order <= version_order_max, "versionOrder",
            {"请输入1~99999之间的正整数",
             fmt::format("version order {} is not a whole number from 1 to 99999", order)});
    }
}

/// Rows 12 and 22.
void check_sign(FormRules& rules, const Firmware& firmware) {
    if (!rules.require(!firmware.sign.empty(), "sign", {"请输入签名", "enter the signature"})) {
        return;
    }
    if (!firmware.sign_method) {
        return;  // row 11 has spoken
    }
    const std::size_t digits = hex_digits_of(*firmware.sign_method);
    rules.require(
        is_hex(firmware.sign, digits), "sign",
        text("签名应为{}位十六进制字符", "the signature has to be {} hex digits", digits));
}

/// Row 15.
void check_properties(FormRules& rules, const std::vector<FirmwareProperty>& properties) {
    for (std::size_t i = 0; i < properties.size(); ++i) {
        rules.require(!properties[i].id.empty(), fmt::format("properties[{}].id", i),
                      {"请输入KEY", "enter the key"});
        rules.require(!properties[i].value.empty(), fmt::format("properties[{}].value", i),
                      {"请输入VALUE", "enter the value"});
    }
}

/// Characters of module names and versions, as hawkBit limits them.
constexpr std::size_t module_text_max = 128;

void check_artifacts(FormRules& rules, const Firmware& firmware) {
    rules.require_text(firmware.part, "part", {"请输入模块类型", "enter the module's type"},
                       name_characters_max);
    const auto& artifacts = firmware.more_artifacts;
    rules.require(artifacts.size() <= firmware_artifacts_max, "moreArtifacts",
                  text("附加文件最多{}个", "a firmware has at most {} further artifacts",
                       firmware_artifacts_max));
    for (std::size_t i = 0; i < artifacts.size(); ++i) {
        const auto member = [&](std::string_view name) {
            return fmt::format("moreArtifacts[{}].{}", i, name);
        };
        rules.require(!artifacts[i].file.empty(), member("fileId"),
                      {"请上传文件", "upload a file"});
        rules.require_text(artifacts[i].part, member("part"),
                           {"请输入模块类型", "enter the module's type"}, name_characters_max);
        rules.require_text(artifacts[i].name, member("name"),
                           {"请输入模块名称", "enter the module's name"}, module_text_max);
        rules.require_text(artifacts[i].version, member("version"),
                           {"请输入模块版本", "enter the module's version"}, module_text_max);
    }
}

/// Where a device can download from: a path below our own address, or one of the protocols that
/// devices speak. Anything else (`javascript:`, `file:`) would only harm whoever follows it.
bool is_download_address(std::string_view url) {
    constexpr std::string_view schemes[] = {"http", "https", "ftp",  "ftps",
                                            "tftp", "coap",  "coaps"};
    const std::size_t colon = url.find(':');
    if (colon == std::string_view::npos || url.find_first_of("/?#") < colon) {
        return true;
    }
    return std::ranges::any_of(schemes, [&](std::string_view scheme) {
        return equals_ignoring_case(url.substr(0, colon), scheme);
    });
}

auto frozen_members(const Firmware& firmware) {
    return std::tie(firmware.product, firmware.version, firmware.version_order, firmware.url,
                    firmware.sign, firmware.sign_method, firmware.size_bytes, firmware.part,
                    firmware.more_artifacts);
}

}  // namespace

Result<Firmware> checked(Firmware firmware) {
    FormRules rules;
    rules.require_text(firmware.name, "name", {"请输入名称", "enter a name"}, name_characters_max);
    rules.require(!firmware.product.empty(), "productId", {"请选择所属产品", "choose a product"});
    rules.require_text(firmware.version, "version", {"请输入版本号", "enter a version"},
                       name_characters_max);
    check_version_order(rules, firmware.version_order);
    rules.require(firmware.sign_method.has_value(), "signMethod",
                  {"请选择签名方式", "choose a signature method, md5 or sha256"});
    check_sign(rules, firmware);
    if (rules.require(!firmware.url.empty(), "url", {"请上传文件", "upload a file"})) {
        rules.require(
            is_download_address(firmware.url), "url",
            text("文件地址 {} 无效, 应为 http 或 https 地址",
                 "devices cannot download from {}: say an http or https address", firmware.url));
    }
    rules.require(firmware.size_bytes >= 0, "size",
                  {"请输入文件大小", "enter the file's size, 0 bytes or more"});
    check_properties(rules, firmware.properties);
    check_artifacts(rules, firmware);
    rules.limit_text(firmware.description, "description", description_characters_max);
    if (!rules.all_hold()) {
        return std::move(rules).refusal();
    }
    firmware.sign = to_lower(firmware.sign);
    return firmware;
}

bool frozen_members_differ(const Firmware& before, const Firmware& after) {
    return frozen_members(before) != frozen_members(after);
}

}  // namespace updraft
