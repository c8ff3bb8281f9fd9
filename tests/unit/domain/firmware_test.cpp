// The firmware form: rows 7-16 of spec 1.2, with the row in the test's name.
#include "domain/firmware.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/domain_builders.hpp"

namespace updraft {
namespace {

using Change = std::function<void(Firmware&)>;

/// The refusal of a_firmware() after `change`, as "property: Chinese text" lines.
std::vector<std::string> refusals(const Change& change) {
    Firmware firmware = a_firmware();
    change(firmware);
    const Result<Firmware> result = checked(firmware);
    std::vector<std::string> lines;
    if (!result) {
        EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(result.error().message, result.error().fields.front().message);
        for (const FieldError& field : result.error().fields) {
            EXPECT_FALSE(field.message.en.empty());
            lines.push_back(field.property + ": " + field.message.zh);
        }
    }
    return lines;
}

std::string characters(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        text += "升";
    }
    return text;
}

using Lines = std::vector<std::string>;

TEST(FirmwareForm, ACompleteFormIsTakenAsItIs) {
    const Result<Firmware> result = checked(a_firmware());

    ASSERT_TRUE(result);
    EXPECT_EQ(*result, a_firmware());
}

TEST(FirmwareForm, Row7_NameIsRequiredAndAtMost64CharactersOfAnyLanguage) {
    EXPECT_EQ(refusals([](Firmware& f) { f.name = ""; }), Lines{"name: 请输入名称"});
    EXPECT_EQ(refusals([](Firmware& f) { f.name = characters(64); }), Lines{});
    EXPECT_EQ(refusals([](Firmware& f) { f.name = characters(65); }),
              Lines{"name: 最多可输入64个字符"});
}

TEST(FirmwareForm, Row8_ProductIsRequired) {
    EXPECT_EQ(refusals([](Firmware& f) { f.product = {}; }), Lines{"productId: 请选择所属产品"});
}

TEST(FirmwareForm, Row9_VersionIsRequiredFreeTextOfAtMost64Characters) {
    EXPECT_EQ(refusals([](Firmware& f) { f.version = ""; }), Lines{"version: 请输入版本号"});
    EXPECT_EQ(refusals([](Firmware& f) { f.version = "发布 7/β"; }), Lines{});
    EXPECT_EQ(refusals([](Firmware& f) { f.version = characters(65); }),
              Lines{"version: 最多可输入64个字符"});
}

TEST(FirmwareForm, Row10_VersionOrderIsRequiredFrom1To99999) {
    EXPECT_EQ(refusals([](Firmware& f) { f.version_order = version_order_missing; }),
              Lines{"versionOrder: 请输入版本序号"});
    EXPECT_EQ(refusals([](Firmware& f) { f.version_order = 1; }), Lines{});
    EXPECT_EQ(refusals([](Firmware& f) { f.version_order = 99'999; }), Lines{});
    for (const int outside : {-1, 100'000}) {
        EXPECT_EQ(refusals([&](Firmware& f) { f.version_order = outside; }),
                  Lines{"versionOrder: 请输入1~99999之间的正整数"});
    }
}

TEST(FirmwareForm, Row12_SignIsRequired) {
    EXPECT_EQ(refusals([](Firmware& f) { f.sign = ""; }), Lines{"sign: 请输入签名"});
}

TEST(FirmwareForm, Row22_SignIsHexOfTheMethodsLengthAndStoredInLowerCase) {
    EXPECT_EQ(refusals([](Firmware& f) { f.sign_method = SignMethod::sha256; }),
              Lines{"sign: 签名应为64位十六进制字符"});
    EXPECT_EQ(refusals([](Firmware& f) { f.sign[3] = 'g'; }),
              Lines{"sign: 签名应为32位十六进制字符"});

    Firmware firmware = a_firmware();
    firmware.sign_method = SignMethod::sha256;
    firmware.sign = "836BDAAEF7134E769CF2C51B1494BB1602A3975412F7893E8B153CE20BBF3ACD";
    const Result<Firmware> result = checked(firmware);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->sign, "836bdaaef7134e769cf2c51b1494bb1602a3975412f7893e8b153ce20bbf3acd");
}

TEST(FirmwareForm, Row13_UrlIsRequired) {
    EXPECT_EQ(refusals([](Firmware& f) { f.url = ""; }), Lines{"url: 请上传文件"});
}

TEST(FirmwareForm, Row14_SizeIsZeroOrMore) {
    EXPECT_EQ(refusals([](Firmware& f) { f.size_bytes = 0; }), Lines{});
    EXPECT_EQ(refusals([](Firmware& f) { f.size_bytes = -1; }), Lines{"size: 请输入文件大小"});
}

TEST(FirmwareForm, Row13_TheAddressIsOneThatDevicesCanFetch) {
    for (const char* good :
         {"http://h/f.bin", "HTTPS://h/f", "/file/1?accessKey=a:b", "file/1", "coap://h/f"}) {
        EXPECT_EQ(refusals([&](Firmware& f) { f.url = good; }), Lines{}) << good;
    }
    for (const char* bad : {"javascript:alert(1)", "file:///etc/passwd", "data:text/html,x"}) {
        EXPECT_EQ(refusals([&](Firmware& f) { f.url = bad; }),
                  Lines{fmt::format("url: 文件地址 {} 无效, 应为 http 或 https 地址", bad)});
    }
}

TEST(FirmwareForm, Row15_EachPropertyNeedsKeyAndValue) {
    EXPECT_EQ(refusals([](Firmware& f) { f.properties = {{"slot", "", "B"}}; }), Lines{});
    EXPECT_EQ(refusals([](Firmware& f) { f.properties = {{"slot", "", "B"}, {"", "", ""}}; }),
              (Lines{"properties[1].id: 请输入KEY", "properties[1].value: 请输入VALUE"}));
}

TEST(FirmwareForm, Row16_DescriptionIsAtMost200Characters) {
    EXPECT_EQ(refusals([](Firmware& f) { f.description = characters(200); }), Lines{});
    EXPECT_EQ(refusals([](Firmware& f) { f.description = characters(201); }),
              Lines{"description: 最多可输入200个字符"});
}

TEST(FirmwareForm, Rows7To16_AnEmptyFormNamesEveryRuleInTheFormsOrder) {
    EXPECT_EQ(refusals([](Firmware& f) { f = Firmware{}; }),
              (Lines{"name: 请输入名称", "productId: 请选择所属产品", "version: 请输入版本号",
                     "versionOrder: 请输入版本序号", "signMethod: 请选择签名方式",
                     "sign: 请输入签名", "url: 请上传文件"}));
}

TEST(FirmwareForm, Row23_OnlyWhatDevicesRelyOnIsFrozen) {
    const Firmware before = a_firmware();
    const std::vector<Change> frozen{
        [](Firmware& f) { f.product = ProductId{"p2"}; },
        [](Firmware& f) { f.version = "1.2"; },
        [](Firmware& f) { f.version_order = 9; },
        [](Firmware& f) { f.url += "x"; },
        [](Firmware& f) { f.sign[0] = '0'; },
        [](Firmware& f) { f.sign_method = SignMethod::sha256; },
        [](Firmware& f) { f.size_bytes = 15; },
    };
    for (const Change& change : frozen) {
        Firmware after = before;
        change(after);
        EXPECT_TRUE(frozen_members_differ(before, after));
    }
    Firmware edited = before;
    edited.name = "other";
    edited.description = "other";
    edited.properties = {{"slot", "", "A"}};
    EXPECT_FALSE(frozen_members_differ(before, edited));
}

}  // namespace
}  // namespace updraft
